"""paho's client, as this addon uses it: the only file that imports it."""

from __future__ import annotations

import logging
import random
import selectors
import socket
import ssl
import struct
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from ..mqtt.connect import check_connect
from ..mqtt.outgoing import PAYLOAD_FORMATS, Outgoing
from ..mqtt.payload import storable
from ..mqtt.publish import Publish, next_publish, split_publish
from ..mqtt.tls import Certificate
from ..mqtt.wording import short_line
from .log import get_logger
from .problem import Problem, WebSocketRefused
from .settings import ServiceSettings, SubscriptionSettings

_logger = get_logger(__name__)

CONNECT_TIMEOUT = 4.0  # seconds for TCP, and again for CONNACK
READ_BYTES = 65_536  # asked of the socket at a time
CACHED_PROPERTIES = 64  # bytes; longer ones hardly repeat themselves
TOPIC_ALIASES = 100  # that the broker may give, each for up to 64 KiB
_TOPIC_ALIAS = b"\x23"  # its property's identifier
_PROPERTIES = {  # of a PUBLISH, and paho's names for them
    "content_type": "ContentType",
    "payload_format": "PayloadFormatIndicator",
    "response_topic": "ResponseTopic",
    "message_expiry": "MessageExpiryInterval",
    "correlation_data": "CorrelationData",
    "user_properties": "UserProperty",
}
_ACK = struct.Struct(">BBH")  # a packet of two bytes, the packet identifier
_PUBACK, _PUBCOMP = 0x40, 0x70


