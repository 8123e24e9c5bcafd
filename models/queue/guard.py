# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, models
from odoo.exceptions import AccessError

from ...mqtt.wording import short_line, short_trace

LINES = ("name", "exc_name", "exc_message", "result")
TRACE = "exc_info"
SAID = {*LINES, TRACE}
LINKS = {"mqtt_service_id", "mqtt_message_id", "mqtt_handler_id"}
OWN_FIELDS = {*LINKS, "mqtt_told", "mqtt_cause"}  # stored: what a job of MQTT is for


class QueueJob(models.Model):
    """What enters the row of a job of MQTT, and which users read it."""

    _inherit = "queue.job"

    def _mqtt_check_write(self, vals):
        """:raise AccessError: when a user changes whose message a job is for."""
        if is_of_mqtt(vals) and not self.env.su:
            raise AccessError(
                self.env._("What a job does with MQTT messages cannot be changed.")
            )

    def _mqtt_without_links(self, vals):
        """These values, without what a job is for where queue_job stores it again.

        queue_job asks for that with each change of state. It was written when the job
        was created, and PostgreSQL empties it when the record is deleted: written
        again, it would refer to a record that does not exist any more.
        """
        if self.env.context.get("_job_edit_sentinel") is not self.EDIT_SENTINEL:
            return vals
        return {name: value for name, value in vals.items() if name not in LINKS}

    @api.model
    @api.private
    def mqtt_readable_domain(self):
        """Which jobs a record rule lets an operator of MQTT read.

        Those of MQTT, for whose sake operators may read jobs at all. Users whom another
        group lets read jobs read the same ones as without this addon: all, unless that
        group has a rule of its own.
        """
        operator = self.env.ref("mqtt_listener.group_operator")
        groups = self.env.user.all_group_ids - operator
        own = [("model_id.model", "=", self._name), ("perm_read", "=", True)]
        # sudo: access rights and rules are an administrator's to read
        may_read = (
            self.env["ir.model.access"]
            .sudo()
            .search_count(
                [*own, "|", ("group_id", "=", False), ("group_id", "in", groups.ids)],
                limit=1,
            )
        )
        has_rule = (
            self.env["ir.rule"]
            .sudo()
            .search_count([*own, ("groups", "in", groups.ids)], limit=1)
        )
        if may_read and not has_rule:
            return [(1, "=", 1)]
        return [("mqtt_service_id", "!=", False)]


def is_of_mqtt(vals):
    """Whether values say what a job of MQTT is for."""
    return not OWN_FIELDS.isdisjoint(vals)


def storable(vals):
    """Values of a job with what a device, a broker or an exception says as short lines:
    a job whose failure could not be stored would take its neighbours with it.
    """
    return {name: _shortened(name, value) for name, value in vals.items()}


def _shortened(name, value):
    if value is None or value is False or name not in SAID:
        return value
    if name == TRACE:
        return short_trace(str(value))
    return short_line(value).removeprefix("builtins." * (name == "exc_name"))
