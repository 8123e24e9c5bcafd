# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models
from odoo.tools import SQL

from ..common.wide_fields import BigInteger

ROW_MESSAGES = 1_000  # in one row: as many as a job dispatches together


class MqttDispatch(models.Model):
    """Stored messages that wait for handlers.

    Rows are written in the transaction that stores the messages and deleted in the one
    in which the handlers had them. Jobs carry no messages: each takes what waits, so
    that slow workers make jobs fuller instead of more.
    """

    _name = "mqtt.dispatch"
    _description = "MQTT messages that wait for handlers"
    _rec_name = "service_id"
    _log_access = False
    _order = "first_sequence, id"

    service_id = fields.Many2one("mqtt.service", required=True, ondelete="cascade")
    channel = fields.Char(required=True)
    priority = fields.Integer(required=True)
    first_sequence = BigInteger(required=True)
    last_sequence = BigInteger(required=True)
    message_count = fields.Integer(required=True)
    waiting_since = fields.Datetime(default=fields.Datetime.now)
    sequences = fields.Json(help="Sequence numbers of the messages, if they have gaps.")
    handlers = fields.Json(required=True, help="Identifiers of mqtt.handler.")
    handler_id = fields.Many2one(
        "mqtt.handler",
        ondelete="cascade",
        index="btree_not_null",
        help="Suspended or uninstalled handler whose messages wait without a job.",
    )
    alone = fields.Boolean(
        help="Dispatched by a job of its own: a worker died in it, or it is again."
    )
    again = fields.Boolean(
        help="Had by their handler before: it gets them whatever its pattern is now."
    )
    context = fields.Json(help="More keys for the environment of the handler.")
    message_ids = fields.Json(
        help="Of the messages, where they were not received and have no sequence."
    )

    _waiting = models.Index(
        "(service_id, channel, priority, first_sequence, id) WHERE handler_id IS NULL"
    )
    _named = models.Index("(id) WHERE message_ids IS NOT NULL")
    # By ranges: in a backlog, bounds alone would have each message look at every row.
    _sequence_range = models.Index(
        "USING gist (int8range(first_sequence, last_sequence, '[]'))"
    )

    def _put(self, service, handlers, sequences, channel, priority, **values):
        """Have messages wait for handlers.

        :param service: ``mqtt.service`` of the messages.
        :param handlers: the ``mqtt.handler`` records; the topic of a message decides
            which of them it is for.
        :param sequences: of the messages, ascending.
        :param values: of other columns.
        """
        self.sudo().create(
            [
                {
                    "service_id": service.id,
                    "channel": channel,
                    "priority": priority,
                    "first_sequence": part[0],
                    "last_sequence": part[-1],
                    "message_count": len(values.get("message_ids") or part),
                    "sequences": part if _has_gaps(part) else False,
                    "handlers": handlers.ids,
                    **values,
                }
                for part in _parts(sequences)
            ]
        )

    def _put_messages(self, service, handlers, messages, channel, priority, **values):
        """Have messages wait for handlers, received ones or not.

        :param messages: records of history; otherwise as :meth:`_put`.
        """
        received = messages.filtered("sequence")
        sequences = sorted(received.mapped("sequence"))
        self._put(service, handlers, sequences, channel, priority, **values)
        for part in _parts((messages - received).ids):
            named = {**values, "message_ids": part}
            self._put(service, handlers, [0], channel, priority, **named)

    def _find_messages(self):
        """``[(row id, message id)]`` of these rows, in the order of reception."""
        self.flush_model()
        # No ORM equivalent: rows name sequences, not records.
        self.env.cr.execute(
            """
            SELECT waiting.id, message.id
              FROM mqtt_dispatch AS waiting
              JOIN mqtt_signal_history AS message
                ON message.service_id = waiting.service_id
               AND message.sequence
                   BETWEEN waiting.first_sequence AND waiting.last_sequence
             WHERE waiting.id IN %(ids)s AND waiting.sequences IS NULL
               AND message.has_handlers
             UNION ALL
            SELECT waiting.id, message.id
              FROM mqtt_dispatch AS waiting
             CROSS JOIN LATERAL jsonb_array_elements(waiting.sequences) AS listed
              JOIN mqtt_signal_history AS message
                ON message.service_id = waiting.service_id
               AND message.sequence = listed::int8
             WHERE waiting.id IN %(ids)s AND waiting.sequences IS NOT NULL
               AND message.has_handlers
             UNION ALL
            SELECT waiting.id, message.id
              FROM mqtt_dispatch AS waiting
             CROSS JOIN LATERAL jsonb_array_elements(waiting.message_ids) AS named
              JOIN mqtt_signal_history AS message ON message.id = named::int8
             WHERE waiting.id IN %(ids)s AND waiting.message_ids IS NOT NULL
            """,
            {"ids": tuple(self.ids) or (None,)},
        )
        return self.env.cr.fetchall()

    def _as_again(self):
        """Values for what is left of these rows, where that is to be handled again."""
        row = self.filtered("again")  # alone, so there are no others
        if not row:
            return {}
        return {"again": True, "alone": True, "context": row.context or False}

    def _let_go(self, handlers):
        """Let the rows that wait for these handlers be dispatched."""
        self.flush_model()
        # No ORM equivalent: it would read and write each of many thousand rows.
        self.env.cr.execute(
            "UPDATE mqtt_dispatch SET handler_id = NULL WHERE handler_id IN %s",
            [tuple(handlers.ids) or (None,)],
        )
        self.invalidate_model(["handler_id"], flush=False)

    def _delete(self):
        """Delete these rows in the transaction in which handlers had the messages."""
        if self:
            # Not through the ORM: it would log each of many deletions a second.
            self.env.cr.execute(
                "DELETE FROM mqtt_dispatch WHERE id IN %s", [tuple(self.ids)]
            )
            self.invalidate_model(flush=False)

    @staticmethod
    def _named_ids():
        """A query for the ids of the messages that rows name: those not received."""
        return SQL(
            """
            SELECT named::int8 FROM mqtt_dispatch AS waiting
             CROSS JOIN LATERAL jsonb_array_elements(waiting.message_ids) AS named
             WHERE waiting.message_ids IS NOT NULL
            """
        )

    @staticmethod
    def _covered_sequences():
        """A query for service and ``sequence`` of the messages that rows cover."""
        return SQL(
            """
            SELECT waiting.service_id, inside.sequence FROM mqtt_dispatch AS waiting
             CROSS JOIN LATERAL generate_series(
                 waiting.first_sequence, waiting.last_sequence) AS inside(sequence)
             WHERE waiting.sequences IS NULL
             UNION ALL
            SELECT waiting.service_id, inside.sequence::int8
              FROM mqtt_dispatch AS waiting
             CROSS JOIN LATERAL jsonb_array_elements(waiting.sequences)
                             AS inside(sequence)
             WHERE waiting.sequences IS NOT NULL
            """
        )

    @staticmethod
    def _covers(message):
        """A condition: a row of the table ``waiting`` covers a row of history.

        :param message: ``SQL`` identifier of the row of history.
        """
        return SQL(
            """
            (int8range(waiting.first_sequence, waiting.last_sequence, '[]')
                 @> %(message)s.sequence
             AND waiting.service_id = %(message)s.service_id
             AND (waiting.sequences IS NULL
                  OR waiting.sequences @> to_jsonb(%(message)s.sequence)))
            """,
            message=message,
        )


def _parts(sequences):
    for start in range(0, len(sequences), ROW_MESSAGES):
        yield sequences[start : start + ROW_MESSAGES]


def _has_gaps(sequences):
    return sequences[-1] - sequences[0] + 1 != len(sequences)
