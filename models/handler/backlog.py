# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..service.backlog import WAITING_STATES


class MqttHandler(models.Model):
    """Whether a handler keeps up, and the message that it failed for last."""

    _inherit = "mqtt.handler"

    waiting_count = fields.Integer(
        string="Waiting",
        compute="_compute_waiting",
        help="Number of messages that wait for this handler: in jobs of their own, in "
        "the order of their topic, or until it is resumed.",
    )
    waiting_since = fields.Datetime(
        compute="_compute_waiting",
        help="Since when the oldest of the messages waits that are due.",
    )
    waiting_seconds = fields.Integer(
        compute="_compute_waiting", help="How long the oldest message has been waiting."
    )

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_waiting(self):
        of_handlers = Domain("handler_id", "in", self.ids)
        of_services = self._of_services("service_id")
        counts = dict.fromkeys(self, 0)
        # sudo: numbers only, of services that the user may see
        for model, measure in (
            ("mqtt.dispatch", "message_count:sum"),
            ("mqtt.ordered.message", "__count"),
        ):
            for handler, count in (
                self.env[model]
                .sudo()
                ._read_group(of_handlers & of_services, ["handler_id"], [measure])
            ):
                counts[handler] += count
        jobs = self.env["queue.job"].sudo()
        waiting = (
            Domain("mqtt_handler_id", "in", self.ids)
            & Domain("state", "in", WAITING_STATES)
            & self._of_services("mqtt_service_id")
        )
        own = waiting & Domain("mqtt_message_id", "!=", False)
        for handler, count in jobs._read_group(own, ["mqtt_handler_id"], ["__count"]):
            counts[handler] += count
        now = fields.Datetime.now()
        is_due = Domain("eta", "=", False) | Domain("eta", "<=", now)
        oldest = dict(
            jobs._read_group(
                waiting & is_due, ["mqtt_handler_id"], ["date_created:min"]
            )
        )
        for handler in self:
            since = oldest.get(handler, False)
            handler.waiting_count = counts[handler]
            handler.waiting_since = since
            handler.waiting_seconds = since and (now - since).total_seconds()

    def action_open_last_failed(self):
        """Open the message that this handler failed for last.

        :raise UserError: when its job is not there any more.
        """
        self.ensure_one()
        self.check_access("read")
        # sudo: the job is queue_job's; the user's own rights decide about the message
        job = (
            self.env["queue.job"]
            .sudo()
            .search(
                Domain("mqtt_handler_id", "=", self.id)
                & Domain("mqtt_message_id", "!=", False)
                & Domain("exc_name", "!=", False)
                & self._of_services("mqtt_service_id"),
                order="date_started desc, id desc",
                limit=1,
            )
        )
        if not job:
            raise UserError(
                self.env._(
                    "The message of the last error was handled meanwhile, or its job "
                    "was removed."
                )
            )
        return job.mqtt_message_id.with_env(self.env).get_formview_action()
