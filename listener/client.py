"""paho's client, as this addon uses it: the only file that imports it."""

from __future__ import annotations

from collections.abc import Callable

from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from ..mqtt.payload import storable
from ..mqtt.publish import Publish, split_publish
from .problem import Problem
from .settings import ServiceSettings, SubscriptionSettings

CONNECT_TIMEOUT = 4.0  # seconds for TCP, and again for CONNACK


class Client(paho.Client):
    """paho's client, which a message with unreadable properties does not end.

    :ivar on_unreadable: called with the parts of such a message and the exception.
    """

    on_unreadable: Callable[[Publish, Exception], None]

    def _handle_publish(self) -> paho.MQTTErrorCode:
        # Not public, and there is no other way: paho 2 answers with a protocol error
        # what it cannot read, and is strict (U+FEFF in a user property, for one).
        try:
            return super()._handle_publish()
        except Exception as error:
            packet = self._in_packet
            is_5 = self._protocol == paho.MQTTv5
            parts = split_publish(packet["command"], bytes(packet["packet"]), is_5=is_5)
            if parts is None:
                raise
            self.on_unreadable(parts, error)
            return paho.MQTT_ERR_SUCCESS


def new_client(settings: ServiceSettings, client_id: str) -> Client:
    """paho's client for a service, not connected yet."""
    is_5 = settings.protocol == "5"
    client = Client(
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
    client: Client, settings: ServiceSettings, *, passing: bool = False
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


def reason_text(reason_code: ReasonCode, properties: Properties | None) -> str:
    """A reason code's name, and the broker's own words if it sent any."""
    said = getattr(properties, "ReasonString", "")
    return storable(f"{reason_code}: {said}" if said else str(reason_code))


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


def raw_topic(received: paho.MQTTMessage) -> bytes:
    """The topic of a received message, as it came.

    paho's own ``topic`` raises for what is not UTF-8, and a broker may send anything.
    """
    return bytes(received._topic)


def property_values(properties: Properties | None) -> dict | None:
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
