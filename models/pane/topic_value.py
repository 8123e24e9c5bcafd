# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import datetime, timezone

from odoo import models
from odoo.fields import Domain
from odoo.tools import LazyTranslate

from ...mqtt.payload import decode_text, hex_view
from ...mqtt.value_lines import Line, json_lines, mark_changes, text_lines
from ...mqtt.wording import short_line
from ..common.groups import MANAGER, OPERATOR
from .topic_history import (
    NEWEST_FIRST,
    OLDEST_FIRST,
    after_message,
    before_message,
    to_seconds,
)

_lt = LazyTranslate(__name__)

READ_BYTES = 131_072  # of a payload; JSON that is longer is shown as text
LINES = 500
LINE_CHARS = 2_000
GONE = 20  # paths that are named
NUMBER_BEGINS = tuple("-0123456789tf")  # of numbers, true and false

QOS = {  # the one vocabulary for quality of service
    0: _lt("QoS 0, at most once"),
    1: _lt("QoS 1, at least once"),
    2: _lt("QoS 2, exactly once"),
}


class MqttService(models.Model):
    """What a topic says now, or said in one of its messages."""

    _inherit = "mqtt.service"

    def topic_value(self, topic, message_id=None):
        """One message of a topic, with what differs from the one before it.

        The number of queries does not depend on the number of messages.

        :param topic: name of the topic.
        :param message_id: of the message; ``None``: the newest.
        :return: ``now`` (seconds since 1970), ``may_publish``, ``may_configure``,
            ``service`` (its name), ``speaks_5`` (MQTT 5), ``retained`` (see
            :meth:`_topic_retained`), ``message`` (see
            :meth:`~.MqttSignalHistory._as_topic_value`) and ``handlers`` (what came of
            it, see :meth:`~.MqttSignalHistory._handler_outcomes`); without a message,
            these are ``False`` and empty.
        :raise AccessError: for a user who may not read the service.
        """
        domain = self._domain_of_topic(topic)
        if message_id:
            domain &= Domain("id", "=", message_id)
        history = self.env["mqtt.signal.history"]
        message = history.search(domain, order=NEWEST_FIRST, limit=1)
        return {
            "now": datetime.now(timezone.utc).timestamp(),
            "may_publish": self.env.user.has_group(OPERATOR),
            "may_configure": self.env.user.has_group(MANAGER),
            "service": self.name,
            "speaks_5": self.protocol == "5",
            "retained": self._topic_retained(topic),
            "message": message._as_topic_value() if message else False,
            "handlers": message._handler_outcomes() if message else [],
        }


class MqttSignalHistory(models.Model):
    """A message among the others of its topic."""

    _inherit = "mqtt.signal.history"

    def action_open_topic(self):
        """Open the pane of the message's topic.

        :raise AccessError: for a user who may not read the message.
        """
        self.check_access("read")
        message = self[:1]
        return {
            "type": "ir.actions.client",
            "tag": "mqtt_listener.topic",
            "name": short_line(message.topic or ""),
            "params": {"service_id": message.service_id.id, "topic": message.topic},
        }

    def _as_topic_value(self):
        """What the pane of a topic shows of a message.

        :return: ``id``, ``time``, ``size`` (bytes), ``qos`` (in words), ``retain``,
            ``dup``, ``direction``, ``kind`` and ``kind_label`` (JSON, text …),
            ``lines`` (see :meth:`_value_lines`), ``more_lines`` (how many are not
            shown), ``is_cut`` (only the beginning was read), ``gone`` (paths that the
            message before had), ``warning``, ``state``, ``state_label``, ``properties``
            (pairs of name and text), ``older`` and ``newer`` (ids, or ``False``).
        """
        self.ensure_one()
        domain = self.service_id._domain_of_topic(self.topic)
        older = self.search(domain & before_message(self), order=NEWEST_FIRST, limit=1)
        newer = self.search(domain & after_message(self), order=OLDEST_FIRST, limit=1)
        kind, lines, is_cut = self._value_lines()
        gone = mark_changes(lines, older._value_lines()[1]) if older else []
        kinds = dict(self._fields["payload_kind"]._description_selection(self.env))
        states = dict(self._fields["state"]._description_selection(self.env))
        return {
            "id": self.id,
            "time": to_seconds(self.timestamp),
            "size": self.size,
            "qos": str(self.env._(QOS[self.qos])),  # pylint: disable=W8161
            "retain": self.retain,
            "dup": self.dup,
            "direction": self.direction,
            "kind": kind,
            "kind_label": kinds[kind],
            "lines": [_as_dict(line) for line in lines[:LINES]],
            "more_lines": max(len(lines) - LINES, 0),
            "is_cut": is_cut,
            "gone": gone[:GONE],
            "warning": self.payload_warning,
            "state": self.state,
            "state_label": states[self.state],
            "properties": self._property_texts(),
            "older": older.id,
            "newer": newer.id,
        }

    def _value_lines(self):
        """The payload as people read it.

        :return: its kind as ``payload_kind`` has it, the ``Line`` objects, and whether
            only its beginning was read.
        """
        if not self._is_kept():
            return "not_kept", [], False
        payload = self._beginning(READ_BYTES)
        is_cut = len(payload) < self.size
        if not payload:
            return "empty", [], is_cut
        text = decode_text(payload, is_whole=not is_cut)
        if text is None:
            return "binary", text_lines(hex_view(payload)), is_cut
        if not is_cut and (lines := json_lines(text, limit=2 * READ_BYTES)):
            return "json", lines, is_cut
        return "text", text_lines(text), is_cut

    def _beginning(self, limit):
        """The first bytes of the payload, wherever it is kept.

        :param limit: bytes; few more are read, however long the payload is.
        """
        if self.payload_digest:
            return self._large_beginning(limit)
        self.flush_recordset(["payload", "payload_raw"])
        # No ORM equivalent: it reads payloads whole.
        self.env.cr.execute(
            "SELECT left(payload, %(limit)s), substring(payload_raw, 1, %(limit)s)"
            " FROM mqtt_signal_history WHERE id = %(id)s",
            {"limit": limit, "id": self.id},
        )
        text, raw = self.env.cr.fetchone() or (None, None)
        return bytes(raw) if raw else (text or "").encode()[:limit]

    def _property_texts(self):
        """The MQTT 5 properties as pairs of label and text."""
        names = ("content_type", "payload_format", "response_topic", "correlation_hex")
        names += ("message_expiry", "user_properties_text")
        labels = self.fields_get(names, ["string"])
        formats = dict(self._fields["payload_format"]._description_selection(self.env))
        shown = {name: self[name] for name in names if self[name]}
        if "payload_format" in shown:
            shown["payload_format"] = formats[shown["payload_format"]]
        if "message_expiry" in shown:
            shown["message_expiry"] = self.env._("%s seconds", shown["message_expiry"])
        return [
            [labels[name]["string"], value[:LINE_CHARS]]
            for name, value in shown.items()
        ]


def _as_dict(line: Line):
    """A line as the browser gets it, long ones cut."""
    values = {"text": line.text[:LINE_CHARS]}
    if len(line.text) > LINE_CHARS:
        values["cut"] = len(line.text) - LINE_CHARS
    if line.path is not None:
        values["path"] = line.path
    if line.token[:1] in NUMBER_BEGINS:
        values["number"] = True
    if line.is_changed:
        values["changed"] = True
    if line.was is not None:
        values["was"] = short_line(line.was)
    return values
