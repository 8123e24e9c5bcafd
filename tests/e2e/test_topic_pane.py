# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The pane of one topic, in a real Chromium, with a real broker."""

import json
from urllib.parse import quote

import pytest
from playwright.sync_api import expect
from service import Service, publish
from watcher import Watcher

from dev.device import Device
from dev.servers import Odoo

SECONDS = 1000  # playwright counts milliseconds
SOON = 20 * SECONDS
HACK = "<script>window.hacked = 1</script>"


@pytest.fixture(scope="module")
def odoo(folder, postgres):
    """A prefork server without websockets: the page has to ask."""
    with (
        postgres.fresh("e2e_pane", template="e2e_template") as database,
        Odoo(folder / "odoo-pane", postgres, database, workers=2) as odoo,
    ):
        yield odoo


class Pane:
    """The pane of a topic as a page of its own."""

    def __init__(self, web, service, topic):
        self.web = web
        query = f"service_id={service.id}&topic={quote(topic, safe='')}"
        web.page.goto(f"{web.odoo.url}/odoo/mqtt-topic?{query}")
        self.article = web.page.locator(".o_mqtt_pane")
        expect(self.article).to_be_visible()

    def line(self, text):
        return self.article.locator(".o_mqtt_line", has_text=text)

    def button(self, name):
        return self.article.get_by_role("button", name=name, exact=True)

    def fits(self, width):
        """Wait until it does without scrolling sideways: charts follow their place."""
        self.web.page.set_viewport_size({"width": width, "height": 900})
        self.web.page.wait_for_function(
            "() => { const page = document.querySelector('.o_mqtt_topic_page');"
            " return page.scrollWidth <= page.clientWidth; }"
        )


def test_values_appear_by_themselves(odoo, broker, browser, tmp_path):
    """What changed is marked, each number has a chart, and the span is a file."""
    service = Service(odoo, broker, "plant/#", name="Values")
    service.start()
    web = browser(odoo)
    pane = Pane(web, service, "plant/press")
    expect(pane.article).to_contain_text("Nothing in history")
    values = [{"motor": {"temp": 61.0}, "on": n > 0, "text": HACK} for n in range(3)]
    values[2]["motor"]["temp"] = 61.5
    publish(broker, "plant/press", json.dumps(values[0]))
    service.wait_stored(1)
    expect(pane.line('"temp": 61.0')).to_be_visible(timeout=SOON)
    publish(broker, "plant/press", json.dumps(values[1]))
    service.wait_stored(2)
    expect(pane.line('"on": true')).to_contain_text("was false", timeout=SOON)
    publish(broker, "plant/press", json.dumps(values[2]))
    service.wait_stored(3)
    expect(pane.line('"temp": 61.5')).to_contain_text("was 61.0", timeout=SOON)
    chart = pane.article.get_by_role("img", name="motor.temp:")
    expect(chart).to_have_attribute(
        "aria-label", "motor.temp: least 61, greatest 61.5, last 61.5", timeout=SOON
    )
    expect(pane.article.locator("tbody tr")).to_have_count(3, timeout=SOON)
    pane.button("Previous").click()
    expect(pane.line('"temp": 61.0')).to_be_visible()
    expect(pane.article).to_contain_text("Value then")
    pane.button("Newest").click()
    pane.button("on").click()
    expect(pane.article.get_by_role("img", name="on:")).to_have_count(0)
    pane.line('"on"').click()
    expect(pane.article.locator(".o_mqtt_pane_path")).to_contain_text("$.on")
    expect(pane.article.get_by_role("img", name="on:")).to_be_visible(timeout=SOON)
    with web.page.expect_download() as download:
        pane.article.get_by_role("link", name="JSON lines").click()
    download.value.save_as(tmp_path / "lines")
    lines = (tmp_path / "lines").read_text().splitlines()
    payloads = [json.loads(json.loads(line)["payload"]) for line in lines]
    assert payloads == values
    assert web.page.evaluate("window.hacked === undefined")
    for width in (1400, 1200, 400):
        pane.fits(width)
    service.stop()


def test_publish_here(odoo, broker, browser):
    """The panel stays open; the response appears in it, and is text."""
    service = Service(odoo, broker, "plant/#", name="Commanding", protocol="5")
    service.start()
    web = browser(odoo)
    pane = Pane(web, service, "plant/command")
    payload = pane.article.get_by_label("Payload")
    payload.fill('{"speed": 5,\n}')
    expect(pane.article).to_contain_text("Not JSON: line 2, column 1")
    payload.fill('{"speed": 5}')
    with Watcher(broker, "plant/command") as watcher:
        payload.press("Control+Enter")
        watcher.wait('{"speed": 5}')
    sent = pane.article.get_by_role("list", name="Published from here")
    expect(sent).to_contain_text("Done", timeout=SOON)
    expect(pane.line('"speed": 5')).to_be_visible(timeout=SOON)
    pane.article.get_by_label("Wait for a response").check()
    pane.article.get_by_label("Topic", exact=True).fill("press/command")
    with Device(broker, "press/command", lambda asked: [asked + HACK.encode()]):
        pane.button("Publish").click()
        expect(sent).to_contain_text(f'{{"speed": 5}}{HACK}', timeout=2 * SOON)
    assert web.page.evaluate("window.hacked === undefined")
    service.stop()


def test_a_retained_message_is_cleared(odoo, broker, browser):
    """From the form of a message to its topic, and the broker keeps none."""
    publish(broker, "keep/1", "old", retain=True)
    service = Service(odoo, broker, "keep/#", name="Keeping")
    service.start()
    service.wait_stored(1)
    ((message_id,),) = service.rows("id")
    web = browser(odoo)
    web.open(f"mqtt-messages/{message_id}", "form")
    web.button("action_open_topic").click()
    retained = web.page.locator("section", has_text="Clear Retained Message").last
    expect(retained).to_contain_text("The broker kept this one")
    retained.get_by_role("button").click()
    with Watcher(broker, "keep/1") as watcher:
        watcher.wait("old")
        web.page.locator(".modal").get_by_role("button", name="Clear").click()
        watcher.wait("old", "")
    expect(retained).to_contain_text("An empty message came", timeout=SOON)
    web.page.reload()
    expect(web.page.locator(".o_mqtt_pane")).to_contain_text("keep/1")
    service.stop()
