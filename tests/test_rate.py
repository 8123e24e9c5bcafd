# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import datetime

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import BaseCase, mute_logger, new_test_user, tagged

from ..broker.settings import ServiceSettings
from ..models.service import rate as mqtt_service_rate
from ..mqtt import rate
from ..mqtt.message import decode_batch, encode_batch
from ..mqtt.rate import WINDOW, TopicRates
from .common import MqttCase
from .test_handler import HandlerCase

BEGIN = 1_700_000_000_000_000  # microseconds since 1970
SECOND = 1_000_000
LOGGER = mqtt_service_rate.__name__


class TestTopicRates(BaseCase):
    """Counting, with a clock that is told."""

    def setUp(self):
        super().setUp()
        self.rates = TopicRates()
        self.rates.want(3)
        self.now = BEGIN

    def count(self, topic="a", times=1, apart=0):
        """Count messages; which of them found their topic paused."""
        found = []
        for _ in range(times):
            found.append(self.rates.count(topic, self.now))
            self.now += apart
        return found

    def test_no_limit(self):
        self.rates.want(0)
        self.assertNotIn(True, self.count(times=1000))

    def test_each_topic_by_itself(self):
        self.assertEqual(self.count(times=5), [False] * 3 + [True] * 2)
        self.assertEqual(self.count("b", times=3), [False] * 3)
        self.assertEqual(self.rates.named(), {"a": (BEGIN, 2)})

    def test_within_the_limit_for_long(self):
        self.assertNotIn(True, self.count(times=100, apart=WINDOW // 3))

    def test_it_resumes_after_a_minute_within_the_limit(self):
        self.count(times=4)
        self.now += WINDOW
        self.assertEqual(self.count(times=3), [True] * 3, "its quiet minute begins")
        self.now += WINDOW - 1
        self.assertEqual(self.count(), [True], "it was one too many")
        self.now += 1
        self.assertEqual(self.count(times=2), [True] * 2)
        self.now += WINDOW
        self.assertEqual(self.count(times=3), [False] * 3)
        self.assertFalse(self.rates.named())

    def test_it_resumes_in_silence(self):
        """No message has to come for that."""
        self.count(times=4)
        for passed, named in ((WINDOW - 1, 1), (WINDOW, 1), (2 * WINDOW, 0)):
            self.rates.look(BEGIN + passed)
            self.assertEqual(len(self.rates.named()), named)

    def test_by_hand(self):
        """It may send as many as the limit again; a later pause is another one."""
        self.count(times=5)
        pause = [("a", BEGIN)]
        self.rates.resume([("b", BEGIN), ("a", BEGIN - 1)])
        self.assertTrue(self.rates.named())
        self.rates.resume(pause)
        self.assertFalse(self.rates.named())
        self.now += SECOND
        self.assertEqual(self.count(times=4), [False] * 3 + [True])
        self.rates.resume(pause)
        self.assertEqual(self.rates.named(), {"a": (BEGIN + SECOND, 1)})

    def test_another_limit(self):
        self.count(times=4)
        self.rates.want(3)
        self.assertTrue(self.rates.named())
        self.rates.want(10)
        self.assertEqual(self.count(times=6), [True] * 6, "until it kept to it")
        self.rates.want(0)
        self.assertEqual(self.count(), [False])
        self.assertFalse(self.rates.named())

    def test_the_exempt_topic(self):
        self.rates.want(3, exempt="a")
        self.assertNotIn(True, self.count(times=10))
        self.rates.want(3)
        self.count(times=4)
        self.rates.want(3, exempt="a")
        self.assertFalse(self.rates.named())

    def test_a_clock_that_is_set_back(self):
        self.count(times=4)
        self.now -= 1000 * WINDOW
        self.assertEqual(self.count(times=3), [True] * 3)
        self.now += WINDOW
        self.assertEqual(self.count(), [False])

    def test_memory_is_bounded(self):
        """Topics beyond the bound pass; those that are paused are watched on."""
        self.patch(rate, "MOST_COUNTED", 5)
        self.patch(rate, "MOST_NAMED", 2)
        for number in range(10):
            self.assertEqual(self.count(f"t{number}", times=4)[-1], number < 5)
        self.assertEqual(len(self.rates._counts), 5)
        self.assertEqual(list(self.rates.named()), ["t0", "t1"])
        self.now += WINDOW
        for number in range(10):
            self.assertEqual(self.count(f"t{number}", times=4)[-1], number < 5)
        self.now += WINDOW
        self.assertEqual(len(self.rates._paused), 5)
        self.count("t0")
        self.now += WINDOW
        self.assertEqual(self.count("t9", times=4)[-1], True)
        long = "x" * 65_535
        self.count(f"{long}a", times=4)
        self.count(f"{long}b", times=3)
        (key,) = set(self.rates._paused) - {"t9"}
        self.assertLess(len(key), 450)


@tagged("post_install", "-at_install")
class TestPausedMessages(HandlerCase):
    """What becomes of messages of a paused topic."""

    def setUp(self):
        super().setUp()
        self.seen = seen = []

        def on_message(self, message):
            seen.append(message.payload)

        self.handler = self.declare("plant/#", on_message)

    def test_encoded(self):
        """Batches of earlier versions can be read too."""
        messages = [self.message(paused=7), self.message(trouble="x"), self.message()]
        self.assertEqual(list(decode_batch(encode_batch(messages))), messages)
        encoded = encode_batch([self.message(payload=b"")])
        for end in (b",null]]", b",0,null]]", b",null,0,null]]"):
            older = encoded[4:].replace(end, b"]]")
            older = len(older).to_bytes(4, "big") + older
            self.assertNotEqual(older, encoded)
            self.assertEqual(list(decode_batch(older)), [self.message(payload=b"")])

    def test_stored_and_not_handled(self):
        messages = self.receive(
            self.message(payload=b"1"),
            self.message(payload=b"2", paused=1),
            self.message(payload=b"3", paused=1),
            self.message("other", b"4", paused=1),
            self.message("plant/2", b"5"),
        )
        self.assertEqual(self.seen, ["1", "5"])
        self.assertEqual(
            messages.mapped("state"),
            ["done", "cancelled", "cancelled", "stored", "done"],
        )
        reason = "Topic paused: more than 1 messages in a minute"
        self.assertEqual(messages[1].cancel_reason, reason)
        self.assertFalse(messages[3].cancel_reason, "nobody would have handled it")
        cancelled = self.env["mqtt.signal.history"].search(
            [("service_id", "=", self.service.id), ("state", "=", "cancelled")]
        )
        self.assertEqual(cancelled, messages[1] | messages[2])

    def test_ordered(self):
        seen = self.seen

        def on_message(self, message):
            seen.append(message.payload)

        self.declare("row/#", on_message, name="_on_row", ordered=True)
        messages = self.receive(
            self.message("row/1", b"1"),
            self.message("row/1", b"2", paused=1),
            self.message("row/1", b"3"),
        )
        self.assertEqual(self.seen, ["1", "3"])
        self.assertEqual(messages.mapped("state"), ["done", "cancelled", "done"])

    def test_replay(self):
        messages = self.receive(
            *(self.message(payload=b"%d" % n, paused=2 * (n > 2)) for n in range(1, 5))
        )
        self.assertEqual(self.seen, ["1", "2"])
        replay = self.env["mqtt.replay"].create({"selected_ids": messages[2:].ids})
        replay.action_start()
        self.mqtt_run_jobs()
        self.assertEqual(self.seen, ["1", "2", "3", "4"])
        self.assertEqual(messages.mapped("state"), ["done"] * 4)
        self.assertFalse(any(messages.mapped("cancel_reason")))

    def test_answers_are_not_paused(self):
        self.service.write({"status": "start", "response_topic": "plant/answers"})
        request = self.service.mqtt_request("ask", "x")
        data = request.message_id.correlation_data.hex()
        answer = self.receive(
            self.message(
                self.service.response_topic,
                properties={"correlation_data": data},
                paused=1,
            )
        )
        self.assertEqual((request.state, answer.state), ("answered", "done"))
        self.assertEqual(self.seen, ["x"])
        settings = ServiceSettings.from_values(self.service._listener_settings())
        self.assertEqual(settings.response_topic, self.service.response_topic)

    def test_out_of_quarantine(self):
        """Who has it tried again wants it handled."""
        self.receive(self.message(payload=b"1", trouble="no good", paused=1))
        self.env["mqtt.quarantine"].search([]).action_retry()
        self.mqtt_run_jobs()
        self.assertEqual(self.seen, ["1"])


@tagged("post_install", "-at_install")
class TestPausedTopics(MqttCase):
    """What the listener reports, and what it is told."""

    def report(self, paused, thread_identifier="here"):
        return self.service._listener_report(
            thread_identifier, {}, {}, prune_through=0, paused=paused
        )

    def paused(self):
        return self.env["mqtt.paused.topic"].search(
            [("service_id", "=", self.service.id)], order="topic"
        )

    def test_a_topic_begins_no_line_of_the_log(self):
        """Whoever may publish decides what is in it."""
        self.service.topic_rate_limit = 3
        self.service._listener_claim("here", "host")
        with self.assertLogs(LOGGER, "WARNING") as logs:
            self.report({"a\n2026-11-26 CRITICAL": (BEGIN, 1)})
        self.assertIn("a 2026-11-26 CRITICAL", logs.output[0])

    def test_reported(self):
        self.service.topic_rate_limit = 3
        self.service._listener_claim("here", "host")
        self.assertFalse(self.service.paused_warning)
        with self.assertLogs(LOGGER, "WARNING") as logs:
            self.report({"a": (BEGIN + 1, 2), "b": (BEGIN, 1)})
        self.assertIn("more than 3 messages a minute are paused: a, b", logs.output[0])
        self.assertRecordValues(
            self.paused(),
            [
                {
                    "topic": "a",
                    "paused_since": datetime(2023, 11, 14, 22, 13, 20, 1),
                    "message_count": 2,
                },
                {
                    "topic": "b",
                    "paused_since": datetime(2023, 11, 14, 22, 13, 20),
                    "message_count": 1,
                },
            ],
        )
        self.assertIn("3 messages a minute: 2 (a, b)", self.service.paused_warning)
        found = self.env["mqtt.paused.topic"].search(
            self.service.action_open_paused()["domain"]
        )
        self.assertEqual(found, self.paused())
        self.report(None)
        self.assertEqual(len(self.paused()), 2)
        self.report({"b": (BEGIN, 5)})
        self.assertEqual(self.paused().mapped("message_count"), [5])
        self.assertFalse(self.report({}, "another"))
        self.assertTrue(self.paused())
        self.report({})
        self.assertFalse(self.paused())
        self.assertFalse(self.service.paused_warning)

    @mute_logger(LOGGER)
    def test_they_end_with_their_listener(self):
        for end in (
            lambda: self.service._listener_release("here"),
            lambda: self.service._listener_claim("next", "host"),
        ):
            self.service._listener_claim("here", "host")
            self.report({"a": (BEGIN, 1)})
            self.service._listener_release("another")
            self.assertTrue(self.paused())
            end()
            self.assertFalse(self.paused())

    @mute_logger(LOGGER)
    def test_resume(self):
        """An operator says so, the listener hears which pause it is."""
        users = {
            role: new_test_user(
                self.env, f"rate_{role}", groups=f"mqtt_listener.group_{role}"
            )
            for role in ("user", "operator")
        }
        self.service._listener_claim("here", "host")
        self.report({"a": (BEGIN + 1, 1), "b": (BEGIN, 1)})
        topic = self.paused()[0]
        with self.assertRaises(AccessError):
            topic.with_user(users["user"]).action_resume()
        topic.with_user(users["operator"]).action_resume()
        settings = ServiceSettings.from_values(self.service._listener_settings())
        self.assertEqual(settings.resumed, (("a", BEGIN + 1),))
        self.report({"a": (BEGIN + 2, 1)})
        self.assertFalse(topic.is_resumed, "it is paused once more")
        other = self.env["res.company"].create({"name": "Other"})
        self.service.company_id = other
        self.env.flush_all()
        self.env.invalidate_all()
        with self.assertRaises(AccessError):
            topic.with_user(users["operator"]).action_resume()

    def test_the_limit(self):
        """It reaches the listener, without a restart."""
        self.service.needs_restart = False
        self.service.topic_rate_limit = 9
        self.assertFalse(self.service.needs_restart)
        settings = ServiceSettings.from_values(self.service._listener_settings())
        self.assertEqual((settings.topic_rate_limit, settings.resumed), (9, ()))
        with self.assertRaisesRegex(ValidationError, "has to be 0 or more"):
            self.service.topic_rate_limit = -1
