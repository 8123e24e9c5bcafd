# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models
from odoo.tools import SQL

from ..common.wide_fields import BigInteger, Bytes

TOPICS_PER_SERVICE = 100_000
INDEX_CHARS = 250  # of a topic of up to 65,535 bytes, which no index takes
FILL_PERCENT = 70  # of a page, so that a new value of a row finds room beside it


class MqttTopic(models.Model):
    """A topic that a service received messages on, and the last of them.

    Made of history, where the payloads are. It is for looking at: nothing else of the
    addon relies on it, and storing a message does not touch it.
    """

    _name = "mqtt.topic"
    _inherit = ["mqtt.short.topics"]
    _description = "MQTT Topic"
    _rec_name = "topic"
    _order = "id"
    _log_access = False

    service_id = fields.Many2one(
        "mqtt.service",
        required=True,
        ondelete="cascade",
        help="Service that received the messages.",
    )
    topic = fields.Char(required=True, help="Topic that the messages were sent to.")
    topic_hash = Bytes(
        required=True, help="SHA-256 of the topic, which an index takes in full."
    )
    message_count = BigInteger(
        string="Messages",
        required=True,
        help="Messages received on the topic since it is in this table.",
    )
    last_message = fields.Datetime(required=True, help="Time of the last message.")
    last_sequence = BigInteger(
        required=True,
        help="Position of the last message in the order of reception of the service.",
    )

    # A new message must not change an index: then its row is updated in place.
    _topic_uniq = models.UniqueIndex("(service_id, topic_hash)")
    _topic_start = models.Index(
        f"(service_id, left(topic, {INDEX_CHARS}) text_pattern_ops)"
    )

    def init(self):
        """Leave room in the pages of what changes often."""
        # No ORM equivalent. Asked first: ALTER TABLE waits for all who read the table.
        self.env.cr.execute(
            "SELECT FROM pg_class WHERE oid = %s::regclass AND reloptions IS NULL",
            [self._table],
        )
        if self.env.cr.rowcount:
            self.env.cr.execute(
                SQL(
                    "ALTER TABLE %s SET (fillfactor = %s)",
                    SQL.identifier(self._table),
                    SQL(str(FILL_PERCENT)),
                )
            )
