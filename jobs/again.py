# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Give messages to their handlers again, in full batches: those that have failed.

They wait as rows of ``mqtt.dispatch``, as messages do that are new. But each was for
its handler when it failed, so it gets the message whatever its pattern says now.
"""

from odoo import models

from odoo.addons.queue_job.exception import FailedJobError

from .failure import Failure


class MqttService(models.Model):
    _inherit = "mqtt.service"

    def _handle_again(self, handler, messages, context) -> None:
        """Have messages wait for a handler that had them, and a job that sees to it.

        :param messages: records of history, in the order of reception.
        :param context: more keys for the handler's environment, as a replay gives.
        """
        if handler.ordered and not context:
            self._put_in_order(handler, messages)
        else:
            self._put_again(handler, messages, **context)
        if handler._held():
            handler._probe_soon()
        elif handler.ordered and not context:
            self._wake_in_order(handler)
        else:
            self._wake_dispatch(handler.channel, handler.priority)

    def _handle_corrected(self, handler, messages) -> None:
        """Have messages handled that correct others: no job each, unless its handler
        keeps the order; then each holds back its topic.
        """
        if handler.ordered or len(messages) == 1:
            messages._enqueue_failed([(handler, one, None) for one in messages])
        else:
            self._handle_again(handler, messages, {})

    def _put_again(self, handler, messages, **context) -> None:
        """Have messages wait for a handler that had them before.

        :param handler: ``mqtt.handler``
        :param messages: records of history.
        :param context: more keys for the handler's environment.
        """
        self.env["mqtt.dispatch"]._put_messages(
            self,
            handler,
            messages,
            handler.channel,
            handler.priority,
            handler_id=handler.id if handler._held() else False,
            again=True,
            alone=True,
            context=context or False,
        )

    def _find_again(
        self, row, channel, priority
    ) -> dict[models.BaseModel, models.BaseModel]:
        """``{handler: messages}`` of a row that is handled again.

        What does not fit into one job, or is for a handler that is suspended or not
        installed, is put back.
        """
        handler = self.env["mqtt.handler"].browse(row.handlers).exists()
        messages = self.env["mqtt.signal.history"].browse(
            message_id for _row, message_id in row._find_messages()
        )
        messages = messages.sorted("sequence")
        if not (handler and messages):
            return {}
        if handler._held():
            self._hold(handler, messages, channel, priority, **row._as_again())
            return {}
        if handler.active and not handler.enabled:
            self._fail_switched_off(handler, messages, row.context or {})
            return {}
        fitting = messages._first_bytes()
        if left := messages - fitting:
            self._put_messages({handler: left}, channel, priority, **row._as_again())
        fitting.fetch(["topic", "payload", "payload_raw", "timestamp"])
        return {handler: fitting}

    def _fail_switched_off(self, handler, messages, context) -> None:
        error = FailedJobError(handler._describe_switched_off())
        failure = Failure(
            error, "FailedJobError", str(error), str(error), is_final=True
        )
        messages._enqueue_failed(
            [(handler, message, failure) for message in messages], **context
        )
