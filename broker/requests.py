# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What is sent through paho's client, as this addon sends it."""

from __future__ import annotations

import os
import random
import socket
import time

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from ..mqtt.log import get_logger
from ..mqtt.outgoing import PAYLOAD_FORMATS, Outgoing
from .client import Client
from .properties import PROPERTIES
from .settings import ServiceSettings, SubscriptionSettings

_logger = get_logger(__name__)


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


def close_in_order(
    client: Client, settings: ServiceSettings, *, with_will: bool, seconds: float
) -> None:
    """Send DISCONNECT if the connection stands, and let the socket go.

    :param with_will: as :func:`disconnect` has it.
    :param seconds: for the broker to close; 0: it is not waited for.
    """
    sock = client.socket()
    if sock is None:
        return
    # paho closes its socket with the DISCONNECT; what it leaves unread would make that
    # a reset, which takes acknowledgements with it that are on their way.
    with socket.socket(fileno=os.dup(sock.fileno())) as rest:
        try:
            disconnect(client, settings, with_will=with_will)
            client.loop_write()
            rest.shutdown(socket.SHUT_WR)
            _read_to_end(rest, seconds)
        except (OSError, ValueError) as error:
            _logger.debug("%s: closed without order: %s", settings.name, error)
    sock = client.socket()
    if sock is not None:
        sock.close()


def _read_to_end(sock: socket.socket, seconds: float) -> None:
    """Discard what comes until the other side closes, or so many seconds."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        sock.settimeout(left)
        if not sock.recv(65_536):
            return


def send_subscribe(
    client: Client,
    settings: ServiceSettings,
    subscription: SubscriptionSettings,
    *,
    with_identifier: bool,
) -> tuple[int, int | None]:
    """Send SUBSCRIBE for one filter.

    :return: paho's return code, and the packet id that SUBACK will carry, ``None``
        where nothing was sent.
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
            setattr(properties, PROPERTIES[name], value)
    return client.publish(
        message.topic, message.payload, message.qos, message.retain, properties
    ).mid
