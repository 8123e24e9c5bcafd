# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How the addon is built: what no reader should have to know by heart."""

from collections import Counter

from odoo import models
from odoo.orm.model_classes import is_model_definition
from odoo.tests import TransactionCase, tagged

ADDON = "odoo.addons.mqtt_listener."
TESTS = ADDON + "tests."


@tagged("post_install", "-at_install")
class TestHouse(TransactionCase):
    def test_no_method_is_defined_twice(self):
        """What a method of a model does is read in one file of the addon."""
        own = 0
        twice = {}
        for name, model in self.env.registry.items():
            parts = [part for part in model._base_classes__ if _is_own(part)]
            own += len(parts)
            defined = Counter(
                member
                for part in parts
                for member, value in vars(part).items()
                if callable(value) or isinstance(value, staticmethod | classmethod)
            )
            repeated = [method for method, count in defined.items() if count > 1]
            if repeated:
                twice[name] = repeated
        self.assertFalse(twice)
        self.assertGreater(own, 50, "the classes of the addon were not found")


def _is_own(part: type) -> bool:
    return (
        is_model_definition(part)
        and part.__module__.startswith(ADDON)
        and not part.__module__.startswith(TESTS)
        and issubclass(part, models.BaseModel)
    )
