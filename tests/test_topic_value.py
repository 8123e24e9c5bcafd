# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the pane of a topic shows of a message, and who sees it."""

import json

import jsonpath

from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from ..models.pane.topic_history import ROWS
from ..models.pane.topic_value import LINE_CHARS, LINES, READ_BYTES
from ..mqtt.series import numbers
from .pane_case import MICROSECOND, NOW, SECOND, PaneCase


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

    def test_every_kind(self):
        for payload, kind, begin in (
            (b"", "empty", []),
            ("läuft\nseit 8".encode(), "text", ["läuft", "seit 8"]),
            (b"\xff\x00", "binary", ["00000000  ff 00"]),
            (b"NaN", "text", ["NaN"]),
            (b"1.0", "json", ["1.0"]),
            (b'{"a": 1, "a": 2}', "json", ["{", '  "a": 1,', '  "a": 2', "}"]),
            (b"[" * 5_000 + b"]" * 5_000, "text", ["[[["]),
        ):
            self.receive_all(payload)
            message = self.value()["message"]
            with self.subTest(payload=payload[:20]):
                self.assertEqual(message["kind"], kind)
                for line, text in zip(message["lines"], begin, strict=kind != "binary"):
                    self.assertTrue(line["text"].startswith(text), line)

    def test_ten_megabytes(self):
        """The beginning, in the row of the message and as an attachment."""
        payload = b'{"a": "%s"}' % (b"x" * 10_000_000)
        for limit in (20_000_000, 1_000_000):
            self.service.write({"payload_limit": limit, "attachment_limit": 20_000_000})
            self.receive_all(b"before", payload)
            message = self.value()["message"]
            with self.subTest(limit=limit):
                self.assertEqual(message["kind"], "text")
                self.assertTrue(message["is_cut"])
                (line,) = message["lines"]
                self.assertEqual(len(line["text"]), LINE_CHARS)
                self.assertEqual(line["cut"], READ_BYTES - LINE_CHARS)

    def test_many_lines(self):
        self.receive_all(json.dumps(list(range(LINES + 7))).encode())
        message = self.value()["message"]
        self.assertEqual((len(message["lines"]), message["more_lines"]), (LINES, 9))
        self.assertFalse(message["is_cut"])

    def test_a_payload_that_was_not_kept(self):
        self.service.write({"payload_limit": 1, "attachment_limit": 1})
        with self.assertLogs("odoo.addons.mqtt_listener.models.service.limits"):
            self.receive_all(b"xyz")
        message = self.value()["message"]
        self.assertEqual((message["kind"], message["lines"]), ("not_kept", []))
        self.assertIn("3 bytes was larger", message["warning"])

    def test_text_and_bytes_that_changed(self):
        """What is between the equal beginning and end."""
        for before, after in (
            (b"one\ntwo\nfive", b"one\nthree\nfour\nfive"),
            (bytes(64), bytes(16) + b"\1" + bytes(31) + bytes(16)),
        ):
            topic = f"plant/{len(after)}"
            self.receive_all(before, after, topic=topic)
            lines = self.lines(topic=topic)
            changed = [bool(line.get("changed")) for line in lines]
            self.assertEqual(changed[0], False)
            self.assertEqual(changed[1], True)
            self.assertEqual(changed[-1], False)

    def test_properties(self):
        self.mqtt_receive(
            "plant/1",
            "x",
            properties={
                "content_type": "text/plain",
                "payload_format": "text",
                "message_expiry": 60,
                "user_properties": [["site", "Graz"]],
            },
        )
        self.assertEqual(
            self.value()["message"]["properties"],
            [
                ["Content Type", "text/plain"],
                ["Payload Format", "UTF-8 Text"],
                ["Message Expiry", "60 seconds"],
                ["User Properties", "site: Graz"],
            ],
        )

    def test_paths_are_those_of_the_standard(self):
        """An implementation of RFC 9535 finds each value at its path."""
        value = {
            "a": [1, {"b'c": 2, "d e": 3, "": 4}],
            "\\\n\x07ü😀": 5,
            "0": 6,
            "$": {"_": 7},
        }
        self.receive_all(json.dumps(value).encode())
        found = [line for line in self.lines() if line.get("number")]
        self.assertEqual(len(found), 7)
        for expected, line in enumerate(found, 1):
            self.assertEqual(jsonpath.findall(line["path"], value), [expected])
        paths = [line["path"] for line in found]
        self.assertEqual([path for path, _number in numbers(value)], paths)
        self.receive_all(b'{"\\ud800": 1}')
        self.assertEqual(list(numbers({"\ud800": 1})), [])
        self.assertNotIn("path", self.lines()[1])

    def test_the_queries_are_as_many(self):
        """With one message as with hundreds."""

        def queries():
            self.value()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.service.topic_value("plant/1")
            self.service.topic_history("plant/1", [0, 2e9])
            self.service.topic_chart("plant/1", [0, 2e9])
            return self.env.cr.sql_log_count - before

        self.receive_all(*[b"1"] * (ROWS + 1))
        few = queries()
        self.receive_all(*[b"1"] * 500)
        self.assertEqual(queries(), few)

    def test_retained(self):
        """The last message that was marked, or an empty one after it."""
        self.receive_all(b"1")
        self.assertFalse(self.value()["retained"])
        self.receive_all(b"2", retain=True)
        self.receive_all(b"3", b"4")
        retained = self.value()["retained"]
        self.assertEqual((retained["preview"], retained["is_empty"]), ("2", False))
        self.receive_all(b"5", b"", b"6")
        self.assertTrue(self.value()["retained"]["is_empty"])

    def test_a_button_leads_here(self):
        (message,) = self.receive_all(b"1")
        action = message.action_open_topic()
        self.assertEqual(
            action["params"], {"service_id": self.service.id, "topic": "plant/1"}
        )

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
