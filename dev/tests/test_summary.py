# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The sum at the end of ``make test`` counts what was really run."""

from dev import test as summary

TIME = "2026-01-31 12:00:00,123 42"


def test_odoos_report_is_counted():
    """Failures and errors are both failed tests."""
    line = f"{TIME} INFO db odoo.tests.result: 1 failed, 2 error(s) of 10 tests"
    result = summary.read_report(f"{line} when loading database 'db'\n")
    assert str(result) == "7 passed, 3 failed"


def test_skipped_tests_have_not_passed():
    """A skipped test counts for nothing."""
    skipped = f"{TIME} INFO db odoo.addons.x.tests.test_y: skipped Y.test_z : why\n"
    report = f"{TIME} INFO db r: 0 failed, 0 error(s) of 3 tests when loading\n"
    assert str(summary.read_report(skipped + report)) == "2 passed, 0 failed"


def test_a_run_without_tests_is_a_failure():
    """Neither no report nor a report of no tests may pass for success."""
    line = "0 failed, 0 error(s) of 0 tests when loading database 'db'"
    assert summary.read_report("").failed
    assert summary.read_report(line).failed


def test_a_warning_in_the_log_fails_the_run():
    """A test that passes with a warning in the log has not passed."""
    report = f"{TIME} INFO db r: 0 failed, 0 error(s) of 3 tests when loading\n"
    warning = f"{TIME} WARNING db odoo.addons.x: careful\n"
    assert summary._judge([report, "status 0\n"]).failed == 0
    assert summary._judge([report, warning, "status 0\n"]).failed == 1
    assert summary._judge([report, "status 1\n"]).failed == 1


def test_junit_is_counted(tmp_path):
    """Skipped tests are neither passed nor failed; a crash is a failure."""
    report = tmp_path / "report.xml"
    numbers = 'tests="9" failures="1" errors="1" skipped="2"'
    report.write_text(f"<testsuites><testsuite {numbers}/></testsuites>")
    assert str(summary.read_junit(report, 1)) == "5 passed, 2 failed"
    assert summary.read_junit(tmp_path / "none.xml", 2).failed == 1
