# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Topics that send too much, on a real server."""

from service import Numbers, Service, publish

from dev.servers import wait_until

FLOOD, QUIET = "e2e/ordered/flood", "e2e/ordered/quiet"
LIMIT, SENT = 20, 300


def handled(service, topic):
    return service.odoo.databases.query(
        service.odoo.database,
        f"SELECT number FROM mqtt_e2e_row WHERE topic = '{topic}' ORDER BY id",
    )


def wait_handled(service, topic, count):
    wait_until(
        lambda: len(handled(service, topic)) == count,
        60,
        f"{count} messages of {topic} are not handled",
    )


def paused(service):
    return service.odoo.call(
        "mqtt.paused.topic",
        "search_read",
        [["service_id", "=", service.id]],
        ["topic", "message_count"],
    )


def wait_paused(service, topics):
    wait_until(
        lambda: [one["topic"] for one in paused(service)] == topics,
        30,
        f"not {topics} are paused",
    )


def test_a_topic_that_floods(odoo, broker):
    """It is paused: what comes is stored, not handled, and can be replayed. Others are
    handled, and so is this one once it is resumed.
    """
    service = Service(odoo, broker, "e2e/ordered/+")
    service.start()
    # Without a restart, and soon: the listener is told.
    service.call("write", {"topic_rate_limit": LIMIT})
    wait_until(lambda: flood(service, broker), 30, "the limit does not apply")
    # That may have begun in the middle of it. From now on it holds for all.
    assert flood(service, broker) == SENT
    publish(broker, QUIET, "1")
    wait_handled(service, QUIET, 1)
    stored = service.rows("cancel_reason", f"topic = '{FLOOD}'")
    cancelled = [reason for (reason,) in stored if reason]
    assert len(stored) % SENT == 0, "not all are stored"
    assert set(cancelled) == {f"Topic paused: more than {LIMIT} messages in a minute"}
    assert len(stored) - len(cancelled) >= LIMIT, "what is within it is not handled"
    wait_handled(service, FLOOD, len(stored) - len(cancelled))
    (row,) = paused(service)
    assert FLOOD in service.read("paused_warning")

    odoo.call("mqtt.paused.topic", "action_resume", [row["id"]])
    wait_paused(service, [])
    publish(broker, FLOOD, "1000")
    wait_handled(service, FLOOD, len(stored) - len(cancelled) + 1)

    replay = odoo.call(
        "mqtt.replay", "create", {"service_id": service.id, "topic_filter": FLOOD}
    )
    odoo.call("mqtt.replay", "action_start", [replay])
    wait_handled(service, FLOOD, 2 * (len(stored) + 1) - len(cancelled))
    assert not service.rows("id", "cancel_reason IS NOT NULL")


def flood(service, broker):
    """Flood the topic; how many of these messages came while it was paused."""
    stored = len(service.rows("id", f"topic = '{FLOOD}'"))
    cancelled = len(service.rows("id", "cancel_reason IS NOT NULL"))
    numbers = Numbers(broker, FLOOD, rate=5000, limit=SENT)
    numbers.start()
    numbers.wait_sent(SENT)
    service.wait_stored(stored + numbers.finish(), where=f"topic = '{FLOOD}'")
    return len(service.rows("id", "cancel_reason IS NOT NULL")) - cancelled
