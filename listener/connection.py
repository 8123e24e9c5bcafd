# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The network thread of a service.

It owns the client, the reception and the subscriptions; nothing else touches them.
Others talk to it through :meth:`MqttConnection.committed`, ``want`` and ``stop``, which
leave a note and wake it. It decides when to try again; ``socket_loop`` serves the
connection while it stands.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ..broker.client import (
    Client,
    ConnectFlags,
    DisconnectFlags,
    Properties,
    ReasonCode,
)
from ..broker.connecting import new_client, open_connection
from ..broker.problem import ConnectionEnded, Problem
from ..broker.reasons import Reason
from ..broker.requests import close_in_order
from ..broker.settings import ServiceSettings
from ..mqtt.log import get_logger
from ..mqtt.outgoing import MAX_REMAINING
from ..mqtt.publish_packet import Publish
from ..mqtt.rate import TopicRates
from .announcer import Announcer
from .endings import Endings
from .inbox import Delivery, Inbox
from .incoming import read_message
from .login import Login
from .observed import Observed, Prunable
from .orders import DRAIN_SECONDS, Orders
from .reception import Reception
from .socket_loop import SocketLoop
from .subscriber import Subscriber
from .subscriptions import Subscriptions
from .waiter import Waiter

_logger = get_logger(__name__)
_paho_logger = get_logger(f"{__name__}.paho")

MQTT_THREADS: dict[str, MqttConnection] = {}

CLOSE_TIMEOUT_SECONDS = 1.0  # for the broker to close after our DISCONNECT


