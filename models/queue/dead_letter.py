# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from babel.dates import format_timedelta

from odoo import api, fields, models
from odoo.tools import babel_locale_parse

from ..common.groups import OPERATOR, check_group
from .queue_job import PUBLISH_METHOD


class QueueJob(models.Model):
    """Dead letters: messages that a handler has given up, as the failed jobs they are.

    What an MQTT operator may do with them, who need not be a manager of jobs.
    """

    _name = "queue.job"
    _inherit = ["queue.job", "mqtt.short.topics"]

    mqtt_age = fields.Char(string="Age", compute="_compute_mqtt_age")
    mqtt_message_count = fields.Integer(
        string="Message Count",
        compute="_compute_mqtt_message_count",
        compute_sudo=True,
        help="Number of messages that the job is for.",
    )

    # Not as superuser: the user's own rights decide about the message.
    mqtt_payload_view = fields.Text(
        related="mqtt_message_id.payload_view",
        related_sudo=False,
        help="Payload of the message, indented if it is JSON. A long one is shortened.",
    )

    _mqtt_failed_cause = models.Index(
        "(mqtt_handler_id, mqtt_cause)"
        " WHERE state = 'failed' AND mqtt_message_id IS NOT NULL"
    )

    @api.depends_context("lang")
    def _compute_mqtt_age(self):
        now = fields.Datetime.now()
        locale = babel_locale_parse(self.env.context.get("lang") or "en_US")
        for job in self:
            since = job.date_started or job.date_created
            job.mqtt_age = since and format_timedelta(now - since, locale=locale)

    def _compute_mqtt_message_count(self):
        publishing = self.filtered(lambda job: job.method_name == PUBLISH_METHOD)
        counts = dict(
            self.env["mqtt.outbox"]._read_group(
                [("job_uuid", "in", publishing.mapped("uuid"))],
                ["job_uuid"],
                ["__count"],
            )
        )
        for job in self:
            job.mqtt_message_count = counts.get(job.uuid, bool(job.mqtt_message_id))

    def action_mqtt_requeue(self):
        """Have the handlers try these messages again, with all their tries.

        :raise AccessError: for a user who is no MQTT operator.
        """
        return self._mqtt_notification(*self._mqtt_decide("requeue"))

    def action_mqtt_cancel(self):
        """Ask why, then cancel."""
        jobs = self._for_mqtt_operation()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Cancel"),
            "res_model": "mqtt.cancellation",
            "view_mode": "form",
            "target": "new",
            "context": {"default_job_ids": jobs.ids},
        }

    def action_mqtt_correct(self):
        """Ask for the right payload, or for what to replace in the payloads of several,
        then process that.
        """
        jobs = self._for_mqtt_operation()
        if len(jobs) == 1:
            model, chosen = "mqtt.correction", {"default_job_id": jobs.id}
        else:
            model, chosen = "mqtt.replacement", {"default_job_ids": jobs.ids}
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Correct and Process Again"),
            "res_model": model,
            "view_mode": "form",
            "target": "new",
            "context": chosen,
        }

    def action_mqtt_open_message(self):
        """Open the message that the job is for."""
        self.ensure_one()
        return self.mqtt_message_id.get_formview_action()

    def _mqtt_cancelled_by_me(self, reason):
        return self.env._(
            "Cancelled by %(user)s: %(reason)s", user=self.env.user.name, reason=reason
        )

    def _mqtt_publish_instead(self, corrected, reason):
        """Publish this instead of the message that the job stands for, in its place,
        and what else the job has to publish: by a job of their own.

        :param reason: left on the message that is not published.
        """
        self.ensure_one()
        original, waiting = self.mqtt_message_id, self._mqtt_outbox()
        own = waiting.filtered(lambda one: one.message_id == original)
        own.message_id = corrected
        self.mqtt_service_id._enqueue_publish(waiting)
        original.cancel_reason = self._mqtt_cancelled_by_me(reason)

    def _for_mqtt_operation(self):
        """These jobs, as far as they are of messages and have failed.

        :raise AccessError: for a user who is no MQTT operator or may not see them.
        """
        check_group(
            self.env,
            OPERATOR,
            self.env._("Only an MQTT operator may decide about failed messages."),
        )
        self.check_access("read")
        # sudo: a job is queue_job's to write, of any job an operator may not
        return self.sudo().search(
            [
                ("id", "in", self.ids),
                ("mqtt_message_id", "!=", False),
                ("state", "=", "failed"),
            ],
            order="id",
        )

    @api.model
    def _mqtt_notification(self, message, is_warning=False):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": message,
                "type": "warning" if is_warning else "success",
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }
