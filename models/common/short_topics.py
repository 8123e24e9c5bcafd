# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models

from ...mqtt.wording import short_line

TOPICS = {"topic", "mqtt_topic"}


class MqttShortTopics(models.AbstractModel):
    """Topics in lists and names are short: MQTT allows 65,535 bytes, and a page shows
    eighty of them. A form shows the whole one.
    """

    _name = "mqtt.short.topics"
    _description = "Short topics in lists"

    def web_read(self, specification):
        """What a page shows of records: of more than one it is a list."""
        found = super().web_read(specification)
        if len(found) > 1:
            for values in found:
                for name in TOPICS & values.keys():
                    values[name] = values[name] and short_line(values[name])
        return found

    def _compute_display_name(self):
        result = super()._compute_display_name()
        if self._rec_name in TOPICS:
            for record in self:
                record.display_name = short_line(record.display_name or "")
        return result
