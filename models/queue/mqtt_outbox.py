# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models

from ..common.wide_fields import BigMany2one


class MqttOutbox(models.Model):
    """A message that waits to be published.

    Written in the transaction that publishes it, deleted in the one that has the
    broker's confirmation, or in which its job is cancelled.
    """

    _name = "mqtt.outbox"
    _description = "MQTT message that waits to be published"
    _rec_name = "message_id"
    _log_access = False
    _order = "id"

    service_id = fields.Many2one("mqtt.service", required=True, ondelete="cascade")
    message_id = BigMany2one("mqtt.signal.history", required=True, ondelete="cascade")
    job_uuid = fields.Char(
        index=True, help="Identifier of the job that publishes the message."
    )

    _message_uniq = models.UniqueIndex("(message_id)")

    def _of_same_topics(self, messages):
        """Those that go to a topic of these messages."""
        topics = set(messages.mapped("topic"))
        if not topics:
            return self.browse()
        return self.filtered(lambda one: one.message_id.topic in topics)

    def _lock(self):
        """Keep a second run of the same job from publishing them as well; it waits,
        and is told that somebody was faster.

        No ORM equivalent: the ORM's lock does not wait.
        """
        if self:
            self.env.cr.execute(
                "SELECT FROM mqtt_outbox WHERE id IN %s FOR UPDATE", [tuple(self.ids)]
            )
