# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Devices and readings in a real Chromium, with a real broker."""

import json
import os

import pytest
from playwright.sync_api import expect
from service import Service, publish

from dev.servers import Odoo, wait_until

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
    expect(page.locator(".o_data_row")).to_have_count(4, timeout=SOON)
    shoot(page, "readings")
    page.get_by_role("button", name="Graph").click()
    expect(page.locator(".o_graph_renderer canvas")).to_be_visible()
    shoot(page, "graph")
    page.get_by_role("button", name="Pivot").click()
    expect(page.locator("div.o_pivot")).to_contain_text("press-1")
    service.stop()


def test_on_the_form_of_a_record(odoo, broker, browser):
    """An integrator puts the widget on a form; it finds the device of the record."""
    form = [("module", "=", "base"), ("name", "=", "view_partner_form")]
    (parent,) = odoo.call("ir.model.data", "search_read", form, ["res_id"])
    odoo.call(
        "ir.ui.view",
        "create",
        {
            "name": "Device of a partner",
            "model": "res.partner",
            "inherit_id": parent["res_id"],
            "arch": '<xpath expr="//sheet/*[last()]" position="before">'
            '<widget name="mqtt_device"/></xpath>',
        },
    )
    partner = odoo.call("res.partner", "create", {"name": "Pump hall", "ref": "pump-1"})
    other = odoo.call("res.partner", "create", {"name": "Without a device"})
    metrics = {
        "Pressure": {"path": "$.pressure", "unit": "bar"},
        "Mode": {"path": "$.mode", "kind": "text"},
    }
    odoo.call(
        "mqtt.device.rule",
        "create",
        {
            "name": "Pumps",
            "pattern": "pumps/{device}",
            "record_model": "res.partner",
            "record_field": "ref",
            "availability_pattern": "pumps/{device}/status",
            "metric_ids": [
                (0, 0, {"name": name, **values}) for name, values in metrics.items()
            ],
        },
    )
    service = Service(odoo, broker, "pumps/#", name="Pumps")
    service.start()
    publish(broker, "pumps/pump-1", json.dumps({"pressure": 4.5, "mode": "auto"}))
    web = browser(odoo)
    page = web.page
    page.goto(f"{odoo.url}/odoo/res.partner/{other}")
    expect(page.locator(".o_form_view")).to_be_visible()
    expect(page.locator(".o_mqtt_device")).to_have_count(0)
    of_pump = [("device_id.key", "=", "pump-1")]
    wait_until(
        lambda: odoo.call("mqtt.reading", "search_count", of_pump), 30, "no reading"
    )
    page.goto(f"{odoo.url}/odoo/res.partner/{partner}")
    device = page.locator(".o_mqtt_device")
    expect(device.locator("[data-metric=Pressure]")).to_contain_text("4.5 bar")
    expect(device.locator("[data-metric=Mode]")).to_be_disabled()
    expect(device.locator(".o_mqtt_chart")).to_have_count(0)
    device.locator("[data-metric=Pressure]").press("Enter")
    expect(device.locator(".o_mqtt_chart svg")).to_be_visible()
    shoot(page, "partner")
    publish(broker, "pumps/pump-1/status", "offline")
    expect(device.get_by_role("status")).to_have_text("Offline", timeout=SOON)
    device.get_by_role("button", name="Publish").click()
    topic = page.locator(".modal [name=topic] input")
    expect(topic).to_have_value("pumps/pump-1")
    service.stop()
