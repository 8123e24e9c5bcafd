"""The network thread of a service: the only file that knows paho's client.

It owns the client, the receipt log and the subscriptions; nothing else touches them.
Others talk to it through :meth:`MqttConnection.committed`, ``want`` and ``stop``, which
leave a note and wake it. paho's own threads are not used: this loop decides when to
read (not while the inbox is full), and when to try again.
"""

from __future__ import annotations

import logging
import random
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from ..mqtt.message import Message
from ..mqtt.payload import storable
from ..mqtt.receipts import Receipt, ReceiptLog
from .inbox import Delivery, Inbox
from .problem import Problem
from .settings import ServiceSettings, SubscriptionSettings
from .subscriptions import Subscriptions

_logger = logging.getLogger(__name__)
_paho_logger = logging.getLogger(f"{__name__}.paho")

MQTT_THREADS: dict[str, MqttConnection] = {}

CONNECT_TIMEOUT = 4.0  # seconds for TCP, and again for CONNACK
BEAT = 0.5  # seconds between two looks at the clock
DRAIN_TIMEOUT = 4.0  # seconds in which a stop commits and acknowledges what is here
PROBE_INTERVAL = 1.0  # seconds between two round trips that confirm acknowledgements
PROBE_TIMEOUT = 10.0  # seconds of silence after which a probed connection is dead
HELD_TIMEOUT = 2.0  # seconds a redelivered sequence waits for its rest
READS_PER_TURN = 64  # packets between two looks at acknowledgements and the clock


class ConnectionEnded(Exception):
    """The connection is over, for the reason in ``problem``."""

    def __init__(self, problem: Problem | None):
        super().__init__(problem)
        self.problem = problem


@dataclass
class Observed:
    """What the connection sees of itself. Others read it; counters only grow."""

    state: str = "connecting"
    problem: Problem | None = None
    problem_time: float = 0.0
    last_activity: float = 0.0  # seconds since 1970
    received: int = 0
    dropped: int = 0
    reconnects: int = 0
    forget_through: int = 0  # sequence up to which receipts are needed no more
    gave_up: bool = False


@dataclass
class _Orders:
    """Notes that other threads leave for the network thread."""

    committed: deque[list[Delivery]] = field(default_factory=deque)
    wanted: tuple[SubscriptionSettings, ...] | None = None
    stop: threading.Event = field(default_factory=threading.Event)


