# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models

SHOWN_CHARS = 1_000  # of a payload


class MqttReplacement(models.TransientModel):
    """What to replace in the payloads of failed messages, however many they are."""

    _name = "mqtt.replacement"
    _inherit = "mqtt.decision"
    _description = "Correction of Many Failed MQTT Messages"

    search_text = fields.Text(
        string="Replace",
        required=True,
        help="Text to replace, as the payloads contain it.",
    )
    replace_text = fields.Text(string="By", help="Text that replaces it.")
    example = fields.Text(
        compute="_compute_example",
        compute_sudo=False,
        help="Payload of the last failed message.",
    )
    corrected_example = fields.Text(
        string="Corrected",
        compute="_compute_example",
        compute_sudo=False,
        help="The same payload with the replacement.",
    )

    @api.depends("job_ids", "failure_ids", "search_text", "replace_text")
    def _compute_example(self):
        for one in self:
            jobs = one.job_ids[:1]._origin or one._failures()[:1].example_id
            # Not as superuser, or any job's message could be read through it.
            text = jobs.sudo(False).mqtt_message_id.payload or ""
            one.example = text[:SHOWN_CHARS]
            if one.search_text:
                text = text.replace(one.search_text, one.replace_text or "")
            one.corrected_example = text[:SHOWN_CHARS]

    def action_process(self):
        """Give the corrections to the handlers, as messages of their own.

        The originals stay, and their jobs are cancelled. Messages without the text stay
        failed, and so do those to be published and those whose payload is not text.

        :raise AccessError: for a user who is no MQTT operator.
        """
        self.ensure_one()
        return self._decide(
            "correct",
            search_text=self.search_text,
            replace_text=self.replace_text or "",
        )
