# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from functools import reduce

from odoo.tests import BaseCase, tagged

from ..mqtt.json_path import (
    MISSING,
    ROOT,
    JsonPathError,
    child_path,
    compile_path,
    shown_value,
)

DOCUMENT = {
    "motor": {"temp": 21.5, "off": 0, "name": "", "fault": None, "on": False},
    "values": [1, 2, 3],
    "it's": {'a "b"': "c"},
    "0": "text",
}


@tagged("post_install", "-at_install")
class TestJsonPath(BaseCase):
    def test_finds(self):
        for text, value in (
            ("$", DOCUMENT),
            ("$.motor.temp", 21.5),
            (" $.motor.temp ", 21.5),
            ("$['motor']['temp']", 21.5),
            ("$.values[0]", 1),
            ("$.values[-1]", 3),
            ("$['it\\'s']['a \"b\"']", "c"),
            ("$['0']", "text"),
        ):
            with self.subTest(text):
                self.assertEqual(compile_path(text).find(DOCUMENT), value)

    def test_missing_null_empty_and_zero_are_different_things(self):
        for text, value in (
            ("$.motor.off", 0),
            ("$.motor.name", ""),
            ("$.motor.fault", None),
            ("$.motor.on", False),
            ("$.motor.speed", MISSING),
            ("$.motor.temp.x", MISSING),
            ("$.motor.name.x", MISSING),
            ("$.motor[0]", MISSING),
            ("$.values.a", MISSING),
            ("$.values[3]", MISSING),
            ("$.values[-4]", MISSING),
            ("$['0'][0]", MISSING),
        ):
            with self.subTest(text):
                self.assertIs(compile_path(text).find(DOCUMENT), value)
        self.assertIs(compile_path("$.a").find([]), MISSING)
        self.assertIs(compile_path("$[0]").find("text"), MISSING)

    def test_what_is_not_a_path_to_one_value_is_refused(self):
        for text, code in (
            ("", "empty"),
            ("  ", "empty"),
            ("$." + "a" * 500, "long"),
            ("$" + "[0]" * 101, "long"),
            ("motor.temp", "root"),
            ("@.motor", "root"),
            ("$..temp", "many"),
            ("$.values[*]", "many"),
            ("$.values[0:2]", "many"),
            ("$['a','b']", "many"),
            ("$[?match(@, '(a*)*b')]", "many"),
            ("$.motor.", "syntax"),
            ("$motor", "syntax"),
            ("$.motor temp", "syntax"),
            ("$.0", "syntax"),
            ("$[01]", "syntax"),
            ("$.a | $.b", "syntax"),
            ("$[99999999999999999999]", "syntax"),
            ("$" + "[?(" * 150, "syntax"),
        ):
            with self.subTest(text[:20]), self.assertRaises(JsonPathError) as raised:
                compile_path(text)
            self.assertEqual(raised.exception.code, code)

    def test_says_where_it_is_wrong_in_one_line(self):
        for text, where in (("$.a b", "character 5"), ("$.a.", "the end")):
            with self.assertRaises(JsonPathError) as raised:
                compile_path(text)
            self.assertIn(where, raised.exception.reason)
        with self.assertRaises(JsonPathError) as raised:
            compile_path("$.a\n\x1b[31m b" + "c" * 400)
        self.assertNotIn("\n", str(raised.exception))
        self.assertNotIn("\x1b", str(raised.exception))
        self.assertLess(len(str(raised.exception)), 400)

    def test_a_path_of_steps_is_read_back(self):
        for steps, text in (
            ((), "$"),
            (("motor", "temp"), "$.motor.temp"),
            (("values", 0), "$.values[0]"),
            (("motor temp",), "$['motor temp']"),
            (("0",), "$['0']"),
            (("it's",), "$['it\\'s']"),
            (('a "b"',), "$['a \"b\"']"),
            (("a\\b\n",), "$['a\\\\b\\n']"),
            (("é",), "$.é"),
            (("",), "$['']"),
        ):
            with self.subTest(text):
                path = reduce(child_path, steps, ROOT)
                self.assertEqual(path, text)
                self.assertEqual(compile_path(text).steps, steps)

    def test_a_path_that_could_not_be_read_is_not_written(self):
        """A long name would stand in the path of each of thousands of elements."""
        self.assertIsNone(child_path(ROOT, "k" * 50_000))
        path = reduce(child_path, ["k" * 240], ROOT)
        self.assertIsNone(child_path(child_path(path, "m" * 240), "n" * 30))
        self.assertIsNone(child_path(ROOT, "half \ud800"))

    def test_values_are_shown_in_one_short_line(self):
        for value, text in (
            (MISSING, "nothing"),
            (None, "null"),
            (0, "0"),
            ("", '""'),
            ("a\nb", '"a\\nb"'),
            ([1, 2], "a list of 2"),
            ({}, "an object of 0"),
        ):
            self.assertEqual(shown_value(value), text)
        self.assertLessEqual(len(shown_value("x" * 10_000_000)), 120)
