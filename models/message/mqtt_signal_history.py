import base64
import time
from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ...mqtt.json_text import parse_json, pretty_json
from ...mqtt.log import get_logger
from ...mqtt.payload import PayloadError, decode_text, hex_view
from ...mqtt.wording import TOPIC_CHARS, short_line
from ..common.column_storage import compress_fast
from ..common.wide_fields import BigInteger, BigMany2one, Bytes
from .state_sql import state_of_row

_logger = get_logger(__name__)

TOPIC_INDEX_CHARS = 250  # of up to 65,535 bytes, which no index takes
PREVIEW_CHARS = 120
SHOWN_BYTES = 65_536  # of a payload, in the form (characters, where it is text)
READ_BYTES = 4 * 1024 * 1024  # of an attachment, for that: JSON is indented if whole
GC_BATCH = 5_000
_rests: dict[str, float] = {}  # by database: seconds until its next batch
GC_REST = 3  # times as long as a batch takes: for those who store meanwhile
JOB_BYTES = 16 * 1024 * 1024  # payloads that a job takes into memory at a time
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
    _description = "MQTT Message"
    _rec_name = "topic"
    _order = "timestamp desc, sequence desc, id desc"
    _log_access = False  # who and when are the listener and ``timestamp``

    service_id = fields.Many2one("mqtt.service", required=True, ondelete="restrict")
    subscription_id = fields.Many2one(
        "mqtt.subscription", ondelete="set null", index="btree_not_null"
    )
    subscription_identifier = fields.Integer(
        related="subscription_id.identifier",
        help="Under which the broker sends what this subscription brings (MQTT 5).",
    )
    topic = Topic(required=True)
    payload = Payload(
        prefetch=False,
        help="The payload, where it is text: UTF-8 without NUL.",
    )
    payload_raw = Bytes(string="Binary Payload", help="The payload, where it is not.")
    size = fields.Integer(help="Bytes.", aggregator="sum")
    qos = fields.Integer(string="QoS", aggregator=None)
    retain = fields.Boolean(string="Retained")
    dup = fields.Boolean(
        string="Duplicate",
        help="The broker sent it again, and the first time was lost.",
    )
    direction = fields.Selection(
        [("receive", "Received"), ("send", "Sent")], default="receive", required=True
    )
    message_id = fields.Integer(
        string="Packet Identifier", aggregator=None, help="0 with QoS 0."
    )
    timestamp = fields.Datetime(
        required=True, default=fields.Datetime.now, help="With microseconds."
    )
    sequence = BigInteger(aggregator=None, help="Order of reception in the service.")
    corrected_from_id = BigMany2one(
        "mqtt.signal.history",
        string="Corrects",
        readonly=True,
        ondelete="set null",
        index="btree_not_null",
        help="A person wrote this message, to be processed instead of that one.",
    )

    content_type = fields.Char()
    payload_format = fields.Selection(
        [("bytes", "Bytes"), ("text", "UTF-8 Text")],
        help="What the publisher says the payload is.",
    )
    response_topic = fields.Char()
    correlation_data = Bytes(string="Correlation Data (Bytes)")
    message_expiry = BigInteger(aggregator=None, help="Seconds left on arrival.")
    user_properties = fields.Json(string="User Properties (JSON)")

    correlation_hex = fields.Char(
        string="Correlation Data", compute="_compute_properties_view"
    )
    user_properties_text = fields.Text(
        string="User Properties", compute="_compute_properties_view"
    )
    received_at = fields.Char(
        compute="_compute_received_at",
        help="UTC, with microseconds.",
    )
    payload_kind = fields.Selection(
        [
            ("json", "JSON"),
            ("text", "Text"),
            ("binary", "Binary"),
            ("empty", "Empty"),
            ("not_kept", "Not Kept"),
        ],
        compute="_compute_payload_view",
    )
    payload_view = fields.Text(string="Content", compute="_compute_payload_view")
    payload_is_cut = fields.Boolean(compute="_compute_payload_view")
    payload_preview = fields.Char(string="Preview", compute="_compute_payload_preview")
    payload_file = fields.Binary(compute="_compute_payload_file", string="Download")
    payload_filename = fields.Char(compute="_compute_payload_filename")

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
        # Forms ask for the sizes of binary fields (bin_size), not for their content.
        message = self.with_context(bin_size=False)
        text = self._fields["payload"].in_row(self)
        payload = message.payload_raw or (text or "").encode()
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

    @api.depends("timestamp")
    def _compute_received_at(self):
        for message in self:
            message.received_at = message.timestamp and message.timestamp.isoformat(
                " ", "microseconds"
            )

    @api.depends("correlation_data", "user_properties")
    def _compute_properties_view(self):
        for message in self:
            data = message.with_context(bin_size=False).correlation_data or b""
            message.correlation_hex = data.hex(" ")
            message.user_properties_text = "\n".join(
                f"{name}: {value}" for name, value in message.user_properties or ()
            )

    @api.depends("payload", "payload_raw", "payload_digest", "payload_attachment_id")
    def _compute_payload_view(self):
        for message in self:
            raw, text = message._shown()
            if raw:
                message.payload_kind = "binary"
                message.payload_is_cut = len(raw) > SHOWN_BYTES
                message.payload_view = hex_view(raw[:SHOWN_BYTES])
                continue
            pretty = pretty_json(text, limit=2 * SHOWN_BYTES)
            shown = pretty or text
            message.payload_kind = "json" if pretty else "text" if text else "empty"
            if not message._is_kept():
                message.payload_kind = "not_kept"
            is_begun = bool(message.payload_digest) and message.size > READ_BYTES
            message.payload_is_cut = is_begun or len(shown) > SHOWN_BYTES
            message.payload_view = shown[:SHOWN_BYTES]

    @api.depends("payload", "size", "payload_digest", "payload_attachment_id")
    @api.depends_context("lang")
    def _compute_payload_preview(self):
        # No ORM equivalent: it reads payloads whole, and a page of a list shows 80.
        self.flush_recordset(["payload"])
        self.env.cr.execute(
            "SELECT id, left(payload, %s) FROM mqtt_signal_history WHERE id IN %s",
            [PREVIEW_CHARS * 2, tuple(self.ids) or (None,)],
        )
        beginnings = dict(self.env.cr.fetchall())
        for message in self:
            text = beginnings.get(message._origin.id) or ""
            if not text and message.size:
                text = message._describe_without_text()
            short = " ".join(text.split())
            message.payload_preview = (
                short if len(short) <= PREVIEW_CHARS else short[:PREVIEW_CHARS] + "…"
            )

    def _shown(self):
        """What a form shows the beginning of: bytes that are no text, and text."""
        if not self.payload_digest:
            raw = self.with_context(bin_size=False).payload_raw
            return raw, self._fields["payload"].in_row(self) or ""
        beginning = self._large_beginning(READ_BYTES)
        text = decode_text(beginning, is_whole=False)
        return (beginning, "") if text is None else (b"", text)

    def _describe_without_text(self):
        if not self._is_kept():
            return self.env._("%s bytes, not kept", self.size)
        if self.payload_attachment_id:
            return self.env._("%s bytes, attachment", self.size)
        return self.env._("%s bytes, binary", self.size)

    @api.depends("payload", "payload_raw", "payload_digest")
    def _compute_payload_file(self):
        for message in self:
            # An attachment is downloaded as such: a form would take it into memory.
            message.payload_file = not message.payload_digest and base64.b64encode(
                message.payload_bytes
            )

    @api.depends("payload_kind")
    def _compute_payload_filename(self):
        extensions = {"json": "json", "text": "txt", "empty": "txt"}
        for message in self:
            extension = extensions.get(message.payload_kind, "bin")
            message.payload_filename = f"message-{message.id}.{extension}"

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

    def _correct(self, payloads):
        """Messages of their own with what these should have said.

        :param payloads: of each, in bytes.
        :return: the corrections, in the order of these messages.
        :raise UserError: when one is larger than its service keeps.
        """
        values_list = []
        for message, payload in zip(self, payloads, strict=True):
            message.service_id._check_payload_size(payload)
            values_list.append(message._corrected_values(payload))
        for message, values, payload in zip(self, values_list, payloads, strict=True):
            message.service_id._attach_payloads([values], [payload])
        return self.create(values_list)

    def _corrected_values(self, payload):
        copied = (
            "topic",
            "qos",
            "retain",
            "direction",
            "content_type",
            "payload_format",
            "response_topic",
            "correlation_data",
            "user_properties",
        )
        message = self.with_context(bin_size=False)
        return {
            **{name: message[name] for name in copied},
            **self.service_id._payload_values(payload),
            "service_id": self.service_id.id,
            "corrected_from_id": self.id,
            "has_handlers": True,
        }

    def _read_group_groupby(self, alias, groupby_spec, query):
        match groupby_spec:
            case "hour":
                return self._hour_to_sql(alias, query)
            case "state":
                return self._state_to_sql(alias)
        return super()._read_group_groupby(alias, groupby_spec, query)

    def action_replay(self):
        """Prepare a replay of these messages.

        :raise AccessError: for a user who is no MQTT operator.
        """
        self.env["mqtt.replay"]._check_operator()
        self.check_access("read")
        replay = self.env["mqtt.replay"].create(
            {"selected_ids": self.sorted("id").ids, "topic_filter": False}
        )
        return replay.get_formview_action()

    @api.autovacuum
    def _gc_old_messages(self):
        """Remove what is older than its service keeps it, a batch at a time.

        :return: (done, remaining), on which Odoo's autovacuum calls again.
        """
        time.sleep(_rests.pop(self.env.cr.dbname, 0))  # before it begins a transaction
        begin = time.monotonic()
        services = self.env["mqtt.service"].with_context(active_test=False)
        for service in services.search([("retention_days", ">", 0)]):
            try:
                with self.env.cr.savepoint():
                    count = self._remove_old_messages(service)
            except Exception:
                # A guard: what keeps one service's messages keeps no other's.
                _logger.exception("%s: old messages cannot be removed", service.name)
                continue
            if count:
                self.invalidate_model(flush=False)
                _rests[self.env.cr.dbname] = GC_REST * (time.monotonic() - begin)
                return count, 1  # of this service, or of the next
        return 0, 0

    def _remove_old_messages(self, service):
        """Remove a batch of what is older than a service keeps it.

        :return: how many messages.
        """
        # Not through the ORM: it would read, check and log every single row, and
        # nothing refers to them that PostgreSQL does not know.
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM mqtt_signal_history
                 WHERE id IN (SELECT id FROM mqtt_signal_history AS message
                               WHERE service_id = %(service)s
                                 AND timestamp < %(before)s
                                 AND %(state)s IN ('stored', 'cancelled', 'done')
                            ORDER BY timestamp LIMIT %(limit)s)
                RETURNING payload_attachment_id
                """,
                service=service.id,
                before=fields.Datetime.now() - timedelta(days=service.retention_days),
                state=state_of_row(self.env, "message"),
                limit=GC_BATCH,
            )
        )
        deleted = self.env.cr.fetchall()
        attached = [one for (one,) in deleted if one]
        self.env["ir.attachment"].browse(attached).unlink()
        return len(deleted)