class Client(paho.Client):
    """paho's client, with a way of its own for what comes and goes by thousands.

    paho asks the system three times for each packet, and each time other threads get
    the interpreter. This one reads in large pieces, takes PUBLISH packets out of them
    as they are, and writes acknowledgements together. All else is paho's.

    :ivar on_received: called with each message of QoS 0 and 1, a :class:`Publish`, and
        with one of QoS 2 when the broker has released it.
    :ivar tls_error: what TLS ended the connection with, after its handshake: a broker
        that speaks TLS 1.3 refuses the client's certificate only then.
    """

    on_received: Callable[[Publish], None]
    tls_error: ssl.SSLError | None = None

    def __init__(self, *args: object, **kwargs: object):
        super().__init__(*args, **kwargs)
        self._buffer = b""
        self._buffer_at = 0  # how far it is read
        self._is_5 = self._protocol == paho.MQTTv5
        self._topics: dict[int, bytes] = {}  # by their alias
        self.on_received = lambda _publish: None
        self.on_message = self._on_released

    @property
    def has_buffered(self) -> bool:
        """Whether something can be read for which the socket wakes no selector."""
        if self._buffer_at < len(self._buffer):
            return True
        # TLS and WebSockets have buffers of their own.
        return getattr(self._sock, "pending", lambda: 0)() > 0

    @property
    def is_read_out(self) -> bool:
        """Whether the last read has emptied the socket, as far as one can tell.

        A plain socket that gave less than it was asked for had no more.
        """
        return type(self._sock) is socket.socket and len(self._buffer) < READ_BYTES

    @property
    def certificate(self) -> Certificate | None:
        """The broker's; ``None`` without TLS."""
        sock = getattr(self._sock, "_socket", self._sock)  # in a WebSocket
        if not isinstance(sock, ssl.SSLSocket):
            return None
        return Certificate.from_der(sock.getpeercert(binary_form=True))

    def start_packet_ids(self, last: int) -> None:
        """Count the packet identifiers of what is sent from one on, not from 1.

        :param last: the one before, from 0 to 65,534.
        """
        self._last_mid = last

    def acknowledge(self, received: Iterable[tuple[int, int]]) -> None:
        """Queue the acknowledgements of messages, in this order.

        :param received: packet identifier and QoS of each.
        """
        packets = b"".join(
            _ACK.pack(_PUBACK if qos == 1 else _PUBCOMP, 2, packet_id)
            for packet_id, qos in received
        )
        if packets:
            self._packet_queue(paho.PUBACK, packets, 0, 1)

    def turn(self, seconds: float) -> int:
        """Wait for the socket, read and write, as paho's ``loop`` does; that asks
        ``select()``, which takes no descriptor from 1,024 on.

        :return: paho's return code.
        """
        sock = self.socket()
        if sock is None:
            return paho.MQTT_ERR_NO_CONN
        events = selectors.EVENT_READ | selectors.EVENT_WRITE * self.want_write()
        with selectors.DefaultSelector() as selector:
            selector.register(sock, events)
            patience = 0 if self.has_buffered else seconds
            ready = {key.fileobj: mask for key, mask in selector.select(patience)}
        mask = ready.get(sock, 0)
        code = paho.MQTT_ERR_SUCCESS
        if self.has_buffered or mask & selectors.EVENT_READ:
            code = self.loop_read()
        if not code and mask & selectors.EVENT_WRITE:
            code = self.loop_write()
        return code or self.loop_misc()

    # What follows overrides what paho does not call public; there is no other way.

    def _sock_recv(self, bufsize: int) -> bytes:
        if self._buffer_at >= len(self._buffer):
            try:
                self._buffer = super()._sock_recv(max(bufsize, READ_BYTES))
            except ssl.SSLError as error:
                self.tls_error = error
                raise
            self._buffer_at = 0
        start = self._buffer_at
        data = self._buffer[start : start + bufsize]
        self._buffer_at = start + len(data)
        return data

    def _packet_read(self) -> paho.MQTTErrorCode:
        if not self._in_packet["command"]:
            found = next_publish(self._buffer, self._buffer_at)
            if found:
                head, body, self._buffer_at = found
                return self._receive(head, body)
        return super()._packet_read()

    def _handle_publish(self) -> paho.MQTTErrorCode:
        packet = self._in_packet
        if packet["command"] & 0x06 == 0x04:  # QoS 2: paho knows its four steps
            return super()._handle_publish()
        return self._receive(packet["command"], bytes(packet["packet"]))

    def _handle_pubrec(self) -> paho.MQTTErrorCode:
        packet = bytes(self._in_packet["packet"])
        if len(packet) < 3 or packet[2] < 0x80:
            return super()._handle_pubrec()
        # Section 4.3.3: a message that is refused ends here; paho would go on.
        packet_id = int.from_bytes(packet[:2], "big")
        reason = ReasonCode(PacketTypes.PUBREC, identifier=packet[2])
        with self._out_message_mutex:
            if packet_id not in self._out_messages:
                return paho.MQTT_ERR_SUCCESS
            return self._do_on_publish(
                packet_id, reason, Properties(PacketTypes.PUBREC)
            )

    def _receive(self, head: int, body: bytes) -> paho.MQTTErrorCode:
        publish = split_publish(head, body, is_5=self._is_5)
        if publish is None:
            return paho.MQTT_ERR_PROTOCOL
        if _logger.isEnabledFor(logging.DEBUG):
            _logger.debug(  # in paho's words
                "Received PUBLISH (d%d, q%d, r%d, m%d), %r, ... (%d bytes)",
                publish.dup,
                publish.qos,
                publish.retain,
                publish.packet_id,
                publish.topic,
                len(publish.payload),
            )
        if publish.properties and _TOPIC_ALIAS in publish.properties:
            topic = self._topic_of(publish)
            if topic is None:
                return paho.MQTT_ERR_PROTOCOL
            publish = publish._replace(topic=topic)
        self.on_received(publish)
        return paho.MQTT_ERR_SUCCESS

    def _topic_of(self, publish: Publish) -> bytes | None:
        """The topic of a message that may have an alias for it (section 3.3.2.3.4).

        :return: ``None`` when the broker has not said what the alias stands for, or
            gives one that it may not.
        """
        try:
            alias = read_properties(publish.properties).topic_alias
        except Exception:  # they go into quarantine, see read_properties
            return publish.topic
        if alias is None:
            return publish.topic
        if publish.topic and 1 <= alias <= TOPIC_ALIASES:
            self._topics[alias] = publish.topic
        return self._topics.get(alias)

    def _on_released(self, _client, _userdata, message: paho.MQTTMessage) -> None:
        self.on_received(
            Publish(
                # paho's own ``topic`` raises for what is not UTF-8.
                topic=bytes(message._topic),
                payload=bytes(message.payload),
                properties=message.properties.pack() if self._is_5 else None,
                qos=message.qos,
                retain=message.retain,
                dup=message.dup,
                packet_id=message.mid,
            )
        )


