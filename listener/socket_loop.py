# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The loop of one connection: read, write, obey, look at the clock."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable

from ..broker.client import Client, problem_of
from ..broker.connecting import CONNECT_TIMEOUT
from ..broker.problem import ConnectionEnded, Problem
from ..broker.settings import ServiceSettings
from ..mqtt.publish_packet import Publish
from ..mqtt.rate import TopicRates
from .announcer import Announcer
from .heartbeat import BEAT_SECONDS, Heartbeat
from .inbox import Inbox
from .observed import Observed
from .orders import Orders
from .reception import Reception
from .waiter import Waiter
from .window import Window

READS_PER_TURN = 64  # packets between two looks at acknowledgements and the clock


class SocketLoop:
    """Serves one connection, from CONNECT until it ends.

    paho's own threads are not used: this loop decides when to read (not while the inbox
    is full), and when to look at the clock.

    :param client: of the connection.
    :param settings: of the service.
    :param observed: whose state says whether the login is answered.
    :param inbox: where received messages go.
    :param reception: what becomes of them.
    :param rates: of topics, which pause.
    :param announcer: says that the service leaves.
    :param waiter: of this thread.
    :param orders: of other threads.
    :param obey: carries out the orders.
    :param changed: called when what is observed changed.
    :ivar ended: why the connection is over, set by the callbacks of the client.
    """

    def __init__(
        self,
        client: Client,
        settings: ServiceSettings,
        *,
        observed: Observed,
        inbox: Inbox,
        reception: Reception,
        rates: TopicRates,
        announcer: Announcer,
        waiter: Waiter,
        orders: Orders,
        obey: Callable[[], None],
        changed: Callable[[], None],
    ):
        self.ended: Problem | None = None
        self._client = client
        self._observed = observed
        self._inbox = inbox
        self._reception = reception
        self._rates = rates
        self._announcer = announcer
        self._waiter = waiter
        self._orders = orders
        self._obey = obey
        self._window = Window()
        self._heartbeat = Heartbeat(
            client,
            settings,
            inbox,
            reception,
            self._window,
            time.monotonic(),
            check=self._check,
            changed=changed,
        )
        self._messages_read = self._to_acknowledge = 0

    # For the callbacks of the client

    def received(self, publish: Publish) -> None:
        """A message was read."""
        self._messages_read += 1
        self._to_acknowledge += publish.qos > 0

    def answered(self, packet_id: int) -> bool:
        """Whether UNSUBACK of this packet identifier answers a probe of the loop."""
        return self._heartbeat.answered(packet_id)

    def acknowledge(self, received: list[tuple[int, int]]) -> None:
        """Acknowledge messages.

        :param received: packet identifier and QoS of each.
        """
        self._client.acknowledge(received)
        self._window.acknowledged(time.monotonic(), len(received))

    # The loop

    def run(self) -> None:
        """Serve the connection until a stop has drained it.

        :raise ConnectionEnded: when it ends otherwise.
        """
        connack_deadline = time.monotonic() + CONNECT_TIMEOUT
        next_beat = 0.0
        stopped_at: float | None = None
        with self._waiter.watching():
            while True:
                self._turn()
                now = time.monotonic()
                if now >= next_beat:
                    next_beat = now + BEAT_SECONDS
                    self._beat(now, connack_deadline)
                is_stopping = self._orders.stop.is_set()
                if self._is_connected:
                    self._heartbeat.confirm(now, is_stopping=is_stopping)
                if is_stopping:
                    stopped_at = stopped_at or now
                    if self._orders.leaves_in_order:
                        self._announcer.leave()
                    if self._is_drained() or now >= stopped_at + self._orders.drain:
                        return

    @property
    def _is_connected(self) -> bool:
        return self._observed.state == "connected"

    def _turn(self) -> None:
        """Wait for something to do, at most a beat, and do it."""
        self._inbox.announce()
        sock = self._client.socket()
        if sock is None or self.ended:
            raise ConnectionEnded(self.ended or Problem("lost", ""))
        reading = not self._is_connected or not self._inbox.is_full
        buffered = reading and self._client.has_buffered
        events = selectors.EVENT_READ * reading
        if self._client.want_write():
            events |= selectors.EVENT_WRITE
        holds_ack = self._reception.holds_ack
        is_woken, can_read = self._waiter.wait(
            sock, events, 0 if buffered else self._patience()
        )
        if is_woken:
            self._obey()
            if holds_ack and not self._reception.holds_ack:
                self._window.released(time.monotonic())
        if buffered or can_read:
            before, holds_ack = self._to_acknowledge, self._reception.holds_ack
            self._read()
            if count := self._to_acknowledge - before:
                self._window.received(time.monotonic(), count, is_held=holds_ack)
                if self._window.is_used_up:
                    self._inbox.hurry()
        if self._client.want_write():
            self._check(self._client.loop_write())

    def _patience(self) -> float:
        """Seconds until the clock has to be looked at."""
        return self._heartbeat.patience(
            is_awaiting=not self._is_connected
            or self._orders.stop.is_set()
            or self._rates.is_pausing
        )

    def _read(self) -> None:
        """Read packets while they bring messages or lie in a buffer."""
        for _ in range(READS_PER_TURN):
            before = self._messages_read
            self._check(self._client.loop_read())
            if self._inbox.is_full:
                break
            has_more = self._messages_read > before and not self._client.is_read_out
            if not (has_more or self._client.has_buffered):
                break
        self._heartbeat.read_at = time.monotonic()

    def _check(self, code: int) -> None:
        """:raise ConnectionEnded: when a callback or this return code says so."""
        if self.ended:
            raise ConnectionEnded(self.ended)
        if problem := problem_of(code):
            raise ConnectionEnded(problem)

    def _beat(self, now: float, connack_deadline: float) -> None:
        """What depends on time alone."""
        self._rates.look(time.time_ns() // 1000)
        if self._is_connected:
            self._heartbeat.beat(now)
        elif now >= connack_deadline:
            raise ConnectionEnded(Problem("timeout"))

    def _is_drained(self) -> bool:
        """Whether all that was received is committed, acknowledged and confirmed."""
        return not (
            self._inbox.unfinished
            or self._orders.is_waiting
            or self._reception.has_to_confirm
            or self._reception.holds_ack
            or self._heartbeat.is_probing
            or self._announcer.is_waiting
            or self._client.want_write()
        )
