# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import timedelta
from itertools import pairwise

from odoo import fields, models
from odoo.fields import Domain

from ...mqtt.wording import TOPIC_CHARS, short_line

MINUTES = 60
LOUD_MINUTES = 5  # that the loudest topics are of, at most
LOUD_MESSAGES = 5_000  # that are looked at for them, of all services together
LOUD_TOPICS = 8
SERVICES = 3  # whose minutes are counted, those that received last


class MqttService(models.Model):
    """What came lately, for the page Overview: looked up, whatever history holds."""

    _inherit = "mqtt.service"

    def overview_traffic(self):
        """What these services received lately; on the empty model, all that the user
        may see.

        Two queries whose cost does not depend on how many messages there are.

        :return: ``minutes`` (messages in each of the last :data:`MINUTES`, oldest
            first), ``services`` (names of those that they are of) and ``topics``: the
            loudest of the last minutes, dicts with ``topic``, ``service_id`` and
            ``rate`` (messages a second).
        :raise AccessError: for a user who may not read the services.
        """
        self.check_access("read")
        services = self or self.search(Domain.TRUE)
        last = services._last_messages()
        now = fields.Datetime.now()
        since = now - timedelta(minutes=MINUTES)
        recent = services.filtered(lambda one: last.get(one.id, since) > since)
        counted = recent.sorted(lambda one: last[one.id], reverse=True)[:SERVICES]
        return {
            "minutes": counted._messages_by_minute(now),
            "services": counted.mapped("name"),
            "topics": recent._loudest_topics(now),
        }

    def _messages_by_minute(self, now):
        """How many messages these services received in each of the last minutes.

        Time grows with the sequence of a service, so a minute's first sequence is found
        by halving what is between two of them.
        """
        self.env.flush_all()
        # No ORM equivalent: counting the rows of an hour takes a second per million.
        self.env.cr.execute(
            """
            WITH RECURSIVE search AS (
                SELECT connection.service_id, minute, connection.sequence,
                       coalesce(first.sequence, 0) - 1 AS low,
                       connection.sequence + 1 AS high
                  FROM mqtt_connection AS connection
                 CROSS JOIN generate_series(0, %(minutes)s) AS minute
                 CROSS JOIN LATERAL (
                       SELECT min(message.sequence) AS sequence
                         FROM mqtt_signal_history AS message
                        WHERE message.service_id = connection.service_id) AS first
                 WHERE connection.service_id IN %(ids)s
                 UNION ALL
                SELECT search.service_id, minute, search.sequence,
                       CASE WHEN is_before THEN found.sequence ELSE low END,
                       CASE WHEN is_before THEN high ELSE middle END
                  FROM search
                 CROSS JOIN LATERAL (SELECT (low + high) / 2 AS middle) AS half
                  LEFT JOIN LATERAL (
                       SELECT message.sequence, message.timestamp
                         FROM mqtt_signal_history AS message
                        WHERE message.service_id = search.service_id
                          AND message.sequence >= middle
                          AND message.sequence < high
                        ORDER BY message.sequence LIMIT 1) AS found ON true
                 CROSS JOIN LATERAL (
                       SELECT coalesce(found.timestamp < %(now)s - make_interval(
                           mins => %(minutes)s - minute), false) AS is_before) AS side
                 WHERE high - low > 1
            )
            SELECT minute, sum(high) FROM search WHERE high - low = 1
             GROUP BY minute ORDER BY minute
            """,
            {"ids": tuple(self.ids) or (None,), "now": now, "minutes": MINUTES},
        )
        ends = [int(end) for _minute, end in self.env.cr.fetchall()]
        return [after - before for before, after in pairwise(ends)]

    def _loudest_topics(self, now):
        """The topics with the most messages a second, of the last messages of each."""
        self.env.flush_all()
        # No ORM equivalent: so many messages of each service, found by their sequence.
        self.env.cr.execute(
            """
            SELECT service_id, topic, count(*) / extract(epoch FROM
                   %(now)s - min(min(timestamp)) OVER (PARTITION BY service_id))
              FROM mqtt_connection AS connection
             CROSS JOIN LATERAL (
                   SELECT message.topic, message.timestamp
                     FROM mqtt_signal_history AS message
                    WHERE message.service_id = connection.service_id
                      AND message.sequence IS NOT NULL
                    ORDER BY message.sequence DESC LIMIT %(messages)s) AS lately
             WHERE connection.service_id IN %(ids)s AND timestamp > %(since)s
             GROUP BY service_id, topic
             ORDER BY 3 DESC, topic LIMIT %(topics)s
            """,
            {
                "ids": tuple(self.ids) or (None,),
                "now": now + timedelta(seconds=1),  # also of one that came just now
                "since": now - timedelta(minutes=LOUD_MINUTES),
                "messages": LOUD_MESSAGES // max(len(self), 1),
                "topics": LOUD_TOPICS,
            },
        )
        return [
            {
                "service_id": service_id,
                "topic": short_line(topic, TOPIC_CHARS),
                "rate": float(rate),
            }
            for service_id, topic, rate in self.env.cr.fetchall()
        ]
