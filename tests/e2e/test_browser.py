# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What people see and click, in a real Chromium."""

import json

import pytest
from playwright.sync_api import expect
from service import Numbers, Service, publish
from watcher import Watcher

from dev.device import Device
from dev.servers import Odoo, wait_until

HACK = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
SECONDS = 1000  # playwright counts milliseconds
# A service that starts is connected within a second; then the badge has 2 to 3,
# and twice that on a busy machine.
SOON = 6 * SECONDS


@pytest.fixture(scope="module")
def odoo(folder, postgres):
    """A prefork server for the tests that need none of their own."""
    with (
        postgres.fresh("e2e_browser", template="e2e_template") as database,
        Odoo(folder / "odoo-browser", postgres, database, workers=2) as odoo,
    ):
        yield odoo


@pytest.fixture(params=["bus", "no_bus"])
def server(request):
    """A server with websockets, and one without: prefork, and no proxy before it."""
    if request.param == "no_bus":
        return request.getfixturevalue("odoo")
    make = request.getfixturevalue("new_odoo")
    return make(workers=0).start().wait_ready()


def test_start_and_stop_change_the_badge_by_themselves(server, broker, browser):
    """Whoever starts and stops the service, the page shows it without a reload."""
    service = Service(server, broker, "plant/#")
    web = browser(server)
    web.open_service(service)
    expect(web.badge).to_have_text("Unknown")
    web.button("start_mqtt_service").click()
    expect(web.badge).to_have_text("Connected", timeout=SOON)
    expect(web.badge).to_have_class("badge rounded-pill text-bg-success")
    publish(broker, "plant/1", "one")
    expect(web.field("received_count")).to_have_text("1", timeout=8 * SECONDS)
    web.open_tab("Subscriptions")
    state = web.field("subscription_ids").locator("td[name=current_state]")
    expect(state).to_have_text("Subscribed", timeout=SOON)
    web.button("stop_mqtt_service").click()
    expect(web.badge).to_have_text("Disconnected", timeout=SOON)
    expect(state).to_have_text("Not connected", timeout=SOON)
    service.start()
    expect(web.badge).to_have_text("Connected", timeout=SOON)
    expect(web.button("stop_mqtt_service")).to_be_visible()
    service.stop()
    expect(web.badge).to_have_text("Disconnected", timeout=SOON)
    expect(web.button("start_mqtt_service")).to_be_visible()
    assert web.is_same_page()


def test_services_are_commanded_from_the_list(odoo, broker, browser):
    """Start, Stop, Check and Test work in a row; a selection survives the changes."""
    service = Service(odoo, broker, "plant/#", name="In the list")
    other = Service(odoo, broker, "a/#", name="Other", port=1)
    web = browser(odoo)
    web.open("mqtt-services", "list")
    row = web.page.locator(".o_data_row", has_text="In the list")
    row.locator(".o_list_record_selector input").check()
    row.locator("button[name=start_mqtt_service]").click()
    badge = row.locator("td[name=connection_status]")
    expect(badge).to_have_text("Connected", timeout=SOON)
    row.locator(".o_list_record_selector input").check()
    service.stop()
    expect(badge).to_have_text("Disconnected", timeout=SOON)
    expect(row.locator(".o_list_record_selector input")).to_be_checked()
    row.locator("button[name=action_check]").click()
    expect(web.page.locator(".o_notification")).to_contain_text("is stopped")
    row.locator("button[name=action_test_connection]").click()
    expect(web.page.locator(".modal .alert-success")).to_be_visible()
    web.page.click(".modal-footer button")
    bad = web.page.locator(".o_data_row", has_text="Other")
    bad.locator("button[name=action_test_connection]").click()
    expect(web.page.locator(".modal .alert-danger")).to_be_visible()
    expect(web.page.locator(".modal")).to_contain_text("Nothing answers")
    web.page.click(".modal-footer button")
    bad.locator("button[name=start_mqtt_service]").click()
    expect(bad).to_contain_text("Nothing answers", timeout=SOON)
    other.stop()


