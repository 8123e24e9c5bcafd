"""What the pane of a topic shows: values, their changes, and history."""

import csv
import io
import json
from datetime import timedelta

import jsonpath

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from ..models.pane.topic_chart import PART_MESSAGES, PAYLOAD_BYTES, POINTS
from ..models.pane.topic_history import ROWS
from ..models.pane.topic_value import LINE_CHARS, LINES, READ_BYTES
from ..mqtt.series import numbers
from .common import MqttCase, MqttMixin
from .test_failures import FailureCase

MICROSECOND = 1
SECOND = 1_000_000
NOW = 1_767_268_800 * SECOND  # 2026-01-01 12:00:00


def as_sent(data):
    """What a browser makes of an answer; it knows no NaN."""
    return json.loads(json.dumps(data, allow_nan=False))


class Receiving:
    def receive_all(self, *payloads, topic="plant/1", step=SECOND, **values):
        """Messages with these payloads, a step apart."""
        return self.receive(
            *(
                self.message(topic, payload, timestamp=NOW + at * step, **values)
                for at, payload in enumerate(payloads)
            )
        )


class PaneCase(Receiving, MqttCase):
    def service_of(self, user=None):
        self.env.flush_all()
        self.env.invalidate_all()
        return self.service.with_env(self.env(user=user or self.env.user))

    def value(self, message=None, topic="plant/1", user=None):
        return as_sent(self.service_of(user).topic_value(topic, message and message.id))

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


@tagged("post_install", "-at_install")
class TestTopicHistory(PaneCase):
    def history(self, span, topic="plant/1"):
        return as_sent(self.service_of().topic_history(topic, span))

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


@tagged("post_install", "-at_install")
class TestTopicChart(PaneCase):
    def chart(self, paths=None, span=(NOW / SECOND, NOW / SECOND + 24_000)):
        self.env.flush_all()
        self.env.invalidate_all()
        return as_sent(self.service.topic_chart("plant/1", list(span), paths))

    def points(self, path, **options):
        found = self.chart([path], **options)["series"]
        return [point[1:] for one in found for point in one["points"]]

    def test_every_number_is_a_series(self):
        self.receive_all(b'{"motor": {"temp": 61.5}, "a b": [1, true], "text": "5"}')
        data = self.chart()
        self.assertEqual(
            [(one["path"], one["label"], one["kind"]) for one in data["found"]],
            [
                ("$.motor.temp", "motor.temp", "number"),
                ("$['a b'][0]", "['a b'][0]", "number"),
                ("$['a b'][1]", "['a b'][1]", "boolean"),
            ],
        )
        self.assertEqual(
            [one["points"] for one in data["series"]],
            [[[NOW / SECOND, value]] for value in (61.5, 1, 1)],
        )
        self.assertEqual((data["bucket_seconds"], data["messages"]), (0, 1))

    def test_a_plain_number(self):
        self.receive_all(b"1", b" 2.5\n", b"-3e1", b"true")
        (found,) = self.chart()["found"]
        self.assertEqual((found["label"], found["kind"]), ("value", "number"))
        self.assertEqual(self.points("$"), [[1], [2.5], [-30], [1]])

    def test_what_is_no_number(self):
        """Never NaN, never infinite: no browser reads an answer with one."""
        huge = b"9" * 5_000
        deep = b"[" * 5_000 + b"1" + b"]" * 5_000
        self.receive_all(
            *(b"NaN", b"Infinity", b"-Infinity", b"1e999", b'{"a": NaN}', huge, deep),
            *(b"9" * 400, b"\xff\x00", b"", b"text", b'"5"', b"null", b"[]"),
        )
        data = self.chart()
        self.assertEqual((data["found"], data["messages"]), ([], 14))

    def test_names_that_stand_twice(self):
        self.receive_all(b'{"a": 1, "a": 2}')
        self.assertEqual(self.points("$.a"), [[2]])

    def test_many_are_summed_up(self):
        """Mean, least and greatest; of true and false the last."""
        values = [
            b'{"n": %d, "on": %s}' % (n, (b"true", b"false")[n % 2])
            for n in range(POINTS + 2)
        ]
        self.receive_all(*values, step=10 * SECOND)  # ten to a part
        data = self.chart(["$.n", "$.on"])
        self.assertEqual(data["bucket_seconds"], 100)
        self.assertFalse(data["is_sampled"])
        self.assertEqual(data["messages"], POINTS + 2)
        self.assertEqual(self.points("$.n")[0], [4.5, 0, 9])
        self.assertEqual(self.points("$.on")[0], [0, 0, 1])
        self.assertEqual(len(self.points("$.n")), 61)

    def test_more_than_are_read(self):
        """Of each part the first ones, and it says so."""
        self.receive_all(*[b"%d" % n for n in range(PART_MESSAGES + 9)])
        data = self.chart()
        self.assertTrue(data["is_sampled"])
        self.assertEqual(data["messages"], PART_MESSAGES)
        self.assertEqual(self.points("$"), [[15.5, 0, PART_MESSAGES - 1]])

    def test_large_payloads(self):
        """Ten megabytes are not read for a chart; many large ones are sampled."""
        large = b'{"n": 1, "x": "%s"}' % (b"x" * 10_000_000)
        some = b'{"n": 2, "x": "%s"}' % (b"x" * (PAYLOAD_BYTES - 100))
        self.receive_all(large, some, some)
        data = self.chart(["$.n"])
        self.assertEqual((data["too_large"], data["is_sampled"]), (1, True))
        self.assertEqual(self.points("$.n"), [[2, 2, 2]])


