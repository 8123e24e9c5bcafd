from odoo import api, fields, models

from ..models.queue_job_sets import HANDLE_METHOD
from ..mqtt.payload import one_line

SHOWN_CHARS = 1_000  # of a payload
PART = 1_000  # messages corrected at a time


class MqttReplacement(models.TransientModel):
    """What to replace in the payloads of failed messages, however many they are."""

    _name = "mqtt.replacement"
    _inherit = "mqtt.decision"
    _description = "Correction of Many Failed MQTT Messages"

    search_text = fields.Text(
        string="Replace", required=True, help="As it stands in the payloads."
    )
    replace_text = fields.Text(string="By")
    example = fields.Text(compute="_compute_example", compute_sudo=False)
    corrected_example = fields.Text(
        string="Corrected", compute="_compute_example", compute_sudo=False
    )

    @api.depends("job_ids", "failure_ids", "search_text", "replace_text")
    def _compute_example(self):
        for one in self:
            jobs = one.job_ids[:1]._origin or one._failures()[:1].example_id
            # Not as superuser, or any job's message could be read through it.
            text = jobs.sudo(False).mqtt_message_id.payload or ""
            one.example = text[:SHOWN_CHARS]
            one.corrected_example = (one._replace(text) or text)[:SHOWN_CHARS]

    def action_process(self):
        """Give the corrections to the handlers, as messages of their own.

        The originals stay, and their jobs are cancelled. Messages without the text stay
        failed, and so do those to be published and those whose payload is not text.

        :raise AccessError: for a user who is no MQTT operator.
        """
        self.ensure_one()
        jobs = self._jobs()._for_mqtt_operation()
        corrected = sum(
            self._correct(jobs[start : start + PART])
            for start in range(0, len(jobs), PART)
        )
        said = self.env._("Messages that were corrected: %s.", corrected)
        if corrected < len(jobs):
            said += " " + self.env._(
                "Left because they do not have the text: %s.", len(jobs) - corrected
            )
        return jobs._mqtt_notification(said, "success" if corrected else "warning")

    def _correct(self, jobs):
        """Correct those of these jobs' messages that have the text; how many."""
        handling = jobs.filtered(
            lambda job: job.mqtt_handler_id and job.method_name == HANDLE_METHOD
        )
        handling.mqtt_message_id.fetch(["payload"])
        payloads = {
            job: self._replace(
                job.mqtt_message_id._fields["payload"].in_row(job.mqtt_message_id)
            )
            for job in handling
        }
        found = handling.filtered(lambda job: payloads[job] is not None)
        for (service, handler), own in found.grouped(
            lambda job: (job.mqtt_service_id, job.mqtt_handler_id)
        ).items():
            messages = own.mqtt_message_id.browse(job.mqtt_message_id.id for job in own)
            service._handle_corrected(
                handler, messages._correct([payloads[job].encode() for job in own])
            )
        reason = self.env._("corrected: “%s” was replaced", one_line(self.search_text))
        found.with_env(self.env)._mqtt_cancel(reason)
        return len(found)

    def _replace(self, text):
        """``text`` corrected, or ``None`` where there is nothing to replace."""
        if not self.search_text or self.search_text not in (text or ""):
            return None
        return text.replace(self.search_text, self.replace_text or "")
