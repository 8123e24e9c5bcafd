# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The page where people land, in a real Chromium, with a real broker."""

import pytest
from playwright.sync_api import expect
from service import Numbers, Service, publish

from dev.servers import Odoo

SECONDS = 1000  # playwright counts milliseconds
SOON = 20 * SECONDS  # a reading every 5 seconds, on a busy machine
PHONE = {"width": 400, "height": 820}


@pytest.fixture(scope="module")
def odoo(folder, postgres):
    """A prefork server without websockets: the page has to ask."""
    with (
        postgres.fresh("e2e_overview", template="e2e_template") as database,
        Odoo(folder / "odoo-overview", postgres, database, workers=2) as odoo,
    ):
        yield odoo


class Page:
    """The overview as somebody sees it."""

    def __init__(self, web):
        self.web = web
        web.page.goto(f"{web.odoo.url}/odoo/mqtt-overview")
        self.needs = web.page.locator(".o_mqtt_needs")

    def card(self, name):
        return Card(self.web.page.locator(f"article[aria-label='{name}']"))

    def need(self, kind):
        return self.needs.locator(f"[data-kind={kind}]")

    def is_too_wide(self):
        return self.web.page.evaluate(
            "() => { const page = document.querySelector('.o_mqtt_overview');"
            " return page.scrollWidth > page.clientWidth; }"
        )


class Card:
    def __init__(self, article):
        self.article = article
        self.state = article.locator(".o_mqtt_state_label")
        self.detail = article.locator(".o_mqtt_detail")
        self.rate = article.locator(".o_mqtt_rate_value")

    def figure(self, name):
        return self.article.locator(f"[data-name={name}] dd")

    def button(self, name):
        return self.article.get_by_role("button", name=name)


def test_first_steps(odoo, browser):
    """An empty database says how to begin; who knows how can do it by hand."""
    web = browser(odoo)
    web.page.goto(f"{odoo.url}/odoo/mqtt-overview")
    steps = web.page.locator(".o_mqtt_first_steps")
    expect(steps.locator("li")).to_have_count(3)
    steps.get_by_role("button", name="by hand").click()
    expect(web.field("host").locator("input")).to_have_value("")


def test_a_service_is_started_and_receives(odoo, broker, browser):
    """Start, Running, and the figures move; without a reload, also at 400 pixels."""
    service = Service(odoo, broker, "plant/#", name="Seen")
    web = browser(odoo)
    # MQTT opens it.
    web.page.goto(f"{odoo.url}/odoo")
    web.page.evaluate("document.title = 'the same page'")
    web.page.click(".o_navbar_apps_menu button")
    web.page.click("[data-menu-xmlid='mqtt_listener.menu_mqtt']")
    expect(web.page.locator(".o_mqtt_overview")).to_be_visible()
    page = Page(web)
    card = page.card("Seen")
    expect(card.state).to_have_text("Stopped")
    expect(page.needs).to_contain_text("All is well")
    card.button("Start").click()
    expect(card.state).to_have_text("Running", timeout=SOON)
    expect(card.figure("last_message")).to_have_text("none yet")
    numbers = Numbers(broker, "plant/1", rate=100)
    numbers.start()
    expect(card.figure("last_message")).to_have_text("just now", timeout=SOON)
    expect(card.rate).not_to_have_text("0", timeout=SOON)
    expect(card.article.locator("svg")).to_be_visible(timeout=SOON)
    assert not page.is_too_wide()
    web.page.set_viewport_size(PHONE)
    assert not page.is_too_wide()
    numbers.finish()
    card.button("Stop").click()
    expect(card.state).to_have_text("Stopped", timeout=SOON)
    service.wait_status("stopped")


def test_a_failing_handler_is_found(odoo, broker, browser):
    """It appears by itself; one click leads to the failed messages."""
    action = odoo.call(
        "ir.actions.server",
        "create",
        {
            "name": "Refuse",
            "model_id": _model_id(odoo, "mqtt.signal.history"),
            "state": "code",
            "code": "raise UserError('no such machine')",
        },
    )
    service = Service(odoo, broker, "fail/#", name="Failing")
    handler = {"name": "Refuse", "pattern": "fail/#", "max_retries": 1}
    handler |= {"action_server_id": action, "service_id": service.id}
    odoo.call("mqtt.handler", "create", handler)
    service.start()
    web = browser(odoo)
    page = Page(web)
    expect(page.card("Failing").state).to_have_text("Running")
    expect(page.need("failed")).to_have_count(0)
    publish(broker, "fail/1", "x")
    need = page.need("failed")
    expect(need).to_contain_text("no such machine", timeout=2 * SOON)
    expect(need).to_contain_text("Refuse")
    expect(page.card("Failing").figure("failed")).to_have_text("1")
    web.page.reload()
    problems = web.page.locator(".o_mqtt_problem_count")
    expect(problems).to_have_text("1")
    need.get_by_role("button").click()
    expect(web.page.locator(".o_data_row", has_text="fail/1")).to_be_visible()
    service.stop()


def test_a_broker_that_does_not_answer(odoo, broker, browser):
    """Card and list say what is wrong; the keyboard opens the service."""
    service = Service(odoo, broker, "plant/#", name="Nowhere", port=1)
    web = browser(odoo)
    page = Page(web)
    card = page.card("Nowhere")
    card.button("Start").click()
    expect(card.state).to_have_text("Cannot connect", timeout=SOON)
    expect(card.detail).to_contain_text("Nothing answers on")
    need = page.need("unreachable")
    expect(need).to_contain_text("“Nowhere” cannot connect")
    need.get_by_role("button").press("Enter")
    web.open_tab("Settings")
    expect(web.field("port").locator("input")).to_have_value("1")
    service.stop()


def _model_id(odoo, model):
    (found,) = odoo.call("ir.model", "search", [("model", "=", model)])
    return found
