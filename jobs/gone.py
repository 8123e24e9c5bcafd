# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Messages of a handler that is not there: they wait until it is, or is deleted."""

from odoo import models

from .failure import full_name
from .guard import HandlerGoneError

GONE = full_name(HandlerGoneError)


class MqttHandler(models.Model):
    _inherit = "mqtt.handler"

    def _is_gone(self) -> bool:
        """Whether nobody can call it now: archived, or its module is not installed."""
        return not self.active or (self.kind == "code" and not self._declared_method())

    def _describe_gone(self) -> str:
        return self.env._(
            "%s is not there any more: its module was uninstalled or has changed, or "
            "the handler is archived. Its messages wait until it is there again; to "
            "give them up, delete the handler.",
            self.name,
        )

    def _requeue_gone(self) -> None:
        """Have jobs try again that failed because the handler was not there."""
        self.env["queue.job"].sudo().search(
            [
                ("mqtt_handler_id", "in", self.ids),
                ("state", "=", "failed"),
                ("exc_name", "=", GONE),
            ],
            order="id",
        )._mqtt_requeue()

    def _cancel_jobs(self) -> None:
        """Give up what these handlers have still to do, since they are deleted."""
        jobs = (
            self.env["queue.job"]
            .sudo()
            .search(
                [
                    ("mqtt_handler_id", "in", self.ids),
                    ("mqtt_message_id", "!=", False),
                    ("state", "in", ("pending", "enqueued", "failed")),
                ]
            )
        )
        jobs._mqtt_cancel(
            self.env._("The handler was deleted by %s", self.env.user.name)
        )


class MqttSignalHistory(models.Model):
    _inherit = "mqtt.signal.history"

    def _wait_for(self, handler, context) -> str:
        """Have this message wait for a handler that is not there, without a job.

        :param context: that its handler has to be given.
        :return: what the job monitor shows as result.
        :raise HandlerGoneError: where only the job knows what it has to be given, or
            the message was not received.
        """
        said = handler._describe_gone()
        if context or not self.sequence:
            raise HandlerGoneError(said)
        if handler.ordered:
            self.service_id._put_in_order(handler, self)
        else:
            self.service_id._hold(handler, self, handler.channel, handler.priority)
        return said
