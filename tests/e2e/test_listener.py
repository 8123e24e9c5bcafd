# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The path of a message through real servers, and the service's buttons."""

import base64
import json
import os
import signal
import subprocess

import pytest
from service import Numbers, Service, assert_exactly, publish

from dev import paths
from dev.servers import wait_until


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("workers", [0, 2], ids=["threaded", "prefork"])
def test_messages_become_history(new_odoo, broker, workers):
    """In both kinds of server, what is published is stored, and Stop ends in order."""
    with new_odoo(workers=workers) as odoo:
        service = Service(odoo, broker, "plant/#")
        assert service.status == "stopped"
        service.start()
        assert service.call("check_mqtt_status") == {
            "status": "connected",
            "message": "MQTT Service is connected and running",
        }
        publish(broker, "plant/1", "one")
        publish(broker, "plant/1", "two", qos=0)
        service.wait_stored(2)
        assert service.rows("payload, qos, sequence") == [("one", 1, 1), ("two", 0, 2)]
        if workers:
            assert service.listener_pid != odoo.pid, "it has a process of its own"
        identifier = service.read("thread_identifier")
        mark = odoo.log_size()
        service.stop()
        odoo.wait_log("Plant: listener ended", timeout=5, since=mark)
        wait_until(lambda: not service.read("thread_identifier"), 5, "still listening")
        assert service.status == "stopped"
        assert identifier


def test_every_payload_is_stored_byte_for_byte(odoo, broker):
    """Empty, NUL, not UTF-8, ten MiB, odd topics: all come out as they went in."""
    payloads = {
        "odd/empty": b"",
        "odd/nul": b"a\0b",
        "odd/not-utf8": b"\xff\xfe\x00\x80",
        "odd/large": os.urandom(1024) * 10 * 1024,
        "odd/json": json.dumps({"ü": [1, None, "\U0001f600"]}).encode(),
        "/odd/leading/slash": b"1",
        "odd/ünïcödé/\U0001f600/ ": b"2",
        "odd/" + "x" * 65_531: b"3",
    }
    service = Service(odoo, broker, "#")
    service.start()
    for topic, payload in payloads.items():
        publish(broker, topic, payload)
    service.wait_stored(len(payloads), where="topic NOT LIKE '$%'")
    stored = {
        topic: bytes(raw) if raw is not None else (text or "").encode()
        for topic, text, raw in service.rows("topic, payload, payload_raw")
    }
    # What is larger than the payload limit is an attachment.
    ((large,),) = service.rows("payload_attachment_id", "topic = 'odd/large'")
    (attachment,) = odoo.call("ir.attachment", "read", [large], ["datas"])
    stored["odd/large"] += base64.b64decode(attachment["datas"])
    assert stored == payloads


def test_mqtt5_properties_and_overlapping_filters(odoo, broker):
    """Properties are kept; a message that several filters match is stored once."""
    service = Service(odoo, broker, "a/#", "a/+/c", "a/b/+", "a/b/c")
    service.start()
    properties = {
        "ContentType": "application/json",
        "ResponseTopic": "answers/1",
        "CorrelationData": b"\x00\xff",
        "UserProperty": [("line", "7"), ("line", "8")],
    }
    for number in range(20):
        publish(broker, "a/b/c", str(number), properties=properties)
    publish(broker, "a/end", "end")
    service.wait_stored(21)
    wait_until(lambda: not service.read("waiting_count"), 30, "batches are waiting")
    assert len(service.rows()) == 21
    row = service.rows(
        "content_type, response_topic, correlation_data, user_properties", "sequence=1"
    )[0]
    assert row[:2] == ("application/json", "answers/1")
    assert bytes(row[2]) == b"\x00\xff"
    assert row[3] == [["line", "7"], ["line", "8"]]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_stopped_service_misses_nothing(odoo, broker, protocol):
    """The broker keeps the messages of a stopped service; a retained one comes once."""
    topic = f"kept/{protocol}"
    publish(broker, f"{topic}/retained", "r", retain=True)
    service = Service(odoo, broker, f"{topic}/#", protocol=protocol)
    service.start()
    service.wait_stored(1)
    service.stop()
    wait_until(lambda: not service.read("thread_identifier"), 5, "still listening")
    for number in range(50):
        publish(broker, topic, str(number))
    service.start()
    assert_exactly(service, topic, 50)
    assert len(service.rows("topic", "retain")) == 1


def test_websockets(odoo, broker):
    """The transport can be WebSockets."""
    service = Service(odoo, broker, "ws/#", port=broker.ws_port, transport="websockets")
    service.start()
    numbers = Numbers(broker, "ws/n")
    numbers.start()
    numbers.wait_sent(2000)
    assert_exactly(service, "ws/n", numbers.finish())


