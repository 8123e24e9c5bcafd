# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ...mqtt.json_text import parse_json
from ...mqtt.log import get_logger
from ...mqtt.payload import PayloadError, decode_text
from ...mqtt.wording import TOPIC_CHARS, short_line
from ..common.column_storage import compress_fast
from ..common.wide_fields import BigInteger, BigMany2one, Bytes

_logger = get_logger(__name__)

JOB_BYTES = 16 * 1024 * 1024  # payloads that a job takes into memory at a time
TOPIC_INDEX_CHARS = 250  # of up to 65,535 bytes, which no index takes
JSON_CACHE = "mqtt_json"  # key of the cursor's cache
NOT_KEPT = Domain("payload_digest", "!=", False) & Domain(
    "payload_attachment_id", "=", False
)


class Topic(fields.Char):
    """A topic name: as long as MQTT allows, and found by an index all the same.

    The index holds the first characters only. A search for a topic or for its
    beginning says so to PostgreSQL beside the condition itself.
    """

    def condition_to_sql(self, field_expr, operator, value, model, alias, query):
        condition = super().condition_to_sql(
            field_expr, operator, value, model, alias, query
        )
        start = SQL(
            "left(%s, %s)",
            model._field_to_sql(alias, field_expr, query),
            SQL(str(TOPIC_INDEX_CHARS)),
        )
        if operator == "in" and all(value):
            starts = tuple(text[:TOPIC_INDEX_CHARS] for text in value)
            return SQL("(%s IN %s AND %s)", start, starts, condition)
        if operator == "=like" and value[:1] not in ("%", "_"):
            return SQL("(%s LIKE %s AND %s)", start, _like_start(value), condition)
        return condition


class Payload(fields.Text):
    """The text of a payload, wherever it is kept: handlers need not care."""

    def __get__(self, record, owner=None):
        text = self.in_row(record, owner)
        if text or record is None or not record.payload_attachment_id:
            return text
        # Lists and forms, which set it, show the beginning of the attachment instead.
        if record.env.context.get("bin_size"):
            return text
        return decode_text(record.payload_bytes) or False

    def in_row(self, record, owner=None):
        """What is in the message's own row."""
        return fields.Text.__get__(self, record, owner)


def _like_start(pattern):
    """``pattern`` cut to what the index holds, before the first wildcard if shorter."""
    end = next((at for at, char in enumerate(pattern) if char in "%_\\"), len(pattern))
    if end == len(pattern) and end <= TOPIC_INDEX_CHARS:
        return pattern
    return pattern[: min(end, TOPIC_INDEX_CHARS)] + "%"


