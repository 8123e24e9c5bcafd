# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Handlers in real job workers: each message handled once, whatever happens to them."""

import os
import re
import signal

from playwright.sync_api import expect
from service import Numbers, Service

from dev.servers import wait_until

MESSAGES = 1000
FOUND_DEAD = 150  # seconds until queue_job has noticed that a worker is gone
ALL_SIDE_BY_SIDE = "root:4,root.mqtt:3,root.mqtt.dispatch:3"


def handled(service, topic):
    """The numbers that a handler has committed, in the order in which it had them."""
    return [
        number
        for (number,) in service.odoo.databases.query(
            service.odoo.database,
            f"SELECT number FROM mqtt_e2e_row WHERE topic = '{topic}' ORDER BY id",
        )
    ]


def count(service, state):
    return service.odoo.call(
        "mqtt.signal.history",
        "search_count",
        [["service_id", "=", service.id], ["state", "=", state]],
    )


def wait_state(service, state, messages, timeout=60):
    wait_until(
        lambda: count(service, state) == messages,
        timeout,
        f"{messages} messages are not {state}",
    )


def receive(service, broker, topic, messages=MESSAGES):
    """Publish numbers while the service is stopped, then let them come at once."""
    numbers = Numbers(broker, topic, rate=5000, limit=messages)
    numbers.start()
    numbers.wait_sent(messages)
    total = numbers.finish()
    service.start()
    return total


def new_service(odoo, broker, topic):
    """A stopped service whose session the broker keeps."""
    service = Service(odoo, broker, topic)
    service.start()
    service.stop()
    service.wait_status("stopped")
    wait_until(lambda: not service.read("host_info"), 20, "the listener does not end")
    return service


def dispatching(odoo):
    """Process ids of the workers that dispatch a large part of the messages.

    The last of them, or the first, may come in a small job of their own.
    """
    rows = odoo.databases.query(
        odoo.database,
        "SELECT worker_pid FROM queue_job"
        " WHERE state = 'started' AND method_name = '_job_dispatch'"
        " AND (SELECT sum(message_count) FROM mqtt_dispatch)"
        f" >= {MESSAGES // 2}",
    )
    return [pid for (pid,) in rows]


def set_parameter(odoo, name, value):
    odoo.call("ir.config_parameter", "set_param", f"mqtt_e2e.{name}", value)


def test_a_worker_killed_in_the_middle_of_a_dispatch(new_odoo, broker, tmp_path):
    """What it has handled is rolled back with it, and handled once by another."""
    marks = tmp_path / "marks"
    marks.touch()
    # A batch waits for more for so long that almost all messages are in one.
    with new_odoo(workers=2, mqtt={"linger": 1}) as odoo:
        set_parameter(odoo, "marks", str(marks))
        service = new_service(odoo, broker, "e2e/slow")
        total = receive(service, broker, "e2e/slow")
        wait_until(lambda: dispatching(odoo), 60, "no large dispatch begins")
        (pid,) = dispatching(odoo)
        before = marks.stat().st_size
        wait_until(lambda: marks.stat().st_size > before + 100, 60, "it stands still")
        os.kill(pid, signal.SIGKILL)
        begun = marks.stat().st_size
        committed = len(handled(service, "e2e/slow"))
        wait_state(service, "done", total, FOUND_DEAD)
        assert sorted(handled(service, "e2e/slow")) == list(range(total))
        assert begun > committed, "it was not killed in the middle"
        assert marks.stat().st_size > total, "nothing had to be handled again"


def test_ordered_messages_with_jobs_side_by_side(new_odoo, broker):
    """The order of each topic, though three jobs run at a time."""
    with new_odoo(workers=3, channels=ALL_SIDE_BY_SIDE) as odoo:
        service = new_service(odoo, broker, "e2e/ordered/#")
        service.start()
        lines = [Numbers(broker, f"e2e/ordered/{n}", rate=300) for n in range(5)]
        for line in lines:
            line.start()
        for line in lines:
            line.wait_sent(400)
        totals = {line.topic: line.finish() for line in lines}
        wait_state(service, "done", sum(totals.values()), 120)
        for topic, total in totals.items():
            assert handled(service, topic) == list(range(total))


def test_poison_among_a_thousand(odoo, broker, browser):
    """It fails alone; requeued in the browser after a repair, all is done."""
    set_parameter(odoo, "repaired", "")
    service = new_service(odoo, broker, "e2e/poison")
    total = receive(service, broker, "e2e/poison")
    bad = len(range(7, total, 100))
    wait_state(service, "failed", bad)
    wait_state(service, "done", total - bad)
    assert len(handled(service, "e2e/poison")) == total - bad

    set_parameter(odoo, "repaired", "yes")
    chrome = browser(odoo)
    chrome.open("mqtt-failed", "list")
    rows = chrome.page.locator(".o_data_row")
    expect(rows).to_have_count(1)
    expect(rows.locator("td[name=message_count]")).to_have_text(str(bad))
    rows.locator("td[name=cause]").click()
    expect(rows).to_have_count(bad)
    expect(rows.filter(has_text="no 107")).to_have_count(1)
    chrome.open("mqtt-failed", "list")
    rows.locator("button[name=action_requeue]").click()
    expect(chrome.page.locator(".o_notification")).to_contain_text(str(bad))
    expect(rows).to_have_count(0)
    wait_state(service, "done", total)
    assert sorted(handled(service, "e2e/poison")) == list(range(total))


def test_refused_messages_are_requeued_over_rpc(odoo, broker):
    """What a handler refuses fails without a retry; another system can requeue it."""
    set_parameter(odoo, "repaired", "")
    service = new_service(odoo, broker, "e2e/refused")
    total = receive(service, broker, "e2e/refused")
    bad = list(range(7, total, 100))
    wait_state(service, "failed", len(bad))
    wait_state(service, "done", total - len(bad))
    assert not {*bad} & {*handled(service, "e2e/refused")}, "not rolled back"
    failed = [["mqtt_service_id", "=", service.id], ["state", "=", "failed"]]
    jobs = odoo.call("queue.job", "search_read", failed, ["retry", "exc_message"])
    assert {job["retry"] for job in jobs} == {1}
    said = [re.search(r"no (\d+)", job["exc_message"]) for job in jobs]
    assert sorted(int(one[1]) for one in said) == bad

    set_parameter(odoo, "repaired", "yes")
    odoo.call("queue.job", "requeue", [job["id"] for job in jobs])
    wait_state(service, "done", total)
    assert sorted(handled(service, "e2e/refused")) == list(range(total))


def test_a_module_takes_its_handlers_away(new_odoo, broker):
    """And brings them back with their counts when it is installed again."""
    with new_odoo(workers=2) as odoo:

        def names(**context):
            rows = odoo.call(
                "mqtt.handler",
                "search_read",
                [["model_name", "=", "mqtt.e2e.row"]],
                ["name", "active"],
                context=context,
            )
            return {row["name"]: row["active"] for row in rows}

        methods = ("slow", "ordered", "poison", "refused")
        own = {f"mqtt.e2e.row._on_{name}" for name in methods}
        assert names().keys() == own
        (module,) = odoo.call("ir.module.module", "search", [["name", "=", "mqtt_e2e"]])
        odoo.call("ir.module.module", "button_immediate_uninstall", [module])
        assert names() == {}
        assert names(active_test=False) == dict.fromkeys(own, False)
        odoo.call("ir.module.module", "button_immediate_install", [module])
        assert names() == dict.fromkeys(own, True)
