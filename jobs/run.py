# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A run of calls in one job: fast when all is well, isolated when something raises."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace

from odoo.addons.queue_job.exception import RetryableJobError

from ..mqtt.wording import TOPIC_CHARS, short_line
from .failure import Failure, is_conflict, is_connection_lost
from .guard import SlowHandlerError
from .streak import Streak

SLICE_CALLS = 100  # under one savepoint: what is run again when one of them raises
FETCHED = ("topic", "payload", "payload_raw", "timestamp")  # what handlers ask for
RESTARTS = 3  # of a job because of other transactions, before it leaves them aside


@dataclass
class Call:
    """One call of one handler, for messages of one service."""

    service: object
    handler: object
    messages: object
    function: Callable


@dataclass
class Statistics:
    """What one handler did for a service in a run, in messages and seconds."""

    handled: int = 0
    failed: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    error: str | None = None

    def add(self, messages: int, seconds: float) -> None:
        self.handled += messages
        self.seconds += seconds
        self.slowest = max(self.slowest, seconds)


@dataclass
class Run:
    """Makes calls in the current transaction until its budget is spent.

    A slice of them runs under one savepoint. When something in it raises, in a call or
    at the flush, the slice is rolled back and run again with a savepoint for each
    message, so that a bad one costs only itself.

    :param env: the job's environment.
    :param calls: in the order in which they are made.
    :param context: more keys for the handlers' environment, when a message that failed
        is tried again by a job of its own.
    :param in_order: leave out what follows a failed message of the same topic.
    :param restarts: how often the job was begun before.
    :param job_limit: name of the parameter with the seconds after which no call is
        begun; nor is one after a call that took longer than it may.
    :param call_limit: name of the parameter with the seconds that one call may take.
    :param has_more_time: whether a call that is too slow gets a job of its own. Where
        not, its exception ends the run.
    :ivar left: the calls that were not made.
    :ivar held: the calls that were not made because their handler fails too often.
    :ivar done: ids of the messages that were given to their handler.
    :ivar statistics: what each handler did, by it and the service.
    """

    env: object
    calls: list[Call]
    context: dict = field(default_factory=dict)
    in_order: bool = False
    restarts: int = 0
    job_limit: str = "job_seconds"
    call_limit: str = "call_seconds"
    has_more_time: bool = True
    held: list[Call] = field(default_factory=list)
    left: list[Call] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    statistics: dict[tuple, Statistics] = field(default_factory=dict)
    _failed: list[tuple[Call, Failure]] = field(default_factory=list)
    _held_topics: set[str] = field(default_factory=set)
    _last_handler: object = None
    _streaks: dict[object, Streak] = field(default_factory=dict)
    _is_too_slow: bool = False  # the last call: no other is begun
    _slow: tuple[Call, Exception] | None = None  # the call that was, and raised

    def go(self) -> Run:
        """Make the calls.

        :raise RetryableJobError: when another transaction was in the way.
        """
        self.left = list(self.calls)
        handlers = self.env["mqtt.handler"]
        self._limit = handlers._seconds(self.call_limit)
        self._end = time.monotonic() + handlers._seconds(self.job_limit)
        with handlers._guard(self.call_limit) as self._guard:
            while self.left and not self._is_over():
                calls = self.left[:SLICE_CALLS]
                count = self._together(calls)
                if count is None:
                    # Without prefetching: a rollback empties the cache, and the next
                    # message would have those of all others read once more.
                    calls = [
                        replace(call, messages=message.with_prefetch())
                        for call in calls
                        for message in call.messages
                    ]
                    self.left[:SLICE_CALLS] = calls
                    count = self._one_by_one(calls)
                del self.left[:count]
        self._leave_failed()
        return self

    def _is_over(self) -> bool:
        return self._is_too_slow or time.monotonic() >= self._end

    def _is_held(self, call: Call) -> bool:
        return self.in_order and call.messages[:1].topic in self._held_topics

    def _is_suspended(self, call: Call) -> bool:
        streak = self._streaks.get(call.handler)
        return bool(streak) and streak.is_too_long

    def _streak(self, call: Call) -> Streak:
        if call.handler not in self._streaks:
            self._streaks[call.handler] = Streak(call.handler)
        return self._streaks[call.handler]

    def _together(self, calls: list[Call]) -> int | None:
        """Make calls under one savepoint; how many, or ``None`` when one raised."""
        self._slow = None
        self._is_too_slow = False
        made: list[tuple[Call, float]] = []
        held: list[Call] = []
        count = 0
        try:
            with self.env.cr.savepoint():
                for call in calls:
                    if self._is_suspended(call):
                        held.append(call)
                    elif not self._is_held(call):
                        made.append((call, self._timed(call)))
                    count += 1
                    if self._is_over():
                        break
                self._check_messages_stay([call for call, _seconds in made])
        except Exception as error:  # noqa: BLE001
            self._let_pass(error)
            return None
        self.held += held
        for call, seconds in made:
            self._streak(call).end()
            self._statistics_of(call).add(len(call.messages), seconds)
            self.done.extend(call.messages.ids)
        return count

    def _one_by_one(self, calls: list[Call]) -> int:
        """Make calls of one message with a savepoint each; how many."""
        slow, error = self._slow or (None, None)
        if slow:  # time enough to come as far as this one, which is not made again
            self._end = max(self._end, time.monotonic() + self._limit)
            self._is_too_slow = False
        for count, call in enumerate(calls):
            if count and self._is_over():
                return count
            if self._is_suspended(call):
                self.held.append(call)
            elif not self._is_held(call):
                self._alone(call, error if call == slow else None)
            self._is_too_slow = self._is_too_slow or call == slow
        return len(calls)

    def _alone(self, call: Call, error: Exception | None) -> None:
        """Make a call under a savepoint of its own, unless its error is known."""
        if error is None:
            try:
                call.messages.fetch(FETCHED)
                with self.env.cr.savepoint():
                    seconds = self._timed(call, anew=True)
                    self._check_messages_stay([call])
            except Exception as raised:  # noqa: BLE001
                self._let_pass(raised)
                error = raised
            else:
                self._statistics_of(call).add(1, seconds)
                self._streak(call).end()
        if error is not None:
            self._streak(call).add()
            self._failed.append((call, Failure.of(error)))
            error.with_traceback(None)  # its frames would keep payloads
            if self.in_order:
                self._held_topics.add(call.messages.topic)
        self.done.extend(call.messages.ids)

    def _leave_failed(self) -> None:
        """Have the messages that failed tried again, each by a job of its own."""
        messages = self.env["mqtt.signal.history"]
        messages = messages.browse(call.messages.id for call, _failure in self._failed)
        failed = [
            (call.handler, message, failure)
            for (call, failure), message in zip(self._failed, messages, strict=True)
        ]
        ends = messages._enqueue_failed(failed, **self.context)
        for (call, failure), message, is_end in zip(
            self._failed, messages, ends, strict=True
        ):
            own = self._statistics_of(call)
            own.failed += is_end
            topic = short_line(message.topic, TOPIC_CHARS)
            own.error = f"{topic}: {failure.text}"

    def _timed(self, call: Call, anew: bool = False) -> float:
        if anew or call.handler != self._last_handler:
            call.messages._forget_parsed()
            self._last_handler = call.handler
        begin = time.perf_counter()
        try:
            self._guard.call(call.function, call.messages)
        except Exception as error:
            self._is_too_slow = time.perf_counter() - begin > self._limit
            if self._is_too_slow or isinstance(error, SlowHandlerError):
                self._slow = call, error
            raise
        seconds = time.perf_counter() - begin
        self._is_too_slow = seconds > self._limit
        return seconds

    def _check_messages_stay(self, calls: list[Call]) -> None:
        ids = {message_id for call in calls for message_id in call.messages.ids}
        self.env["mqtt.signal.history"].browse(ids)._check_is_there()

    def _let_pass(self, error: Exception) -> None:
        """:raise: what no savepoint helps against."""
        if is_connection_lost(error, self.env.cr):
            raise error
        if isinstance(error, SlowHandlerError) and not self.has_more_time:
            raise error
        if is_conflict(error) and self.restarts < RESTARTS:
            # This transaction will never see what the other one wrote.
            failure = Failure.of(error)
            raise RetryableJobError(
                f"Another transaction was in the way: {failure.text}",
                seconds=failure.seconds,
            ) from error

    def _statistics_of(self, call: Call) -> Statistics:
        return self.statistics.setdefault((call.handler, call.service), Statistics())

    def save_statistics(self) -> None:
        """Count, in rows that no other job writes, and suspend what keeps failing."""
        for (handler, service), own in self.statistics.items():
            handler._count(service, **asdict(own))
        for streak in self._streaks.values():
            streak.save()
