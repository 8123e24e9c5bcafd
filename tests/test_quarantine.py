# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from unittest.mock import patch

import psycopg2

from odoo.exceptions import AccessError
from odoo.tests import BaseCase, mute_logger, new_test_user, tagged

from ..listener.inbox import Delivery, Inbox
from ..listener.observed import Counted, Observed
from ..listener.subscriptions import Subscriptions
from ..listener.writer import Writer
from ..mqtt.message import UNREADABLE, Message
from .common import MqttCase


@tagged("post_install", "-at_install")
class TestQuarantine(MqttCase):
    """What cannot be stored for a reason of its own is kept, and holds nobody up."""

    def refuse(self, *payloads, error=None):
        """Have history refuse messages with these payloads."""
        original = type(self.service)._history_values

        def refusing(service, message, *args):
            if message.payload in payloads:
                raise error or ValueError("not this one")
            return original(service, message, *args)

        return patch.object(type(self.service), "_history_values", refusing)

    def quarantined(self):
        return self.env["mqtt.quarantine"].search([], order="sequence")

    def test_neighbours_are_stored(self):
        """Bad messages go into quarantine as they came, the others into history."""
        numbers = [str(number).encode() for number in range(10)]
        with self.refuse(b"3", b"7"):
            stored = self.receive(
                *(self.message(payload=number, retain=True) for number in numbers)
            )
        self.assertEqual(
            stored.mapped("sequence"), [1, 2, 3, 5, 6, 7, 9, 10], "not in order"
        )
        self.assertRecordValues(
            self.quarantined(),
            [
                {
                    "service_id": self.service.id,
                    "topic": "plant/1",
                    "sequence": sequence,
                    "reason": "ValueError: not this one",
                    "size": 1,
                    "tries": 1,
                    "retain": True,
                    "payload_view": payload,
                }
                for sequence, payload in ((4, "3"), (8, "7"))
            ],
        )
        self.assertEqual(self.service.quarantine_count, 2)
        self.assertEqual(self.service.stored_count, 8)
        self.assertFalse(self.env["mqtt.batch"].search([]))

    def test_stored_again(self):
        """With its place in the order, and handled; what is refused again stays."""
        with self.refuse(b"bad", b"worse"):
            self.receive(
                self.message(payload=b"bad"),
                self.message(payload=b"good"),
                self.message(payload=b"worse"),
            )
        with self.refuse(b"worse", error=ValueError("still not")):
            action = self.quarantined().action_retry()
        self.assertIn("still not", action["params"]["message"])
        left = self.quarantined()
        self.assertRecordValues(left, [{"reason": "ValueError: still not", "tries": 2}])
        self.assertEqual(self.service.stored_count, 2)
        left.action_retry()
        self.assertFalse(self.quarantined())
        history = self.service.history_ids.sorted("sequence")
        self.assertEqual(history.mapped("payload"), ["bad", "good", "worse"])
        self.assertEqual(history.mapped("sequence"), [1, 2, 3])

    def test_handled_when_stored_again(self):
        handler = self.env["mqtt.handler"].create(
            {
                "name": "Note",
                "pattern": "plant/+",
                "action_server_id": self.env["ir.actions.server"]
                .create(
                    {
                        "name": "Note",
                        "model_id": self.env.ref("base.model_res_partner").id,
                        "state": "code",
                        "code": "env['res.partner'].create({'name': payload})",
                    }
                )
                .id,
            }
        )
        with self.refuse(b"Late Partner"):
            self.receive(self.message(payload=b"Late Partner"))
        self.quarantined().action_retry()
        self.mqtt_run_jobs()
        self.assertMqttHandled(self.service.history_ids, handler.name)
        self.assertTrue(self.env["res.partner"].search([("name", "=", "Late Partner")]))

    def test_when_none_can_be_stored(self):
        """Then it is no reason of their own: a job of theirs fails and keeps them."""
        self.enqueue(self.message(payload=b"1"), self.message(payload=b"2"))
        with self.refuse(b"1", b"2"):
            states = self.mqtt_run_jobs().mapped("state")
        self.assertEqual(states, ["done", "failed"])
        self.assertFalse(self.quarantined())
        self.assertEqual(self.service.waiting_count, 2)
        self.receive(self.message(payload=b"3"))
        self.assertEqual(self.service.history_ids.mapped("payload"), ["3"])

    def test_what_the_job_of_those_says_is_one_line(self):
        """PostgreSQL shows the row, and queue_job logs what it is told."""
        self.enqueue(self.message(payload=b"1"), self.message(payload=b"2"))
        error = ValueError("row:\n2026-01-01 CRITICAL \x1b[31m")
        with self.refuse(b"1", b"2", error=error):
            job = self.mqtt_run_jobs()[-1]
        self.assertEqual(job.exc_message, "row: 2026-01-01 CRITICAL \\x1b[31m")
        self.assertNotIn("\n2026", job.exc_info)

    def test_a_fault_of_the_database_is_none_of_the_message(self):
        self.enqueue(self.message(payload=b"1"), self.message(payload=b"2"))
        with self.refuse(b"1", error=psycopg2.errors.DiskFull("no space left")):
            self.assertEqual(self.mqtt_run_jobs().mapped("state"), ["pending"])
        self.assertFalse(self.quarantined())

    def test_unreadable_properties(self):
        """They are shown as bytes, and left out when the message is stored again."""
        self.receive(
            self.message(
                payload=b"\xff", properties={UNREADABLE: "00ff"}, trouble="Not readable"
            ),
            self.message(payload=b"next"),
        )
        record = self.quarantined()
        self.assertRecordValues(
            record,
            [
                {
                    "reason": "Not readable",
                    "properties_text": "unreadable: 00ff",
                    "payload_filename": f"quarantine-{record.id}.bin",
                }
            ],
        )
        self.assertIn("ff", record.payload_view)
        record.action_retry()
        message = self.service.history_ids.sorted("sequence")[0]
        self.assertEqual((message.payload_raw, message.properties), (b"\xff", {}))

    def test_who_may(self):
        """Users see it, operators have it stored again, managers delete it."""
        self.receive(self.message(trouble="Bad"))
        record = self.quarantined()
        user = new_test_user(self.env, "quser", groups="mqtt_listener.group_user")
        operator = new_test_user(self.env, "qop", groups="mqtt_listener.group_operator")
        manager = new_test_user(self.env, "qman", groups="mqtt_listener.group_manager")
        nobody = new_test_user(self.env, "qnobody", groups="base.group_user")
        self.assertEqual(record.with_user(user).reason, "Bad")
        with self.assertRaises(AccessError):
            record.with_user(nobody).read(["topic"])
        with self.assertRaises(AccessError):
            record.with_user(user).action_retry()
        with self.assertRaises(AccessError):
            record.with_user(operator).unlink()
        with self.assertRaises(AccessError):
            record.with_user(manager).write({"topic": "x"})
        record.with_user(operator).action_retry()
        self.assertEqual(len(self.service.history_ids), 1)
        self.receive(self.message(trouble="Bad"))
        self.quarantined().with_user(manager).unlink()


