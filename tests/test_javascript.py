# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The unit tests of static/tests, in a real browser."""

from odoo.tests import HttpCase, tagged

SUITE = "@mqtt_listener"
SECONDS = 600


@tagged("post_install", "-at_install")
class TestJavascript(HttpCase):
    def test_unit_tests(self):
        options = "headless&loglevel=2&preset=desktop&timeout=15000"
        self.browser_js(
            f"/web/tests?{options}&id={_id(SUITE)}",
            "",
            "",
            login="admin",
            timeout=SECONDS,
            success_signal="[HOOT] Test suite succeeded",
            error_checker=lambda message: "[HOOT]" not in message,
        )


def _id(name):
    """Under which Hoot knows a suite, as ``HOOTCommon`` of Odoo's web has it."""
    number = 0
    for char in name:
        number = ((number << 5) - number + ord(char)) & 0xFFFFFFFF
    return f"{number:08x}"
