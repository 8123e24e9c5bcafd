# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Connecting to a broker as a service is set up for it."""

from __future__ import annotations

import ssl

from paho.mqtt.client import WebsocketConnectionError
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ..mqtt.connect import check_connect
from .client import Client
from .problem import WebSocketRefused
from .receiving import TOPIC_ALIASES
from .settings import ServiceSettings

CONNECT_TIMEOUT = 4.0  # seconds for TCP, and again for CONNACK


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
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if is_5 else passing,
        protocol=MQTTProtocolVersion.MQTTv5 if is_5 else MQTTProtocolVersion.MQTTv311,
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
    except WebsocketConnectionError as error:
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
    if client.packet_bytes:
        properties.MaximumPacketSize = client.packet_bytes
    client.connect(
        settings.host,
        settings.port,
        settings.keepalive,
        clean_start=passing,
        properties=properties,
    )