class MqttConnection(threading.Thread):
    """Keeps a service connected until it is stopped.

    :param name: unique in the cluster; the key in ``MQTT_THREADS``.
    :param settings: the service.
    :param inbox: where received messages go.
    :param receipts: (sequence, [(packet id, digest)]) an earlier process committed.
    :param session_filters: what the broker's session is known to hold.
    :param changed: called, from this thread, when what is observed changed.
    """

    def __init__(
        self,
        name: str,
        settings: ServiceSettings,
        inbox: Inbox,
        receipts: Iterable[tuple[int, Iterable[tuple[int, bytes]]]] = (),
        session_filters: dict[str, int] | None = None,
        changed: Callable[[], None] = lambda: None,
    ):
        super().__init__(name=name, daemon=True)
        self.settings = settings
        self.observed = Observed()
        self.subscriptions = Subscriptions(
            settings.subscriptions, session_filters or {}
        )
        self.session = 0
        self._inbox = inbox
        self._changed = changed
        self._orders = _Orders()
        self._log = ReceiptLog()
        for sequence, packed in receipts:
            self._log.restore(packed, Delivery(None, 0, 0, sequence=sequence))
        self._committed_through = 0
        self._generation = 0
        self._failures = 0
        self._client: paho.Client | None = None
        self._ended: Problem | None = None
        self._pending: dict[int, Callable] = {}  # answers awaited, by packet id
        self._probe: tuple[float, int | None] | None = None  # since when, acked id
        self._last_probe = 0.0
        self._last_acked: int | None = None
        self._last_read = 0.0
        self._wake_r, self._wake_w = socket.socketpair()
        self._wake_r.setblocking(False)
        self._wake_w.setblocking(False)

    # For other threads

    def committed(self, deliveries: list[Delivery]) -> None:
        """These are durable: acknowledge those that this connection brought."""
        self._orders.committed.append(deliveries)
        self._wake()

    def want(self, subscriptions: tuple[SubscriptionSettings, ...]) -> None:
        """Subscribe to these, and no others, without a reconnect."""
        self._orders.wanted = subscriptions
        self._wake()

    def stop(self) -> None:
        """Commit and acknowledge what was received, disconnect, end the thread."""
        self._orders.stop.set()
        self._inbox.flush()
        self._wake()

    def _wake(self) -> None:
        try:
            self._wake_w.send(b"\0")
        except OSError:  # full: it is awake already; closed: it has ended
            pass

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
        self._close()
        if self._orders.stop.is_set():
            return
        self._failures += 1
        self.observed.gave_up = bool(problem and problem.code == "taken_over")
        self._observe("disconnected", problem)
        _logger.warning(
            "%s: not connected to %s:%s: %s %s",
            self.settings.name,
            self.settings.host,
            self.settings.port,
            problem.code if problem else "lost",
            problem.detail if problem else "",
        )

    def _wait_before_reconnect(self) -> None:
        delay = self.settings.backoff.delay(self._failures, random.random())
        deadline = time.monotonic() + delay
        while not self._orders.stop.is_set():
            left = deadline - time.monotonic()
            if left <= 0:
                break
            with selectors.DefaultSelector() as selector:
                selector.register(self._wake_r, selectors.EVENT_READ)
                selector.select(left)
            self._obey()
        self.observed.reconnects += 1
        self._observe("connecting", self.observed.problem)

    # Connecting

    def _connect(self) -> None:
        self._generation += 1
        self._ended = None
        self._pending = {}
        self._probe = self._last_acked = None
        self._client = client = new_client(self.settings, self.settings.client_id)
        client.enable_logger(_paho_logger)
        client.on_connect = self._guard(self._on_connect)
        client.on_disconnect = self._guard(self._on_disconnect)
        client.on_message = self._guard(self._on_message)
        client.on_subscribe = self._guard(self._on_answer)
        client.on_unsubscribe = self._guard(self._on_answer)
        # Set at all, it keeps paho from writing each packet at once.
        client.on_socket_register_write = lambda *_args: None
        try:
            open_connection(client, self.settings)
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
        drain_deadline: float | None = None
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_r, selectors.EVENT_READ)
            while True:
                self._turn(selector)
                now = time.monotonic()
                if now >= next_beat:
                    next_beat = now + BEAT
                    self._beat(now, connack_deadline)
                if self._orders.stop.is_set():
                    drain_deadline = drain_deadline or now + DRAIN_TIMEOUT
                    if self._is_drained() or now >= drain_deadline:
                        return

    def _turn(self, selector: selectors.BaseSelector) -> None:
        """Wait for something to do, at most a beat, and do it."""
        sock = self._client.socket()
        if sock is None or self._ended:
            raise ConnectionEnded(self._ended or Problem("lost", ""))
        reading = not self._orders.stop.is_set() and (
            self.observed.state != "connected" or not self._inbox.is_full
        )
        self._watch(selector, sock, reading)
        # Bytes that TLS or WebSockets hold already wake no selector.
        buffered = reading and getattr(sock, "pending", lambda: 0)() > 0
        ready = {
            key.fileobj: mask for key, mask in selector.select(0 if buffered else BEAT)
        }
        if self._wake_r in ready:
            self._obey()
        if buffered or ready.get(sock, 0) & selectors.EVENT_READ:
            self._read(sock)
        if self._client.want_write():
            self._check(self._client.loop_write())

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

    def _read(self, sock: socket.socket) -> None:
        """Read packets while they bring messages or lie in a buffer."""
        pending = getattr(sock, "pending", lambda: 0)
        for _ in range(READS_PER_TURN):
            before = self.observed.received
            self._check(self._client.loop_read())
            if self._inbox.is_full or (
                self.observed.received == before and not pending()
            ):
                break
        self._last_read = time.monotonic()

    def _check(self, code: int) -> None:
        if self._ended:
            raise ConnectionEnded(self._ended)
        if code == paho.MQTT_ERR_PROTOCOL:
            raise ConnectionEnded(Problem("protocol"))
        if code != paho.MQTT_ERR_SUCCESS:
            raise ConnectionEnded(Problem("lost", paho.error_string(code)))

    def _beat(self, now: float, connack_deadline: float) -> None:
        """What depends on time alone."""
        if self.observed.state != "connected":
            if now >= connack_deadline:
                raise ConnectionEnded(Problem("timeout"))
            return
        self._check(self._client.loop_misc())
        if self._inbox.is_full:
            return  # what is not read says nothing about the connection
        silent = now - self._last_read
        if self._probe and silent > PROBE_TIMEOUT and now > self._probe[0] + PROBE_TIMEOUT:
            raise ConnectionEnded(Problem("silent"))
        if self._log.is_holding and silent > HELD_TIMEOUT:
            self._deliver(self._log.confirm_held())
        confirm = self._last_acked is not None and not self._inbox.unfinished
        if not self._probe and (
            silent >= self.settings.inactivity_timeout
            or (confirm and now >= self._last_probe + PROBE_INTERVAL)
        ):
            self._send_probe(now)

    def _send_probe(self, now: float) -> None:
        """Make a round trip that changes nothing: unsubscribe what is not subscribed.

        Its answer proves the connection, and that the broker has processed all that
        was sent before it, acknowledgements included.
        """
        acked, self._last_acked = self._last_acked, None
        self._probe = (now, acked)
        self._last_probe = now
        code, packet_id = self._client.unsubscribe(
            f"mqtt_listener/probe/{self.settings.client_id}"
        )
        self._check(code)
        self._pending[packet_id] = partial(self._probe_answered, acked)

    def _probe_answered(self, acked: int | None, _codes: object) -> None:
        self._probe = None
        if acked is not None:
            self._log.acknowledged_through(acked)
            self._update_forget_through()

    # Orders

    def _obey(self) -> None:
        try:
            while self._wake_r.recv(4096):
                pass
        except BlockingIOError:
            pass
        while self._orders.committed:
            self._acknowledge(self._orders.committed.popleft())
        wanted, self._orders.wanted = self._orders.wanted, None
        if wanted is not None and self.subscriptions.want(wanted):
            if self.observed.state == "connected":
                self._subscribe(*self.subscriptions.plan())

    def _acknowledge(self, deliveries: list[Delivery]) -> None:
        """Send PUBACK for those of this connection; the broker forgot the others."""
        for delivery in deliveries:
            message = delivery.message
            if message.qos and delivery.generation == self._generation:
                self._client.ack(message.packet_id, message.qos)
                self._last_acked = message.packet_id
        self._committed_through = deliveries[-1].sequence
        self._update_forget_through()

    def _update_forget_through(self) -> None:
        oldest = self._log.oldest
        if oldest is None or oldest.delivery.sequence is None:
            self.observed.forget_through = self._committed_through
        else:
            self.observed.forget_through = oldest.delivery.sequence - 1

    def _is_drained(self) -> bool:
        """Whether all that was received is committed, acknowledged and sent."""
        return not (
            self._inbox.unfinished or self._orders.committed or self._client.want_write()
        )

    def _close(self) -> None:
        """End the connection in order if it stands, and let the socket go."""
        client, self._client = self._client, None
        self._generation += 1  # what is acknowledged from here on is not sent
        if client is None or client.socket() is None:
            return
        try:
            client.disconnect()
            client.loop_write()
        except (OSError, ValueError) as error:
            _logger.debug("%s: DISCONNECT not sent: %s", self.settings.name, error)
        sock = client.socket()
        if sock is not None:
            sock.close()

    # Callbacks of paho

    def _on_connect(self, _client, _userdata, flags, reason_code, properties) -> None:
        if reason_code.is_failure:
            self._ended = Problem.from_reason(
                reason_code.value, reason_text(reason_code, properties)
            )
            return
        self._failures = 0
        if flags.session_present:
            self._log.session_resumed()
        else:
            self.session += 1
            self._log.session_lost()
            self._update_forget_through()
        is_5 = self.settings.protocol == "5"
        self.subscriptions.connected(
            session_present=flags.session_present,
            with_identifiers=is_5
            and getattr(properties, "SubscriptionIdentifierAvailable", 1) != 0,
        )
        self._observe("connected", None)
        _logger.info(
            "%s: connected to %s:%s, session %s",
            self.settings.name,
            self.settings.host,
            self.settings.port,
            "resumed" if flags.session_present else "new",
        )
        self._subscribe(*self.subscriptions.plan(renew=is_5))

    def _on_disconnect(self, _client, _userdata, flags, reason_code, properties) -> None:
        if self._ended is None:
            self._ended = Problem("lost")
            if flags.is_disconnect_packet_from_server:
                self._ended = Problem.from_reason(
                    reason_code.value, reason_text(reason_code, properties)
                )

    def _on_answer(self, _client, _userdata, packet_id, reason_codes, properties) -> None:
        answered = self._pending.pop(packet_id, None)
        if answered:
            answered((reason_codes, properties))

    def _on_message(self, _client, _userdata, received: paho.MQTTMessage) -> None:
        # paho's ``topic`` raises for what is not UTF-8, and a broker may send anything.
        topic = storable(bytes(received._topic).decode(errors="backslashreplace"))
        route = self.subscriptions.route(topic)
        properties = received.properties
        is_copy = not route.takes(getattr(properties, "SubscriptionIdentifier", None))
        message = Message(
            topic=topic,
            payload=bytes(received.payload),
            qos=received.qos,
            retain=received.retain,
            dup=received.dup,
            packet_id=received.mid,
            timestamp=time.time_ns() // 1000,
            properties=_as_values(properties),
            subscription_id=route.subscription and route.subscription.id,
            store=route.store,
        )
        delivery = Delivery(message, self._generation, self.session, is_copy)
        if message.qos:
            self._deliver(
                self._log.receive(
                    message.packet_id, message.digest, message.dup, delivery
                )
            )
        elif not is_copy:
            self._accept(delivery)

    # Messages

    def _deliver(self, judged: list[tuple[Receipt, Receipt | None]]) -> None:
        """Pass on what is new; acknowledge what is known and committed already."""
        for receipt, original in judged:
            if original is None:
                self._accept(receipt.delivery)
                continue
            known = original.delivery
            known.generation = self._generation
            if known.sequence is not None:
                again = receipt.delivery.message
                self._client.ack(again.packet_id, again.qos)
                self._last_acked = again.packet_id

    def _accept(self, delivery: Delivery) -> None:
        """Pass a delivery on; a copy too, so that it is acknowledged in its turn."""
        taken = self._inbox.put(delivery)
        if delivery.is_copy:
            return
        message = delivery.message
        self.observed.received += 1
        self.observed.dropped += not taken
        self.observed.last_activity = message.timestamp / 1e6
        if message.subscription_id:
            self.subscriptions.count(message.subscription_id, message.timestamp)

    # Subscribing

    def _subscribe(
        self, subscribe: list[SubscriptionSettings], unsubscribe: list[str]
    ) -> None:
        for subscription in subscribe:
            code, packet_id = send_subscribe(
                self._client,
                self.settings,
                subscription,
                with_identifier=self.subscriptions.with_identifiers,
            )
            self._check(code)
            self._pending[packet_id] = partial(self._subscribed, subscription)
        for topic_filter in unsubscribe:
            code, packet_id = self._client.unsubscribe(topic_filter)
            self._check(code)
            self._pending[packet_id] = partial(self._unsubscribed, topic_filter)
        self._changed()

    def _subscribed(self, subscription: SubscriptionSettings, answer: tuple) -> None:
        (reason_code,), properties = answer
        text = reason_text(reason_code, properties)
        self.subscriptions.answered(subscription, reason_code.value, text)
        if reason_code.value >= 0x80:
            _logger.warning(
                "%s: the broker refused the subscription to %r: %s",
                self.settings.name,
                subscription.topic_filter.text,
                text,
            )
        self._changed()

    def _unsubscribed(self, topic_filter: str, _answer: tuple) -> None:
        self.subscriptions.unsubscribed(topic_filter)
        self._changed()

    def _observe(self, state: str, problem: Problem | None) -> None:
        observed = self.observed
        observed.state = state
        if problem is not observed.problem:
            observed.problem = problem
            observed.problem_time = time.time()
        self._changed()