@tagged("post_install", "-at_install")
class TestTopicHandlers(FailureCase):
    """What came of a message at each handler."""

    def outcomes(self, message, user=None):
        self.env.flush_all()
        self.env.invalidate_all()
        env = self.env(user=user or self.env.user)
        found = message.with_env(env)._handler_outcomes()
        return {one["name"]: (one["state"], one["detail"]) for one in found}

    def test_failed(self):
        """The error is for those who may read jobs."""
        self.fail("a")
        message = self.jobs().mqtt_message_id
        (name,) = self.many.mapped("name")
        state, detail = self.outcomes(message, self.operator)[name]
        self.assertEqual(state, "failed")
        self.assertIn("no device", detail)
        user = new_test_user(self.env, "pane_user", groups="mqtt_listener.group_user")
        self.assertEqual(self.outcomes(message, user)[name], ("failed", ""))


@tagged("post_install", "-at_install")
class TestTopicOutcomes(PaneCase):
    def outcome(self, message):
        self.env.flush_all()
        self.env.invalidate_all()
        return {one["name"]: one["state"] for one in message._handler_outcomes()}

    def test_done_waiting_and_new(self):
        action = self.env["ir.actions.server"].create(
            {
                "name": "Pass",
                "model_id": self.env["ir.model"]._get_id("mqtt.signal.history"),
                "state": "code",
                "code": "pass",
            }
        )
        handler = self.env["mqtt.handler"].create(
            {"name": "Pass", "pattern": "plant/1", "action_server_id": action.id}
        )
        handler.create_date = fields.Datetime.now() - timedelta(days=1)
        done = self.mqtt_receive("plant/1", "x")
        self.assertEqual(self.outcome(done), {"Pass": "done"})
        waiting = self.env["mqtt.dispatch"]
        waiting._put(self.service, handler, [done.sequence], "root", 10)
        self.assertEqual(self.outcome(done), {"Pass": "queued"})
        other = self.mqtt_receive("plant/2", "x")
        self.assertEqual(self.outcome(other), {})
        handler.copy({"name": "New", "pattern": "plant/2"})
        self.assertEqual(self.outcome(other), {"New": "none"})


@tagged("post_install", "-at_install")
class TestTopicPublish(PaneCase):
    def test_a_message(self):
        (received,) = self.receive_all(b"x")
        operator = new_test_user(
            self.env, "pane_operator", groups="mqtt_listener.group_operator"
        )
        service = self.service.with_user(operator)
        sent = service.topic_publish("plant/9", "x", 2, True)
        message = self.env["mqtt.signal.history"].browse(sent)
        self.assertEqual((message.qos, message.retain), (2, True))
        (found,) = service.topic_published([sent, received.id])
        self.assertEqual((found["id"], found["state"]), (sent, "queued"))
        self.assertFalse(found["answer_state"])

    def test_an_answer(self):
        self.service.write({"protocol": "5", "status": "start"})
        sent = self.service.topic_publish("plant/9", "x", asks=True)
        request = self.env["mqtt.request"].search([("message_id", "=", sent)])
        self.mqtt_answer(request, "<b>done</b>")
        (found,) = self.service.topic_published([sent])
        self.assertEqual(
            (found["answer_state"], found["answer_label"], found["answer"]),
            ("answered", "Answered", "<b>done</b>"),
        )


@tagged("post_install", "-at_install")
class TestTopicDownload(Receiving, MqttMixin, HttpCase):
    def download(self, kind, begin=0, end=2e9, topic="plant/d", **values):
        values = {"groups": "mqtt_listener.group_user", **values}
        count = self.env["res.users"].search_count([])
        user = new_test_user(self.env, f"pane_{count}", **values)
        self.authenticate(user.login, user.login)
        url = f"/mqtt_listener/topic/{self.service.id}/messages.{kind}"
        return self.url_open(f"{url}?topic={topic}&begin={begin}&end={end}")

    def test_csv(self):
        """Every message of the span, also of more than one batch; no formulas."""
        payloads = [b"=1+1", b"@x", b"\xff\x00", b'a,"b"\n', *[b"5"] * 600]
        self.receive_all(*payloads, topic="plant/d", step=0)
        response = self.download("csv")
        self.assertIn("plant_d.csv", response.headers["Content-Disposition"])
        rows = list(csv.DictReader(io.StringIO(response.content.decode(), newline="")))
        self.assertEqual(len(rows), len(payloads))
        self.assertEqual(
            [row["payload"] for row in rows[:5]], ["'=1+1", "'@x", "", 'a,"b"\n', "5"]
        )
        self.assertEqual(rows[2]["payload_hex"], "ff00")
        self.assertEqual(rows[0]["time"], "2026-01-01T12:00:00.000000Z")

    def test_json_lines(self):
        self.receive_all(b'{"n": 1.0}', b"2", b"3", topic="plant/d")
        begin = NOW / SECOND
        response = self.download("jsonl", begin=begin, end=begin + 2)
        rows = [json.loads(line) for line in response.content.splitlines()]
        self.assertEqual([row["payload"] for row in rows], ['{"n": 1.0}', "2"])
        self.assertEqual(self.download("jsonl", begin="x").status_code, 400)

    def test_for_whom(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.service.company_id = self.env.company
        elsewhere = {
            "groups": "mqtt_listener.group_manager",
            "company_id": other.id,
            "company_ids": [(6, 0, other.ids)],
        }
        for values in ({"groups": "base.group_user"}, elsewhere):
            with mute_logger("odoo.http"), self.subTest(values=values):
                self.assertEqual(self.download("csv", **values).status_code, 403)
