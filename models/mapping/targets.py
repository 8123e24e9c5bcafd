# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, models

# What decides about rights, or runs code: no message makes or changes such a record.
REFUSED = (
    "ir.",
    "res.users",
    "res.groups",
    "res.config",
    "res.company",
    "queue.",
    "base.",
    "base_",
    "auth",
    "bus.",
    "fetchmail.",
    "mail.template",
    "mail.alias",
    "change.password",
)
KEY_TYPES = ("char", "integer", "selection", "many2one")
VALUE_TYPES = (
    *KEY_TYPES,
    "text",
    "float",
    "monetary",
    "boolean",
    "date",
    "datetime",
)
OWN_FIELDS = ("id", "create_uid", "create_date", "write_uid", "write_date")


class MqttMapping(models.Model):
    """Which models and fields a mapping may write."""

    _inherit = "mqtt.mapping"

    @api.model
    def _target_names(self):
        """Names of the models that the user may write by a mapping."""
        return [
            name
            for name in self.env
            if self._is_target(name) and self.env[name].has_access("write")
        ]

    @api.model
    def _is_target(self, name):
        """Whether a mapping may write records of a model at all."""
        model = self.env.get(name)
        return (
            model is not None
            and model._auto
            and not model._abstract
            and not model._transient
            and not name.startswith(REFUSED)
            and type(model)._original_module != type(self)._original_module
        )

    @api.model
    def _is_writable(self, field, part):
        """Whether a mapping may write a field, or find records by it.

        :param part: of a line.
        """
        if field.name in OWN_FIELDS or field.type not in VALUE_TYPES:
            return False
        if part == "key":
            return field.type in KEY_TYPES and field._description_searchable
        return not field.compute or bool(field.inverse) or not field.readonly