class MqttConnection(threading.Thread):
    """Keeps a service connected until it is stopped.

    :param name: unique in the cluster; the key in ``MQTT_THREADS``.
    :param settings: the service.
    :param inbox: where received messages go.
    :param receipts: (sequence, [(packet id, digest)]) an earlier process committed.
    :param session_filters: what the broker's session is known to hold.
    :param session_renumbers: whether the broker was seen to renumber in it.
    :param sequence: of the last message that is in the database.
    :param changed: called, from this thread, when what is observed changed.
    :param packet_bytes: that the broker may send in a packet.
    """

    dbname: str  # for Odoo's log
    _loop: SocketLoop  # of the current connection

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
        *,
        session_renumbers: bool = False,
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
        self._waiter = Waiter()
        self._orders = Orders(self._waiter.wake)
        self._reception = Reception(
            inbox,
            self.subscriptions,
            self.observed,
            receipts,
            sequence,
            renumbers=session_renumbers,
        )
        self._announcer = Announcer(settings)
        self._login = Login(settings, self.observed, self.subscriptions)
        self._endings = Endings()
        self._subscriber = Subscriber(
            settings, self.subscriptions, changed, self._announcer.bar
        )

    # For other threads

    @property
    def session(self) -> int:
        """Number of the broker's session: receipts of earlier ones are void."""
        return self._reception.session

    def committed(self, deliveries: list[Delivery], pruned: int) -> None:
        """These are durable: acknowledge those that this connection brought.

        :param pruned: sequence up to which receipts went in the same transaction.
        """
        self._orders.committed(deliveries, pruned)

    def pruned(self, prunable: Prunable) -> None:
        """These receipts are gone from the database."""
        self._orders.pruned(prunable)

    def want(self, settings: ServiceSettings) -> None:
        """Apply subscriptions and limits of these, and nothing else, at once."""
        self._orders.want(settings)

    def stop(self, *, drain: float = DRAIN_SECONDS) -> None:
        """Commit and acknowledge what was received, disconnect, end the thread.

        :param drain: seconds for that; 0 when nobody commits any more.
        """
        self._orders.end(drain)
        self._inbox.flush()
        self._waiter.wake()

    def hold_service(self, held: bool) -> None:
        """Whether this process is known to be the one that has the service.

        Until it is known again, a connection that stands stays, for the broker to end
        when another takes over; one that ended is not renewed: it would take the
        session back.
        """
        self._orders.hold(held)

    # The thread

    def run(self) -> None:
        MQTT_THREADS[self.name] = self
        _logger.info("%s: listener started as %s", self.settings.name, self.name)
        try:
            while not self._orders.stop.is_set() and not self.observed.gave_up:
                self._live_once()
                if not self._orders.stop.is_set() and not self.observed.gave_up:
                    self._wait_before_reconnect()
            self._becomes("disconnected", self.observed.problem)
        except Exception as error:
            # A guard: the supervisor starts another, and this says why.
            _logger.exception("%s: unexpected error", self.settings.name)
            self._becomes("disconnected", Problem.from_exception(error))
        finally:
            MQTT_THREADS.pop(self.name, None)
            self._waiter.close()
            _logger.info("%s: listener ended", self.settings.name)

    def _live_once(self) -> None:
        """Connect, and stay until the connection ends, whatever ends it."""
        problem = None
        try:
            self._connect()
            self._loop.run()
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
        if not self._login.endpoint.is_redirected:
            problem = self._endings.ended(problem, is_clue=is_clue)
        self.observed.gave_up = bool(problem and problem.code == "taken_over")
        self._becomes("disconnected", problem)
        _logger.log(
            logging.INFO if self._login.endpoint.is_redirected else logging.WARNING,
            "%s: not connected to %s:%s: %s %s",
            self.settings.name,
            self._login.target.host,
            self._login.target.port,
            problem.code if problem else "lost",
            problem.detail if problem else "",
        )

    def _wait_before_reconnect(self) -> None:
        # A redirect is no failure; how many there may be in a row the route knows.
        delay = 0.0
        if not self._login.endpoint.is_redirected:
            delay = self.settings.backoff.delay(self._endings.failures, random.random())
        deadline = time.monotonic() + delay
        while not self._orders.stop.is_set():
            left = deadline - time.monotonic()
            if left <= 0 and self._orders.may_connect.is_set():
                break
            self._waiter.sleep(left if left > 0 else None)
            self._obey()
        self.observed.reconnects += 1
        self._becomes("connecting", self.observed.problem)

    def _becomes(self, state: str, problem: Problem | None) -> None:
        self.observed.becomes(state, problem)
        self._changed()

    # Connecting

    def _connect(self) -> None:
        target = self._login.begin()
        try:
            client = new_client(target, self.settings.client_id)
        except ValueError as error:  # certificates, a key, secrets elsewhere
            raise ConnectionEnded(Problem.from_exception(error)) from error
        self._client = client
        self._loop = SocketLoop(
            client,
            self.settings,
            observed=self.observed,
            inbox=self._inbox,
            reception=self._reception,
            rates=self.rates,
            announcer=self._announcer,
            waiter=self._waiter,
            orders=self._orders,
            obey=self._obey,
            changed=self._changed,
        )
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
            open_connection(client, target)
        except (OSError, ValueError) as error:
            raise ConnectionEnded(Problem.from_exception(error)) from error

    def _guard(self, callback: Callable[..., None]) -> Callable[..., None]:
        """No callback may raise into paho; an error ends the connection instead.

        What was not acknowledged comes again on the next one.
        """

        def guarded(*args: object) -> None:
            try:
                callback(*args)
            except Exception as error:
                _logger.exception("%s: error in a callback", self.settings.name)
                self._loop.ended = Problem.from_exception(error)

        return guarded

    # Orders

    def _obey(self) -> None:
        self._orders.tell(self._reception)
        wanted = self._orders.take_wanted()
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

    def _close(self) -> None:
        """End the connection in order if it stands, and let the socket go."""
        client, self._client = self._client, None
        self._reception.disconnected()
        self._announcer.disconnected()
        if client is None:
            return
        with_will = self._announcer.has_will and not self._orders.leaves_in_order
        waits = CLOSE_TIMEOUT_SECONDS if self._orders.stop.is_set() else 0.0
        close_in_order(client, self.settings, with_will=with_will, seconds=waits)

    # Callbacks of paho

    def _on_connect(
        self,
        client: Client,
        _userdata: object,
        flags: ConnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason_code.is_failure:
            self._loop.ended = self._login.endpoint.refused(
                reason_code, properties, has_will=self._announcer.has_will
            )
            return
        self._endings.connected()
        is_5 = self.settings.protocol == "5"
        is_resumed = flags.session_present
        abilities = self._login.accepted(client, properties, session_present=is_resumed)
        self._reception.connected(
            self._loop.acknowledge,
            session_present=is_resumed,
            window=self.settings.receive_maximum if is_5 else None,
        )
        self.subscriptions.connected(
            session_present=is_resumed,
            with_identifiers=is_5 and abilities.identifiers,
            abilities=abilities,
        )
        self._becomes("connected", None)
        # After the subscriptions: clients that hear it may send what they bring.
        announce = partial(self._announcer.connected, abilities)
        self._subscriber.connected(client, announce)

    def _on_disconnect(
        self,
        client: Client,
        _userdata: object,
        flags: DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._loop.ended = self._login.endpoint.refused(
                reason_code, properties, is_live=self.observed.state == "connected"
            )
        elif self._loop.ended is None:
            self._loop.ended = self._login.lost(client)

    def _on_published(self, *answer: Any) -> None:
        self._announcer.answered(*answer)
        self._subscriber.settle(self._announcer.unanswered)

    def _on_answer(
        self,
        _client: object,
        _userdata: object,
        packet_id: int,
        reasons: list[Reason],
        properties: Properties | None,
    ) -> None:
        if not self._loop.answered(packet_id):
            self._subscriber.answered(packet_id, reasons, properties)
            if self._subscriber.is_idle:
                self._announcer.proven()
            self._subscriber.settle(self._announcer.unanswered)

    def _on_message(self, publish: Publish) -> None:
        self._loop.received(publish)
        if self._orders.stop.is_set():
            return  # not acknowledged: it comes again with the next connection
        message, is_copy = read_message(publish, self.subscriptions, self.rates)
        self._reception.receive(message, is_copy=is_copy)
