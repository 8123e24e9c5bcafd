# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models

from ...mqtt.pattern import TopicPattern
from ..common.actions import open_records
from ..common.groups import OPERATOR, check_group
from ..common.intervals import time_zones

MAX_DEVICES = 100_000  # that a rule may be set to


class MqttDeviceRule(models.Model):
    """Which messages devices send, and what is read from them: a handler.

    The rule has a topic pattern, jobs, retries, replays and statistics as each handler
    has. It is always a batch: one statement for all devices, one for all readings.
    """

    _name = "mqtt.device.rule"
    _description = "MQTT Device Rule"
    _inherits = {"mqtt.handler": "handler_id"}
    _order = "id"
    _rec_name = "name"

    handler_id = fields.Many2one(
        "mqtt.handler",
        required=True,
        ondelete="cascade",
        index=True,
        help="Handler that reads the messages of this rule.",
    )
    key_from = fields.Selection(
        [("level", "Topic level"), ("payload", "Value in the payload")],
        string="Device Key From",
        default="level",
        required=True,
        help="Where a message says which device it is from: in a named level of its "
        "topic, or in its payload.",
    )
    key_level = fields.Char(
        string="Level",
        default="device",
        help="Name of the level of the topic pattern that holds the key of the "
        "device: device for plant/{device}/telemetry.",
    )
    key_path = fields.Char(
        string="Path to the Key",
        help="Where the payload holds the key of the device, as JSONPath: $.serial",
    )
    acceptance = fields.Selection(
        [("accept", "Accept at once"), ("propose", "Propose")],
        string="New Devices",
        default="accept",
        required=True,
        help="Accept at once: readings of a new device are stored from its first "
        "message on. Propose: a new device is listed as a proposal, and its readings "
        "are stored once a user has accepted it.",
    )
    device_limit = fields.Integer(
        default=1_000,
        required=True,
        help="Number of devices that this rule creates at most. Messages of further "
        "devices are ignored, and the followers of the handler are notified once.",
    )
    limit_reached = fields.Datetime(
        readonly=True,
        copy=False,
        help="Time when a device was ignored because the rule had its number of "
        "devices. Empty once there is room again.",
    )
    silent_after = fields.Integer(
        default=600,
        help="A device without a message for this number of seconds is shown as "
        "silent. 0: never.",
    )
    time_path = fields.Char(
        string="Path to the Time",
        help="Where the payload holds the time of the reading, as JSONPath: $.ts. "
        "Empty: the time of arrival counts.",
    )
    time_kind = fields.Selection(
        [
            ("iso", "ISO 8601 text"),
            ("s", "Seconds since 1970"),
            ("ms", "Milliseconds since 1970"),
            ("us", "Microseconds since 1970"),
            ("ns", "Nanoseconds since 1970"),
        ],
        string="Format of the Time",
        default="iso",
        required=True,
        help="How the device writes the time of a reading.",
    )
    time_zone = fields.Selection(
        "_selection_time_zone",
        default="UTC",
        required=True,
        help="Time zone of times that name none.",
    )
    metric_ids = fields.One2many(
        "mqtt.metric",
        "rule_id",
        copy=True,
        help="Values that are read from each message.",
    )
    device_ids = fields.One2many("mqtt.device", "rule_id", string="Devices")
    device_count = fields.Integer(
        string="Number of Devices",
        compute="_compute_device_counts",
        help="Number of devices of this rule, proposals included.",
    )
    proposal_count = fields.Integer(
        string="Proposals",
        compute="_compute_device_counts",
        help="Number of devices that wait to be accepted.",
    )

    _handler_uniq = models.Constraint(
        "UNIQUE(handler_id)", "A handler belongs to one device rule."
    )
    _device_limit = models.Constraint(
        f"CHECK(device_limit BETWEEN 1 AND {MAX_DEVICES})",
        f"Device Limit is a number from 1 to {MAX_DEVICES:,}.",
    )
    _silent_after_positive = models.Constraint(
        "CHECK(silent_after >= 0)", "Silent After is a number of seconds, 0 or more."
    )

    @api.model
    def _selection_time_zone(self):
        return time_zones()

    @api.depends("device_ids.accepted")
    @api.depends_context("uid", "allowed_company_ids")
    def _compute_device_counts(self):
        counts = {
            (rule.id, accepted): count
            for rule, accepted, count in self.env["mqtt.device"]
            .with_context(active_test=False)
            ._read_group(
                [("rule_id", "in", self.ids)], ["rule_id", "accepted"], ["__count"]
            )
        }
        for rule in self:
            proposals = counts.get((rule.id, False), 0)
            rule.proposal_count = proposals
            rule.device_count = proposals + counts.get((rule.id, True), 0)

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            vals.update(kind="readings", batch=True)
        rules = super().create(vals_list)
        rules._check_rights()
        rules._sync_availability()
        return rules

    def write(self, vals):
        self._check_rights()
        result = super().write(vals)
        if {"device_limit", "acceptance"} & set(vals):
            self.sudo().filtered("limit_reached").limit_reached = False
        self._sync_availability()
        return result

    def unlink(self):
        self.check_access("unlink")
        self._check_rights()
        handlers = self.handler_id + self.availability_handler_id
        self._remove_collected()
        result = super().unlink()
        handlers.unlink()
        return result

    def copy_data(self, default=None):
        """A copy gets a handler of its own, made of the values of the old one."""
        return [
            {
                **values,
                **{
                    name: rule.handler_id[name]
                    for name in ("pattern", "subscribe", "direction", "channel")
                },
                "name": self.env._("%s (copy)", rule.name),
                "service_id": rule.service_id.id,
            }
            for rule, values in zip(self, super().copy_data(default), strict=True)
        ]

    def _remove_collected(self):
        """Delete the devices of these rules with their readings."""
        # sudo: whoever may delete a rule deletes what it has collected
        rules = self.sudo().with_context(active_test=False)
        rules.device_ids.unlink()

    def _check_rights(self):
        """:raise AccessError: when the user may not change what these rules do."""
        self.handler_id._check_companies()

    # Buttons

    def action_open_devices(self):
        """Open the devices of these rules."""
        self.check_access("read")
        return open_records(
            self.env, "mqtt_device_action", [("rule_id", "in", self.ids)]
        )

    def action_fill(self):
        """Prepare a replay that reads the stored messages of this rule.

        :return: the action of its form.
        :raise AccessError: for a user who is no MQTT operator.
        """
        self.ensure_one()
        self.check_access("read")
        refusal = self.env._("Only an MQTT operator may replay messages.")
        check_group(self.env, OPERATOR, refusal)
        replay = self.env["mqtt.replay"].create(
            {
                "handler_id": self.handler_id.id,
                "service_id": self.service_id.id,
                "topic_filter": TopicPattern(self.pattern).filter.text,
            }
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Fill from History"),
            "res_model": "mqtt.replay",
            "res_id": replay.id,
            "views": [(False, "form")],
        }
