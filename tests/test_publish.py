# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import os
import secrets
import threading
import unittest

from paho.mqtt import client as paho

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from ..broker import publisher
from ..jobs import publish
from .common import MqttCase

BROKER = os.environ.get("MQTT_TEST_BROKER", "")
TIMEOUT = 15


@tagged("post_install", "-at_install")
class TestPublish(MqttCase):
    """What is asked for, without a broker."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service.host = "127.0.0.1"

    def jobs(self):
        """Those that publish, once the transaction is about to commit."""
        self.env.cr.precommit.run()
        return self.env["queue.job"].search([("method_name", "=", "_job_publish")])

    def test_one_job_for_a_transaction(self):
        """A thousand messages are one job; each is a row of history."""
        messages = [self.service.mqtt_publish(f"t/{n}", str(n)) for n in range(1000)]
        (job,) = self.jobs()
        self.assertEqual(job.channel, "root.mqtt.publish")
        self.assertEqual(job.mqtt_message_id, messages[0])
        self.assertEqual({one.state for one in messages}, {"queued"})
        self.service.mqtt_publish("later", b"")
        self.assertEqual(len(self.jobs()), 2)

    def test_a_rollback_publishes_nothing(self):
        with self.env.cr.savepoint() as savepoint:
            message = self.service.mqtt_publish("t", "x")
            savepoint.rollback()
        self.assertFalse(message.exists())
        self.assertFalse(self.jobs())

    def test_payloads(self):
        """Text, bytes, and what becomes JSON."""
        for payload, expected in (
            ("ü", "ü".encode()),
            (b"\0\xff", b"\0\xff"),
            ({"a": [1, None, "ü"]}, '{"a": [1, null, "ü"]}'.encode()),
            (12.5, b"12.5"),
            ("", b""),
        ):
            message = self.service.mqtt_publish("t", payload)
            self.assertEqual(message.payload_bytes, expected)
            self.assertEqual((message.direction, message.qos), ("send", 1))

    def test_what_cannot_be_published(self):
        """It is refused before anything is stored, and says why."""
        self.service.connection_ids.sudo().maximum_packet_size = 1000
        for values, words in (
            ({"topic": ""}, "not empty"),
            ({"topic": None}, "not empty"),
            ({"topic": "a/+"}, "belong in topic filters"),
            ({"topic": "a/#"}, "belong in topic filters"),
            ({"topic": "a\0b"}, "NUL"),
            ({"topic": "\ud800"}, "not valid text"),
            ({"topic": "x" * 65_536}, "65,535"),
            ({"payload": b"x" * 1000}, "takes 1000 at most"),
            ({"payload": {"a": object()}}, "not JSON"),
            ({"payload": float("nan")}, "not JSON"),
            ({"qos": 3}, "0, 1 or 2"),
            ({"properties": {"nonsense": 1}}, "nonsense"),
            ({"properties": {"topic_alias": 1}}, "topic_alias"),
            ({"properties": {"content_type": "\0"}}, "content_type"),
            ({"properties": {"response_topic": "a/#"}}, "response_topic"),
            ({"properties": {"correlation_data": "text"}}, "correlation_data"),
            ({"properties": {"message_expiry": -1}}, "message_expiry"),
            ({"properties": {"user_properties": ["a"]}}, "user_properties"),
            ({"properties": {"payload_format": "text"}, "payload": b"\xff"}, "UTF-8"),
        ):
            with self.subTest(values), self.assertRaisesRegex(UserError, words):
                self.service.mqtt_publish(**{"topic": "t", "payload": "x", **values})
        self.service.protocol = "3.1.1"
        with self.assertRaisesRegex(UserError, "no properties"):
            self.service.mqtt_publish("t", "x", properties={"content_type": "a"})
        self.assertFalse(self.env["mqtt.outbox"].search_count([]))

    def test_without_a_service(self):
        """The first that is active publishes, whatever the caller wants to see."""
        services = self.env["mqtt.service"]
        services.search([("id", "!=", self.service.id)]).active = False
        second = self.service.copy()
        for env in (services, services.with_context(active_test=False)):
            self.assertEqual(env.mqtt_publish("t", "x").service_id, self.service)
        self.service.active = False
        for env in (services, services.with_context(active_test=False)):
            self.assertEqual(env.mqtt_publish("t", "x").service_id, second)
        second.active = False
        for env in (services, services.with_context(active_test=False)):
            with self.assertRaisesRegex(UserError, "no MQTT service.*create one"):
                env.mqtt_publish("t", "x")

    def test_who_may_publish(self):
        for group in (
            "mqtt_listener.group_user",
            "base.group_user",
            "base.group_portal",
        ):
            user = new_test_user(self.env, f"publish_{group}", groups=group)
            with self.subTest(group), self.assertRaises(AccessError):
                self.service.with_user(user).mqtt_publish("t", "x")
        operator = new_test_user(
            self.env, "publish_operator", groups="mqtt_listener.group_operator"
        )
        message = self.service.with_user(operator).mqtt_publish("t", "x")
        self.assertEqual(message.state, "queued")

    def test_unreachable_then_given_up_then_requeued(self):
        """It is tried by the job's pattern, ends as a failed message, and goes on when
        somebody requeues it.
        """
        self.service.port = 1  # nobody listens there
        message = self.service.mqtt_publish("t", "x")
        job = self.jobs()
        self.mqtt_run_jobs()
        self.assertEqual((job.state, message.state), ("pending", "retrying"))
        self.assertIn("Nothing answers", job.result)
        self.assertIn("Nothing answers", message.publish_problem)
        for _ in range(9):
            self.mqtt_run_jobs(later=True)
        self.assertEqual((job.state, message.state), ("failed", "failed"))
        self.assertIn("Nothing answers", job.exc_message)
        self.assertIn("Nothing answers", message.publish_problem)
        job.action_mqtt_requeue()
        self.assertEqual(message.state, "queued")
        job._change_job_state("cancelled", result="not needed")
        self.assertEqual(
            (message.state, message.cancel_reason), ("cancelled", "not needed")
        )
        self.assertFalse(message.publish_problem)
        self.assertFalse(self.env["mqtt.outbox"].search_count([]))

    def test_why_it_is_not_sent(self):
        """Whoever may read the message is told, in one line and for each of many; but
        nothing of an error that is none of the broker's.
        """
        received = self.mqtt_receive("plant/1")
        self.service.port = 1  # nobody listens there
        messages = self.env["mqtt.signal.history"].union(
            *(self.service.mqtt_publish(f"t/{n}", "x") for n in range(2))
        )
        job = self.jobs()
        user = new_test_user(
            self.env, "publish_reader", groups="mqtt_listener.group_user"
        )

        def shown():
            self.env.invalidate_all()
            return (messages + received).with_user(user).mapped("publish_problem")

        self.assertEqual(shown(), [False] * 3)
        self.mqtt_run_jobs()
        self.assertEqual(shown(), [job.result] * 2 + [False])
        self.assertIn("Nothing answers", job.result)
        job.result = "\x1b[31mno\nline"
        self.assertEqual(shown()[0], "\\x1b[31mno line")

        def broken(publisher):
            raise LookupError("s3cret")

        self.patch(publisher.Publisher, "__enter__", broken)
        self.mqtt_run_jobs(later=True)
        self.assertEqual((job.state, job.exc_message), ("failed", "s3cret"))
        self.assertNotIn("s3cret", shown()[0])
        self.assertIn("job", shown()[0])

    def test_a_neutralized_copy_publishes_nothing(self):
        self.env["ir.config_parameter"].set_param("database.is_neutralized", True)
        message = self.service.mqtt_publish("t", "x")
        job = self.jobs()
        self.mqtt_run_jobs()
        self.assertEqual(message.state, "failed")
        self.assertIn("neutralized", job.exc_message)

    def test_what_expired_is_not_published(self):
        message = self.service.mqtt_publish("t", "x", properties={"message_expiry": 1})
        self.jobs()
        message.timestamp = "2020-01-01"
        self.mqtt_run_jobs()
        self.assertEqual(message.state, "cancelled")
        self.assertIn("Expired", message.cancel_reason)


@unittest.skipUnless(BROKER, "MQTT_TEST_BROKER=host:port names no broker")
@tagged("post_install", "-at_install")
class TestPublishToBroker(MqttCase):
    """What a real broker gets."""

    def setUp(self):
        super().setUp()
        host, _, port = BROKER.rpartition(":")
        self.service.write({"host": host, "port": int(port)})
        self.prefix = f"publish/{secrets.token_hex(4)}"
        self.heard, self.changed = [], threading.Condition()
        subscribed = threading.Event()
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        client.on_message = self._on_message
        client.on_subscribe = lambda *_args: subscribed.set()
        client.connect(host, int(port))
        client.subscribe(f"{self.prefix}/#", qos=2)
        client.loop_start()
        self.addCleanup(client.loop_stop)
        self.addCleanup(client.disconnect)
        self.assertTrue(subscribed.wait(TIMEOUT))

    def _on_message(self, _client, _userdata, message):
        with self.changed:
            self.heard.append(message)
            self.changed.notify()

    def publish(self, *args, **kwargs):
        topic, *others = args
        return self.service.mqtt_publish(f"{self.prefix}/{topic}", *others, **kwargs)

    def send(self, count):
        """Run the jobs, and wait for what is heard."""
        self.env.cr.precommit.run()
        self.mqtt_run_jobs()
        with self.changed:
            done = self.changed.wait_for(lambda: len(self.heard) >= count, TIMEOUT)
        self.assertTrue(done, f"heard {len(self.heard)} of {count}")
        return self.heard

    def test_as_it_was_written(self):
        """Payload, QoS, and properties of MQTT 5, with each QoS and version."""
        properties = {
            "content_type": "text/plain",
            "payload_format": "text",
            "response_topic": "answers/here",
            "correlation_data": b"\0\1",
            "message_expiry": 1000,
            "user_properties": [["a", "1"], ["a", "2"]],
        }
        sent = [self.publish(str(qos), "ü", qos=qos) for qos in (0, 1, 2)]
        sent.append(self.publish("3", "x", properties=properties))
        heard = {one.topic[-1]: one for one in self.send(4)}
        self.assertEqual([heard[str(qos)].qos for qos in (0, 1, 2)], [0, 1, 2])
        self.assertEqual(heard["2"].payload, "ü".encode())
        found = heard["3"].properties
        self.assertEqual(found.ContentType, "text/plain")
        self.assertEqual(found.PayloadFormatIndicator, 1)
        self.assertEqual(found.ResponseTopic, "answers/here")
        self.assertEqual(found.CorrelationData, b"\0\1")
        self.assertLessEqual(found.MessageExpiryInterval, 1000)
        self.assertEqual(found.UserProperty, [("a", "1"), ("a", "2")])
        self.assertEqual({one.state for one in sent}, {"done"})
        self.assertFalse(self.env["mqtt.outbox"].search_count([]))

    def test_larger_than_a_row(self):
        """What is kept as an attachment is sent whole."""
        self.service.payload_limit = 1000
        payload = bytes(range(256)) * 1000
        sent = self.publish("large", payload)
        self.assertTrue(sent.payload_attachment_id)
        (heard,) = self.send(1)
        self.assertEqual((heard.payload, sent.state), (payload, "done"))

    def test_version_3(self):
        self.service.protocol = "3.1.1"
        sent = [self.publish(str(qos), str(qos), qos=qos) for qos in (0, 1, 2)]
        self.assertEqual({one.payload for one in self.send(3)}, {b"0", b"1", b"2"})
        self.assertEqual({one.state for one in sent}, {"done"})

    def test_many_in_their_order(self):
        """One connection, and the order of each topic."""
        count = 1000
        for number in range(count):
            self.publish(f"t{number % 3}", str(number))
        self.env.cr.precommit.run()
        (job,) = self.env["queue.job"].search([("method_name", "=", "_job_publish")])
        heard = self.send(count)
        self.assertEqual(job.state, "done")
        for topic in range(3):
            numbers = [
                int(one.payload) for one in heard if one.topic.endswith(f"t{topic}")
            ]
            self.assertEqual(numbers, list(range(topic, count, 3)))

    def test_more_than_a_job_publishes(self):
        """The rest is left to the next, in order."""
        self.patch(publish, "PART", 4)
        sent = [self.publish("t", str(number)) for number in range(10)]
        self.env.cr.precommit.run()
        while any(one.state != "done" for one in sent):
            self.assertTrue(self.mqtt_run_jobs())
        heard = self.send(10)
        self.assertEqual([int(one.payload) for one in heard], list(range(10)))

    def test_only_what_is_left_is_tried_again(self):
        """A message that the broker never takes leaves the others alone, and fails by
        itself.
        """
        good = self.publish("good", "1")
        bad = self.publish("bad", "2", retain=True)
        after = self.publish("good", "3")
        # As if the broker had said so: Mosquitto cannot be told to in one test.
        found = publisher.Publisher._find_limit

        def find_limit(self, message):
            if message.retain:
                return publisher.Problem("retain")
            return found(self, message)

        self.patch(publisher.Publisher, "_find_limit", find_limit)
        heard = self.send(2)
        self.assertEqual([one.payload for one in heard], [b"1", b"3"])
        self.assertEqual((good + after).mapped("state"), ["done", "done"])
        self.mqtt_run_jobs()
        self.assertEqual(bad.state, "failed")
        self.assertIn("retained", bad.job_ids.exc_message)
        self.assertEqual(bad.publish_problem, bad.job_ids.exc_message)
        self.assertFalse(good.publish_problem)
        bad.job_ids._mqtt_cancel("no")
        self.assertEqual(bad.state, "cancelled")

    def test_why_what_is_left_was_not_sent(self):
        """Those that leave for a job of their own know it before that has run."""
        good, bad = self.publish("good", "1"), self.publish("bad", "2")
        found = publisher.Publisher._read_answers

        def refuse(self):
            # As if the broker had: Mosquitto cannot be told to in one test.
            for message in list(self._sent.values()):
                if message.topic.endswith("bad"):
                    text = "Quota exceeded: come back"
                    self.refused[message.key] = publisher.Problem(
                        "publish_refused", text
                    )
            answered = found(self)
            self.confirmed -= set(self.refused)
            return answered

        self.patch(publisher.Publisher, "_read_answers", refuse)
        self.env.cr.precommit.run()
        self.mqtt_run_jobs()
        self.assertEqual((good.state, bad.state), ("done", "retrying"))
        self.assertIn("limit for this client", bad.publish_problem)
        self.assertIn("come back", bad.publish_problem)

    def test_answer(self):
        """To the response topic, with the correlation data."""
        request = self.mqtt_receive(
            "request",
            "?",
            properties={
                "response_topic": f"{self.prefix}/answer",
                "correlation_data": b"\7",
            },
        )
        context = request.action_answer()["context"]
        dialog = (
            self.env["mqtt.publish"].with_context(**context).create({"payload": "!"})
        )
        action = dialog.action_publish()
        self.assertEqual(action["res_model"], "mqtt.signal.history")
        (answer,) = self.send(1)
        self.assertEqual(
            (answer.topic, answer.payload), (f"{self.prefix}/answer", b"!")
        )
        self.assertEqual(answer.properties.CorrelationData, b"\7")