def new_client(settings: ServiceSettings, client_id: str) -> paho.Client:
    """paho's client for a service, not connected yet."""
    is_5 = settings.protocol == "5"
    client = paho.Client(
        paho.CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if is_5 else False,
        protocol=paho.MQTTv5 if is_5 else paho.MQTTv311,
        transport=settings.transport,
        reconnect_on_failure=False,
        manual_ack=True,
    )
    if settings.username:
        client.username_pw_set(settings.username, settings.password or None)
    if settings.transport == "websockets":
        client.ws_set_options(path=settings.websocket_path or "/mqtt")
    client.connect_timeout = CONNECT_TIMEOUT
    return client


def open_connection(
    client: paho.Client, settings: ServiceSettings, *, passing: bool = False
) -> None:
    """Open the socket and send CONNECT; CONNACK comes later.

    :param passing: with a session that ends with the connection, for MQTT 5.
    :raise OSError: when the broker cannot be reached.
    :raise ValueError: when the name or the port cannot be one.
    """
    if settings.protocol != "5":
        client.connect(settings.host, settings.port, settings.keepalive)
        return
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 0 if passing else settings.session_expiry
    properties.ReceiveMaximum = settings.receive_maximum
    client.connect(
        settings.host,
        settings.port,
        settings.keepalive,
        clean_start=passing,
        properties=properties,
    )


