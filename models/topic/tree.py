# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from collections import namedtuple

from odoo import api, models
from odoo.tools import SQL

from ...mqtt.topic import TopicFilter
from ...mqtt.value_line import value_line
from ..message.topic_filter import LIKE_SPECIAL, filter_regex
from .mqtt_topic import INDEX_CHARS

MOST_ROWS = 500  # of a level that are returned at a time
MOST_CHARS = 200_000  # of their names: a level of a topic may have 65,535
PREVIEW_BYTES = 1024  # of a payload that are looked at for its line

Row = namedtuple("Row", "name topics messages last_message leaf_id total")


class MqttTopic(models.Model):
    """The topics of a service as a tree, a level at a time."""

    _inherit = "mqtt.topic"

    @api.model
    def _level(self, service, prefix, condition, limit):
        """The children of a branch, in the order of their names.

        :param service: that the user may read.
        :param prefix: the branch with a slash at its end, such as ``plant/press/``; an
            empty text is the first level.
        :param condition: SQL that a topic must fulfil, see :meth:`_condition`.
        :param limit: children, at most; never more than :data:`MOST_ROWS`.
        :return: ``total`` (children there are) and ``rows``: each has its ``name``,
            ``topics`` (those below it), ``messages`` (of it and of all below), ``time``
            (of the last of them, seconds since 1970), and, where it is a topic itself,
            ``value`` (one line, None where it is not text or not with its message) and
            ``size`` (bytes, None where history has that message no more).
        """
        rows = self._children(service, prefix, condition, min(limit, MOST_ROWS))
        leaves = self._last_values(service, [row.leaf_id for row in rows])
        return {
            "total": rows[0].total if rows else 0,
            "rows": [
                {
                    "name": row.name,
                    "topics": row.topics - bool(row.leaf_id),
                    "messages": int(row.messages),
                    "time": float(row.last_message),
                    **leaves.get(row.leaf_id, {}),
                }
                for row in rows
            ],
        }

    def _children(self, service, prefix, condition, limit):
        """One ``Row`` for each child."""
        # No ORM equivalent: it cannot group by a part of a text. A batch that is being
        # noted is in other transactions, so there is nothing to flush.
        self.env.cr.execute(
            SQL(
                """
                SELECT split_part(rest, '/', 1), count(*), sum(message_count),
                       extract(epoch FROM max(last_message)),
                       max(id) FILTER (WHERE strpos(rest, '/') = 0),
                       count(*) OVER ()
                  FROM (SELECT id, message_count, last_message,
                               substr(topic, %(start)s) AS rest
                          FROM mqtt_topic
                         WHERE service_id = %(service)s AND %(below)s
                           AND %(condition)s) AS below
                 GROUP BY 1 ORDER BY split_part(rest, '/', 1) COLLATE "C"
                 LIMIT %(limit)s
                """,
                start=len(prefix) + 1,
                service=service.id,
                below=_starts_with(prefix),
                condition=condition,
                limit=limit,
            )
        )
        rows, chars = [], 0
        for row in self.env.cr.fetchall():
            chars += len(row[0])
            if rows and chars > MOST_CHARS:
                break
            rows.append(Row(*row))
        return rows

    def _last_values(self, service, ids):
        """``{id: value and size}`` of topics, of which some may be None."""
        # No ORM equivalent: it reads payloads whole.
        self.env.cr.execute(
            """
            SELECT topic.id, message.size, payload_digest IS NULL,
                   left(message.payload, %(length)s),
                   substring(message.payload_raw FROM 1 FOR %(length)s)
              FROM mqtt_topic AS topic
              LEFT JOIN mqtt_signal_history AS message
                     ON message.service_id = %(service)s
                    AND message.sequence = topic.last_sequence
             WHERE topic.id = ANY(%(ids)s)
            """,
            {
                "length": PREVIEW_BYTES,
                "service": service.id,
                "ids": [id_ for id_ in ids if id_],
            },
        )
        return {
            id_: {"size": size, "value": _line(text, raw, size) if is_in_row else None}
            for id_, size, is_in_row, text, raw in self.env.cr.fetchall()
        }

    @api.model
    def _condition(self, text):
        """What topics have to fulfil that a person looks for.

        :param text: a part of the topic, in any case, or a topic filter with ``+`` and
            ``#``; empty: all topics.
        :return: SQL.
        :raise TopicError: for a topic filter that is not valid.
        """
        if not text:
            return SQL("TRUE")
        if "+" not in text and "#" not in text:
            return SQL("topic ILIKE %s", f"%{_like(text)}%")
        levels = TopicFilter(text).levels
        wildcard = next(at for at, level in enumerate(levels) if level in ("+", "#"))
        return SQL(
            "%s AND topic ~ %s",
            _starts_with("/".join(levels[:wildcard])),
            filter_regex(levels),
        )


def _starts_with(start):
    """The topics that start so, as an index finds them."""
    if not start:
        return SQL("TRUE")
    return SQL(
        "left(topic, %s) LIKE %s AND topic LIKE %s",
        SQL(str(INDEX_CHARS)),
        _like(start[:INDEX_CHARS]) + "%",
        _like(start) + "%",
    )


def _like(text):
    return LIKE_SPECIAL.sub(r"\\\1", text)


def _line(text, raw, size):
    beginning = bytes(raw) if raw is not None else (text or "").encode()
    return value_line(beginning, is_whole=len(beginning) == size)
