# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""From an empty database to the first message: a real Chromium, a real broker."""

import pytest
from playwright.sync_api import expect
from service import Numbers

SECONDS = 1000  # playwright counts milliseconds
LOOKED = 30 * SECONDS  # it listens for 10
SOON = 20 * SECONDS
PHONE = {"width": 400, "height": 820}
MOST_CLICKS = 3


class Guide:
    """First steps as somebody goes through them."""

    def __init__(self, web):
        self.page = web.page
        self.clicks = 0

    def step(self, name):
        return self.page.locator(f".o_mqtt_step[data-step={name}]")

    def fill(self, name, text):
        self.page.fill(f".o_mqtt_step input[name={name}]", text)

    def click(self, button):
        self.page.get_by_role("button", name=button).click()
        self.clicks += 1

    def is_too_wide(self):
        return self.page.evaluate(
            "() => { const page = document.querySelector('.o_content');"
            " return page.scrollWidth > page.clientWidth; }"
        )


@pytest.fixture
def numbers(broker):
    numbers = Numbers(broker, "plant/line1/temperature", rate=50)
    numbers.start()
    yield numbers
    numbers.finish()


def test_three_clicks_to_the_first_message(odoo, broker, browser, numbers):
    """Connect, Listen, Receive; then the message is there, and becomes a handler's."""
    web = browser(odoo)
    web.page.goto(f"{odoo.url}/odoo/mqtt-overview")
    guide = Guide(web)
    guide.fill("address", f"mqtt://{broker.host}:{broker.port}")
    guide.click("Connect")
    expect(guide.step("broker")).to_contain_text(f"{broker.host}:{broker.port}")
    guide.fill("prefix", "plant/")
    guide.click("Listen")
    found = guide.page.locator(".o_mqtt_found_topic")
    expect(found).to_contain_text("plant/line1/temperature", timeout=LOOKED)
    web.page.set_viewport_size(PHONE)
    assert not guide.is_too_wide()
    guide.click("Receive plant/#")
    message = guide.page.locator(".o_mqtt_message")
    expect(message).to_contain_text("plant/line1/temperature", timeout=SOON)
    assert guide.clicks <= MOST_CLICKS
    assert not guide.is_too_wide()
    (service,) = odoo.call("mqtt.service", "search_read", [], ["name", "status"])
    assert (service["name"], service["status"]) == (broker.host, "start")
    guide.click("Handle These Messages")
    pattern = web.field("pattern").locator("input")
    expect(pattern).to_have_value("plant/line1/temperature")
    odoo.call("mqtt.service", "stop_mqtt_service", [service["id"]])


def test_what_is_wrong_is_said_in_place(odoo, broker, browser):
    """A port where nothing answers, and everything unasked; nothing is stored."""
    web = browser(odoo)
    web.open("mqtt-services", "list")
    guide = Guide(web)
    guide.click("New with Guide")
    guide.fill("address", "http://127.0.0.1")
    guide.click("Connect")
    expect(guide.page.get_by_role("alert")).to_contain_text("begins with mqtt://")
    guide.fill("address", "mqtt://me:my%20secret@127.0.0.1:1")
    guide.click("Connect")
    expect(guide.step("broker")).to_contain_text("Nothing answers on 127.0.0.1:1")
    password = guide.page.locator("input[name=password]")
    expect(password).to_have_value("my secret")
    expect(guide.page.locator("input[name=address]")).to_have_value(
        "mqtt://127.0.0.1:1"
    )
    guide.fill("address", f"{broker.host}:{broker.port}")
    guide.click("Connect")
    guide.fill("prefix", "#")
    guide.click("Listen")
    expect(guide.page.get_by_role("alert")).to_contain_text("Tick Everything")
    assert not odoo.call("mqtt.service", "search_count", [])
