# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The list of messages, in a real Chromium, with a real broker."""

import os

import pytest
from playwright.sync_api import expect
from service import Service, publish

from dev.servers import Odoo, wait_until

SOON = 60_000  # milliseconds
WIDTHS = {"desktop": 1400, "laptop": 1200}
TOPIC = "factory/hall-north/line-11/machine-0815/sensors/temperature"


@pytest.fixture(scope="module")
def odoo(folder, postgres):
    with (
        postgres.fresh("e2e_message_list", template="e2e_template") as database,
        Odoo(folder / "odoo-messages", postgres, database, workers=2) as odoo,
    ):
        yield odoo


def picture(page, name):
    """For whoever wants to look: MQTT_PICTURES names a folder."""
    if folder := os.environ.get("MQTT_PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png")


def is_inside(element):
    """Whether all of an element's text can be seen, within the cell that it is in."""
    return element.evaluate(
        "one => { const box = one.getBoundingClientRect();"
        " const cell = one.closest('td, article').getBoundingClientRect();"
        " return one.scrollWidth <= one.clientWidth && box.width > 0"
        " && box.right <= cell.right && cell.right <= window.innerWidth; }"
    )


def _is_stored(odoo, topic):
    return odoo.call("mqtt.signal.history", "search_count", [("topic", "=", topic)])


def test_messages_appear(odoo, broker, browser):
    """Without a reload, with what they say, at each width with their last level."""
    service = Service(odoo, broker, "factory/#", name="Factory")
    service.start()
    web = browser(odoo)
    page = web.page
    page.goto(f"{odoo.url}/odoo/mqtt-messages")
    expect(page.locator(".o_view_nocontent")).to_contain_text("No message matches")
    publish(broker, TOPIC, '{"temperature": 61.2, "pressure": 4.02}')
    row = page.locator(".o_data_row")
    expect(row).to_have_count(1, timeout=SOON)
    expect(row).to_contain_text("temperature 61.2 · pressure 4.02")
    for number in range(30):
        publish(broker, f"{TOPIC}/{number}", f'{{"n": {number}}}')
    expect(row).to_have_count(31, timeout=SOON)
    for name, width in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": 820})
        tails = page.locator(".o_mqtt_topic_tail")
        expect(tails.last).to_have_text("/temperature")
        assert is_inside(tails.first), name
        assert is_inside(tails.last), name
        picture(page, f"messages-{name}")


def test_phone(odoo, broker, browser):
    """Cards, as wide as the screen."""
    web = browser(odoo)
    page = web.page
    page.set_viewport_size({"width": 400, "height": 820})
    page.goto(f"{odoo.url}/odoo/mqtt-messages")
    card = page.locator(".o_kanban_record:not(.o_kanban_ghost)", has_text="n 17")
    expect(card.locator(".o_mqtt_topic_tail")).to_have_text("/17")
    assert is_inside(card.locator(".o_mqtt_topic_tail"))
    publish(broker, f"{TOPIC}/31", '{"n": 31}')
    expect(page.locator(".o_kanban_record", has_text="n 31")).to_be_visible(
        timeout=SOON
    )
    page.add_style_tag(content=".o-mail-ChatHub { display: none; }")
    picture(page, "messages-phone")


def test_pause(odoo, broker, browser):
    """What comes meanwhile is shown afterwards."""
    web = browser(odoo)
    page = web.page
    page.goto(f"{odoo.url}/odoo/mqtt-messages")
    row = page.locator(".o_data_row")
    expect(row.first).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    publish(broker, "factory/paused", "x")
    resume = page.get_by_role("button", name="Resume")
    expect(resume).to_have_attribute("aria-pressed", "true")
    wait_until(lambda: _is_stored(odoo, "factory/paused"), 60, "it is not stored")
    expect(row.filter(has_text="factory/paused")).to_have_count(0)
    resume.click()
    expect(row.filter(has_text="factory/paused")).to_have_count(1, timeout=SOON)


def test_same_topic_and_a_filter_that_is_not_valid(odoo, browser):
    web = browser(odoo)
    page = web.page
    page.goto(f"{odoo.url}/odoo/mqtt-messages")
    row = page.locator(".o_data_row", has_text=f"{TOPIC}/7")
    row.locator("button[name=action_open_same_topic]").click()
    expect(page.locator(".o_breadcrumb")).to_contain_text(f"{TOPIC}/7")
    expect(page.locator(".o_data_row")).to_have_count(1)
    search = page.locator(".o_searchview_input")
    search.fill("a/#/b")
    page.locator(".o_searchview_autocomplete", has_text="Topic matches").locator(
        "a", has_text="Topic matches the filter"
    ).first.click()
    expect(page.locator(".modal")).to_contain_text("# has to stand alone")


def test_graph_by_minute(odoo, browser):
    web = browser(odoo)
    page = web.page
    page.goto(f"{odoo.url}/odoo/mqtt-messages")
    page.get_by_role("button", name="Graph").click()
    expect(page.locator(".o_graph_canvas_container canvas")).to_be_visible()
    picture(page, "messages-graph")
