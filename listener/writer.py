# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The database thread of a service: commits batches, then lets them be acknowledged.

It is the only one that writes for its service, so its transactions never collide with
each other. While the database is away it holds its batch and tries again; the network
thread keeps the connection, and the broker keeps what does not fit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Literal, TypeVar

from ..broker.problem import Problem
from ..mqtt.log import get_logger
from ..mqtt.message import Message
from ..mqtt.wording import name_error, short_line
from .blame import is_away, lighter
from .bridge import Bridge, LeaseLost
from .connection import MqttConnection
from .inbox import Delivery, Inbox
from .loss import Loss
from .observed import Counted, Observed
from .reported import changed_of, connection_values, subscription_values
from .subscriptions import Grant

_logger = get_logger(__name__)
Result = TypeVar("Result")

REPORT_INTERVAL = 1.0  # seconds between two reports of counters alone
IDLE_INTERVAL = 30.0  # the same, of receipts alone that are needed no more
BUSY_INTERVAL = 2.0  # the same, right after a batch: its jobs have precedence
RETRY_DELAY = 1.0  # seconds between two tries at a database that is away
OWN_TRIES = 3  # of a batch that the database refuses, before it is taken apart
LAST_WORDS = 3.0  # seconds after the connection's end in which to commit the rest


class Writer(threading.Thread):
    """Writes to the database for a connection, until that has ended.

    :param sequence: of the last message that is in the database.
    :param ended: called, from this thread, when all is done.
    :param committed: called with the id of the service and the number of messages when
        a batch is durable, and ``at_once``, whether its job must not wait.
    :ivar lease_lost: set when another listener has claimed the service.
    :ivar must_end: set when nobody waits any longer for a database that is away.
    """

    dbname: str  # for Odoo's log
    _error: Exception  # of the last call that failed

    def __init__(
        self,
        bridge: Bridge,
        connection: MqttConnection,
        inbox: Inbox,
        sequence: int,
        ended: Callable[[], None] = lambda: None,
        committed: Callable[..., None] = lambda *_, **__: None,
    ):
        super().__init__(name=f"{connection.name}-writer", daemon=True)
        self.lease_lost = threading.Event()
        self.must_end = threading.Event()
        self._bridge = bridge
        self._connection = connection
        self._inbox = inbox
        self._service_id = connection.settings.id
        self._reported = Observed()
        self._reported_counts: dict[int, int] = {}
        self._counted: Counted | None = None  # while a batch is tried
        self._reported_grants: dict[int, Grant] = {}
        self._reported_filters: dict[str, int] | None = None
        self._reported_paused: dict[str, tuple[int, int]] = {}
        self._last_report = 0.0
        self._sequence = sequence
        self._call_ended = ended
        self._call_committed = committed
        self._loss = Loss(
            _logger,
            f"{connection.name}: the database does not take messages",
            f"{connection.name}: the database is back",
        )
        self._give_up_at: float | None = None
        self._patience = REPORT_INTERVAL  # seconds until something has to be reported
        self._warning: tuple[Problem, float] | None = None

    def warn(self, warning: tuple[Problem, float] | None) -> None:
        """Report this problem, and since when it is one, where the connection has none
        of its own.
        """
        if warning != self._warning:
            self._warning = warning
            self._inbox.poke()

    def run(self) -> None:
        try:
            while self._connection.is_alive() or self._inbox.unfinished:
                batch = self._inbox.take(self._patience)
                if batch and not self._commit(batch):
                    break
                self._prune()
                self._report(BUSY_INTERVAL if batch else REPORT_INTERVAL)
            self._say_last()
        except LeaseLost:
            _logger.warning(
                "%s: another listener has the service now", self._connection.name
            )
            self.lease_lost.set()
            self._inbox.abandon()
            self._connection.stop(drain=0)
        except Exception:
            # A guard: without its writer a connection acknowledges nothing any more.
            _logger.exception("%s: unexpected error", self._connection.name)
            self._inbox.abandon()
            self._connection.stop(drain=0)
        finally:
            self._call_ended()

    def _say_last(self) -> None:
        """Write what nobody else will, however long the database is away: what was seen
        last, that a person has to start the service again, and that nobody has it now.

        :raise LeaseLost: when another listener has the service: it says so itself.
        """
        self._until_written(self._report)
        if self._connection.observed.gave_up:
            self._until_written(self._write, self._bridge.give_up)
        self._until_written(self._write, self._bridge.release)

    def _until_written(self, write: Callable[..., bool], *args: object) -> None:
        while not write(*args) and is_away(self._error):
            if self.must_end.wait(RETRY_DELAY):
                return

    def _write(self, call: Callable[[int, str], None]) -> bool:
        return self._try(call, self._service_id, self._connection.name) is not None

    def _commit(self, batch: list[Delivery], *, patience: int = OWN_TRIES) -> bool:
        """Commit a batch however long it takes, then have it acknowledged.

        :param patience: tries that may fail for no fault of the database's, before the
            batch is taken apart to find the message whose fault it is.
        :return: ``False`` when the connection has ended and the database stays away.
            Then no later batch may be committed either: none was acknowledged, and the
            broker sends them all again, which only receipts in their order recognise.
        """
        while not self._commit_once(batch):
            if self._must_end():
                return False
            messages = (one.message for one in batch if one.message)
            patience -= not is_away(self._error, messages)
            if patience <= 0:
                if len(batch) > 1:
                    half = len(batch) // 2
                    return self._commit(batch[:half], patience=1) and self._commit(
                        batch[half:], patience=1
                    )
                message = batch[0].message
                if message and self._commit_for_quarantine(batch[0], message):
                    return True
            self._wait()
        return True

    def _commit_once(self, batch: list[Delivery]) -> bool:
        pruned = self._connection.observed.prunable.through
        counted = self._counted = self._counted or self._count()
        sequence = self._try(
            self._bridge.enqueue,
            self._service_id,
            self._connection.name,
            batch,
            after_sequence=self._sequence,
            session=self._connection.session,
            prune_through=pruned,
            counted=counted,
        )
        if sequence is None:
            return False
        self._counted = None
        self._note_counted(counted)
        self._sequence = sequence
        for delivery in batch:
            delivery.sequence = sequence
        self._call_committed(
            self._service_id,
            len(batch),
            at_once=any(delivery.at_once for delivery in batch),
        )
        # In this order: a connection that stops waits for what is not done.
        self._connection.committed(batch, pruned)
        self._inbox.done(batch)
        for delivery in batch:
            delivery.let_go()
        return True

    def _count(self) -> Counted:
        """What has come since this listener claimed the service, as far as it is new:
        totals, so that nothing is counted twice when nobody knows what was committed.
        """
        observed, subscriptions = (
            self._connection.observed,
            self._connection.subscriptions,
        )
        return Counted(
            received=observed.received,
            dropped=observed.dropped,
            last_activity=observed.last_activity,
            subscriptions={
                one: (count, subscriptions.last_messages[one] / 1e6)
                for one, count in changed_of(
                    dict(subscriptions.counts), self._reported_counts
                ).items()
            },
        )

    def _note_counted(self, counted: Counted) -> None:
        """What was counted is in the database."""
        self._reported.received = counted.received
        self._reported.dropped = counted.dropped
        self._reported.last_activity = counted.last_activity
        for subscription_id, (count, _last) in counted.subscriptions.items():
            self._reported_counts[subscription_id] = count

    def _commit_for_quarantine(self, delivery: Delivery, message: Message) -> bool:
        """Commit a message as one for quarantine, without its payload if need be; where
        that fails too, it is not the message that is at fault.
        """
        reason = short_line(f"It cannot be enqueued: {name_error(self._error)}")
        for kept in filter(None, (message, lighter(message))):
            delivery.message = replace(kept, trouble=reason)
            if self._commit_once([delivery]):
                _logger.warning(
                    "%s: a message is in quarantine: %s", self._connection.name, reason
                )
                return True
        delivery.message = message
        return False

    def _wait(self) -> None:
        """Until the next try; the connection's end is waited for meanwhile."""
        if self._connection.is_alive():
            self._connection.join(RETRY_DELAY)
        else:
            self.lease_lost.wait(RETRY_DELAY)

    def _must_end(self) -> bool:
        """Whether the connection is gone and the database did not come back in time."""
        if self._connection.is_alive():
            return False
        now = time.monotonic()
        self._give_up_at = self._give_up_at or now + LAST_WORDS
        return now > self._give_up_at

    def _report(self, interval: float = 0.0) -> bool:
        """Write what changed since the last report: states at once, counters later.

        :param interval: seconds since then.
        :return: ``False`` when the database did not take it.
        """
        observed = replace(self._connection.observed)
        if self._warning and not observed.problem:
            observed.problem, observed.problem_time = self._warning
        grants = dict(self._connection.subscriptions.grants)
        filters = self._connection.subscriptions.session_filters
        paused = self._connection.rates.named()
        urgent = (
            (observed.state, observed.problem)
            != (self._reported.state, self._reported.problem)
            or grants != self._reported_grants
            or filters != self._reported_filters
            or self._lets_ack_go(observed)
        )
        now = time.monotonic()
        due = now >= self._last_report + interval
        is_paused = paused != self._reported_paused
        pruned = replace(self._reported, prunable=observed.prunable)
        changed = urgent or is_paused or observed != pruned
        # Receipts go with the next batch; when none comes, they can wait.
        is_idle = not changed and observed != self._reported
        if is_idle and now >= self._last_report + IDLE_INTERVAL:
            changed = True
        # What happens to a connection that stands wakes this thread.
        is_quiet = observed.state == "connected" and not (changed or paused)
        self._patience = IDLE_INTERVAL if is_quiet else REPORT_INTERVAL
        # While the database is away it is asked once a second, not at each change.
        if not changed or not (due or (urgent and not self._loss.is_on)):
            return True
        self._last_report = now
        counts = dict(self._connection.subscriptions.counts)
        done = self._try(
            self._bridge.report,
            self._service_id,
            self._connection.name,
            connection_values(observed, self._reported, filters),
            subscription_values(
                changed_of(grants, self._reported_grants),
                changed_of(counts, self._reported_counts),
                self._connection.subscriptions.last_messages,
            ),
            observed.prunable,
            paused if is_paused else None,
        )
        if done is None:
            return False
        self._connection.pruned(observed.prunable)
        self._reported, self._reported_counts = observed, counts
        self._reported_grants, self._reported_filters = grants, filters
        self._reported_paused = paused
        return True

    def _prune(self) -> None:
        """Let the receipts shrink to that of the acknowledgement that waits for it."""
        observed = self._connection.observed
        pruned = observed.prunable
        rest = pruned.rest
        if not rest or rest[0] != self._sequence or not self._lets_ack_go(observed):
            return  # a report does so, if it is more than one batch
        if self._try(
            self._bridge.prune,
            self._service_id,
            self._connection.name,
            rest,
        ):
            self._connection.pruned(pruned)
            self._reported.prunable = pruned

    def _lets_ack_go(self, observed: Observed) -> bool:
        """Whether an acknowledgement waits for receipts to shrink, no batch does."""
        rest = observed.prunable.rest
        return (
            rest is not None
            and rest != self._reported.prunable.rest
            and not self._inbox.unfinished
        )

    def _try(
        self, call: Callable[..., Result], *args: object, **kwargs: object
    ) -> Result | Literal[True] | None:
        """Call the database; ``None`` when it failed, which is logged once.

        :raise LeaseLost: as the call does.
        """
        try:
            result = call(*args, **kwargs)
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001
            self._error = error
            # A guard: the batch is kept and tried again, whatever the reason.
            self._loss.begin(error)
            return None
        self._loss.end()
        return True if result is None else result
