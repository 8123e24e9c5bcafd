from odoo import fields, models

from .column_storage import keep_uncompressed
from .wide_fields import BigInteger, Bytes


class MqttBatch(models.Model):
    """Messages that were received and acknowledged and wait for their ingest job.

    The listener writes a row in the transaction that enqueues the job; the job deletes
    it in the transaction that stores the messages. So a batch is stored once, however
    often its job runs, and a payload lives in one place at any time.
    """

    _name = "mqtt.batch"
    _description = "MQTT messages waiting to be stored"
    _order = "id"
    _log_access = False

    service_id = fields.Many2one(
        "mqtt.service", required=True, ondelete="restrict", index=True
    )
    last_sequence = BigInteger(required=True, help="Sequence of the last message.")
    message_count = fields.Integer(
        required=True, help="Messages that history will keep."
    )
    content = Bytes(
        required=True, help="The messages, as mqtt/message.py encodes them."
    )

    def init(self):
        """Compress batches in the listener only."""
        keep_uncompressed(self.env.cr, self._table, "content")

    def _delete_stored(self):
        """Delete the row in the transaction that stored its messages."""
        # Not through the ORM: it would log each of many deletions a second.
        self.env.cr.execute("DELETE FROM mqtt_batch WHERE id IN %s", [tuple(self.ids)])
        self.invalidate_model(flush=False)
