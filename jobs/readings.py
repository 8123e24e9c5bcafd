# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Read what devices send: one statement for all devices, one for all readings."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytz

from odoo import fields, models

from ..mqtt.json_path import MISSING, compile_path, shown_value
from ..mqtt.json_text import parse_json
from ..mqtt.payload import PayloadError
from ..mqtt.reading import (
    CLOCK,
    GOOD,
    RETAINED,
    Value,
    ValueWrongError,
    is_empty,
    is_zero,
    read_choices,
    read_time,
    reader,
    settle,
)
from ..mqtt.wording import TOPIC_CHARS, is_storable, short_line
from .guard import HandlerGoneError
from .reading_store import Reading

WHOLE = "$"
FETCHED = ("topic", "payload", "payload_raw", "timestamp", "retain", "service_id")
KEY_CHARS = 250


@dataclass(frozen=True)
class Series:
    """A metric as a job needs it.

    :param find: gives its value in a document.
    :param read: makes a value of it, or raises ``ValueWrongError``.
    :param keep_from: readings before that are not kept.
    """

    metric_id: int
    find: Callable[[object], object]
    read: Callable[[object], Value]
    keep_from: datetime


@dataclass
class Tally:
    """What became of the values of one metric."""

    counts: Counter[str] = field(default_factory=Counter)
    last_wrong: str = ""


@dataclass(frozen=True)
class Sent:
    """One message, read as far as needed to know which device it is from."""

    key: str
    document: object
    message_id: int
    topic: str
    arrival: datetime
    is_retained: bool


class MqttHandler(models.Model):
    _inherit = "mqtt.handler"

    def _bind_readings(self, env) -> Callable[..., Any]:
        rules = env["mqtt.device.rule"].sudo().with_context(active_test=False)
        rule = rules.search([("handler_id", "=", self.id)])
        if not rule:
            raise HandlerGoneError("Its device rule does not exist")
        return rule._collect


