# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A mapping made on its form, in a real Chromium, from a real message."""

import json
from urllib.parse import quote

import pytest
from playwright.sync_api import expect
from service import Service, publish

from dev.servers import Odoo, wait_until

PAYLOAD = {
    "motor": {"temp": 215, "name": "Press 7"},
    "at": 1782907200000,
    "on": True,
    "note": None,
    "list": [{"it's": 0}],
}


@pytest.fixture(scope="module")
def odoo(folder, postgres):
    with (
        postgres.fresh("e2e_mapping", template="e2e_template") as database,
        Odoo(folder / "odoo-mapping", postgres, database, workers=2) as odoo,
    ):
        yield odoo


class Form:
    """The form of a mapping as somebody sees it."""

    def __init__(self, web):
        self.web = web
        self.page = web.page
        self.preview = web.field("preview")

    def fill(self, name, text):
        field = self.web.field(name).locator("input, textarea").first
        field.fill(text)
        field.press("Tab")

    def select(self, name, text):
        self.web.field(name).locator("input").click()
        self.page.locator(".o_select_menu_item", has_text=text).first.click()

    def value(self, path):
        return self.page.locator(f".o_mqtt_sample_value[data-path={json.dumps(path)}]")

    def map(self, path, field):
        """Click a value of the message, and choose a field for it."""
        self.value(path).click()
        self.choose(field)

    def choose(self, field):
        search = self.page.locator(".o_model_field_selector_popover_search input")
        search.fill(field)
        item = self.page.locator(".o_model_field_selector_popover_item_name")
        item.get_by_text(field, exact=True).click()

    def save(self):
        self.page.click(".o_form_button_save")
        expect(self.page.locator(".o_form_status_indicator_buttons")).to_be_hidden()


def test_a_value_is_clicked_into_a_field(odoo, broker, browser):
    """From the last message to a field, without typing a path; the result is shown."""
    service = Service(odoo, broker, "plant/#", name="Plant")
    service.start()
    publish(broker, "plant/press-7/state", json.dumps(PAYLOAD).encode())
    service.wait_stored(1)
    partner = odoo.call("res.partner", "create", {"name": "Press", "ref": "press-7"})
    web = browser(odoo)
    web.open("mqtt-mappings", "list")
    web.page.click(".o_list_button_add")
    form = Form(web)
    form.fill("name", "State of a machine")
    form.fill("pattern", "plant/{serial}/state")
    expect(form.value("$.motor.temp")).to_contain_text("215")
    form.select("res_model", "Contact (res.partner)")
    keys = web.field("key_ids")
    expect(keys).to_contain_text("Topic level: serial")  # a guess: it is made anew
    keys.locator(".o_list_record_remove").click()
    expect(keys).not_to_contain_text("serial")
    form.map("serial", "Reference")
    expect(keys).to_contain_text("Topic level: serial")
    form.map("$.motor.name", "Job Position")
    expect(form.preview).to_contain_text("Press 7")
    expect(form.value("$.motor.name")).to_have_class(
        "o_mqtt_sample_value o_mqtt_mapped"
    )
    form.map("$.motor.temp", "Geo Latitude")
    web.field("value_ids").locator(".o_data_row", has_text="Latitude").click()
    dialog = web.page.locator(".modal")
    dialog.locator(".o_field_widget[name=factor] input").fill("0.1")
    dialog.locator(".o_form_button_save").click()
    expect(web.field("value_ids")).to_contain_text("× 0.1")
    expect(form.preview).to_contain_text("21.5")
    form.save()
    assert (
        odoo.call("res.partner", "read", partner, ["function"])[0]["function"] is False
    )
    publish(broker, "plant/press-7/state", json.dumps(PAYLOAD).encode())
    wait_until(
        lambda: odoo.call("res.partner", "read", partner, ["function"])[0]["function"],
        30,
        "the message was not mapped",
    )
    service.stop()


def test_a_value_on_the_pane_is_mapped_in_six_clicks(odoo, broker, browser):
    """Line, button, kind of record (two), field, save; no path is typed."""
    service = Service(odoo, broker, "hall/#", name="Hall")
    service.start()
    publish(broker, "hall/line1/press-9/state", json.dumps(PAYLOAD).encode())
    service.wait_stored(1)
    partner = odoo.call("res.partner", "create", {"name": "Press 9", "ref": "press-9"})
    web = browser(odoo)
    topic = quote("hall/line1/press-9/state", safe="")
    web.page.goto(f"{odoo.url}/odoo/mqtt-topic?service_id={service.id}&topic={topic}")
    web.page.locator(".o_mqtt_line", has_text='"name": "Press 7"').click()
    web.page.get_by_role("button", name="Map this Value").click()
    form = Form(web)
    expect(web.field("pattern").locator("input")).to_have_value(
        "hall/{line}/{press}/state"
    )
    form.select("res_model", "Contact (res.partner)")
    expect(web.field("key_ids")).to_contain_text("Topic level: press")
    form.choose("Job Position")
    expect(form.preview).to_contain_text("Press 7")
    form.save()
    publish(broker, "hall/line1/press-9/state", json.dumps(PAYLOAD).encode())
    wait_until(
        lambda: odoo.call("res.partner", "read", partner, ["function"])[0]["function"],
        30,
        "the message was not mapped",
    )
    service.stop()


def test_a_mapping_is_opened_from_the_handlers(odoo, browser):
    """A row of the handlers leads to the form of the mapping."""
    key = {"part": "key", "field_name": "ref", "source": "text"}
    odoo.call(
        "mqtt.mapping",
        "create",
        {
            "name": "From the list",
            "pattern": "list/x",
            "res_model": "res.partner",
            "key_ids": [(0, 0, key)],
        },
    )
    web = browser(odoo)
    web.open("mqtt-handlers", "list")
    web.page.locator(".o_data_row", has_text="From the list").locator(
        "td[name=summary]"
    ).click()
    expect(web.field("key_ids")).to_contain_text("Reference")
    web.button("action_open_handler").click()
    expect(web.field("priority")).to_be_visible()
    web.button("action_open").click()
    expect(web.field("key_ids")).to_be_visible()
