# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import timedelta

from odoo import api, fields, models

from ...mqtt.log import get_logger
from ...mqtt.wording import TOPIC_CHARS, short_line

_logger = get_logger(__name__)

TELL_EVERY = timedelta(hours=1)  # a handler's failures, at most


class MqttHandler(models.Model):
    """What has to be looked after beside the jobs: what no job tells, or too often."""

    _inherit = "mqtt.handler"

    last_told = fields.Datetime(
        readonly=True,
        copy=False,
        help="When followers were last notified of failed messages.",
    )

    @api.model
    def _look_after(self):
        """Called by cron: tell of failures, wake what waits, add counts up."""
        self._tell_failures()
        self._look_after_suspended()
        self.env["mqtt.service"].sudo()._wake_all()
        self.env["mqtt.handler.statistics"]._fold()

    @api.model
    def _tell_failures(self):
        """Tell the MQTT managers of messages that failed, once for many of them.

        Not from the job: a thousand would tell a thousand times, and a job found dead
        tells nobody.
        """
        jobs = self.env["queue.job"].sudo()
        untold = [
            ("mqtt_message_id", "!=", False),
            ("mqtt_handler_id", "!=", False),
            ("state", "=", "failed"),
            ("mqtt_told", "=", False),
        ]
        now = fields.Datetime.now()
        for handler, count, last_id in jobs._read_group(
            untold, ["mqtt_handler_id"], ["__count", "id:max"]
        ):
            if handler.last_told and handler.last_told > now - TELL_EVERY:
                continue
            try:
                with self.env.cr.savepoint():
                    handler.sudo()._tell_own_failures(count, last_id, untold)
            except Exception:
                # A guard: who cannot be told keeps nobody else from it, and no message
                # waiting.
                _logger.exception("%s: nobody could be told of failures", handler.name)

    def _tell_own_failures(self, count, last_id, untold):
        jobs = self.env["queue.job"]
        self._count_dead(untold)
        self.last_told = fields.Datetime.now()
        self._tell(count, jobs.browse(last_id))
        of_handler = [*untold, ("mqtt_handler_id", "=", self.id)]
        jobs.search([*of_handler, ("id", "<=", last_id)]).mqtt_told = True

    def _count_dead(self, untold):
        """Count the jobs whose worker died each time: nobody was there to do it."""
        dead = (
            self.env["queue.job"]
            .sudo()
            .search(
                [
                    *untold,
                    ("mqtt_handler_id", "=", self.id),
                    ("exc_name", "=", "JobFoundDead"),
                ]
            )
        )
        for service, own in dead.grouped("mqtt_service_id").items():
            self._count(
                service,
                failed=len(own),
                error=self.env._(
                    "%s: its worker died each time",
                    short_line(own[-1].mqtt_topic, TOPIC_CHARS),
                ),
            )

    def _tell(self, count, last):
        env = self.env
        if self.service_id or len(env["res.company"].sudo().search([], limit=2)) == 1:
            told = env._(
                "%(count)s messages failed in “%(handler)s”, the last from "
                "%(topic)s: %(error)s. See MQTT, Failed Messages.",
                count=count,
                handler=self.name,
                topic=short_line(last.mqtt_topic, TOPIC_CHARS),
                error=short_line(last.exc_message or last.exc_name),
            )
        else:  # what the handler is told, other companies read as well
            told = env._(
                "%(count)s messages failed in “%(handler)s”. "
                "See MQTT, Failed Messages.",
                count=count,
                handler=self.name,
            )
        self.message_post(
            body=told,
            partner_ids=self._whom_to_tell().partner_id.ids,
            subtype_xmlid="mail.mt_comment",
        )

    def _whom_to_tell(self):
        managers = self.env.ref("mqtt_listener.group_manager").sudo().all_user_ids
        company = self.service_id.company_id
        return managers.filtered(
            lambda user: user.active and (not company or company in user.company_ids)
        )

    def _describe_switched_off(self):
        return self.env._(
            "“%s” is switched off: switch it on and requeue, or cancel it.", self.name
        )
