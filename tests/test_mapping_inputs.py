# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from unittest.mock import patch

from odoo.tests import tagged
from odoo.tools import SQL

from .mapping_case import MappingCase

LINE = "\n\x1b[31mline"


@tagged("post_install", "-at_install")
class TestMappingInputs(MappingCase):
    """What is wrong with a message fails that message, in words, and no other."""

    def setUp(self):
        super().setUp()
        self.press = self.partner("press")
        self.other = self.partner("other")

    def assert_refused(self, payload, *texts):
        """Between two good messages, one is refused: they are handled all the same."""
        bad = payload if isinstance(payload, bytes) else self.json(payload)
        messages = self.receive(
            self.message("plant/good", b'{"n": 1}'),
            self.message("plant/press", bad),
            self.message("plant/good", b'{"n": 2}'),
        )
        self.assert_done(messages[0])
        self.assert_done(messages[2])
        self.assert_failed(messages[1], "plant/press", *texts)

    def test_values_that_do_not_fit(self):
        self.partner("good")
        for line, payload, texts in (
            (self.path("city", "$.n"), {}, ("City ← $.n", "there is nothing")),
            (self.path("city", "$.n", if_null="fail"), {"n": None}, ("it is null",)),
            (self.path("city", "$.n"), {"n": [1, 2]}, ("a list of 2 is not a text",)),
            (self.path("city", "$.n"), {"n": "a\0"}, ("cannot be stored",)),
            (self.path("city", "$.n"), b"\xff\xfe", ("not JSON",)),
            (self.path("city", "$.n"), b"", ("not JSON", "empty")),
            (self.path("color", "$.n"), {"n": "hot"}, ('"hot" is not a number',)),
            (self.path("color", "$.n"), {"n": ""}, ('"" is not a number',)),
            (self.path("color", "$.n"), {"n": True}, ("true is not a number",)),
            (self.path("color", "$.n"), {"n": 2**53 + 1}, ("does not fit",)),
            (
                self.path("partner_latitude", "$.n"),
                {"n": 2**53 + 1},
                ("9007199254740993", "2^53"),
            ),
            (self.path("color", "$.n"), {"n": 1.5}, ("not a whole number",)),
            (
                self.path("type", "$.n", choices="1=other\n2=other"),
                {"n": 3},
                ("3 is not in the table",),
            ),
            (self.path("city", "$.n"), {"n": {"a": LINE}}, ("an object of 1",)),
            (self.path("color", "$.n"), {"n": LINE * 1000}, ("more characters",)),
        ):
            mapping = self.mapping(values=[line])
            with self.subTest(texts[0]):
                self.assert_refused(payload, *texts)
            mapping.unlink()

    def test_keys_that_are_none(self):
        """A list, null, nothing and an empty text find no record."""
        self.other.ref = ""
        self.mapping(
            pattern="plant/press", keys=[self.path("ref", "$.k")], not_found="create"
        )
        count = self.env["res.partner"].search_count([])
        for payload, text in (
            ({"k": [1]}, "a list of 1"),
            ({"k": {}}, "an object of 0"),
            ({"k": None}, "it is null"),
            ({"k": ""}, "the key is empty"),
            ({}, "there is nothing"),
        ):
            message = self.mqtt_receive("plant/press", payload)
            self.assert_failed(message, "Reference ← $.k", text)
        self.assertEqual(self.env["res.partner"].search_count([]), count)

    def test_dates(self):
        key = {"field_name": "subject", "source": "level", "value": "ref"}
        found = self.env["mail.message"].create({"subject": "press"})
        mapping = self.mapping(
            keys=[key], res_model="mail.message", values=[self.path("date", "$.t")]
        )
        for value in ("31.12.2026", 1, "2026-02-30", "", []):
            message = self.mqtt_receive("plant/press", {"t": value})
            self.assert_failed(message, "is not a time in the chosen format")
        mapping.value_ids.time_format = "ms"
        message = self.mqtt_receive("plant/press", {"t": 1_782_907_200_000})
        self.assert_done(message)
        self.assertEqual(str(found.date), "2026-07-01 12:00:00")

    def test_a_related_record_that_was_deleted(self):
        country = self.env["res.country"].create({"name": "Gone", "code": "XX"})
        line = self.path("country_id", "$.c", lookup_field="code")
        mapping = self.mapping(values=[line])
        self.assert_done(self.mqtt_receive("plant/press", {"c": "XX"}))
        self.press.country_id = False
        country.unlink()
        message = self.mqtt_receive("plant/press", {"c": "XX"})
        self.assert_failed(message, 'there is no Country with "XX"')
        mapping.value_ids.if_not_found = "skip"
        self.assert_done(self.mqtt_receive("plant/press", {"c": "XX"}))

    def test_a_record_that_was_deleted(self):
        self.mapping(values=[self.path("city", "$.c")])
        self.assert_done(self.mqtt_receive("plant/press", {"c": "Linz"}))
        self.press.unlink()
        message = self.mqtt_receive("plant/press", {"c": "Graz"})
        self.assert_failed(message, 'no Contact with Reference "press"')

    def test_what_was_uninstalled(self):
        """A model, and a field; what is left of the mapping says so."""
        mapping = self.mapping(values=[self.path("city", "$.c")])
        for table, column, text in (
            ("mqtt_mapping_line", "field_name", "has no field x_gone"),
            ("mqtt_mapping", "res_model", "There is no model x_gone"),
        ):
            # As the ORM would not: it was valid once
            self.env.cr.execute(
                SQL(
                    "UPDATE %s SET %s = 'x_gone'",
                    SQL.identifier(table),
                    SQL.identifier(column),
                )
            )
            self.env.invalidate_all()
            message = self.mqtt_receive("plant/press", {"c": "Linz"})
            self.assert_failed(message, text)
        self.assertIn("x_gone", dict(mapping._select_models()))
        self.assertTrue(mapping.read(["res_model"]))

    def test_huge_documents(self):
        """A document of 10 MB, and more elements than a mapping takes."""
        self.mapping(
            pattern="plant/press",
            keys=[self.path("ref", "$.ref")],
            values=[self.path("city", "$.c", if_missing="skip")],
            each_path="$.list",
        )
        with patch("odoo.addons.mqtt_listener.jobs.mapping_plan.MAX_ELEMENTS", 3):
            many = {"list": [{"ref": "press"}] * 4}
            self.assert_failed(
                self.mqtt_receive("plant/press", many), "more than 3 elements"
            )
        large = {"list": [{"ref": "press", "c": "x" * 10_000_000}, {"ref": []}]}
        message = self.mqtt_receive("plant/press", large)
        self.assert_failed(message, "element 1", "a list of 0")
        self.assertFalse(self.press.city)

    def test_the_words_of_a_device_stay_in_one_line(self):
        self.mapping(pattern="plant/#", keys=[self.path("ref", "$.r")])
        message = self.mqtt_receive(f"plant/{LINE}", {"r": LINE})
        self.assert_failed(message, "no Contact with Reference")
        self.assertNotIn("\x1b", message.job_ids.exc_message)
