# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The history of a topic as a list and as points of a chart."""

from odoo.tests import new_test_user, tagged

from ..models.pane.topic_chart import PART_MESSAGES, PAYLOAD_BYTES, POINTS
from ..models.pane.topic_history import ROWS
from .pane_case import NOW, SECOND, PaneCase, as_sent


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

    def test_rules_of_others(self):
        """A rule that another addon adds to messages holds here too."""
        self.receive_all(b"1")
        user = new_test_user(self.env, "pane_rules", groups="mqtt_listener.group_user")
        service = self.service.with_user(user)
        self.assertTrue(service.topic_chart("plant/1", [0, 2e9])["found"])
        self.env["ir.rule"].create(
            {
                "name": "No topic of the plant's",
                "model_id": self.env["ir.model"]._get_id("mqtt.signal.history"),
                "domain_force": "[('topic', 'not like', 'plant/')]",
            }
        )
        self.env.invalidate_all()
        self.assertFalse(service.topic_chart("plant/1", [0, 2e9])["messages"])
        self.assertFalse(service.topic_history("plant/1", [0, 2e9])["rows"])
        self.assertFalse(service.topic_value("plant/1")["message"])
