# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Call quick handlers in the job that stored the messages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator

from odoo import api, models

from ..mqtt.handler import DEFAULT_CHANNEL
from .failure import is_connection_lost
from .run import Call, Run

PRIORITY = 10  # of the handlers that are called here
QUICK_SECONDS = 0.5  # that handlers are expected to take for all of the messages


class MqttService(models.Model):
    _inherit = "mqtt.service"

    @api.model
    def _dispatch_stored(self, matches) -> None:
        """Call the quick handlers of messages, and have the others wait for theirs.

        The last step of a job that stores: it locks a job that will see what waits.

        :param matches: pairs of a stored message and its handlers, as ``_matcher``
            gives them; in the order of reception, of any services.
        """
        matches = [(message, handlers) for message, handlers in matches if handlers]
        if not matches:
            return
        quick = self._quick_handlers(matches)
        left = self._call_here(matches, quick) if quick else ()
        waiting = defaultdict(list)
        for message, handlers in matches:
            unhandled = [
                entry
                for entry in handlers
                if entry[0] not in quick or (entry[0], message.id) in left
            ]
            if unhandled:
                waiting[message.service_id].append((message, unhandled))
        needed = [
            (service, service._put_handlers(pairs, partly=quick))
            for service, pairs in waiting.items()
        ]
        for service, jobs in needed:
            service._wake_handlers(jobs)

    def _quick_handlers(self, matches) -> Collection[int]:
        """Ids of the handlers that are called here.

        None when the job runs again: whatever the reason was, storing goes first.
        """
        seconds = self.env["mqtt.handler"]._seconds("storing_job_seconds")
        if seconds <= 0 or self._current_job().retry:
            return ()
        counts = defaultdict(int)
        for _message, handlers in matches:
            for handler_id, channel, priority, ordered in handlers:
                if not ordered and (channel, priority) == (DEFAULT_CHANNEL, PRIORITY):
                    counts[handler_id] += 1
        if not counts:
            return ()
        handlers = self.env["mqtt.handler"].browse(counts)
        means = self.env["mqtt.handler.statistics"]._mean_seconds(handlers.ids)
        quick, expected = set(), 0.0
        for handler in (handlers - handlers._held()).sorted(
            lambda one: means.get(one.id, 0.0)
        ):
            expected += means.get(handler.id, 0.0) * counts[handler.id]
            if expected > min(QUICK_SECONDS, seconds):
                break
            quick.add(handler.id)
        return quick

    def _call_here(self, matches, quick) -> set[tuple[int, int]]:
        """Call handlers under a savepoint, so that nothing they do harms storing.

        :param quick: ids of the handlers.
        :return: (handler id, message id) of what has to wait all the same.
        """
        self.env.flush_all()  # what goes wrong there is not the handlers' doing
        calls = list(self._calls_here(matches, quick))
        run = Run(
            self.env,
            calls,
            job_limit="storing_job_seconds",
            call_limit="storing_call_seconds",
            has_more_time=False,
        )
        try:
            with self.env.cr.savepoint():
                run.go()
                run.save_statistics()
                # What is only checked at the commit would keep messages unstored.
                self.env.cr.execute("SET CONSTRAINTS ALL IMMEDIATE")
            left = run.left + run.held
        except Exception as error:
            if is_connection_lost(error, self.env.cr):
                raise
            left = calls
        return {
            (call.handler.id, message_id)
            for call in left
            for message_id in call.messages.ids
        }

    def _calls_here(self, matches, quick) -> Iterator[Call]:
        messages = self.env["mqtt.signal.history"].browse(
            [message.id for message, _handlers in matches]
        )
        messages.fetch(
            ["topic", "payload", "payload_raw", "timestamp", "service_id", "sequence"]
        )
        found = defaultdict(lambda: defaultdict(list))
        for message, handlers in matches:
            for handler_id, *_others in handlers:
                if handler_id in quick:
                    found[message.service_id][handler_id].append(message.id)
        for service, ids in found.items():
            yield from service._calls(self._by_handler(ids, messages))