def new_client(
    settings: ServiceSettings, client_id: str, *, passing: bool = False
) -> Client:
    """paho's client for a service, not connected yet.

    :param passing: with a session that ends with the connection, for MQTT 3.1.1.
    :raise TlsError: when its certificates and key cannot be used.
    :raise SecretMissing: when a secret is not where it should be.
    :raise SecretNotBound: when it may not be sent to this host.
    :raise OptionsUnreadable: when that cannot be known.
    :raise HeaderError: when what is there are no headers.
    :raise UnsendableError: when no packet could carry a setting.
    """
    settings = settings.resolved()
    check_connect(vars(settings))
    is_5 = settings.protocol == "5"
    client = Client(
        paho.CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if is_5 else passing,
        protocol=paho.MQTTv5 if is_5 else paho.MQTTv311,
        transport=settings.transport,
        reconnect_on_failure=False,
        manual_ack=True,
    )
    if settings.username:
        client.username_pw_set(settings.username, settings.password or None)
    if settings.transport == "websockets":
        client.ws_set_options(
            path=settings.websocket_path or "/mqtt",
            headers=dict(settings.websocket_headers),
        )
    if settings.tls:
        client.tls_set_context(settings.tls.context())
    client.connect_timeout = CONNECT_TIMEOUT
    return client


def fresh_packet_ids(client: Client) -> None:
    """Use other packet identifiers than an earlier client of the same session did.

    Of a QoS 2 message that it left half sent, the session keeps the identifier: the
    broker would take the next one with it for the same (section 4.3.3).
    """
    client.start_packet_ids(random.randrange(65_535))


def set_will(client: Client, will: Outgoing) -> None:
    """Have CONNECT carry what the broker is to publish for a connection that is lost
    (section 3.1.2.5).

    :raise ValueError: when its topic cannot be one.
    """
    client.will_set(will.topic, will.payload, will.qos, will.retain)


def disconnect(client: Client, settings: ServiceSettings, *, with_will: bool) -> None:
    """Send DISCONNECT.

    :param with_will: whether the broker is to publish the will although it was sent
        (section 3.14.2.1). With MQTT 3.1.1 it then is not sent at all: to close
        without it has the same effect (3.1.1, section 3.1.2.5).
    """
    if not with_will:
        client.disconnect()
    elif settings.protocol == "5":
        client.disconnect(ReasonCode(PacketTypes.DISCONNECT, identifier=0x04))


def open_connection(
    client: Client, settings: ServiceSettings, *, passing: bool = False
) -> None:
    """Open the socket and send CONNECT; CONNACK comes later.

    :param passing: with a session that ends with the connection, for MQTT 5.
    :raise OSError: when the broker cannot be reached.
    :raise ValueError: when the name or the port cannot be one.
    """
    try:
        _connect(client, settings, passing)
    except paho.WebsocketConnectionError as error:
        raise WebSocketRefused(str(error)) from error
    except ConnectionResetError as error:
        if settings.tls:  # as brokers end what they take for no MQTT
            raise ssl.SSLEOFError(str(error)) from error
        raise


def _connect(client: Client, settings: ServiceSettings, passing: bool) -> None:
    if settings.protocol != "5":
        client.connect(settings.host, settings.port, settings.keepalive)
        return
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 0 if passing else settings.session_expiry
    properties.ReceiveMaximum = settings.receive_maximum
    properties.TopicAliasMaximum = TOPIC_ALIASES
    client.connect(
        settings.host,
        settings.port,
        settings.keepalive,
        clean_start=passing,
        properties=properties,
    )


