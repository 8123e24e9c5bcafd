"""The pane of one topic, in a real Chromium, with a real broker."""

from urllib.parse import quote

import pytest
from playwright.sync_api import expect
from service import Service, publish

from dev.servers import Odoo

SECONDS = 1000  # playwright counts milliseconds
SOON = 20 * SECONDS


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


def test_values_appear_by_themselves(odoo, broker, browser):
    service = Service(odoo, broker, "plant/#", name="Values")
    service.start()
    pane = Pane(browser(odoo), service, "plant/press")
    expect(pane.article).to_contain_text("Nothing in history")
    publish(broker, "plant/press", '{"motor": {"temp": 61.0}}')
    expect(pane.line('"temp": 61.0')).to_be_visible(timeout=SOON)
    publish(broker, "plant/press", '{"motor": {"temp": 61.5}}')
    expect(pane.line('"temp": 61.5')).to_contain_text("was 61.0", timeout=SOON)
    service.stop()
