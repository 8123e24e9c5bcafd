# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The page Live, in a real Chromium, with a real broker."""

import re

import pytest
from playwright.sync_api import expect
from service import Service, publish

from dev.servers import Odoo

SECONDS = 1000  # playwright counts milliseconds
SOON = 20 * SECONDS
DESKTOP = {"width": 1400, "height": 900}
PHONE = {"width": 400, "height": 820}
HACK = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"


@pytest.fixture(scope="module", params=["bus", "no_bus"])
def odoo(folder, postgres, request):
    """A server with websockets, and one without: prefork, and no proxy before it."""
    name = f"e2e_live_{request.param}"
    with (
        postgres.fresh(name, template="e2e_template") as database,
        Odoo(
            folder / f"odoo-{name}",
            postgres,
            database,
            workers=0 if request.param == "bus" else 2,
        ) as odoo,
    ):
        yield odoo


class Page:
    """The page as somebody sees it."""

    def __init__(self, web, query=""):
        self.web = web
        web.page.goto(f"{web.odoo.url}/odoo/mqtt-live{query}")
        web.page.wait_for_selector(".o_mqtt_live_lines")
        web.page.evaluate("window.isTheSamePage = true")
        self.lines = web.page.locator(".o_mqtt_live_lines")
        self.search = web.page.get_by_label("Search topics")
        self.pane = web.page.locator(".o_mqtt_live_pane")

    def line(self, topic):
        return self.lines.locator(f"[data-kind=topic][data-topic='{topic}']")

    def value(self, topic):
        return self.line(topic).locator(".o_mqtt_live_value")

    def is_too_wide(self):
        return self.web.page.evaluate(
            "() => { const page = document.querySelector('.o_mqtt_live');"
            " return page.scrollWidth > page.clientWidth; }"
        )


def test_the_tree_changes_by_itself(odoo, broker, browser):
    """Published, shown, folded, looked for, stopped; without a reload."""
    service = Service(odoo, broker, "plant/#", name="Seen")
    service.start()
    publish(broker, "plant/press/speed", "12.5")
    publish(broker, "plant/oven/state", '{"temperature": 61.2, "on": true}')
    web = browser(odoo)
    page = Page(web)
    expect(page.line("plant")).to_contain_text("2 topics", timeout=SOON)
    # One branch only is no choice: it is open.
    page.line("plant/press").click()
    expect(page.value("plant/press/speed")).to_have_text("12.5")
    publish(broker, "plant/press/speed", "13")
    expect(page.value("plant/press/speed")).to_have_text("13", timeout=SOON)
    publish(broker, f"plant/{HACK.replace('/', '')}", HACK)
    hacked = page.lines.locator("[data-kind=topic]", has_text="window.hacked")
    expect(hacked).to_be_visible(timeout=SOON)
    page.line("plant/oven").click()
    state = page.value("plant/oven/state")
    expect(state).to_have_text("temperature 61.2 · on true")
    page.line("plant/press").click()
    expect(page.line("plant/press/speed")).to_have_count(0)
    page.search.fill("plant/+/speed")
    expect(page.value("plant/press/speed")).to_have_text("13", timeout=SOON)
    expect(page.line("plant/oven")).to_have_count(0)
    page.search.fill("plant/#/speed")
    problem = web.page.locator("#o_mqtt_live_problem")
    expect(problem).to_contain_text("has to stand alone", timeout=SOON)
    page.search.fill("")
    expect(state).to_be_visible(timeout=SOON)
    service.stop()
    expect(problem).to_contain_text("Stopped, as of", timeout=SOON)
    expect(page.line("plant/oven")).to_have_class(re.compile("o_mqtt_live_still"))
    assert web.is_same_page()
    assert web.page.evaluate("window.hacked === undefined")
    odoo.call("mqtt.service", "write", [service.id], {"active": False})


def test_one_topic(odoo, broker, browser):
    """The keyboard selects it, the address keeps it; on a phone it has the page."""
    service = Service(odoo, broker, "hall/#", name="Selected")
    service.start()
    topic = (
        "hall/machine-with-a-name-that-is-much-too-long-for-a-phone/temperature-of-it"
    )
    publish(broker, topic, "21.5")
    publish(broker, "hall/other", "1")
    web = browser(odoo)
    page = Page(web)
    expect(page.line("hall/other")).to_be_visible(timeout=SOON)
    page.lines.focus()
    for key in ("ArrowDown", "ArrowRight", "End", "Enter"):
        web.page.keyboard.press(key)
    expect(page.line("hall/other")).to_have_attribute("aria-selected", "true")
    expect(page.pane).to_contain_text("hall/other")
    page.line(topic).click()
    expect(page.pane).to_contain_text("21.5")
    publish(broker, topic, "22.75")
    expect(page.pane).to_contain_text("22.75", timeout=SOON)
    web.page.reload()
    expect(page.pane).to_contain_text("22.75", timeout=SOON)
    web.page.set_viewport_size(PHONE)
    expect(page.lines).to_have_count(0)
    page.pane.get_by_role("button", name="Topics").click()
    expect(page.line(topic).locator(".o_mqtt_live_end")).to_be_in_viewport()
    assert not page.is_too_wide()
    web.page.set_viewport_size(DESKTOP)
    page.line("hall").click()
    bar = web.page.locator(".o_mqtt_live_bar")
    bar.get_by_role("button", name="Messages").click()
    facet = web.page.locator(".o_facet_value, .o_searchview_facet", has_text="hall/#")
    expect(facet.first).to_be_attached(timeout=SOON)
    service.stop()
    odoo.call("mqtt.service", "write", [service.id], {"active": False})