def send_subscribe(
    client: Client,
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


def send_publish(client: Client, settings: ServiceSettings, message: Outgoing) -> int:
    """Send PUBLISH; ``client.on_publish`` tells what becomes of it.

    :return: the packet id by which it does so.
    """
    properties = None
    if settings.protocol == "5":
        properties = Properties(PacketTypes.PUBLISH)
        for name, value in message.properties.items():
            if name == "user_properties":
                value = [tuple(pair) for pair in value]
            elif name == "payload_format":
                value = PAYLOAD_FORMATS.index(value)
            setattr(properties, _PROPERTIES[name], value)
    return client.publish(
        message.topic, message.payload, message.qos, message.retain, properties
    ).mid


def limits_of(properties: Properties | None) -> dict[str, int]:
    """What a CONNACK says the broker takes (section 3.2.2.3): ``maximum_packet_size``
    (bytes, 0 for no limit), ``maximum_qos``, ``retain_available``,
    ``receive_maximum``.
    """
    defaults = {
        "maximum_packet_size": ("MaximumPacketSize", 0),
        "maximum_qos": ("MaximumQoS", 2),
        "retain_available": ("RetainAvailable", 1),
        "receive_maximum": ("ReceiveMaximum", 65_535),
    }
    return {
        name: getattr(properties, attribute, default)
        for name, (attribute, default) in defaults.items()
    }


def broken_limit(
    message: Outgoing, limits: dict[str, int], *, is_5: bool
) -> Problem | None:
    """Which of the broker's limits a message is beyond, if any.

    :param limits: as :func:`limits_of` reads them from CONNACK.
    """
    size = message.packet_size(is_5=is_5)
    if limits["maximum_packet_size"] and size > limits["maximum_packet_size"]:
        return Problem("too_large", str(limits["maximum_packet_size"]))
    if message.qos > limits["maximum_qos"]:
        return Problem("qos", str(limits["maximum_qos"]))
    if message.retain and not limits["retain_available"]:
        return Problem("retain")
    return None


def reason_text(reason_code: ReasonCode, properties: Properties | None) -> str:
    """A reason code's name, and what the broker says: its words, another server."""
    said = ", ".join(
        getattr(properties, name)
        for name in ("ReasonString", "ServerReference")
        if hasattr(properties, name)
    )
    return short_line(f"{reason_code}: {said}" if said else reason_code)


def server_reference(properties: Properties | None) -> str:
    """The other servers that CONNACK or DISCONNECT names (section 4.13), as they
    stand there; empty without.
    """
    return getattr(properties, "ServerReference", "")


def problem_of(code: int) -> Problem | None:
    """What a return code of paho's client says is wrong, if anything."""
    if code == paho.MQTT_ERR_SUCCESS:
        return None
    if code == paho.MQTT_ERR_PROTOCOL:
        return Problem("protocol")
    return Problem("lost", paho.error_string(code))


def disconnect_reason(client: Client, reason_code: ReasonCode) -> ReasonCode:
    """Why the broker sent DISCONNECT; to be called in ``on_disconnect`` only.

    paho 2.1 passes the reason on only when properties follow it, and brokers send none
    (section 3.14.2.1: a remaining length of 1 has a reason). So look at the packet.
    """
    packet = client._in_packet["packet"]
    if not packet:
        return reason_code
    return ReasonCode(PacketTypes.DISCONNECT, identifier=packet[0])


class Received(NamedTuple):
    """The properties of a PUBLISH.

    :param values: what belongs to the message, as JSON values (not to be changed: equal
        properties share them); ``None`` when there are none.
    :param identifiers: Subscription Identifiers.
    """

    values: dict | None = None
    identifiers: tuple[int, ...] = ()
    topic_alias: int | None = None


def read_properties(content: bytes | None) -> Received:
    """The properties of a PUBLISH.

    :param content: as they stand in the packet; ``None`` with MQTT 3.1.1.
    :raise Exception: of paho's choice, when they are not what the specification says;
        it is strict (U+FEFF in a user property, for one).
    """
    if content is None:
        return Received()
    if len(content) <= CACHED_PROPERTIES:
        return _cached_properties(content)
    return _unpack_properties(content)


def _unpack_properties(content: bytes) -> Received:
    properties = Properties(PacketTypes.PUBLISH)
    properties.unpack(content)
    if properties.isEmpty():
        return Received()
    values = {}
    for name in ("content_type", "payload_format", "response_topic", "message_expiry"):
        attribute = _PROPERTIES[name]
        value = getattr(properties, attribute, None)
        if value is not None:
            values[name] = storable(value) if isinstance(value, str) else value
    correlation = getattr(properties, "CorrelationData", None)
    if correlation is not None:
        values["correlation_data"] = bytes(correlation).hex()
    user = getattr(properties, "UserProperty", None)
    if user:
        values["user_properties"] = [[storable(k), storable(v)] for k, v in user]
    return Received(
        values or None,
        tuple(getattr(properties, "SubscriptionIdentifier", ())),
        getattr(properties, "TopicAlias", None),
    )


_cached_properties = lru_cache(maxsize=1000)(_unpack_properties)
