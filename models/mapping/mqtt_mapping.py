# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.exceptions import UserError

PARTS = ("key_ids", "value_ids", "default_ids")  # its lines, see mqtt.mapping.line


class MqttMapping(models.Model):
    """A handler without code: it finds records and writes values of messages to them.

    Everything else about it is of its handler: topics, jobs, retries, failed messages,
    statistics. ``jobs/mapping.py`` runs it.
    """

    _name = "mqtt.mapping"
    _description = "MQTT Mapping"
    _inherits = {"mqtt.handler": "handler_id"}

    handler_id = fields.Many2one(
        "mqtt.handler",
        required=True,
        readonly=True,
        ondelete="cascade",
        help="Handler by which the mapping gets its messages.",
    )
    # Its name, so that a mapping stays, and says so, when the model's module goes.
    res_model = fields.Selection(
        "_select_models",
        string="Kind of Record",
        required=True,
        help="Kind of record that the mapping finds and writes, for example Equipment.",
    )
    key_ids = fields.One2many(
        "mqtt.mapping.line",
        "mapping_id",
        string="Found By",
        domain=[("part", "=", "key")],
        context={"default_part": "key"},
        copy=True,
        help="Fields by which the record of a message is found, for example its "
        "serial number. All of them have to match.",
    )
    value_ids = fields.One2many(
        "mqtt.mapping.line",
        "mapping_id",
        string="Values",
        domain=[("part", "=", "value")],
        context={"default_part": "value"},
        copy=True,
        help="Fields of the record that are written, and what is written to them.",
    )
    default_ids = fields.One2many(
        "mqtt.mapping.line",
        "mapping_id",
        string="New Records",
        domain=[("part", "=", "default")],
        context={"default_part": "default"},
        copy=True,
        help="Further fields of a record that the mapping creates. They are not "
        "written again afterwards.",
    )
    not_found = fields.Selection(
        [
            ("fail", "Report the message as failed"),
            ("ignore", "Ignore the message"),
            ("create", "Create the record"),
        ],
        string="If None Is Found",
        default="fail",
        required=True,
        help="What happens to a message for which there is no record. If several "
        "records are found, the message fails.",
    )
    each_path = fields.Char(
        string="One Record for Each Element Of",
        help="Path of a list in the payload, such as $.sensors. Each of its elements "
        "is treated like a message of its own, and $ in the paths below is the "
        "element. Empty: the message is about one record.",
    )
    only_changed = fields.Boolean(
        string="Only If Changed",
        default=True,
        help="A field is written only if its value differs. This spares the log, "
        "the followers and the automation rules of the record.",
    )
    action_ids = fields.Many2many(
        "ir.actions.server",
        string="Then Run",
        copy=False,
        groups="base.group_system",
        help="Server actions that run on the records that were created or changed.",
    )

    _handler_uniq = models.UniqueIndex("(handler_id)")

    @api.model
    def _select_models(self):
        """The models that the user may write, and those of the mappings there are."""
        names = set(self._target_names())
        used = dict(self.sudo()._read_group([], ["res_model"], ["__count"]))
        known = (
            self.env["ir.model"]
            .sudo()
            .search_fetch([("model", "in", [*names, *used])], ["model", "name"])
        )
        labels = {one.model: f"{one.name} ({one.model})" for one in known}
        for name in used:
            labels.setdefault(name, self.env._("%s (not installed)", name))
        return sorted(labels.items(), key=lambda pair: pair[1].lower())

    # CRUD

    @api.model_create_multi
    def create(self, vals_list):
        vals_list = [
            {
                **vals,
                "kind": "mapping",
                "batch": True,
                # Whoever makes a mapping decides what it writes.
                "user_id": vals.get("user_id") or self.env.uid,
            }
            for vals in vals_list
        ]
        if any(vals.get("handler_id") for vals in vals_list):
            raise UserError(self.env._("A mapping makes its own handler."))
        # Before anything else is said about a service that the user may not see
        services = {vals.get("service_id") for vals in vals_list} - {None, False}
        self.env["mqtt.service"].browse(services).check_access("read")
        mappings = super().create(vals_list)
        mappings._check_created()
        return mappings

    def write(self, vals):
        with self._checked_write(vals):
            return super().write(vals)

    def unlink(self):
        self.check_access("unlink")
        handlers = self.handler_id
        result = super().unlink()
        handlers.unlink()
        return result

    def copy_data(self, default=None):
        default = {"user_id": self.env.uid, **(default or {})}
        return [
            {**vals, "name": self.env._("%s (copy)", vals["name"])}
            for vals in super().copy_data(default)
        ]

    # Buttons: of its handler

    def action_try(self):
        """Open the dialog in which the mapping can be tried."""
        return self.handler_id.action_try()

    def action_resume(self):
        """Dispatch what waits while the mapping is suspended."""
        return self.handler_id.action_resume()

    def action_open_messages(self):
        """Open the messages whose topics match."""
        return self.handler_id.action_open_messages()

    def action_open_dead_letters(self):
        """Open the failed messages of the mapping."""
        return self.handler_id.action_open_dead_letters()

    def action_open_handler(self):
        """Open the handler, with its jobs and statistics."""
        self.ensure_one()
        self.check_access("read")
        return {
            "type": "ir.actions.act_window",
            "name": self.name,
            "res_model": "mqtt.handler",
            "res_id": self.handler_id.id,
            "views": [(False, "form")],
        }
