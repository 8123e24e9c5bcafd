# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, models
from odoo.fields import Command

from ...mqtt.pattern import TopicPattern
from ...mqtt.suggestion import suggest_pattern
from ...mqtt.topic import TopicError
from ..common.groups import MANAGER, check_group

# Fields by which records are usually found, the first one that a model has.
KEY_FIELDS = ("serial_no", "default_code", "ref", "code", "barcode", "name")


class MqttSignalHistory(models.Model):
    _inherit = "mqtt.signal.history"

    def action_map(self, path=None):
        """Open the form of a new mapping for messages like this one.

        :param path: of the value that is to be mapped; the form asks for
            its field as soon as the kind of record is chosen.
        :raise AccessError: for a user who is not an MQTT manager.
        """
        check_group(
            self.env, MANAGER, self.env._("Only an MQTT manager may map messages.")
        )
        self.ensure_one()
        self.check_access("read")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Map a Value"),
            "res_model": "mqtt.mapping",
            "views": [(False, "form")],
            "context": {
                "default_name": self.env._("Values of %s", self.topic),
                "default_pattern": suggest_pattern(self.topic),
                "default_service_id": self.service_id.id,
                "default_message_id": self.id,
                "mqtt_mapped_path": path or False,
            },
        }


class MqttMapping(models.Model):
    _inherit = "mqtt.mapping"

    @api.onchange("res_model")
    def _onchange_res_model(self):
        """Suggest by which field a record is found: by the last level with a name."""
        model = self.env.get(self.res_model or "")
        if model is None or self.key_ids:
            return
        try:
            names = TopicPattern(self.pattern or "").names
        except TopicError:
            return
        usable = (
            name
            for name in KEY_FIELDS
            if (field := model._fields.get(name)) and self._is_writable(field, "key")
        )
        if names and (field_name := next(usable, None)):
            line = {"part": "key", "field_name": field_name, "source": "level"}
            self.key_ids = [Command.create({**line, "value": names[-1]})]
