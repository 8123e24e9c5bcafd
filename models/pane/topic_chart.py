# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import datetime, timedelta, timezone

from odoo import models
from odoo.fields import Domain
from odoo.tools import SQL

from ...mqtt.json_path import path_label
from ...mqtt.series import Series
from .topic_history import (
    bounds,
    compare_time,
    from_seconds,
    to_seconds,
)

PARTS = 240  # parts of a span
PART_MESSAGES = 32  # that are read of each
PART_BYTES = 16_384  # of payloads that are read of each, its first one apart
PAYLOAD_BYTES = 65_536  # larger ones are not looked at
POINTS = 600  # messages that are shown one by one; more are summed up
SHORTEST = timedelta(milliseconds=1)
PICKED = 3  # series that are shown as long as nobody has chosen


class MqttService(models.Model):
    """The numbers in the payloads of a topic, for a chart.

    Each part of a span is looked up by index, and only its first messages are read. So
    the cost is that of the chart, whatever history holds.
    """

    _inherit = "mqtt.service"

    def topic_chart(self, topic, span, paths=None):
        """Points of the numbers in the payloads of a topic, at most :data:`PARTS`
        or :data:`POINTS` of each series.

        :param topic: name of the topic.
        :param span: see :func:`.topic_history.bounds`.
        :param paths: JSONPaths of the series to show; ``None``: the first ones.
        :return: ``begin``, ``end`` and ``now`` (seconds since 1970), ``found`` (of each
            series ``path``, ``label`` and ``kind``, number or boolean), ``has_more``
            (there are more), ``series`` (those shown: ``path`` and ``points``),
            ``bucket_seconds`` (0: a point is a message: time, value; otherwise all
            messages of so many seconds: time, mean, least, greatest), ``messages``
            (how many were read), ``is_sampled`` (some were not) and ``too_large`` (how
            many have a payload that is larger than :data:`PAYLOAD_BYTES`).
        :raise AccessError: for a user who may not read the service.
        """
        begin, end = (from_seconds(bound) for bound in bounds(span))
        step = max(end - begin, SHORTEST) / PARTS
        reading = self._read_chart(topic, begin, step, Series(paths or ()))
        series, count = reading["series"], reading["messages"]
        is_short = count <= POINTS and not reading["is_sampled"]
        shown = [path for path in paths or () if path in series.kinds]
        if paths is None:
            shown = list(series.kinds)[:PICKED]
        points_of = series.points if is_short else series.summaries
        return {
            "messages": count,
            "is_sampled": reading["is_sampled"],
            "too_large": reading["too_large"],
            "begin": to_seconds(begin),
            "end": to_seconds(end),
            "now": datetime.now(timezone.utc).timestamp(),
            "found": [
                {"path": path, "label": path_label(path), "kind": kind}
                for path, kind in series.kinds.items()
            ],
            "has_more": series.has_more,
            "series": [{"path": path, "points": points_of(path)} for path in shown],
            "bucket_seconds": 0 if is_short else step.total_seconds(),
        }

    def _read_chart(self, topic, begin, step, series):
        """Read the messages of a chart into its series."""
        messages = too_large = 0
        is_sampled = False
        for part, time, is_large, payload in self._chart_rows(topic, begin, step):
            if payload is None:
                is_sampled = True
                continue
            messages += 1
            too_large += is_large
            if payload:
                series.add(part, to_seconds(time), payload)
        return {
            "series": series,
            "messages": messages,
            "is_sampled": is_sampled,
            "too_large": too_large,
        }

    def _chart_rows(self, topic, begin, step):
        """The first messages of each part of a span, and one more where there are more.

        :param begin: of the span; :param step: how long a part is.
        :return: rows of part, time, whether the payload is too large, and payload: an
            empty text where it is too large or no text, ``None`` where it is not read.
        """
        history = self.env["mqtt.signal.history"]
        within = compare_time(">=", SQL("part.begin")) & compare_time(
            "<", SQL("part.begin + %s", step)
        )
        # sudo: the rules are asked of what was found. In the same query they would have
        # PostgreSQL expect few messages, and read and sort all messages of each part.
        messages = history.sudo()._search(
            self._domain_of_topic(topic) & within,
            order="timestamp",  # as the index has it: nothing is left to sort
            limit=PART_MESSAGES + 1,
        )
        visible = history._search(
            Domain.custom(
                to_sql=lambda model, alias, query: SQL(
                    "%s = one.id", model._field_to_sql(alias, "id", query)
                )
            )
        )
        columns = ("id", "timestamp", "size", "payload", "payload_digest")
        # No ORM equivalent: each part is looked up by index, and payloads are read only
        # as far as they are shown.
        query = SQL(
            """
            SELECT part.number, message.timestamp, message.is_large,
                   CASE WHEN message.is_large THEN ''
                        WHEN message.rank <= %(messages)s
                             AND (message.bytes_through <= %(bytes)s
                                  OR message.small_through = 1)
                        THEN coalesce(message.payload, '') END
              FROM (SELECT number, %(begin)s + number * %(step)s AS begin
                      FROM generate_series(0, %(parts)s - 1) AS number) AS part
             CROSS JOIN LATERAL (
                   SELECT found.*, row_number() OVER so_far AS rank,
                          sum(size) FILTER (WHERE NOT is_large) OVER so_far
                              AS bytes_through,
                          count(*) FILTER (WHERE NOT is_large) OVER so_far
                              AS small_through
                     FROM (SELECT *, size > %(payload_bytes)s
                                  OR payload_digest IS NOT NULL AS is_large
                             FROM (%(messages_of_part)s) AS one
                            WHERE EXISTS (%(visible)s)) AS found
                   WINDOW so_far AS (ORDER BY timestamp, id)) AS message
             ORDER BY part.number, message.rank
            """,
            messages=PART_MESSAGES,
            bytes=PART_BYTES,
            begin=begin,
            step=step,
            parts=PARTS,
            payload_bytes=PAYLOAD_BYTES,
            messages_of_part=messages.select(
                *(history._field_to_sql(history._table, name) for name in columns)
            ),
            visible=visible.select(SQL("1")),
        )
        return self.env.execute_query(query)