def test_an_edit_is_left_alone(odoo, broker, browser):
    """What is typed stays as it is while the badge beside it changes."""
    service = Service(odoo, broker, "plant/#")
    web = browser(odoo)
    web.open_service(service)
    web.open_tab("Subscriptions")
    web.page.click(".o_field_x2many_list_row_add a")
    line = web.page.locator(".o_selected_row td[name=topic_filter] input")
    line.press_sequentially("other/#")
    service.start()
    expect(web.badge).to_have_text("Connected", timeout=SOON)
    expect(line).to_have_value("other/#")
    web.page.click(".o_form_button_save")
    web.open_tab("Settings")
    username = web.field("username").locator("input")
    username.click()
    username.press_sequentially("me")
    service.stop()
    expect(web.badge).to_have_text("Disconnected", timeout=SOON)
    expect(username).to_have_value("me")
    web.page.click(".o_form_button_save")
    expect(web.page.locator(".o_form_status_indicator_buttons")).to_be_hidden()
    assert service.read("username") == "me"
    assert len(service.read("subscription_ids")) == 2


def test_a_certificate_that_is_not_checked(odoo, broker, browser):
    """The form warns as soon as that is chosen, and as long as there is TLS."""
    web = browser(odoo)
    web.open_service(Service(odoo, broker, "plant/#"))
    warning = web.page.locator(".alert", has_text="certificate is not checked")
    tls = web.field("tls").locator("input")
    web.open_tab("Settings")
    tls.check()
    web.open_tab("TLS and WebSockets")
    expect(warning).to_be_hidden()
    web.field("tls_unchecked").locator("input").check()
    expect(warning).to_be_visible()
    web.open_tab("Settings")
    tls.uncheck()
    expect(warning).to_be_hidden()


def test_a_connection_is_tried_before_save(odoo, broker, browser):
    """A URL is taken apart, and what is typed is tried; then it can be discarded."""
    service = Service(odoo, broker, "plant/#", port=1)
    web = browser(odoo)
    web.open_service(service)
    web.open_tab("Settings")
    host = web.field("host").locator("input")
    host.fill(f"mqtt://me:it@{broker.host}:{broker.port}")
    host.blur()
    expect(host).to_have_value(broker.host)
    expect(web.field("port").locator("input")).to_have_value(str(broker.port))
    expect(web.field("username").locator("input")).to_have_value("me")
    web.button("action_test_connection").click()
    expect(web.page.locator(".modal .alert-success")).to_be_visible()
    expect(web.page.locator(".modal")).to_contain_text("plant/#")
    web.page.click(".modal-footer button")
    expect(host).to_have_value(broker.host)
    assert service.read("port") == 1
    web.page.click(".o_form_button_cancel")
    expect(web.field("port").locator("input")).to_have_value("1")
    web.button("action_test_connection").click()
    expect(web.page.locator(".modal .alert-danger")).to_be_visible()
    web.page.goto(f"{odoo.url}/odoo/mqtt-services/new")
    host.fill(f"{broker.host}:{broker.port}")
    host.blur()
    expect(web.field("port").locator("input")).to_have_value(str(broker.port))
    web.button("action_test_connection").click()
    expect(web.page.locator(".modal .alert-success")).to_be_visible()


def test_announcements_are_typed_in(odoo, broker, browser):
    """On the form of the service; Start has others hear of it."""
    web = browser(odoo)
    service = Service(odoo, broker, "plant/#")
    web.open_service(service)
    web.open_tab("Announcements")
    web.field("announcement_ids").locator(".o_field_x2many_list_row_add a").click()
    row = web.page.locator(".o_selected_row")
    row.locator("td[name=kind] input").click()
    web.page.locator(".o_select_menu_item", has_text="Connected").click()
    row.locator("td[name=topic] input").fill("odoo/typed")
    row.locator("td[name=payload] textarea").fill("here")
    web.page.click(".o_form_button_save")
    expect(row).to_have_count(0)
    with Watcher(broker, "odoo/typed") as watcher:
        web.button("start_mqtt_service").click()
        watcher.wait("here")
    service.stop()


def test_a_topic_is_paused_and_resumed(odoo, broker, browser):
    """The form says so by itself, and leads to where it is resumed."""
    service = Service(odoo, broker, "flood/#", topic_rate_limit=20)
    service.start()
    web = browser(odoo)
    web.open_service(service)
    warning = web.page.locator(".alert", has_text="Topics that are paused")
    expect(warning).to_be_hidden()
    numbers = Numbers(broker, "flood/1", rate=5000, limit=100)
    numbers.start()
    expect(warning).to_contain_text("flood/1", timeout=3 * SOON)
    numbers.finish()
    warning.locator("button[name=action_open_paused]").click()
    row = web.page.locator(".o_data_row", has_text="flood/1")
    row.locator("button[name=action_resume]").click()
    domain = [("service_id", "=", service.id)]
    wait_until(
        lambda: not odoo.call("mqtt.paused.topic", "search_count", domain),
        30,
        "the topic is still paused",
    )
    service.stop()


