# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Every string that people read is in the template, and in German and French."""

import io
import re
from collections import Counter
from pathlib import Path

import polib

from odoo.tests import TransactionCase, tagged
from odoo.tools import mute_logger
from odoo.tools.translate import trans_export

FOLDER = Path(__file__).parents[1] / "i18n"
LANGUAGES = ("de", "fr")
SAME = "The same."  # comment of what stays as it is: OCA's checks want no copy of it
KEPT = re.compile(  # what a translation leaves as it is
    r"%\(\w+\)[sd]|%[sd%]|\{\{[^}]*\}\}|\{\w*#?\}|</?\w+"
)


def read(name):
    return polib.pofile(str(FOLDER / name))


@tagged("post_install", "-at_install")
class TestTranslations(TransactionCase):
    def test_the_template_has_all_strings(self):
        content = io.BytesIO()
        with mute_logger("odoo.tools.translate"):  # dev/ has bytes where it looks
            trans_export(None, ["mqtt_listener"], content, "po", self.env)
        exported = {one.msgid for one in polib.pofile(content.getvalue().decode())}
        known = {one.msgid for one in read("mqtt_listener.pot")}
        self.assertEqual(sorted(exported - known), [], "export the strings anew")

    def test_nothing_is_missing(self):
        wanted = {one.msgid for one in read("mqtt_listener.pot")}
        for language in LANGUAGES:
            translated = {
                one.msgid
                for one in read(f"{language}.po")
                if one.translated() or one.tcomment == SAME
            }
            with self.subTest(language):
                self.assertEqual(sorted(wanted - translated), [])
                self.assertEqual(sorted(translated - wanted), [], "not used any more")

    def test_what_code_reads_is_kept(self):
        """Names of arguments, levels in braces, and tags."""
        for language in LANGUAGES:
            for one in read(f"{language}.po").translated_entries():
                with self.subTest(language, text=one.msgid):
                    self.assertEqual(
                        Counter(KEPT.findall(one.msgstr)),
                        Counter(KEPT.findall(one.msgid)),
                    )
