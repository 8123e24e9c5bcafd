"""What the pane of a topic shows: values, their changes, and history."""

from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from ..models.pane.topic_history import ROWS
from .common import MqttCase

MICROSECOND = 1
SECOND = 1_000_000
NOW = 1_767_268_800 * SECOND  # 2026-01-01 12:00:00


class PaneCase(MqttCase):
    def receive_all(self, *payloads, topic="plant/1", step=SECOND, **values):
        """Messages with these payloads, a step apart."""
        return self.receive(
            *(
                self.message(topic, payload, timestamp=NOW + at * step, **values)
                for at, payload in enumerate(payloads)
            )
        )

    def service_of(self, user=None):
        self.env.flush_all()
        self.env.invalidate_all()
        return self.service.with_env(self.env(user=user or self.env.user))

    def value(self, message=None, topic="plant/1", user=None):
        return self.service_of(user).topic_value(topic, message and message.id)

    def lines(self, **options):
        return self.value(**options)["message"]["lines"]


@tagged("post_install", "-at_install")
class TestTopicValue(PaneCase):
    def test_nothing(self):
        data = self.value(topic="plant/none")
        self.assertFalse(data["message"])
        self.assertEqual(data["service"], "Plant")

    def test_json_as_it_was_sent(self):
        """Each line has the path of its value; numbers stay as they are."""
        self.receive_all(
            b'{"motor": {"temp": 1.0, "odd key": [12345678901234567890]}, "on": true}'
        )
        message = self.value()["message"]
        self.assertEqual((message["kind"], message["kind_label"]), ("json", "JSON"))
        self.assertEqual(
            [(line["text"], line.get("path")) for line in message["lines"]],
            [
                ("{", "$"),
                ('  "motor": {', "$.motor"),
                ('    "temp": 1.0,', "$.motor.temp"),
                ('    "odd key": [', "$.motor['odd key']"),
                ("      12345678901234567890", "$.motor['odd key'][0]"),
                ("    ]", "$.motor['odd key']"),
                ("  },", "$.motor"),
                ('  "on": true', "$.on"),
                ("}", "$"),
            ],
        )

    def test_what_changed(self):
        self.receive_all(
            b'{"a": 1, "same": 2, "gone": 3}', b'{"a": 1.0, "same": 2, "new": [4]}'
        )
        message = self.value()["message"]
        changed = {
            line["path"]: line.get("was")
            for line in message["lines"]
            if line.get("changed")
        }
        self.assertEqual(changed, {"$.a": "1", "$.new": None, "$.new[0]": None})
        self.assertEqual(message["gone"], ["$.gone"])

    def test_previous_and_next(self):
        """By time to the microsecond; of the same topic and service only."""
        first, second, third = self.receive_all(b"1", b"2", b"3", step=MICROSECOND)
        self.receive_all(b"x", topic="plant/2")
        found = self.value(second)["message"]
        self.assertEqual((found["older"], found["newer"]), (first.id, third.id))
        self.assertEqual(self.value(first)["message"]["older"], False)
        newest = self.value()["message"]
        self.assertEqual((newest["id"], newest["newer"]), (third.id, False))
        self.assertAlmostEqual(newest["time"], (NOW + 2) / SECOND, places=5)

    def test_of_the_same_time(self):
        first, second, third = self.receive_all(b"1", b"2", b"3", step=0)
        found = self.value(second)["message"]
        self.assertEqual((found["older"], found["newer"]), (first.id, third.id))

    def test_a_message_of_another_topic(self):
        (other,) = self.receive_all(b"x", topic="plant/2")
        self.assertFalse(self.value(other)["message"])

    def test_another_company(self):
        self.receive_all(b"secret")
        self.service.company_id = self.env.company
        other = self.env["res.company"].create({"name": "Other"})
        user = new_test_user(
            self.env,
            "pane_elsewhere",
            groups="mqtt_listener.group_manager",
            company_id=other.id,
            company_ids=[(6, 0, other.ids)],
        )
        with self.assertRaises(AccessError):
            self.value(user=user)
        with self.assertRaises(AccessError):
            self.service_of(user).topic_history("plant/1", [0, 2e9])


@tagged("post_install", "-at_install")
class TestTopicHistory(PaneCase):
    def history(self, span, topic="plant/1"):
        return self.service_of().topic_history(topic, span)

    def test_a_span(self):
        self.receive_all(*(str(n).encode() for n in range(10)))
        begin = NOW / SECOND
        found = self.history([begin + 2, begin + 5])
        self.assertEqual([row["preview"] for row in found["rows"]], ["4", "3", "2"])
        self.assertEqual(found["more"], 0)
        self.assertEqual(self.history(60)["rows"], [])

    def test_more_than_a_list_shows(self):
        self.receive_all(*[b"x"] * (ROWS + 7))
        found = self.history([0, 2e9])
        self.assertEqual(len(found["rows"]), ROWS)
        self.assertEqual((found["more"], found["has_more_than_counted"]), (7, False))

    def test_bounds_beyond_all_time(self):
        self.receive_all(b"x")
        for span in ([-1e300, 1e300], [0, float("inf")], 1e12):
            with self.subTest(span=span):
                self.assertEqual(len(self.history(span)["rows"]), 1)
