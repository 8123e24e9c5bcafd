# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The contract with the packages whose private names are used: docs/private-names.md.

A name that an upgrade removes, or an overridden method that it does not call any more,
is found here and not by a listener that loses messages without a word.
"""

import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from odoo.tests import TransactionCase, tagged

from odoo.addons.queue_job.job import Job

from .private_names import (
    PACKAGE,
    PAGE,
    Code,
    inherited,
    mentions,
    overridden,
    read_page,
)


@tagged("post_install", "-at_install")
class TestPrivateNames(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not PAGE.exists():
            raise cls.skipTest(cls(), "the documentation is not installed")
        cls.page = read_page()
        cls.listed = {name.rpartition(".")[2] for name in cls.page}
        cls.code = Code()

    def owner(self, name):
        """An object that has the private names of an owner, as the page names it."""
        if name.startswith("model "):
            return self.env[name.removeprefix("model ")]
        return {
            "paho Client": lambda: Client(CallbackAPIVersion.VERSION2),
            "odoo Model": lambda: self.env["res.partner"],
            "odoo Field": lambda: self.env["mqtt.announcement"]._fields["kind"],
            "odoo Cursor": lambda: self.env.cr,
            "queue_job Job": lambda: Job(self.env["res.partner"].search),
            "python sys": lambda: sys,
        }[name]()

    def resolve(self, dotted):
        """A function or class of another package by its full name."""
        if dotted.startswith("model "):
            model, _dot, name = dotted.removeprefix("model ").rpartition(".")
            for base in type(self.env[model]).__mro__:
                if name in vars(base) and not base.__module__.startswith(PACKAGE):
                    return vars(base)[name]
            raise AttributeError(dotted)
        parts = dotted.split(".")
        for end in range(len(parts), 0, -1):
            try:
                found = import_module(".".join(parts[:end]))
            except ModuleNotFoundError:
                continue
            for part in parts[end:]:
                found = getattr(found, part)
            return found
        raise AttributeError(dotted)

    def test_names_are_there(self):
        """Fails with the name that an upgrade has removed."""
        for name in self.page:
            owner, _dot, attribute = name.rpartition(".")
            with self.subTest(name=name):
                self.assertTrue(hasattr(self.owner(owner), attribute), "it is gone")

    def test_overridden_names_are_called(self):
        """Fails with the name that an upgrade does not call any more."""
        for name, row in self.page.items():
            caller = row["called by"].strip("`")
            if caller in ("", "–"):
                continue
            with self.subTest(name=name, caller=caller):
                attribute = name.rpartition(".")[2]
                self.assertTrue(
                    mentions(self.resolve(caller), attribute),
                    "it is not called any more",
                )

    def test_overridden_names_say_who_calls_them(self):
        for name in overridden(self.classes()):
            for listed, row in self.page.items():
                with self.subTest(name=listed):
                    if listed.endswith(f".{name}"):
                        self.assertNotIn(row["called by"], ("", "–"))

    def test_used_names_are_on_the_page(self):
        for name, where in sorted(self.used().items()):
            with self.subTest(name=name):
                is_listed = name in self.listed
                self.assertTrue(is_listed, f"used in {where}, not on {PAGE.name}")

    def test_names_on_the_page_are_used(self):
        used = self.used()
        for name in self.page:
            with self.subTest(name=name):
                self.assertTrue(
                    name.rpartition(".")[2] in used, "remove it from the page"
                )

    def test_what_is_found(self):
        """Use, import and override of private names; not what is defined here."""
        with TemporaryDirectory() as folder:
            (Path(folder) / "moved").mkdir()
            (Path(folder) / "moved" / "client.py").write_text(
                "from elsewhere import _hidden\n"
                "class Own:\n"
                "    def _mine(self, client):\n"
                "        self._kept = client._secret.__class__\n"
                "        return self._mine, self._kept\n"
            )
            code = Code(Path(folder))
            self.assertEqual(code.foreign_uses(), {"_secret": "moved/client.py:4"})
            self.assertEqual(code.foreign_imports(), {"_hidden": "moved/client.py:1"})
        found = overridden(self.classes())
        self.assertIn("_handle_publish", found)
        self.assertIn("_change_job_state", found)
        self.assertNotIn("_mqtt_decide", found)

    def used(self):
        classes = self.classes()
        return {
            **self.code.foreign_uses(),
            **self.code.foreign_imports(),
            **overridden(classes),
            **inherited(classes),
        }

    def classes(self):
        """The classes of this code, with the bases that they have at run time."""
        classes = [type(self.env[name]) for name in self.env.registry]
        for name, module in list(sys.modules.items()):
            if name.startswith(f"{PACKAGE}.") and ".tests" not in name:
                classes += [
                    one for one in vars(module).values() if isinstance(one, type)
                ]
        return classes
