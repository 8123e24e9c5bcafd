# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.fields import Domain

from ...mqtt.log import get_logger

_logger = get_logger(__name__)

LOST_SECONDS = 300  # without a connection, after which followers are notified


class MqttService(models.Model):
    """Notifies the followers of a service, once of each thing that is wrong."""

    _inherit = "mqtt.service"

    told_problems = fields.Json(
        readonly=True,
        copy=False,
        help="Problems that followers were notified of and that are not over yet.",
    )

    away_since = fields.Datetime(
        readonly=True,
        copy=False,
        help="Since when the service has been without a connection, as far as it was "
        "looked at.",
    )

    @api.model
    def _watch(self):
        """Notify of what is wrong and was not before. Called by cron every minute."""
        for service in self.sudo().search(Domain.TRUE):
            try:
                with self.env.cr.savepoint():
                    service._tell_followers()
            except Exception:
                # A guard: the followers of the others have to be notified all the same.
                _logger.exception("“%s” could not be watched", service.name)

    def _tell_followers(self):
        self._note_connection()
        told = set(self.told_problems or [])
        problems = dict(self._problems_of_now())
        for kind in problems.keys() - told:
            self._tell(problems[kind])
        if "lost" in told - problems.keys() and self._current_status() == "connected":
            self._tell(self.env._("The service is connected to the broker again."))
        if problems.keys() != told:
            self.told_problems = sorted(problems)

    def _tell(self, text):
        self.message_post(body=text, subtype_xmlid="mail.mt_comment")

    def _problems_of_now(self):
        """A name and a sentence for each thing that is wrong.

        The name stays the same while it is the same problem.
        """
        env = self.env
        if self.status == "stop":
            return
        if seconds := self._seconds_lost():
            yield (
                "lost",
                env._(
                    "The service has had no connection to the broker for "
                    "%(duration)s: %(problem)s",
                    duration=self._describe_seconds(seconds),
                    problem=self._describe_own_status(self._current_status()),
                ),
            )
        suspended = env["mqtt.handler"].search([("suspended_since", "!=", False)])
        for handler in suspended.filtered(lambda one: one._is_for(self)):
            text = env._("Handler “%s” is suspended: its messages wait.", handler.name)
            yield f"suspended {handler.id}", text
        if self.certificate_warning:
            yield "certificate", self.certificate_warning
        if self.quarantine_count:
            text = env._(
                "Messages could not be stored: %s. See MQTT, Problems, Not Stored.",
                self.quarantine_count,
            )
            yield "quarantine", text

    def _seconds_lost(self):
        """For how long there has been no connection; 0 while that is not long."""
        if not self.away_since:
            return 0
        seconds = (fields.Datetime.now() - self.away_since).total_seconds()
        return seconds if seconds >= LOST_SECONDS else 0

    def _note_connection(self):
        """Note since when there has been no connection: nobody else does, for a
        listener that was killed notes nothing.
        """
        is_fine = self.status == "stop" or self._current_status() in (
            "connected",
            "not_configured",
        )
        if is_fine and self.away_since:
            self.away_since = False
        elif not is_fine and not self.away_since:
            self.away_since = fields.Datetime.now()