DOWNLOAD = "[name=payload_file] a, [name=action_download_payload]:visible"
KINDS = {  # topic -> payload, kind, what the form shows
    "kind/json": (b'{"a": {"b": [1.50, null]}}', "JSON", '"b": [\n      1.50,'),
    "kind/text": ("läuft\nseit 8".encode(), "Text", "läuft\nseit 8"),
    "kind/binary": (b"\xff\xfe\x00MQTT", "Binary", "ff fe 00 4d 51 54 54"),
    "kind/empty": (b"", "Empty", None),
    "kind/large": (json.dumps(["x" * 40] * 25_000).encode(), "JSON", '[\n  "xxx'),
    f"kind/{HACK}": (HACK.encode(), "Text", HACK),
}


@pytest.fixture(scope="module")
def messages(odoo, broker):
    """A service that has received a message of each kind; ids by topic."""
    service = Service(odoo, broker, "kind/#", name="Of each kind")
    service.start()
    for topic, (payload, _kind, _shown) in KINDS.items():
        asks = {"ResponseTopic": "answers"} if topic == "kind/text" else None
        publish(broker, topic, payload, properties=asks)
    service.wait_stored(len(KINDS))
    domain = [("service_id", "=", service.id)]
    found = odoo.call("mqtt.signal.history", "search_read", domain, ["topic"])
    yield {message["topic"]: message["id"] for message in found}
    service.stop()


def test_messages_of_each_kind(odoo, messages, browser, tmp_path):
    """JSON is indented, text is text, bytes are a hex view; each can be downloaded."""
    web = browser(odoo)
    for topic, (payload, kind, shown) in KINDS.items():
        web.open(f"mqtt-messages/{messages[topic]}", "form")
        expect(web.field("payload_kind")).to_have_text(kind)
        expect(web.field("topic")).to_have_text(topic)
        if shown is None:
            expect(web.field("payload_view")).to_have_count(0)
            continue
        assert shown in web.page.inner_text(".o_mqtt_payload")
        with web.page.expect_download() as download:
            web.page.locator(DOWNLOAD).click()
        download.value.save_as(tmp_path / "payload")
        assert (tmp_path / "payload").read_bytes() == payload
        is_cut = web.page.locator(".alert-info:visible").count()
        assert is_cut == (len(payload) > 65_536)


def test_large_messages(odoo, broker, browser, tmp_path):
    """One that is an attachment is shown and downloaded as any other; of one that was
    too large even for that, the form says that it is not there.
    """
    limits = {"payload_limit": 1000, "attachment_limit": 2000}
    service = Service(odoo, broker, "large/#", **limits)
    service.start()
    attached = bytes(range(255, -1, -1)) * 6
    publish(broker, "large/attached", attached)
    publish(broker, "large/not kept", b"x" * 2001)
    service.wait_stored(2)
    (attached_id,), (not_kept_id,) = service.rows("id")
    web = browser(odoo)
    warning = web.page.locator(".alert", has_text="of 2001 bytes was larger")
    kind, view = web.field("payload_kind"), web.field("payload_view")
    web.open(f"mqtt-messages/{attached_id}", "form")
    expect(kind).to_have_text("Binary")
    expect(view).to_contain_text("ff fe fd fc")
    expect(warning).to_be_hidden()
    with web.page.expect_download() as download:
        web.page.locator(DOWNLOAD).click()
    download.value.save_as(tmp_path / "payload")
    assert (tmp_path / "payload").read_bytes() == attached
    web.open(f"mqtt-messages/{not_kept_id}", "form")
    expect(kind).to_have_text("Not Kept")
    expect(warning).to_be_visible()
    expect(web.page.locator(DOWNLOAD)).to_have_count(0)
    service.stop()


def test_hostile_messages_are_text(odoo, messages, browser):
    """No topic and no payload becomes markup, in the list, grouped or in the form."""
    web = browser(odoo)
    hostile = next(topic for topic in messages if "<script>" in topic)
    web.open("mqtt-messages", "list")
    row = web.page.locator(".o_data_row", has_text="<script>")
    expect(row.locator("td[name=topic]")).to_have_text(hostile)
    row.click()
    expect(web.page.locator(".o_form_view .o_mqtt_payload")).to_have_text(HACK)
    web.open("mqtt-messages", "list")
    _group_by(web, "Topic")
    expect(web.page.locator(".o_group_header", has_text="<script>")).to_be_visible()
    assert web.page.evaluate("window.hacked === undefined")