def test_subscriptions_change_without_a_reconnect(odoo, broker):
    """Filters added, changed and archived take effect on the standing connection."""
    service = Service(odoo, broker, "one/#")
    service.start()
    identifier = service.read("thread_identifier")
    add = odoo.call(
        "mqtt.subscription", "create", {"service_id": service.id, "topic_filter": "two"}
    )

    def state(subscription):
        return odoo.call("mqtt.subscription", "read", [subscription], ["state"])[0]

    wait_until(lambda: state(add)["state"] == "granted", 10, "not subscribed")
    publish(broker, "two", "x")
    service.wait_stored(1, where="topic = 'two'")
    odoo.call("mqtt.subscription", "write", [add], {"topic_filter": "three"})

    def filters():
        return odoo.databases.query(
            odoo.database, "SELECT session_filters FROM mqtt_connection"
        )[0][0]

    wait_until(lambda: set(filters()) == {"one/#", "three"}, 10, "not changed")
    publish(broker, "two", "unheard")
    publish(broker, "three", "y")
    service.wait_stored(1, where="topic = 'three'")
    odoo.call("mqtt.subscription", "write", [add], {"active": False})
    wait_until(lambda: set(filters()) == {"one/#"}, 10, "not unsubscribed")
    assert len(service.rows("topic", "topic = 'two'")) == 1
    assert service.read("thread_identifier") == identifier


def test_commands_from_another_process(odoo, broker):
    """``odoo shell`` starts and stops what the server's listener runs."""
    service = Service(odoo, broker, "x")
    # A script that waits in one transaction sees the connection come.
    seen = odoo.shell("""
import time
service = env["mqtt.service"]
service.start_mqtt_service()
env.cr.commit()
end = time.monotonic() + 30
status = service.check_mqtt_status()["status"]
while status != "connected" and time.monotonic() < end:
    time.sleep(0.1)
    status = service.check_mqtt_status()["status"]
print(status)
""")
    assert seen.split()[-1] == "connected"
    odoo.shell("env['mqtt.service'].restart_mqtt_service(); env.cr.commit()")
    wait_until(
        lambda: service.read("start_generation") == 2 and service.status == "connected",
        10,
        "not restarted",
    )
    odoo.shell("env['mqtt.service'].stop_mqtt_service(); env.cr.commit()")
    wait_until(lambda: not service.read("thread_identifier"), 10, "still listening")


def test_a_service_survives_a_restart_of_the_server(odoo, broker):
    """What was started is started again with the server, and nothing is missed."""
    service = Service(odoo, broker, "r/#")
    service.start()
    numbers = Numbers(broker, "r/n")
    numbers.start()
    numbers.wait_sent(1000)
    odoo.restart().wait_ready()
    numbers.wait_sent(4000)
    service.wait_status("connected")
    assert_exactly(service, "r/n", numbers.finish())
    # Stopped in order: what was committed was acknowledged, so nothing came again.
    assert not service.rows("sequence", "dup AND payload::int < 500")


def test_the_listener_alone(new_odoo, broker):
    """``odoo mqtt_listener`` listens for servers that do not, and SIGTERM ends it."""
    with new_odoo(workers=0, mqtt={"enabled": False}) as odoo:
        service = Service(odoo, broker, "alone/#")
        service.call("start_mqtt_service")
        listener = new_odoo(workers=0)
        listener.configure()
        # A command of an addon is found with the addons path before it.
        python, script, *rest = listener.command_line("mqtt_listener")
        command = [python, script, f"--addons-path={paths.link_addons()}", *rest]
        with open(listener.log, "ab") as log:
            process = subprocess.Popen(
                command, env=listener.environment(), stdout=log, stderr=log
            )
        try:
            service.wait_status("connected")
            assert service.listener_pid == process.pid
            publish(broker, "alone/1", "x")
            service.wait_stored(1)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(15) == 0
        wait_until(lambda: service.status == "disconnected", 5, "seems connected")


def test_two_databases_in_one_server(new_odoo, postgres, database, broker):
    """One server listens for each of its databases."""
    with postgres.fresh(f"{database}_2", template=database) as second:
        odoo = new_odoo(workers=0)
        odoo.database = f"{database},{second}"
        odoo.start().wait_ready()
        for name in (database, second):
            odoo.database = name
            service = Service(odoo, broker, name)
            service.start()
            publish(broker, name, "x")
            service.wait_stored(1)
            assert service.rows() == [(name,)]
        odoo.stop()


def test_secrets_are_not_logged(new_odoo, broker):
    """Neither payloads nor passwords are in the log, at its most talkative."""
    handlers = ":INFO,odoo.addons.mqtt_listener:DEBUG,odoo.addons.queue_job:DEBUG"
    with new_odoo(workers=0, options={"log_handler": handlers}) as odoo:
        service = Service(
            odoo, broker, "secret/#", username="me", password="pass-word-1"
        )
        service.start()
        publish(broker, "secret/1", "pay-load-1")
        service.wait_stored(1)
        service.stop()
        wait_until(lambda: not service.read("thread_identifier"), 5, "still listening")
        log = odoo.log_text()
        assert "Received PUBLISH" in log, "paho's words are missing"
        assert "pass-word-1" not in log
        assert "pay-load-1" not in log
