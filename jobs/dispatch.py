# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Give stored messages to their handlers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import NoReturn

from odoo import models

from .guard import HandlerError
from .run import Call, Run

Target = tuple[int, str, int, bool]  # handler id, channel, priority, is ordered
PIECES = 20  # into which messages are split in which a worker died
MOST_RETRIES = 5  # of a job for reasons of its own


class MqttService(models.Model):
    _inherit = "mqtt.service"

    # Enqueuing

    def _matcher(self, direction="receive") -> Callable[[str], tuple[Target, ...]]:
        """A function that gives a topic's handlers, see ``mqtt.handler._index``."""
        index = self.env["mqtt.handler"]._index(self.id, direction)
        known = {}  # topics repeat themselves

        def match(topic) -> tuple[Target, ...]:
            if topic not in known:
                known[topic] = tuple(index.match(topic)) if index else ()
            return known[topic]

        return match

    def _enqueue_handlers(self, matches) -> None:
        """Have messages wait for their handlers, and jobs that see to it.

        :param matches: pairs of a message and its handlers, in the order of reception.
        """
        self._wake_handlers(self._put_handlers(matches))

    def _put_handlers(self, matches, partly=()) -> list[tuple[str, int, int | bool]]:
        """Have messages wait for their handlers.

        :param partly: ids of handlers for which not all of their messages wait.
        :return: (channel, priority, id of an ordered handler or ``False``) of the jobs
            that are needed.
        """
        self.ensure_one()
        groups = defaultdict(lambda: (set(), []))
        held = self._held_ids(matches)
        for message, handlers in matches:
            for handler_id, channel, priority, ordered in handlers:
                apart = handler_id if ordered or handler_id in held else False
                own = handler_id if handler_id in partly else False
                ids, waiting = groups[channel, priority, apart, ordered, own]
                ids.add(handler_id)
                if waiting[-1:] != [message]:
                    waiting.append(message)
        needed = []
        for (channel, priority, apart, ordered, _own), (ids, waiting) in groups.items():
            handlers = self.env["mqtt.handler"].browse(sorted(ids))
            if ordered:
                self._put_in_order(handlers, waiting)
                needed.append((channel, priority, apart))
                continue
            sequences = [message.sequence for message in waiting]
            rows = self.env["mqtt.dispatch"]
            rows._put(self, handlers, sequences, channel, priority, handler_id=apart)
            if not apart:
                needed.append((channel, priority, False))
        return needed

    def _wake_handlers(self, needed) -> None:
        for channel, priority, handler_id in needed:
            if handler_id:
                self._wake_in_order(self.env["mqtt.handler"].browse(handler_id))
            else:
                self._wake_dispatch(channel, priority)

    def _held_ids(self, matches) -> set[int]:
        ids = {entry[0] for _message, handlers in matches for entry in handlers}
        return set(self.env["mqtt.handler"].browse(ids).exists()._held().ids)

    # Running

    def _job_dispatch(self, channel, priority) -> str:
        """Call handlers for the messages that wait, in the order of reception.

        :param channel: of the handlers; :param priority: of the handlers.
        :return: what the job monitor shows as result.
        :raise RetryableJobError: when another job has just handled them.
        """
        self.ensure_one()
        rows = self._take_rows(channel, priority)
        work = self._split if self._has_killed_its_worker() else self._dispatch
        result = work(rows, channel, priority)
        rows._delete()
        if self._is_more(channel, priority):
            self._wake_dispatch(channel, priority)
        return result

    def _dispatch(self, rows, channel, priority) -> str:
        found = self._find_messages(rows, channel, priority)
        again = rows._as_again()
        context = again.get("context") or {}
        run = Run(
            self.env,
            list(self._calls(found, **context)),
            context=context,
            restarts=self._current_job().retry,
        ).go()
        run.save_statistics()
        self._put_messages(self._messages_of(run.left), channel, priority, **again)
        for handler, messages in self._messages_of(run.held).items():
            self._hold(handler, messages, channel, priority, **again)
        return self._describe(run)

    def _calls(self, found, **context) -> Iterator[Call]:
        for handler, messages in found.items():
            yield from self._calls_of(handler, messages, **context)

    def _calls_of(self, handler, messages, **context) -> Iterator[Call]:
        try:
            function = handler._bind(self, **context)
        except HandlerError as error:
            function = _raising(error)
        if handler.batch and handler.kind != "action":
            yield Call(self, handler, messages, function)
        else:
            for message in messages:
                yield Call(self, handler, message, function)

    # What did not go well

    def _has_killed_its_worker(self, most_retries=MOST_RETRIES) -> bool:
        """Whether a call has killed a job's worker, or its connection, each time.

        :param most_retries: of the job, for reasons of its own; ``None``: any number.
        """
        job = self._current_job()
        # A retry is given an eta, but for jobs whose worker died.
        if not job.retry or not job.eta:
            return bool(job.retry)
        return most_retries is not None and job.retry > most_retries

    def _current_job(self) -> models.BaseModel:
        return (
            self.env["queue.job"]
            .sudo()
            .search_fetch(
                [("uuid", "=", self.env.context.get("job_uuid", ""))],
                ["retry", "eta"],
                limit=1,
            )
        )

    def _split(self, rows, channel, priority) -> str:
        """Find the call that killed the worker, while the others get on."""
        found = self._find_messages(rows, channel, priority)
        calls = [
            (handler, message) for handler, all_ in found.items() for message in all_
        ]
        again = rows._as_again()
        if len(calls) == 1:
            handler, message = calls[0]
            message._enqueue_handle(handler, **(again.get("context") or {}))
            return self.env._("Its worker died: a job of its own tries again.")
        count = 0
        for handler, messages in found.items():
            size = len(messages) if len(found) > 1 else -(-len(messages) // PIECES)
            for start in range(0, len(messages), size):
                piece = messages[start : start + size]
                waiting = self.env["mqtt.dispatch"]
                values = {**again, "alone": True}
                waiting._put_messages(self, handler, piece, channel, priority, **values)
                count += 1
        return self.env._(
            "Its worker died: split into %s parts to find out why.", count
        )

    def _job_dispatch_failed(self, exc_info="", exc_name="", **_details) -> None:
        """Called by queue_job when a job for many messages failed."""
        self._after_outage(exc_name, exc_info, "_job_dispatch", "_job_in_order")

    def _describe(self, run) -> str:
        statistics = run.statistics.values()
        handled = sum(own.handled for own in statistics)
        raised = len(run.done) - handled
        return self.env._(
            "Handled: %(handled)s, given to jobs of their own: %(raised)s, "
            "left for the next job: %(left)s",
            handled=handled,
            raised=raised,
            left=sum(len(call.messages) for call in run.left + run.held),
        )


def _raising(error) -> Callable[[object], NoReturn]:
    def function(_messages) -> NoReturn:
        raise error

    return function
