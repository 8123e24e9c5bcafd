# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

STATES = ("online", "silent", "offline")


class MqttDevice(models.Model):
    """Whether a device is there. Time alone makes it silent, so it is no column."""

    _inherit = "mqtt.device"

    availability = fields.Selection(
        [("online", "Online"), ("offline", "Offline")],
        readonly=True,
        help="What the device's availability topic said last.",
    )
    availability_time = fields.Datetime(
        readonly=True, help="When the availability topic said so."
    )
    state = fields.Selection(
        [("online", "Online"), ("silent", "Silent"), ("offline", "Offline")],
        compute="_compute_state",
        search="_search_state",
        help="Online: the device sends messages, or its availability topic says so. "
        "Silent: it has not sent a message for longer than its rule allows. Offline: "
        "its availability topic says so.",
    )

    @api.depends("availability", "last_seen", "rule_id.silent_after")
    def _compute_state(self):
        self.flush_recordset(["availability", "last_seen", "rule_id"])
        self.env["mqtt.device.rule"].flush_model(["silent_after"])
        # The same expression as in searches and groups.
        self.env.cr.execute(
            SQL(
                "SELECT id, %s FROM mqtt_device WHERE id IN %s",
                self._state_to_sql("mqtt_device"),
                tuple(self._origin.ids) or (None,),
            )
        )
        states = dict(self.env.cr.fetchall())
        for device in self:
            device.state = states.get(device._origin.id, "silent")

    def _search_state(self, operator, value):
        if operator != "in":
            return NotImplemented
        states = tuple(state for state in value if state in STATES)
        if not states:
            return Domain.FALSE  # each device has one
        return Domain.custom(
            to_sql=lambda model, alias, _query: SQL(
                "%s IN %s", model._state_to_sql(alias), states
            )
        )

    def _read_group_groupby(self, alias, groupby_spec, query):
        if groupby_spec == "state":
            return self._state_to_sql(alias)
        return super()._read_group_groupby(alias, groupby_spec, query)

    def _state_to_sql(self, alias):
        # `now` as text, in seconds: what is grouped by has to be the same each time.
        return SQL(
            """
            CASE WHEN %(device)s.availability IS NOT NULL
                 THEN %(device)s.availability
                 WHEN %(device)s.last_seen IS NULL
                   OR %(device)s.last_seen < %(now)s - (
                        SELECT NULLIF(rule.silent_after, 0) * interval '1 second'
                          FROM mqtt_device_rule AS rule
                         WHERE rule.id = %(device)s.rule_id)
                 THEN 'silent'
                 ELSE 'online' END
            """,
            device=SQL.identifier(alias),
            now=SQL("%s::timestamp", fields.Datetime.now()),
        )
