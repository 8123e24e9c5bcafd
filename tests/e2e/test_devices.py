"""Devices and readings in a real Chromium, with a real broker."""

import json
import os

import pytest
from playwright.sync_api import expect
from service import Service, publish

from dev.servers import Odoo

SOON = 20_000  # milliseconds: a reading every 5 seconds, on a busy machine
SHOTS = os.environ.get("MQTT_SHOTS")


@pytest.fixture(scope="module")
def odoo(folder, postgres):
    with (
        postgres.fresh("e2e_devices", template="e2e_template") as database,
        Odoo(folder / "odoo-devices", postgres, database, workers=2) as odoo,
    ):
        yield odoo


def shoot(page, name):
    """Keep pictures at three widths, where somebody wants to look at them."""
    if SHOTS:
        for width in (1400, 1200, 400):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(400)
            page.screenshot(path=f"{SHOTS}/{name}-{width}.png")
        page.set_viewport_size({"width": 1400, "height": 900})


def test_from_a_rule_to_a_chart(odoo, broker, browser):
    """A rule is entered, a device appears with its values, and a chart by minute."""
    service = Service(odoo, broker, "plant/#", name="Plant")
    service.start()
    web = browser(odoo)
    page = web.page
    page.goto(f"{odoo.url}/odoo/mqtt-device-rules/new")
    web.field("name").locator("input").fill("Machines")
    web.field("pattern").locator("input").fill("plant/{device}/telemetry")
    page.get_by_role("button", name="Add a line").click()
    dialog = page.locator(".modal")
    dialog.locator("[name=name] input").fill("Temperature")
    dialog.locator("[name=path] input").fill("$.temp")
    dialog.locator("[name=unit] input").fill("°C")
    shoot(page, "metric")
    dialog.get_by_role("button", name="Save & Close").click()
    page.locator(".o_form_button_save").click()
    expect(page.locator(".o_form_button_save")).to_be_hidden()
    shoot(page, "rule")
    for number in range(3):
        publish(broker, "plant/press-1/telemetry", json.dumps({"temp": 20 + number}))
    service.wait_stored(3)

    page.goto(f"{odoo.url}/odoo/mqtt-devices")
    card = page.locator(".o_kanban_record", has_text="press-1")
    expect(card).to_contain_text("22 °C", timeout=SOON)
    expect(page.locator(".o_kanban_group", has_text="press-1")).to_contain_text(
        "Online"
    )
    shoot(page, "devices")
    card.click()
    device = page.locator(".o_mqtt_device")
    expect(device.get_by_role("status")).to_have_text("Online")
    chip = device.locator("[data-metric=Temperature]")
    expect(chip).to_contain_text("22 °C")
    chart = device.locator(".o_mqtt_chart svg")
    expect(chart).to_have_attribute("data-points", "1")
    expect(device.locator(".o_mqtt_chart_words")).to_contain_text("from 20.00")
    chart.press("ArrowLeft")
    expect(device.locator(".o_mqtt_chart_words")).to_contain_text("mean 21.00")
    publish(broker, "plant/press-1/telemetry", json.dumps({"temp": 30}))
    expect(chip).to_contain_text("30 °C", timeout=SOON)
    for span in ("month", "year", "all"):
        device.locator(f"[data-span={span}]").click()
        expect(chart).to_have_attribute("data-points", "1")
    device.get_by_role("button", name="Last messages").click()
    expect(device.locator(".o_mqtt_device_messages li")).to_have_count(4)
    shoot(page, "device")
    page.goto(f"{odoo.url}/odoo/mqtt-device-readings")
    expect(page.locator(".o_data_row")).to_have_count(4)
    shoot(page, "readings")
    page.get_by_role("button", name="Graph").click()
    expect(page.locator(".o_graph_renderer canvas")).to_be_visible()
    shoot(page, "graph")
    service.stop()