class MqttSignalHistory(models.Model):
    """A message, with exactly the bytes that arrived. Made for millions of rows."""

    _name = "mqtt.signal.history"
    _inherit = ["mqtt.short.topics"]
    _description = "MQTT Message"
    _rec_name = "topic"
    _order = "timestamp desc, sequence desc, id desc"
    _log_access = False  # who and when are the listener and ``timestamp``

    service_id = fields.Many2one(
        "mqtt.service",
        required=True,
        ondelete="restrict",
        help="Service that received or sent the message.",
    )
    subscription_id = fields.Many2one(
        "mqtt.subscription",
        ondelete="set null",
        index="btree_not_null",
        help="Subscription that the message was received through.",
    )
    subscription_identifier = fields.Integer(
        related="subscription_id.identifier",
        help="Subscription identifier of MQTT 5, with which the broker marks the "
        "messages of a subscription.",
    )
    topic = Topic(required=True, help="Topic that the message was published to.")
    payload = Payload(
        prefetch=False,
        help="The payload, if it is text (UTF-8 without NUL characters).",
    )
    payload_raw = Bytes(string="Binary Payload", help="The payload, if it is not text.")
    size = fields.Integer(help="Size in bytes.", aggregator="sum")
    qos = fields.Integer(
        string="QoS",
        aggregator=None,
        help="Quality of service: 0 at most once, 1 at least once, 2 exactly once.",
    )
    retain = fields.Boolean(
        string="Retained",
        help="Received: the broker kept this message from before the "
        "subscription. Sent: the broker was asked to keep it.",
    )
    dup = fields.Boolean(
        string="Duplicate",
        help="The broker marked this message as a redelivery; the first delivery "
        "did not arrive.",
    )
    direction = fields.Selection(
        [("receive", "Received"), ("send", "Sent")],
        default="receive",
        required=True,
        help="Received from the broker, or sent to it.",
    )
    message_id = fields.Integer(
        string="Packet Identifier",
        aggregator=None,
        help="MQTT packet identifier; 0 with QoS 0.",
    )
    timestamp = fields.Datetime(
        required=True,
        default=fields.Datetime.now,
        help="Time of reception or of sending, with microseconds.",
    )
    sequence = BigInteger(
        aggregator=None, help="Position in the order of reception of the service."
    )
    corrected_from_id = BigMany2one(
        "mqtt.signal.history",
        string="Corrects",
        readonly=True,
        ondelete="set null",
        index="btree_not_null",
        help="A user corrected that failed message; this one is handled in its place.",
    )

    content_type = fields.Char()
    payload_format = fields.Selection(
        [("bytes", "Bytes"), ("text", "UTF-8 Text")],
        help="MIME type of the payload, as the publisher states it.",
    )
    response_topic = fields.Char(help="Topic that the publisher expects a response on.")
    correlation_data = Bytes(string="Correlation Data (Bytes)")
    message_expiry = BigInteger(
        aggregator=None,
        help="Message expiry interval that was left on arrival, in seconds.",
    )
    user_properties = fields.Json(string="User Properties (JSON)")

    correlation_hex = fields.Char(
        string="Correlation Data",
        compute="_compute_properties_view",
        help="Data that links a response to its request, as hexadecimal digits.",
    )
    user_properties_text = fields.Text(
        string="User Properties",
        compute="_compute_properties_view",
        help="User properties of the message, one per line.",
    )
    received_at = fields.Char(
        compute="_compute_received_at",
        help="Time in UTC, with microseconds.",
    )
    milliseconds = fields.Integer(
        compute="_compute_received_at",
        help="What the time has beyond its second, of which lists know no part.",
    )

    _service_sequence_uniq = models.UniqueIndex("(service_id, sequence)")
    _timestamp_sequence = models.Index("(timestamp DESC, sequence DESC, id DESC)")
    _topic_timestamp = models.Index(
        f"(left(topic, {TOPIC_INDEX_CHARS}) text_pattern_ops, timestamp DESC)"
    )

    def init(self):
        """Widen the primary key: 100 messages a second use 32 bits up in 8 months. And
        have payloads compressed fast, where the server can.

        No ORM equivalent: Odoo makes every ``id`` a 32-bit serial.
        """
        self.env.cr.execute(
            "SELECT data_type FROM information_schema.columns"
            " WHERE table_schema = current_schema AND table_name = %s"
            " AND column_name = 'id'",
            [self._table],
        )
        if self.env.cr.fetchone() == ("integer",):
            self.env.cr.execute(
                SQL(
                    "ALTER TABLE %(table)s ALTER COLUMN id TYPE bigint;"
                    "ALTER SEQUENCE %(sequence)s AS bigint",
                    table=SQL.identifier(self._table),
                    sequence=SQL.identifier(f"{self._table}_id_seq"),
                )
            )
        compress_fast(self.env.cr, self._table, "payload", "payload_raw")

    @property
    def payload_bytes(self):
        """The payload as it arrived, in bytes.

        :raise PayloadError: when it was too large to be kept, or its file is gone.
        """
        self.ensure_one()
        if text := self._fields["payload"].in_row(self):
            return text.encode()
        # Forms ask for the sizes of binary fields (bin_size), not for their content.
        message = self.with_context(bin_size=False)
        payload = message.payload_raw or b""
        if payload or not self.payload_digest:
            return payload
        return message._large_payload()

    @property
    def properties(self):
        """The MQTT 5 properties it came with, a dict that has only those it has:
        ``content_type``, ``payload_format`` ("bytes" or "text"), ``response_topic``,
        ``correlation_data`` (bytes), ``message_expiry`` (seconds),
        ``user_properties`` (list of name and value).
        """
        self.ensure_one()
        message = self.with_context(bin_size=False)
        names = (
            "content_type",
            "payload_format",
            "response_topic",
            "correlation_data",
            "message_expiry",
            "user_properties",
        )
        return {name: message[name] for name in names if message[name]}

    def json(self):
        """The value of the payload, parsed once while a handler runs.

        It may hold strings with U+0000 or halves of surrogate pairs, which JSON can
        escape and the database cannot store.

        :raise PayloadError: when it is not JSON, with topic and position, in one line.
        """
        self.ensure_one()
        parsed = self.env.cr.cache.setdefault(JSON_CACHE, {})
        if self.id not in parsed:
            try:
                parsed[self.id] = parse_json(self.payload_bytes)
            except PayloadError as error:
                raise PayloadError(
                    f"{short_line(self.topic, TOPIC_CHARS)}: {error}"
                ) from None
        return parsed[self.id]

    @api.model
    def _forget_parsed(self):
        """Have :meth:`json` parse anew: a handler may have changed its value."""
        self.env.cr.cache.pop(JSON_CACHE, None)

    def _first_bytes(self, limit=JOB_BYTES):
        """The first of these messages whose payloads a job can hold, at least one.

        :param limit: bytes.
        """
        total = 0
        for count, message in enumerate(self):
            total += message.size
            if count and total > limit:
                return self[:count]
        return self

    @api.depends("timestamp")
    def _compute_received_at(self):
        for message in self:
            message.received_at = message.timestamp and message.timestamp.isoformat(
                " ", "microseconds"
            )
            moment = message.timestamp
            message.milliseconds = moment.microsecond // 1000 if moment else 0

    @api.depends("correlation_data", "user_properties")
    def _compute_properties_view(self):
        for message in self:
            data = message.with_context(bin_size=False).correlation_data or b""
            message.correlation_hex = data.hex(" ")
            message.user_properties_text = "\n".join(
                f"{name}: {value}" for name, value in message.user_properties or ()
            )

    def _read_group_groupby(self, alias, groupby_spec, query):
        match groupby_spec:
            case "hour" | "minute":
                return self._interval_to_sql(groupby_spec, alias, query)
            case "state":
                return self._state_to_sql(alias)
        return super()._read_group_groupby(alias, groupby_spec, query)
