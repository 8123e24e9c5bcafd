# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models

from ...mqtt.wording import short_line
from .sets import HANDLE_METHOD

PART = 1_000  # messages corrected at a time
NAMED_CHARS = 50  # of the text that was replaced


class QueueJob(models.Model):
    """Correct the payloads of many failed messages by replacing a text in them."""

    _inherit = "queue.job"

    def _mqtt_replace(self, search_text, replace_text):
        """Have the messages handled that these should have been.

        The originals stay, and their jobs are cancelled. Messages without the text stay
        failed, and so do those to be published and those whose payload is not text.

        :return: how many were corrected.
        """
        jobs = self.filtered(
            lambda job: job.mqtt_handler_id and job.method_name == HANDLE_METHOD
        )
        return sum(
            jobs[start : start + PART]._mqtt_replace_part(search_text, replace_text)
            for start in range(0, len(jobs), PART)
        )

    def _mqtt_replace_part(self, search_text, replace_text):
        self.mqtt_message_id.fetch(["payload"])
        payload = self.mqtt_message_id._fields["payload"]
        texts = {job: payload.in_row(job.mqtt_message_id) or "" for job in self}
        found = self.filtered(lambda job: search_text in texts[job])
        for (service, handler), own in found.grouped(
            lambda job: (job.mqtt_service_id, job.mqtt_handler_id)
        ).items():
            messages = own.mqtt_message_id.browse(job.mqtt_message_id.id for job in own)
            corrected = messages._correct(
                [texts[job].replace(search_text, replace_text).encode() for job in own]
            )
            service._handle_corrected(handler, corrected)
        named = short_line(search_text, NAMED_CHARS)
        reason = self.env._("corrected: “%s” was replaced", named)
        found._mqtt_cancel(self._mqtt_cancelled_by_me(reason))
        return len(found)