class MqttDeviceRule(models.Model):
    _inherit = "mqtt.device.rule"

    def _collect(self, messages, named) -> None:
        """Store the readings of messages of one service.

        Values that are missing, empty or wrong are counted; what keeps a message from
        being read at all is raised.

        :param named: the named levels of their topics, a list a name.
        :raise PayloadError: when a payload that has to be JSON is not, or names no
            device, with the topic in one line.
        """
        messages.fetch(FETCHED)
        keys = named.get(self.key_level) if self.key_from == "level" else None
        sent = [
            self._read_key(message, keys[at] if keys else None)
            for at, message in enumerate(messages)
        ]
        devices = self._devices_of(messages[:1].service_id, {one.key for one in sent})
        series = self._series()
        tallies: dict[int, Tally] = {one.metric_id: Tally() for one in series}
        rows: list[Reading] = []
        for one in sent:
            device = devices.get(one.key)
            if device and device["accepted"]:
                rows += self._read(one, device["id"], series, tallies)
        self.env["mqtt.reading"]._store(rows)
        self._save_seen(sent, devices)
        new = [device["id"] for device in devices.values() if device.get("is_new")]
        self._link(messages[:1].service_id, new)
        if not self.env.context.get("mqtt_replay"):  # they were counted before
            self._save_tallies(tallies)

    def _read_key(self, message, level: str | None) -> Sent:
        document = self._document(message)
        key: object = level
        if self.key_from == "payload":
            key = compile_path(self.key_path).find(document)
            if isinstance(key, int) and not isinstance(key, bool):
                key = str(key)
        if not isinstance(key, str) or not key or not is_storable(key):
            said = f"the device key is {shown_value(key)}, which is no key"
        elif len(key) > KEY_CHARS:
            said = f"the device key has {len(key):,} characters, of {KEY_CHARS} at most"
        else:
            return Sent(
                key,
                document,
                message.id,
                message.topic,
                message.timestamp,
                message.retain,
            )
        raise PayloadError(f"{short_line(message.topic, TOPIC_CHARS)}: {said}")

    def _document(self, message) -> object:
        """The payload as JSON, or as text where no path leads into it."""
        text = message.payload
        try:
            # A text in the row is parsed here: json() keeps what it parses for others.
            return parse_json(text.encode()) if text else message.json()
        except PayloadError as error:
            if self._reads_json():
                if not text:
                    raise
                topic = short_line(message.topic, TOPIC_CHARS)
                raise PayloadError(f"{topic}: {error}") from None
        return text if text else "" if not message.payload_raw else None

    def _reads_json(self) -> bool:
        """Whether any path leads into the payload."""
        return bool(
            self.time_path
            or self.key_from == "payload"
            or any(metric.path.strip() != WHOLE for metric in self.metric_ids)
        )

    def _series(self) -> list[Series]:
        now = fields.Datetime.now()
        return [
            Series(
                metric.id,
                compile_path(metric.path).find,
                reader(
                    metric.kind,
                    metric.factor,
                    metric.offset,
                    read_choices(metric.choices or ""),
                ),
                now - timedelta(days=metric.retention_days)
                if metric.retention_days
                else datetime.min,
            )
            for metric in self.metric_ids
        ]

    def _read(self, sent: Sent, device_id: int, series, tallies) -> list[Reading]:
        time, quality = sent.arrival, GOOD
        if self.time_path:
            time, quality = settle(self._time_of(sent.document), sent.arrival)
        is_timed = bool(self.time_path) and quality != CLOCK
        if sent.is_retained:
            quality = RETAINED
        rows = []
        for one in series:
            value = self._value(one, sent, tallies[one.metric_id])
            if value is not None and time >= one.keep_from:
                rows.append(
                    Reading(
                        device_id,
                        one.metric_id,
                        time,
                        sent.arrival,
                        *value,
                        quality,
                        sent.message_id,
                        is_timed,
                    )
                )
        return rows

    def _value(self, series: Series, sent: Sent, tally: Tally) -> Value | None:
        found = series.find(sent.document)
        if found is MISSING or is_empty(found):
            tally.counts["missing" if found is MISSING else "empty"] += 1
            return None
        try:
            value = series.read(found)
        except ValueWrongError as error:
            tally.counts["wrong"] += 1
            topic = short_line(sent.topic, TOPIC_CHARS)
            tally.last_wrong = short_line(f"{topic}: {error}")
            return None
        tally.counts["good"] += 1
        tally.counts["zero"] += is_zero(found)
        return value

    def _time_of(self, document: object) -> datetime | None:
        found = compile_path(self.time_path).find(document)
        return read_time(found, self.time_kind, pytz.timezone(self.time_zone))

    def _save_tallies(self, tallies: dict[int, Tally]) -> None:
        rows = [
            {"id": metric_id, "last_wrong": tally.last_wrong, **tally.counts}
            for metric_id, tally in sorted(tallies.items())
            if tally.counts
        ]
        if not rows:
            return
        # No ORM equivalent: one statement for all, each adding to what is there.
        self.env.cr.execute(
            """
            UPDATE mqtt_metric AS metric
               SET good_count = COALESCE(good_count, 0) + COALESCE(good, 0),
                   zero_count = COALESCE(zero_count, 0) + COALESCE(zero, 0),
                   missing_count = COALESCE(missing_count, 0) + COALESCE(missing, 0),
                   empty_count = COALESCE(empty_count, 0) + COALESCE(empty, 0),
                   wrong_count = COALESCE(wrong_count, 0) + COALESCE(wrong, 0),
                   last_wrong = COALESCE(NULLIF(seen.last_wrong, ''),
                                         metric.last_wrong)
              FROM json_to_recordset(%s) AS seen (id integer, good bigint, zero bigint,
                   missing bigint, empty bigint, wrong bigint, last_wrong varchar)
             WHERE metric.id = seen.id
            """,
            [json.dumps(rows)],
        )
        self.env["mqtt.metric"].invalidate_model(flush=False)