def send_subscribe(
    client: paho.Client,
    settings: ServiceSettings,
    subscription: SubscriptionSettings,
    *,
    with_identifier: bool,
) -> tuple[int, int]:
    """Send SUBSCRIBE for one filter.

    :return: paho's return code, and the packet id that SUBACK will carry.
    """
    text = subscription.topic_filter.text
    if settings.protocol != "5":
        return client.subscribe(text, subscription.qos)
    properties = Properties(PacketTypes.SUBSCRIBE)
    if with_identifier:
        properties.SubscriptionIdentifier = subscription.identifier
    options = SubscribeOptions(
        qos=subscription.qos,
        # Section 3.8.3.1: not allowed on a shared subscription.
        noLocal=subscription.no_local and not subscription.topic_filter.is_shared,
        retainAsPublished=subscription.retain_as_published,
        retainHandling=subscription.retain_handling,
    )
    return client.subscribe(text, options=options, properties=properties)


def reason_text(reason_code: object, properties: Properties | None) -> str:
    """A reason code's name, and the broker's own words if it sent any."""
    said = getattr(properties, "ReasonString", "")
    return storable(f"{reason_code}: {said}" if said else str(reason_code))


def _as_values(properties: Properties | None) -> dict | None:
    """The properties of a PUBLISH as JSON values; ``None`` when there are none."""
    if properties is None or properties.isEmpty():
        return None
    names = {
        "content_type": "ContentType",
        "payload_format": "PayloadFormatIndicator",
        "response_topic": "ResponseTopic",
        "message_expiry": "MessageExpiryInterval",
    }
    values = {}
    for name, attribute in names.items():
        value = getattr(properties, attribute, None)
        if value is not None:
            values[name] = storable(value) if isinstance(value, str) else value
    correlation = getattr(properties, "CorrelationData", None)
    if correlation is not None:
        values["correlation_data"] = bytes(correlation).hex()
    user = getattr(properties, "UserProperty", None)
    if user:
        values["user_properties"] = [[storable(k), storable(v)] for k, v in user]
    return values or None
