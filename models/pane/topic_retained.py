# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models
from odoo.fields import Domain
from odoo.tools import SQL

from ..message.mqtt_signal_history import TOPIC_INDEX_CHARS
from .topic_history import NEWEST_FIRST, to_seconds


class MqttService(models.Model):
    """Whether the broker keeps a message for those who subscribe to a topic."""

    _inherit = "mqtt.service"

    def _topic_retained(self, topic):
        """What history says about the message that the broker keeps.

        It cannot know for certain: a broker marks a message as retained only when it
        sends it to somebody who subscribed later, unless *Retain as Published* is set.
        An empty one has the broker discard what it keeps (MQTT 5.0 section 3.3.1.3).

        :return: ``id``, ``time``, ``preview`` and ``is_empty`` of the last message that
            was marked as retained or is empty; ``False`` where there is none.
        """
        # No ORM equivalent: by other words PostgreSQL does not find the index.
        decides = Domain.custom(
            to_sql=lambda model, alias, query: SQL(
                "(%s OR %s = 0)",
                model._field_to_sql(alias, "retain", query),
                model._field_to_sql(alias, "size", query),
            )
        )
        message = self.env["mqtt.signal.history"].search(
            self._domain_of_topic(topic) & decides, order=NEWEST_FIRST, limit=1
        )
        if not message:
            return False
        return {
            "id": message.id,
            "time": to_seconds(message.timestamp),
            "preview": message.payload_preview,
            "is_empty": not message.size,
        }


class MqttSignalHistory(models.Model):
    _inherit = "mqtt.signal.history"

    _topic_retained = models.Index(
        f"(left(topic, {TOPIC_INDEX_CHARS}) text_pattern_ops, timestamp DESC)"
        " WHERE retain OR size = 0"
    )
