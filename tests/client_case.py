# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A client of the listener at one end of a pair of sockets, the test at the other."""

import socket

from paho.mqtt import client as paho

from odoo.tests import BaseCase

from ..broker.client import Client


class ClientCase(BaseCase):
    """What the client receives is in ``self.received``."""

    def setUp(self):
        super().setUp()
        self.received = []

    def client(self, protocol=paho.MQTTv5, keep=None):
        """One that is connected to ``self.broker``.

        :param keep: bytes of a payload above which it is let go.
        """
        self.broker, sock = socket.socketpair()
        self.addCleanup(self.broker.close)
        self.addCleanup(sock.close)
        sock.setblocking(False)
        client = Client(
            paho.CallbackAPIVersion.VERSION2, protocol=protocol, manual_ack=True
        )
        client.on_socket_register_write = lambda *_args: None
        client.on_received = self.received.append
        if keep is not None:
            client.keep_bytes = keep
        client._sock = sock
        self.received.clear()
        return client
