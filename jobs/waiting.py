# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Take what waits for handlers, and put back what they did not come to."""

from __future__ import annotations

from collections import defaultdict

from psycopg2.errors import SerializationFailure

from odoo import models
from odoo.tools import mute_logger

from ..mqtt.pattern import TopicPattern
from ..mqtt.topic import FilterIndex

BATCH = 1_000  # messages that one job takes, at most, unless one row has more
ROWS = 1_000  # that one job takes, at most


class MqttService(models.Model):
    _inherit = "mqtt.service"

    def _take_rows(self, channel, priority) -> models.BaseModel:
        """Lock what waits, so that jobs side by side do not take the same.

        :return: ``mqtt.dispatch`` records, in the order of reception.
        :raise RetryableJobError: when another job has just handled them.
        """
        limit = len(_first_batch(self._waiting_rows(channel, priority, limit=ROWS)))
        try:
            return _first_batch(self._lock_rows(channel, priority, limit))
        except SerializationFailure:
            self._come_back(self.env._("Another job has just handled them."))

    def _is_more(self, channel, priority) -> bool:
        """Whether something waits that no other job has taken."""
        try:
            return bool(self._lock_rows(channel, priority, 1))
        except SerializationFailure:  # that is handled; what comes after may not be
            return True

    def _lock_rows(self, channel, priority, limit) -> models.BaseModel:
        rows = self.env["mqtt.dispatch"].sudo()
        with mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            # No ORM equivalent: locked in order, and those of others left out.
            self.env.cr.execute(
                """
                SELECT id FROM mqtt_dispatch
                 WHERE service_id = %s AND channel = %s AND priority = %s
                   AND handler_id IS NULL
                 ORDER BY first_sequence, id LIMIT %s FOR UPDATE SKIP LOCKED
                """,
                [self.id, channel, priority, limit],
            )
            return rows.browse(row_id for (row_id,) in self.env.cr.fetchall())

    def _find_messages(
        self, rows, channel, priority
    ) -> dict[models.BaseModel, models.BaseModel]:
        """``{handler: messages}`` in the order of reception, payloads in the cache.

        What does not fit into one job, or is for a handler that is suspended or not
        installed, is put back.
        """
        if rows.filtered("again"):  # alone, so it is the only one
            return self._find_again(rows, channel, priority)
        wanted = defaultdict(set)
        of_row = {row.id: row.handlers for row in rows}
        for row_id, message_id in rows._find_messages():
            wanted[message_id].update(of_row[row_id])
        messages = self.env["mqtt.signal.history"].browse(wanted).sorted("sequence")
        fitting = messages._first_bytes()
        # What a list of messages leaves out on purpose, handlers ask for each time.
        fitting.fetch(["topic", "payload", "payload_raw", "timestamp"])
        found, left, held = (defaultdict(list) for _each in range(3))
        holding = self._holding(set().union(*wanted.values()))
        fits = set(fitting.ids)
        match = self._matcher()
        for message in messages:
            wants = wanted[message.id]
            for handler_id in holding.match(message.topic):
                if handler_id in wants:
                    held[handler_id].append(message.id)
                    wants.discard(handler_id)
            into = found if message.id in fits else left
            for handler_id, *_others in match(message.topic):
                if handler_id in wants:
                    into[handler_id].append(message.id)
        for handler, waiting in self._by_handler(held, messages).items():
            self._hold(handler, waiting, channel, priority)
        self._put_messages(self._by_handler(left, messages), channel, priority)
        return self._by_handler(found, fitting)

    def _holding(self, handler_ids) -> FilterIndex[int]:
        """Those of these handlers that messages wait for, as an index by topic."""
        handlers = self.env["mqtt.handler"].browse(handler_ids).exists()
        return FilterIndex(
            [
                (TopicPattern(handler.pattern).filter, handler.id)
                for handler in handlers._held()
            ]
        )

    def _by_handler(self, ids, messages) -> dict[models.BaseModel, models.BaseModel]:
        handlers = self.env["mqtt.handler"].browse(ids)
        return {
            handler: messages.browse(ids[handler.id]).with_prefetch(
                messages._prefetch_ids
            )
            for handler in handlers.sorted(lambda one: (one.sequence, one.id))
        }

    def _messages_of(self, calls) -> dict[models.BaseModel, models.BaseModel]:
        """``{handler: messages}`` of calls."""
        ids = defaultdict(list)
        for call in calls:
            ids[call.handler.id].extend(call.messages.ids)
        return self._by_handler(ids, self.env["mqtt.signal.history"])

    def _put_messages(self, messages_of, channel, priority, **values) -> None:
        """Have messages wait, or wait again.

        :param messages_of: ``{handler: messages}``
        :param values: of other columns of ``mqtt.dispatch``.
        """
        alike = defaultdict(lambda: self.env["mqtt.handler"])
        for handler, messages in messages_of.items():
            alike[tuple(messages.ids)] += handler
        history = self.env["mqtt.signal.history"]
        for ids, handlers in alike.items():
            messages, rows = history.browse(ids), self.env["mqtt.dispatch"]
            rows._put_messages(self, handlers, messages, channel, priority, **values)

    def _hold(self, handler, messages, channel, priority, **values) -> None:
        """Have messages wait for a handler until it is well, or installed again."""
        values["handler_id"] = handler.id
        rows = self.env["mqtt.dispatch"]
        rows._put_messages(self, handler, messages, channel, priority, **values)


def _first_batch(rows) -> models.BaseModel:
    """The first of these rows that one job takes."""
    total = 0
    for count, row in enumerate(rows):
        total += row.message_count
        if count and (total > BATCH or row.alone or rows[count - 1].alone):
            return rows[:count]
    return rows