def test_messages_are_searched_and_grouped(odoo, messages, browser):
    """Topic starts with, and groups by hour, in the search bar."""
    web = browser(odoo)
    web.open("mqtt-messages", "list")
    rows = web.page.locator(".o_data_row")
    expect(rows.nth(len(KINDS) - 1)).to_be_visible()
    web.page.fill(".o_searchview_input", "kind/te")
    web.page.click(".o_searchview_autocomplete :text('Topic starts with')")
    expect(rows).to_have_count(1)
    web.page.locator(".o_facet_remove").last.click()
    expect(rows.nth(len(KINDS) - 1)).to_be_visible()
    _group_by(web, "Hour")
    group = web.page.locator(".o_group_header").first
    expect(group).to_contain_text(":00 (")
    group.click()
    expect(rows.first).to_be_visible()


def _group_by(web, name):
    web.page.click(".o_searchview_dropdown_toggler")
    web.page.click(f".o_group_by_menu .o_menu_item:text-is('{name}')")
    web.page.keyboard.press("Escape")
    expect(web.page.locator(".o_group_header").first).to_be_visible()


@pytest.mark.parametrize("role", ["user", "operator", "manager"])
def test_each_role_sees_what_it_may_do(odoo, broker, browser, role):
    """A user only looks, an operator commands, a manager configures."""
    is_operator, is_manager = int(role != "user"), int(role == "manager")
    service = Service(odoo, broker, "plant/#", name=role)
    _create_user(odoo, role)
    web = browser(odoo, role)
    web.open("mqtt-services", "list")
    expect(web.page.locator(".o_list_button_add")).to_have_count(is_manager)
    row = web.page.locator(".o_data_row", has_text=role)
    expect(row.locator("button[name=start_mqtt_service]")).to_have_count(is_operator)
    web.page.goto(f"{odoo.url}/odoo/mqtt-overview")
    expect(web.page.locator(".o_mqtt_overview")).to_be_visible()
    menus = web.page.locator(".o_menu_sections [data-menu-xmlid]")
    expected = ["Overview", "Live", "Data", "Automation"]
    expected += ["Problems"] * is_operator + ["Configuration"] * is_manager
    # without the number at Problems
    assert [text.split()[0] for text in menus.all_inner_texts()] == expected
    web.open_service(service)
    for name in ("start_mqtt_service", "action_check", "action_test_connection"):
        expect(web.button(name)).to_have_count(is_operator)
    web.open_tab("Settings")
    expect(web.field("host").locator("input")).to_have_count(is_manager)
    expect(web.field("password")).to_have_count(is_manager)
    web.open_tab("Subscriptions")
    expect(web.page.locator(".o_field_x2many_list_row_add")).to_have_count(is_manager)
    web.open("mqtt-subscriptions", "list")
    web.page.click(".o_data_row td[name=topic_filter]")
    web.page.wait_for_selector(".o_form_view")
    web.open("mqtt-messages", "list")
    for path in (
        "mqtt-failed",
        "mqtt-replays",
        "mqtt-quarantine",
        "mqtt-jobs",
    ) * is_operator:
        web.open(path, "list")


def _create_user(odoo, role):
    """A user with one of the addon's groups, whose password is the login."""
    (group,) = odoo.call(
        "ir.model.data",
        "search_read",
        [("module", "=", "mqtt_listener"), ("name", "=", f"group_{role}")],
        ["res_id"],
    )
    values = {"name": role, "login": role, "password": role}
    odoo.call("res.users", "create", {**values, "group_ids": [(4, group["res_id"])]})


def test_a_job_leads_to_its_messages(odoo, messages, browser):
    """From the service to its jobs, and from a job to what it stored."""
    web = browser(odoo)
    web.open("mqtt-services", "list")
    web.page.click(".o_data_row td:text-is('Of each kind')")
    web.button("action_open_jobs").click()
    web.page.locator(".o_list_view td", has_text="Store messages").first.click()
    web.page.locator(".o_form_view button[name=open_related_action]").click()
    expect(web.page.locator(".breadcrumb, .o_breadcrumb").first).to_contain_text(
        "Messages"
    )
    expect(web.page.locator(".o_data_row").first).to_be_visible()


