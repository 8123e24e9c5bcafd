# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.exceptions import ValidationError

# Models whose records nobody means by "the thing that the device is on".
TECHNICAL = ("base", "bus.", "ir.", "mail.", "mqtt.", "queue.", "report.", "res.groups")


class MqttDeviceRule(models.Model):
    """Records that new devices belong to by their keys."""

    _inherit = "mqtt.device.rule"

    record_model = fields.Selection(
        "_selection_record_model",
        string="Link To",
        help="Model of the records that devices belong to. A device is linked to the "
        "record whose field has the key of the device. Empty: devices are linked by "
        "hand.",
    )
    record_field = fields.Char(
        string="Field with the Key",
        default="name",
        help="Technical name of the field that holds the key: name, serial_no.",
    )

    @api.model
    def _selection_record_model(self):
        return self.env["mqtt.device"]._selection_record_model()

    @api.constrains("record_model", "record_field")
    def _check_record_field(self):
        for rule in self.filtered("record_model"):
            fields_ = self.env[rule.record_model]._fields
            field = fields_.get(rule.record_field or "")
            if (
                field is None
                or field.type not in ("char", "integer")
                or field.groups
                or not field._description_searchable
            ):
                raise ValidationError(
                    self.env._(
                        "“%(field)s” is not a text field of %(model)s.",
                        field=rule.record_field or "",
                        model=rule.record_model,
                    )
                )


class MqttDevice(models.Model):
    """The record that a device belongs to: a machine, a vehicle, a location."""

    _inherit = "mqtt.device"

    res_model = fields.Char(readonly=True, copy=False)
    res_id = fields.Many2oneReference(
        model_field="res_model", readonly=True, copy=False
    )
    record = fields.Reference(
        "_selection_record_model",
        string="Belongs To",
        compute="_compute_record",
        inverse="_inverse_record",
        help="Record that the device belongs to, for example a piece of equipment. Its "
        "form can show the device. A record has one device at most.",
    )

    _record_uniq = models.UniqueIndex(
        "(res_model, res_id) WHERE res_id IS NOT NULL",
        "Another device belongs to this record.",
    )

    @api.model
    def _selection_record_model(self):
        # sudo: names of models, of which the user may read the records
        found = self.env["ir.model"].sudo().search([("transient", "=", False)])
        return [
            (one.model, f"{one.name} ({one.model})")
            for one in found.sorted("name")
            if not one.model.startswith(TECHNICAL)
            and one.model in self.env
            and not self.env[one.model]._abstract
            and self.env[one.model].has_access("read")
        ]

    @api.depends("res_model", "res_id")
    def _compute_record(self):
        for device in self:
            record = device.res_model in self.env and self.env[device.res_model].browse(
                device.res_id
            )
            # It may have been deleted, or be of a module that was uninstalled.
            is_shown = record and record.exists() and record.has_access("read")
            device.record = is_shown and f"{record._name},{record.id}"

    def _inverse_record(self):
        for device in self:
            record = device.record
            if record:
                record.check_access("read")
                device._check_unclaimed(record)
            # sudo: nobody else writes these, and both records were checked
            device.sudo().write(
                {
                    "res_model": record and record._name,
                    "res_id": record and record.id,
                }
            )

    def _check_unclaimed(self, record):
        """:raise ValidationError: when another device belongs to a record."""
        # sudo: a device of another company counts, and is not named
        other = self.sudo().with_context(active_test=False)
        if other.search_count(
            [
                ("res_model", "=", record._name),
                ("res_id", "=", record.id),
                ("id", "!=", self.id),
            ],
            limit=1,
        ):
            raise ValidationError(
                self.env._(
                    "Another device belongs to “%s”: a record has one device at most.",
                    record.display_name,
                )
            )
