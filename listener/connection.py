"""The network thread of a service.

It owns the client, the reception and the subscriptions; nothing else touches them.
Others talk to it through :meth:`MqttConnection.committed`, ``want`` and ``stop``, which
leave a note and wake it. paho's own threads are not used: this loop decides when to
read (not while the inbox is full), and when to try again.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import random
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from ..mqtt.message import UNREADABLE, Message
from ..mqtt.outgoing import MAX_REMAINING
from ..mqtt.publish import Publish
from ..mqtt.rate import TopicRates
from ..mqtt.wording import short_line
from .abilities import Abilities
from .announcer import Announcer
from .client import (
    CONNECT_TIMEOUT,
    Client,
    new_client,
    open_connection,
    problem_of,
)
from .endings import Endings
from .inbox import Delivery, Inbox
from .log import get_logger
from .observed import Forgettable, Observed
from .problem import Problem
from .publish_properties import read_properties
from .receiving import text_of
from .reception import Reception
from .route import Route
from .sending import disconnect
from .settings import ServiceSettings
from .subscriber import PROBE_FILTER, Subscriber
from .subscriptions import Subscriptions
from .window import Window

_logger = get_logger(__name__)
_paho_logger = get_logger(f"{__name__}.paho")

MQTT_THREADS: dict[str, MqttConnection] = {}

BEAT = 0.5  # seconds between two looks at the clock
IDLE_BEAT = 5.0  # the same, at most, while nothing is awaited
DRAIN = 3.5  # seconds in which a stop commits and acknowledges what is here
PROBE_INTERVAL = 1.0  # seconds between two round trips that confirm acknowledgements
PROBE_TIMEOUT = 10.0  # seconds of silence after which a probed connection is dead
CLOSE_TIMEOUT = 1.0  # seconds for the broker to close after our DISCONNECT
HELD_TIMEOUT = 2.0  # seconds a redelivered sequence waits for its rest
READS_PER_TURN = 64  # packets between two looks at acknowledgements and the clock


class ConnectionEnded(Exception):
    """The connection is over, for the reason in ``problem``."""

    def __init__(self, problem: Problem | None):
        super().__init__(problem)
        self.problem = problem


@dataclass
class _Orders:
    """Notes that other threads leave for the network thread."""

    durable: deque[Callable[[Reception], None]] = field(default_factory=deque)
    wanted: ServiceSettings | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    drain: float = math.inf  # seconds for what is here, from the stop on
    may_connect: threading.Event = field(default_factory=threading.Event)


class MqttConnection(threading.Thread):
    """Keeps a service connected until it is stopped.

    :param name: unique in the cluster; the key in ``MQTT_THREADS``.
    :param settings: the service.
    :param inbox: where received messages go.
    :param receipts: (sequence, [(packet id, digest)]) an earlier process committed.
    :param session_filters: what the broker's session is known to hold.
    :param sequence: of the last message that is in the database.
    :param changed: called, from this thread, when what is observed changed.
    :param packet_bytes: that the broker may send in a packet.
    """

    def __init__(
        self,
        name: str,
        settings: ServiceSettings,
        inbox: Inbox,
        receipts: Iterable[tuple[int, Iterable[tuple[int, bytes]]]] = (),
        session_filters: dict[str, int] | None = None,
        sequence: int = 0,
        changed: Callable[[], None] = lambda: None,
        packet_bytes: int = MAX_REMAINING,
    ):
        super().__init__(name=name, daemon=True)
        self.settings = settings
        self.observed = Observed()
        self.subscriptions = Subscriptions(
            settings.subscriptions, session_filters or {}
        )
        self.rates = TopicRates()
        self._packet_bytes = self._keep_bytes = packet_bytes
        self._client: Client | None = None
        self._apply_limits(settings)
        self._inbox = inbox
        self._changed = changed
        self._orders = _Orders()
        self._orders.may_connect.set()
        self._reception = Reception(
            inbox, self.subscriptions, self.observed, receipts, sequence
        )
        self._announcer = Announcer(settings)
        self._route = Route(settings)
        self._target = settings  # of the current connection
        self._known_servers = {""}  # that may have a session; empty: the service's own
        self._endings = Endings()
        self._subscriber = Subscriber(
            settings, self.subscriptions, changed, self._announcer.bar
        )
        self._ended: Problem | None = None
        self._pending: dict[int, Callable] = {}  # answers awaited, by packet id
        self._probed_at: float | None = None  # while its answer is awaited
        self._last_probe = 0.0
        self._window = Window()
        self._last_read = 0.0
        self._messages_read = self._to_acknowledge = 0
        self._wake_r, self._wake_w = socket.socketpair()
        self._wake_r.setblocking(False)
        self._wake_w.setblocking(False)

    # For other threads

    @property
    def session(self) -> int:
        """Number of the broker's session: receipts of earlier ones are void."""
        return self._reception.session

    def committed(self, deliveries: list[Delivery], forgotten: int) -> None:
        """These are durable: acknowledge those that this connection brought.

        :param forgotten: sequence up to which receipts went in the same transaction.
        """
        self._orders.durable.append(lambda of: of.committed(deliveries, forgotten))
        self._wake()

    def forgotten(self, forgettable: Forgettable) -> None:
        """These receipts are gone from the database."""
        self._orders.durable.append(lambda of: of.forgotten(forgettable))
        self._wake()

    def want(self, settings: ServiceSettings) -> None:
        """Apply subscriptions and limits of these, and nothing else, at once."""
        self._orders.wanted = settings
        self._wake()

    def stop(self, *, drain: float = DRAIN) -> None:
        """Commit and acknowledge what was received, disconnect, end the thread.

        :param drain: seconds for that; 0 when nobody commits any more.
        """
        self._orders.drain = min(self._orders.drain, drain)
        self._orders.stop.set()
        self._inbox.flush()
        self._wake()

    def hold_service(self, held: bool) -> None:
        """Whether this process is known to be the one that has the service.

        Until it is known again, a connection that stands stays, for the broker to end
        when another takes over; one that ended is not renewed: it would take the
        session back.
        """
        if held:
            self._orders.may_connect.set()
        else:
            self._orders.may_connect.clear()
        self._wake()

    def _wake(self) -> None:
        # Full: it is awake already. Closed: it has ended.
        with contextlib.suppress(OSError):
            self._wake_w.send(b"\0")

    # The thread

    def run(self) -> None:
        MQTT_THREADS[self.name] = self
        _logger.info("%s: listener started as %s", self.settings.name, self.name)
        try:
            while not self._orders.stop.is_set() and not self.observed.gave_up:
                self._live_once()
                if not self._orders.stop.is_set() and not self.observed.gave_up:
                    self._wait_before_reconnect()
            self._observe("disconnected", self.observed.problem)
        except Exception as error:
            # A guard: the supervisor starts another, and this says why.
            _logger.exception("%s: unexpected error", self.settings.name)
            self._observe("disconnected", Problem.from_exception(error))
        finally:
            MQTT_THREADS.pop(self.name, None)
            self._wake_r.close()
            self._wake_w.close()
            _logger.info("%s: listener ended", self.settings.name)

    def _live_once(self) -> None:
        """Connect, and stay until the connection ends, whatever ends it."""
        problem = None
        try:
            self._connect()
            self._serve()
        except ConnectionEnded as end:
            problem = end.problem
        except Exception as error:
            # A guard: this thread lives as long as its service.
            _logger.exception("%s: unexpected error", self.settings.name)
            problem = Problem.from_exception(error)
        published = self._announcer.unanswered
        self._close()
        is_clue = self._subscriber.disconnected(problem, published)
        if self._orders.stop.is_set():
            return
        if not self._route.is_redirected:
            problem = self._endings.ended(problem, is_clue=is_clue)
        self.observed.gave_up = bool(problem and problem.code == "taken_over")
        self._observe("disconnected", problem)
        _logger.log(
            logging.INFO if self._route.is_redirected else logging.WARNING,
            "%s: not connected to %s:%s: %s %s",
            self.settings.name,
            self._target.host,
            self._target.port,
            problem.code if problem else "lost",
            problem.detail if problem else "",
        )

    def _wait_before_reconnect(self) -> None:
        # A redirect is no failure; how many there may be in a row the route knows.
        delay = 0.0
        if not self._route.is_redirected:
            delay = self.settings.backoff.delay(self._endings.failures, random.random())
        deadline = time.monotonic() + delay
        while not self._orders.stop.is_set():
            left = deadline - time.monotonic()
            if left <= 0 and self._orders.may_connect.is_set():
                break
            with selectors.DefaultSelector() as selector:
                selector.register(self._wake_r, selectors.EVENT_READ)
                selector.select(left if left > 0 else None)
            self._obey()
        self.observed.reconnects += 1
        self._observe("connecting", self.observed.problem)

    # Connecting

    def _connect(self) -> None:
        self._ended = None
        self._pending = {}
        self._probed_at = None
        self._target = self._route.take()
        self.observed.connected_to = self._route.name_of(self._target)
        try:
            client = new_client(self._target, self.settings.client_id)
        except ValueError as error:  # certificates, a key, secrets elsewhere
            raise ConnectionEnded(Problem.from_exception(error)) from error
        self._client = client
        client.packet_bytes = self._packet_bytes
        client.keep_bytes = self._keep_bytes
        client.enable_logger(_paho_logger)
        client.on_connect = self._guard(self._on_connect)
        client.on_disconnect = self._guard(self._on_disconnect)
        client.on_received = self._guard(self._on_message)
        client.on_subscribe = self._guard(self._on_answer)
        client.on_unsubscribe = self._guard(self._on_answer)
        client.on_publish = self._guard(self._on_published)
        self._announcer.connecting(client)
        # Set at all, it keeps paho from writing each packet at once.
        client.on_socket_register_write = lambda *_args: None
        try:
            open_connection(client, self._target)
        except (OSError, ValueError) as error:
            raise ConnectionEnded(Problem.from_exception(error)) from error

    def _guard(self, callback: Callable) -> Callable:
        """No callback may raise into paho; an error ends the connection instead.

        What was not acknowledged comes again on the next one.
        """

        def guarded(*args: object) -> None:
            try:
                callback(*args)
            except Exception as error:
                _logger.exception("%s: error in a callback", self.settings.name)
                self._ended = Problem.from_exception(error)

        return guarded

    # Serving

    def _serve(self) -> None:
        """The loop: read, write, obey, look at the clock."""
        connack_deadline = time.monotonic() + CONNECT_TIMEOUT
        self._last_read = time.monotonic()
        next_beat = 0.0
        stopped_at: float | None = None
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_r, selectors.EVENT_READ)
            while True:
                self._turn(selector)
                now = time.monotonic()
                if now >= next_beat:
                    next_beat = now + BEAT
                    self._beat(now, connack_deadline)
                if self.observed.state == "connected":
                    self._confirm(now)
                if self._orders.stop.is_set():
                    stopped_at = stopped_at or now
                    if self._leaves_in_order:
                        self._announcer.leave()
                    if self._is_drained() or now >= stopped_at + self._orders.drain:
                        return

    def _turn(self, selector: selectors.BaseSelector) -> None:
        """Wait for something to do, at most a beat, and do it."""
        self._inbox.announce()
        sock = self._client.socket()
        if sock is None or self._ended:
            raise ConnectionEnded(self._ended or Problem("lost", ""))
        reading = self.observed.state != "connected" or not self._inbox.is_full
        self._watch(selector, sock, reading)
        buffered = reading and self._client.has_buffered
        holds_ack = self._reception.holds_ack
        patience = 0 if buffered else self._patience()
        ready = {key.fileobj: mask for key, mask in selector.select(patience)}
        if self._wake_r in ready:
            self._obey()
            if holds_ack and not self._reception.holds_ack:
                self._window.released(time.monotonic())
        if buffered or ready.get(sock, 0) & selectors.EVENT_READ:
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
        if self._reception.holds_ack:
            return self._window.hold_seconds
        if (
            self.observed.state != "connected"
            or self._orders.stop.is_set()
            or self._probed_at is not None
            or self._reception.is_holding
            or self._reception.has_to_confirm
            or self._inbox.is_full
            or self.rates.is_pausing
        ):
            return BEAT
        # Keep-alives may be late by a fourth; a broker waits half as long again.
        keepalive = self._client.keepalive or math.inf
        shortest = min(keepalive, self.settings.inactivity_timeout)
        return min(IDLE_BEAT, max(BEAT, shortest / 4))

    def _watch(
        self, selector: selectors.BaseSelector, sock: socket.socket, reading: bool
    ) -> None:
        events = selectors.EVENT_READ * reading
        if self._client.want_write():
            events |= selectors.EVENT_WRITE
        known = selector.get_map().get(sock)
        if known is None:
            if events:
                selector.register(sock, events)
        elif not events:
            selector.unregister(sock)
        elif known.events != events:
            selector.modify(sock, events)

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
        self._last_read = time.monotonic()

    def _check(self, code: int) -> None:
        if self._ended:
            raise ConnectionEnded(self._ended)
        problem = problem_of(code)
        if problem:
            raise ConnectionEnded(problem)

    def _beat(self, now: float, connack_deadline: float) -> None:
        """What depends on time alone."""
        self.rates.look(time.time_ns() // 1000)
        if self.observed.state != "connected":
            if now >= connack_deadline:
                raise ConnectionEnded(Problem("timeout"))
            return
        if self._inbox.is_full:
            self._last_read = now  # what is not read says nothing of the connection
            self._keep_alive(now)
            return
        self._check(self._client.loop_misc())
        silent = now - self._last_read
        if (
            self._probed_at is not None
            and min(silent, now - self._probed_at) > PROBE_TIMEOUT
        ):
            raise ConnectionEnded(Problem("silent"))
        if self._reception.is_holding and silent > HELD_TIMEOUT:
            self._reception.release_held()
        if self._probed_at is None and silent >= self.settings.inactivity_timeout:
            self._send_probe(now)

    def _keep_alive(self, now: float) -> None:
        """Be heard, while the answers wait unread and paho would miss its PINGRESP."""
        keepalive = self._client.keepalive  # the broker may have asked for its own
        if keepalive and now >= self._last_probe + keepalive / 2:
            self._send_probe(now)

    def _confirm(self, now: float) -> None:
        """Ask what the broker has processed, when traffic does not tell."""
        if (
            self._probed_at is not None
            or self._inbox.unfinished
            or not self._reception.has_to_confirm
        ):
            return
        is_quiet = self._orders.stop.is_set() or (
            now >= self._last_read + self._window.hold_seconds
        )
        if now >= self._last_probe + PROBE_INTERVAL or (
            is_quiet and self._reception.holds_ack
        ):
            self._send_probe(now)

    def _send_probe(self, now: float) -> None:
        """Make a round trip that changes nothing: unsubscribe what is not subscribed.

        Its answer proves the connection, and that the broker has processed all that
        was sent before it, acknowledgements included.
        """
        acked, self._reception.last_acked = self._reception.last_acked, None
        self._probed_at = self._last_probe = now
        code, packet_id = self._client.unsubscribe(PROBE_FILTER)
        self._check(code)
        self._pending[packet_id] = partial(self._probe_answered, acked)

    def _probe_answered(
        self, acked: tuple[int, Delivery] | None, _answer: tuple
    ) -> None:
        self._probed_at = None
        self._reception.confirmed(acked)
        if self._reception.holds_ack:
            self._changed()

    # Orders

    def _obey(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake_r.recv(4096)
        while self._orders.durable:
            self._orders.durable.popleft()(self._reception)
        wanted, self._orders.wanted = self._orders.wanted, None
        if wanted is None:
            return
        self._apply_limits(wanted)
        changed = self.subscriptions.want(wanted.subscriptions)
        if changed:
            self._subscriber.wanted()

    def _apply_limits(self, settings: ServiceSettings) -> None:
        self.rates.want(settings.topic_rate_limit, exempt=settings.response_topic)
        self.rates.resume(settings.resumed)
        self._keep_bytes = min(self._packet_bytes, settings.attachment_limit)
        if self._client is not None:
            self._client.keep_bytes = self._keep_bytes

    def _is_drained(self) -> bool:
        """Whether all that was received is committed, acknowledged and confirmed."""
        return not (
            self._inbox.unfinished
            or self._orders.durable
            or self._reception.has_to_confirm
            or self._reception.holds_ack
            or self._probed_at is not None
            or self._announcer.is_waiting
            or self._client.want_write()
        )

    @property
    def _leaves_in_order(self) -> bool:
        """Whether the service stops, rather than this listener of it."""
        return self._orders.stop.is_set() and self._orders.drain > 0

    def _close(self) -> None:
        """End the connection in order if it stands, and let the socket go."""
        client, self._client = self._client, None
        self._reception.disconnected()
        self._announcer.disconnected()
        sock = client and client.socket()
        if sock is None:
            return
        # paho closes its socket with the DISCONNECT; what it leaves unread would make
        # that a reset, which takes acknowledgements with it that are on their way.
        with socket.socket(fileno=os.dup(sock.fileno())) as rest:
            try:
                with_will = self._announcer.has_will and not self._leaves_in_order
                disconnect(client, self.settings, with_will=with_will)
                client.loop_write()
                rest.shutdown(socket.SHUT_WR)
                if self._orders.stop.is_set():
                    _read_to_end(rest, CLOSE_TIMEOUT)
            except (OSError, ValueError) as error:
                _logger.debug("%s: closed without order: %s", self.name, error)
        if client.socket() is not None:
            client.socket().close()

    # Callbacks of paho

    def _on_connect(self, _client, _userdata, flags, reason_code, properties) -> None:
        if reason_code.is_failure:
            self._ended = self._route.refused(
                reason_code, properties, has_will=self._announcer.has_will
            )
            return
        self._route.connected()
        self._endings.connected()
        is_5 = self.settings.protocol == "5"
        certificate = self._client.certificate
        self.observed.certificate_end = certificate and certificate.end
        abilities = Abilities.from_connack(properties)
        self.observed.maximum_packet_size = abilities.maximum_packet_size
        self.observed.abilities = abilities.named
        if not flags.session_present and self._expects_session():
            self.observed.session_lost = time.time()
            _logger.warning(
                "%s: the broker has lost the session; messages may be missing",
                self.settings.name,
            )
        self._known_servers.add(self.observed.connected_to)
        self._window = Window()
        self._reception.connected(
            self._acknowledge,
            session_present=flags.session_present,
            window=self.settings.receive_maximum if is_5 else None,
        )
        self.subscriptions.connected(
            session_present=flags.session_present,
            with_identifiers=is_5 and abilities.identifiers,
            abilities=abilities,
        )
        self._observe("connected", None)
        _logger.info(
            "%s: connected to %s:%s, session %s",
            self.settings.name,
            self._target.host,
            self._target.port,
            "resumed" if flags.session_present else "new",
        )
        # After the subscriptions: who hears it may send what they bring.
        announce = partial(self._announcer.connected, abilities)
        self._subscriber.connected(self._client, announce)

    def _acknowledge(self, received: list[tuple[int, int]]) -> None:
        self._client.acknowledge(received)
        self._window.acknowledged(time.monotonic(), len(received))

    def _expects_session(self) -> bool:
        keeps = self.settings.protocol != "5" or self.settings.session_expiry > 0
        is_known = self.observed.connected_to in self._known_servers
        return keeps and is_known and bool(self.subscriptions.session_filters)

    def _on_disconnect(self, client, _userdata, flags, reason_code, properties) -> None:
        if flags.is_disconnect_packet_from_server:
            self._ended = self._route.refused(
                reason_code, properties, is_live=self.observed.state == "connected"
            )
        elif self._ended is None:
            self._ended = self._lost(client)

    def _lost(self, client: Client) -> Problem:
        """Why a connection ended about which the broker said nothing in MQTT."""
        if client.tls_error:
            return Problem.from_exception(client.tls_error)
        if client.violation:
            return Problem("violation", client.violation)
        if self.observed.state == "connected":
            return Problem("lost")
        return Problem("tls_closed" if self.settings.tls else "closed_early")

    def _on_published(self, *answer: object) -> None:
        self._announcer.answered(*answer)
        self._subscriber.settle(self._announcer.unanswered)

    def _on_answer(
        self, _client, _userdata, packet_id, reason_codes, properties
    ) -> None:
        answered = self._pending.pop(packet_id, None)
        if answered:
            answered((reason_codes, properties))
        else:
            self._subscriber.answered(packet_id, reason_codes, properties)
            self._subscriber.settle(self._announcer.unanswered)

    def _on_message(self, publish: Publish) -> None:
        self._messages_read += 1
        self._to_acknowledge += publish.qos > 0
        if self._orders.stop.is_set():
            return  # not acknowledged: it comes again with the next connection
        trouble = None
        try:
            properties, identifiers, _alias = read_properties(publish.properties)
        except Exception as error:
            # Not refused: the broker would send it again with every new connection,
            # and everything behind it would wait. It goes into quarantine.
            trouble = short_line(f"Its properties cannot be read: {error}")
            properties, identifiers = {UNREADABLE: publish.properties.hex()}, ()
        topic = text_of(publish.topic)
        route = self.subscriptions.route(topic)
        subscription = route.subscription
        is_copy = trouble is None and not route.takes(identifiers)
        now = time.time_ns() // 1000
        is_paused = not is_copy and self.rates.count(topic, now)
        message = Message(
            topic=topic,
            payload=publish.payload,
            qos=publish.qos,
            retain=publish.retain,
            dup=publish.dup,
            packet_id=publish.packet_id,
            timestamp=now,
            properties=properties,
            subscription_id=subscription and subscription.id,
            store=route.store,
            at_once=route.at_once,
            trouble=trouble,
            paused=self.rates.limit if is_paused else 0,
            left_out=publish.left_out,
            hashed=publish.hashed,
        )
        self._reception.receive(message, is_copy=is_copy)

    def _observe(self, state: str, problem: Problem | None) -> None:
        observed = self.observed
        observed.state = state
        if problem is not observed.problem:
            observed.problem = problem
            observed.problem_time = time.time()
        self._changed()


def _read_to_end(sock: socket.socket, timeout: float) -> None:
    """Read and forget what comes until the other side closes, or so many seconds."""
    deadline = time.monotonic() + timeout
    while (left := deadline - time.monotonic()) > 0:
        sock.settimeout(left)
        if not sock.recv(65_536):
            return