class FakeConnection:
    """What a writer needs of a connection."""

    name = "writer-test"
    session = 1

    def __init__(self):
        self.observed = Observed()
        self.subscriptions = Subscriptions((), {})
        self.settings = type("Settings", (), {"id": 1})
        self.acknowledged = []
        self.waits = 0

    def is_alive(self):
        return True

    def join(self, timeout):
        """Time does not pass."""
        self.waits += 1

    def committed(self, deliveries, pruned):
        self.acknowledged += [one.message.payload for one in deliveries]


class TestWriter(BaseCase):
    """A message that cannot be enqueued does not block the stream."""

    def setUp(self):
        super().setUp()
        self.connection = FakeConnection()

    def commit(self, enqueue, *payloads):
        connection = self.connection
        inbox = Inbox(1000, 2**20, 0, 1000, 2**20)
        for payload in payloads:
            inbox.put(Delivery(Message("t", payload, qos=1), 1, 1))
        bridge = type("Bridge", (), {"enqueue": staticmethod(enqueue)})
        writer = Writer(bridge, connection, inbox, 0)
        with mute_logger("odoo.addons.mqtt_listener.listener.writer"):
            self.assertTrue(writer._commit(inbox.take(0)))
        self.assertEqual(inbox.unfinished, 0)

    def enqueuer(self, *errors):
        """An enqueue that raises what ``errors(batch)`` says; and what it committed."""
        committed = []

        def enqueue(_service, _name, batch, *, after_sequence, **_more):
            for error in errors:
                raised = error(batch)
                if raised:
                    raise raised
            self.assertEqual(after_sequence, len(committed))
            committed.extend(one.message for one in batch)
            return after_sequence + len(batch)

        return enqueue, committed

    def test_one_that_is_at_fault(self):
        """It is committed as one for quarantine, the others as they are, in order."""
        numbers = [str(number).encode() for number in range(50)]

        def error(batch):
            bad = [one for one in batch if one.message.payload == b"31"]
            return ValueError("no") if bad and not bad[0].message.trouble else None

        enqueue, committed = self.enqueuer(error)
        self.commit(enqueue, *numbers)
        self.assertEqual([one.payload for one in committed], numbers)
        self.assertEqual(self.connection.acknowledged, numbers)
        troubles = {one.payload: one.trouble for one in committed if one.trouble}
        self.assertEqual(troubles, {b"31": "It cannot be enqueued: ValueError: no"})

    def test_what_is_no_message_s_fault(self):
        """When everything is refused for a while, nobody is blamed."""

        def error(_batch):
            return KeyError("mqtt.service") if self.connection.waits < 9 else None

        enqueue, committed = self.enqueuer(error)
        self.commit(enqueue, b"1", b"2", b"3")
        self.assertEqual([one.payload for one in committed], [b"1", b"2", b"3"])
        self.assertFalse([one for one in committed if one.trouble])

    def test_what_is_counted_is_the_same_at_each_try(self):
        """One that seemed to fail may have been committed."""
        observed, seen = self.connection.observed, []
        observed.received = 1

        def enqueue(*_batch, counted: Counted, after_sequence, **_more):
            seen.append(counted.received)
            if len(seen) == 1:
                observed.received += 5
                raise psycopg2.OperationalError("the answer is lost")
            return after_sequence + 1

        self.commit(enqueue, b"1", b"2")
        self.assertEqual(seen, [1, 1])
        self.assertEqual(observed.received, 6)

    def test_a_database_that_is_away(self):
        """It is waited for, and the batch stays whole."""
        tries = iter(range(100))
        sizes = []

        def error(batch):
            sizes.append(len(batch))
            return psycopg2.OperationalError("away") if next(tries) < 20 else None

        enqueue, committed = self.enqueuer(error)
        self.commit(enqueue, b"1", b"2", b"3")
        self.assertEqual(set(sizes), {3})
        self.assertEqual(len(committed), 3)
