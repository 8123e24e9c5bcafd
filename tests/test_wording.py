# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import logging

from odoo.tests import BaseCase

from ..broker.problem import Problem
from ..mqtt.log import flattened, get_logger
from ..mqtt.payload import decode_text
from ..mqtt.wording import (
    LINE_CHARS,
    LOG_CHARS,
    TRACE_CHARS,
    file_name,
    format_error,
    name_error,
    short_line,
    short_trace,
)

HOSTILE = "a\0b\ud800\n2026-01-01 CRITICAL \x1b[31mgone\u2028\u202e"


class Mute(Exception):
    def __str__(self):
        raise ValueError("no words")


class TestWording(BaseCase):
    def assert_fits(self, line, limit=LINE_CHARS):
        self.assertLessEqual(len(line), limit)
        self.assertTrue(line.isprintable(), line)
        self.assertEqual(decode_text(line.encode()), line)
        self.assertEqual(short_line(line, limit), line)

    def test_a_line(self):
        """Storable, printable, short; what is left out is counted, once."""
        self.assertEqual(
            short_line(HOSTILE),
            "a\\x00b\\ud800 2026-01-01 CRITICAL \\x1b[31mgone \\u202e",
        )
        for text in (HOSTILE, "x" * 300_000, "\0" * 499, "ü" * 500, " \n" * 600, ""):
            self.assert_fits(short_line(text))
        self.assertEqual(short_line("x" * 500), "x" * 500)
        self.assertTrue(
            short_line("x" * 10_468).endswith("x… (10,000 more characters)")
        )

    def test_anything_is_a_line(self):
        """Also what can say nothing."""
        for value, text in {
            5: "5",
            b"\xff": "b'\\xff'",
            KeyError("speed"): "'speed'",
            Mute(): "Mute that cannot be shown: ValueError",
        }.items():
            self.assertEqual(short_line(value), text)

    def test_an_exception_has_a_name(self):
        for error, text in (
            (KeyError("temperature"), "KeyError: 'temperature'"),
            (ValueError(), "ValueError"),
            (Mute(), "Mute: Mute that cannot be shown: ValueError"),
        ):
            self.assertEqual(name_error(error), text)
        with self.assertRaises(UnicodeDecodeError) as error:
            b"\xff".decode()
        self.assertIn("can't decode byte 0xff", name_error(error.exception))

    def test_tracebacks(self):
        """Of all that led to it, the words of each in one line."""
        try:
            try:
                raise ValueError(HOSTILE)
            except ValueError as error:
                raise KeyError("x" * 300_000) from error
        except KeyError as error:
            text = format_error(error)
        self.assertLess(text.index("ValueError: a\\x00b"), text.index("KeyError: 'xxx"))
        self.assertNotRegex(text, "(?m)^2026")
        self.assertIn("test_wording.py", text)
        long = short_trace("  File\n" + (HOSTILE + "x" * 1000 + "\n") * 200)
        self.assertLessEqual(len(long), TRACE_CHARS + 2)
        for line in long.splitlines():
            self.assertTrue(line.isprintable())

    def test_file_names(self):
        """No folder, no direction of writing, nothing that a program would obey."""
        for text, name in {
            "plant/1/state": "plant_1_state",
            "../../etc": "_.._etc",
            "=1+1": "_1_1",
            "-rf": "rf",
            "..": "_",
            "a\u202egpj.exe": "a_gpj.exe",
            "@x\n": "_x_",
            "é": "é",
        }.items():
            self.assertEqual(file_name(text), name)
        self.assertEqual(len(file_name("x" * 65_535)), 100)

    def test_problems(self):
        """What a broker says stays within a line, however it comes."""
        for problem in (
            Problem("other", HOSTILE * 10_000),
            Problem.from_exception(RuntimeError(HOSTILE * 10_000)),
            Problem.from_exception(OSError(HOSTILE * 10_000)),
            Problem.from_reason(0x80, HOSTILE * 10_000),
        ):
            self.assert_fits(problem.detail)

    def test_logs(self):
        """A record is one short line, and so is each line of its traceback."""
        logger = get_logger("odoo.addons.mqtt_listener.tests.wording")
        with self.assertLogs(logger, "WARNING") as logs:
            logger.warning("%s said %s", "x" * 200_000, HOSTILE)
            try:
                raise ValueError(HOSTILE * 10_000)
            except ValueError:
                logger.exception("failed: %s", HOSTILE)
        short, failed = (logging.Formatter().format(one) for one in logs.records)
        self.assert_fits(short, LOG_CHARS)
        self.assertNotRegex(failed, "(?m)^2026")
        self.assertLess(len(failed), 2_000)
        self.assertIn("test_wording.py", failed)

    def test_logs_of_others(self):
        """Are made so where it is asked for, and nowhere else."""
        logger = logging.getLogger("odoo.addons.mqtt_listener.tests.others")
        with self.assertLogs(logger, "WARNING") as logs:
            with flattened(logger.name):
                logger.warning(HOSTILE)
            logger.warning("two\nlines")
        self.assertEqual(logs.records[0].getMessage(), short_line(HOSTILE))
        self.assertEqual(logs.records[1].getMessage(), "two\nlines")
