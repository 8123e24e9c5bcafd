# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from psycopg2.errors import SerializationFailure

from odoo import api, fields, models
from odoo.tools import SQL, mute_logger

from ...mqtt.message import decode_batch, encode_batch
from ..common.column_storage import keep_uncompressed
from ..common.wide_fields import BigInteger, Bytes

JOB_MESSAGES = 2_000  # that one ingest job takes; a batch is taken whole
JOB_BYTES = 16 * 1024 * 1024  # of batches that one job takes
LOOKED_AT = 1_000  # waiting batches that a job chooses from


class MqttBatch(models.Model):
    """Messages that were received and acknowledged and wait to be stored.

    The listener writes a row in a transaction of its own, and acknowledges. Ingest jobs
    carry no batch: each takes what waits when it runs, and deletes it in the
    transaction that stores the messages. So a batch is stored once, however often a job
    runs; a payload lives in one place at any time; and no job is the only one that
    could store a message.
    """

    _name = "mqtt.batch"
    _description = "MQTT messages waiting to be stored"
    _rec_name = "service_id"
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
    size = fields.Integer(help="Bytes of the messages, uncompressed.")
    waiting_since = fields.Datetime(default=fields.Datetime.now)
    job_uuid = fields.Char(
        index="btree_not_null",
        help="Of its own job, which stores it because it kept a job for many from "
        "storing.",
    )

    def _waiting(self, company):
        """Ids and sizes of the batches that the next ingest jobs of a company may take.

        :return: tuples (id, messages that history keeps, bytes), oldest first.
        """
        self.flush_model()
        # No ORM equivalent: to compare sizes, it would read all contents.
        self.env.cr.execute(
            SQL(
                "SELECT batch.id, message_count,"
                " COALESCE(size, octet_length(content))"
                " FROM mqtt_batch batch"
                " JOIN mqtt_service service ON service.id = batch.service_id"
                " WHERE service.company_id = %s AND job_uuid IS NULL"
                " ORDER BY batch.id LIMIT %s",
                company.id,
                LOOKED_AT,
            )
        )
        return self.env.cr.fetchall()

    def _take(self, company, most=JOB_MESSAGES):
        """Lock what waits of a company, in order, up to the bounds of a job.

        What another job is storing is left to it, and what one has stored since this
        transaction began is gone, though this one still sees it.

        :param most: messages.
        :return: the batches, and whether more wait.
        """
        waiting = self._waiting(company)
        taken, room, space = self.browse(), most, JOB_BYTES
        while waiting and room > 0 and space > 0:
            count = _count_that_fit(waiting, room, space) or int(not taken)
            if not count:
                break
            part, waiting = waiting[:count], waiting[count:]
            free = self.browse(batch_id for batch_id, *_sizes in part)._lock_free()
            for batch_id, messages, size in part:
                if batch_id in free._ids:
                    room, space = room - messages, space - size
            taken += free
        return taken, bool(waiting)

    def _lock_free(self):
        """Those of these that no other job has, locked until this transaction ends."""
        try:
            with mute_logger("odoo.sql_db"), self.env.cr.savepoint(flush=False):
                return self.try_lock_for_update()
        except SerializationFailure:  # one of them was stored meanwhile
            if len(self) == 1:
                return self.browse()
        half = len(self) // 2
        return self[:half]._lock_free() + self[half:]._lock_free()

    @api.model
    def _first_to_come(self, service):
        """The batch of a service that is stored next, if one is to be.

        Not one whose own job has failed: a person has to act, so nothing waits for it.
        """
        own = [("service_id", "=", service.id)]
        batch = self.search(
            [*own, ("job_uuid", "=", False)], order="last_sequence", limit=1
        )
        apart = self.search([*own, ("job_uuid", "!=", False)])
        if apart:
            failed = self.env["queue.job"].search(
                [("uuid", "in", apart.mapped("job_uuid")), ("state", "=", "failed")]
            )
            uuids = set(failed.mapped("uuid"))
            batch += apart.filtered(lambda one: one.job_uuid not in uuids)
        return batch.sorted("last_sequence")[:1]

    def _give_up(self, reason):
        """Put the messages where a person sees them, stores them again or deletes them.

        :param reason: who gave them up, and how.
        """
        for batch in self:
            self.env["mqtt.quarantine"]._put(
                batch.service_id,
                [
                    (sequence, message, message.trouble or reason)
                    for sequence, message in batch._messages()
                    if message.store or message.trouble
                ],
            )
        if self:
            self._delete_stored()

    def _split(self, messages, count):
        """Batches with parts of these messages of this one, which can be deleted then.

        :param messages: pairs of sequence and message.
        :param count: of batches, at most.
        """
        self.ensure_one()
        size = -(-len(messages) // count)
        parts = (messages[at : at + size] for at in range(0, len(messages), size))
        return self.create(
            [
                {
                    "service_id": self.service_id.id,
                    "last_sequence": part[-1][0],
                    "message_count": sum(message.store for _at, message in part),
                    "content": encode_batch([message for _at, message in part]),
                    "size": sum(message.size for _at, message in part),
                }
                for part in parts
            ]
        )

    def _messages(self):
        """Pairs of sequence and message, in the order of reception."""
        self.ensure_one()
        messages = list(decode_batch(self.content))
        return enumerate(messages, self.last_sequence - len(messages) + 1)

    def init(self):
        """Compress batches in the listener only, and have PostgreSQL note the time."""
        keep_uncompressed(self.env.cr, self._table, "content")
        # No ORM equivalent: the listener inserts without the ORM, and names no time.
        # Asked first: ALTER TABLE waits for all who read the table.
        self.env.cr.execute(
            "SELECT FROM information_schema.columns"
            " WHERE table_schema = current_schema AND table_name = %s"
            " AND column_name = 'waiting_since' AND column_default IS NULL",
            [self._table],
        )
        if self.env.cr.rowcount:
            self.env.cr.execute(
                "ALTER TABLE mqtt_batch"
                " ALTER COLUMN waiting_since SET DEFAULT timezone('UTC', now())"
            )

    def _delete_stored(self):
        """Delete the rows in the transaction that stored their messages."""
        if not self:
            return
        # Not through the ORM: it would log each of many deletions a second.
        self.env.cr.execute("DELETE FROM mqtt_batch WHERE id IN %s", [tuple(self.ids)])
        self.invalidate_model(flush=False)


def _count_that_fit(waiting, messages, size):
    """How many of the first batches fit into so many messages and bytes."""
    for count, (_batch_id, own_messages, own_size) in enumerate(waiting):
        messages, size = messages - own_messages, size - own_size
        if messages < 0 or size < 0:
            return count
    return len(waiting)