def test_a_command_by_hand(odoo, broker, browser):
    """Publish on the service; the answer appears by itself, and is text."""
    service = Service(odoo, broker, "plant/#", name="Commanding")
    service.start()
    web = browser(odoo)
    web.open_service(service)
    with Device(broker, "press/command", lambda payload: [payload + HACK.encode()]):
        web.button("action_publish").click()
        dialog = web.page.locator(".modal")
        dialog.locator("div[name=topic] input").fill("press/+")
        dialog.locator("div[name=payload] textarea").fill("speed")
        dialog.locator("div[name=asks] input").check()
        dialog.locator("button[name=action_publish]").click()
        expect(web.page.locator(".modal").last).to_contain_text("topic filters only")
        web.page.locator(".modal").last.locator(".btn-primary").click()
        dialog.locator("div[name=topic] input").fill("press/command")
        dialog.locator("button[name=action_publish]").click()
        badge = web.field("state").locator(".badge")
        expect(badge).to_have_text("Answered", timeout=3 * SOON)
    expect(web.field("answer_preview")).to_have_text(f"speed{HACK}")
    assert web.page.evaluate("window.hacked === undefined")
    web.page.reload()
    web.field("answer_id").locator("a").click()
    expect(web.field("answers_id")).to_have_text("press/command")
    service.stop()


def test_an_answer_by_hand(odoo, messages, browser):
    """To where the message asks for it; what is sent is shown with its state."""
    web = browser(odoo)
    web.open(f"mqtt-messages/{messages['kind/json']}", "form")
    expect(web.field("payload_kind")).to_be_visible()
    expect(web.button("action_answer")).to_have_count(0)
    web.open(f"mqtt-messages/{messages['kind/text']}", "form")
    web.button("action_answer").click()
    dialog = web.page.locator(".modal")
    expect(dialog.locator("div[name=topic] input")).to_have_value("answers")
    dialog.locator("div[name=payload] textarea").fill("understood")
    dialog.locator("button[name=action_publish]").click()
    expect(web.field("direction")).to_have_text("Sent")
    expect(web.field("state").locator(".badge")).to_have_text("Done", timeout=3 * SOON)


def test_an_action_without_code(odoo, browser):
    """Odoo's own form of server actions publishes, and shows what it would."""
    (model,) = odoo.call("ir.model", "search", [("model", "=", "res.country")])
    action = odoo.call(
        "ir.actions.server",
        "create",
        {
            "name": "Tell the plant",
            "model_id": model,
            "state": "mqtt_publish",
            "mqtt_topic": "countries/{{ record.code }}",
            "mqtt_payload": '{"id": {{ record.id }}}',
        },
    )
    web = browser(odoo)
    web.open(f"action-base.action_server_action/{action}", "form")
    expect(web.field("mqtt_preview")).to_contain_text("countries/")
    topic = web.field("mqtt_topic").locator("input")
    topic.fill("countries/{{ record.nothing }}")
    topic.blur()
    expect(web.field("mqtt_preview")).to_contain_text("cannot evaluate record.nothing")
    odoo.call("ir.sequence", "create", {"name": "Orders", "code": "orders"})
    topic.fill("{{ env['ir.sequence'].next_by_code('orders') }}")
    topic.blur()
    expect(web.field("mqtt_preview")).to_contain_text("changes data")


def test_a_schedule_without_code(odoo, broker, browser):
    """Odoo's own form of scheduled actions publishes: chosen, filled in, run."""
    service = Service(odoo, broker, name="For schedules")
    (model,) = odoo.call("ir.model", "search", [("model", "=", "res.country")])
    cron = odoo.call(
        "ir.cron", "create", {"name": "Count", "model_id": model, "state": "code"}
    )
    web = browser(odoo)
    web.open(f"crons/{cron}", "form")
    expect(web.field("mqtt_topic")).to_have_count(0)
    web.field("state").get_by_text("Publish MQTT Message").click()
    web.field("mqtt_service_id").locator("input").fill("For schedules")
    web.page.locator(".dropdown-item", has_text="For schedules").click()
    web.field("mqtt_payload").locator("textarea").fill("{{ model.search_count([]) }}")
    topic = web.field("mqtt_topic").locator("input")
    topic.fill("{{ model._name }}")
    topic.blur()
    expect(web.field("mqtt_preview")).to_contain_text("res.country\n")
    expect(web.field("mqtt_preview_ref")).to_have_count(0)
    web.button("method_direct_trigger").click()
    found = [("service_id", "=", service.id), ("topic", "=", "res.country")]
    wait_until(
        lambda: odoo.call("mqtt.signal.history", "search_count", found) == 1,
        20,
        "the schedule has published nothing",
    )
