# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Where received messages wait for their transaction: between network and database."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from ..mqtt.message import Message

# A batch this large leaves early when nothing more comes for so long (seconds): the
# broker's window is used up, and waiting on would only delay the acknowledgements.
EARLY_MESSAGES = 10
EARLY_QUIET = 0.005


OVERHEAD = 1200  # bytes that Python takes for a delivery, its message and its receipt


@dataclass(eq=False, slots=True)
class Delivery:
    """A message on its way to the database.

    :param generation: number of the connection whose broker waits for the
        acknowledgement; changed when the broker sends the message again.
    :param session: number of the broker's session it belongs to.
    :param is_copy: whether another delivery brings the same message: only to be
        acknowledged, in its turn.
    :param sequence: of the batch it was committed with, ``None`` until then.
    :ivar packet_id: under which the broker waits for the acknowledgement.
    :ivar size: about how many bytes it holds until it is committed.
    """

    message: Message | None
    generation: int
    session: int
    is_copy: bool = False
    sequence: int | None = None
    packet_id: int = field(init=False, default=0)
    qos: int = field(init=False, default=0)
    at_once: bool = field(init=False, default=False)
    size: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        if self.message is not None:
            self.packet_id, self.qos = self.message.packet_id, self.message.qos
            self.at_once = self.message.at_once
            self.size = OVERHEAD + self.message.size

    def let_go(self) -> None:
        """It is committed: the receipt stays, the message need not."""
        self.message = None


class Inbox:
    """A bounded queue of deliveries, taken in batches.

    :param batch_size: messages in a batch, at most.
    :param batch_bytes: bytes in a batch, at most (one larger goes alone).
    :param linger: seconds between two batches while neither bound is reached.
    :param max_messages: beyond it, QoS 0 messages are refused.
    :param max_bytes: of what waits; beyond it, the network thread stops reading.
    """

    def __init__(
        self,
        batch_size: int,
        batch_bytes: int,
        linger: float,
        max_messages: int,
        max_bytes: int,
    ):
        self._batch_size = batch_size
        self._batch_bytes = batch_bytes
        self._linger = linger
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._queue: deque[Delivery] = deque()
        self._bytes = 0  # of what is in the queue
        self._unfinished = 0  # deliveries put and not done
        self._unfinished_bytes = 0
        self._changed = threading.Condition()
        self._poked = False
        self._has_news = False  # that the other thread has not been told of
        self._flushing = False
        self._is_urgent = False  # whether a message in the queue must not wait
        self._last_take = -math.inf  # a clock that runs since the boot may say little

    @property
    def unfinished(self) -> int:
        """Deliveries that are not committed yet: in the queue, or taken from it."""
        return self._unfinished

    @property
    def is_full(self) -> bool:
        """Whether no more should be read from the network for now."""
        return self._unfinished_bytes >= self._max_bytes

    def put(self, delivery: Delivery) -> bool:
        """Append a delivery; :meth:`announce` lets :meth:`take` know.

        :return: ``False`` when it was refused: QoS 0, and too many wait already.
        """
        size = delivery.size
        with self._changed:
            if delivery.qos == 0 and (
                self._unfinished >= self._max_messages
                or self._unfinished_bytes + size > self._max_bytes
            ):
                return False
            self._queue.append(delivery)
            self._bytes += size
            self._unfinished += 1
            self._unfinished_bytes += size
            self._is_urgent |= delivery.at_once
            self._has_news |= (
                len(self._queue) in (1, EARLY_MESSAGES)
                or self._is_batch
                or self._is_urgent
            )
        return True

    def announce(self) -> None:
        """Let :meth:`take` go on, if what was put since the last time is a reason to.

        Called when the thread that puts has nothing more to do: the one that takes
        would only wait for Python's lock meanwhile.
        """
        if self._has_news:
            with self._changed:
                self._has_news = False
                self._changed.notify()

    def hurry(self) -> None:
        """Let the next batch go without lingering: nothing more will come before it
        does.
        """
        self._is_urgent = self._has_news = bool(self._queue)

    def poke(self) -> None:
        """Make :meth:`take` return now: there is something else to do."""
        with self._changed:
            self._poked = True
            self._changed.notify()

    def flush(self) -> None:
        """From now on, let batches go without lingering."""
        with self._changed:
            self._flushing = True
            self._changed.notify()

    def take(self, timeout: float) -> list[Delivery]:
        """The next batch, oldest first; empty after ``timeout`` seconds or a poke."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._poked, timeout)
            self._poked = False
            if self._queue:
                self._wait_for_more()
            return self._pop_batch()

    def done(self, batch: list[Delivery]) -> None:
        """These are committed, or given up."""
        with self._changed:
            self._unfinished -= len(batch)
            self._unfinished_bytes -= sum(delivery.size for delivery in batch)

    def abandon(self) -> None:
        """Forget all that is not committed: another listener will."""
        with self._changed:
            self._queue.clear()
            self._bytes = self._unfinished = self._unfinished_bytes = 0

    @property
    def _is_batch(self) -> bool:
        return len(self._queue) >= self._batch_size or self._bytes >= self._batch_bytes

    def _wait_for_more(self) -> None:
        deadline = self._last_take + self._linger
        while not (self._is_batch or self._flushing or self._is_urgent):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            before = len(self._queue)
            if before < EARLY_MESSAGES:
                self._changed.wait(left)
                continue
            self._changed.wait(min(left, EARLY_QUIET))
            if len(self._queue) == before:
                break

    def _pop_batch(self) -> list[Delivery]:
        batch: list[Delivery] = []
        size = 0
        while self._queue and len(batch) < self._batch_size:
            next_size = self._queue[0].size
            if batch and size + next_size > self._batch_bytes:
                break
            size += next_size
            batch.append(self._queue.popleft())
        self._bytes -= size
        self._is_urgent &= bool(self._queue)
        if batch:
            self._last_take = time.monotonic()
        return batch
