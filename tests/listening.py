# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A listener's connection and a broker that is none, for tests of what they say."""

import threading
from contextlib import contextmanager

from odoo.fields import Command

from ..broker.settings import ServiceSettings
from ..listener.connection import MqttConnection
from ..listener.inbox import Inbox
from .common import MqttCase
from .fake_broker import CONNECT, PUBACK, PUBLISH, FakeBroker

DISCONNECT = 14
TIMEOUT = 15  # seconds to wait for what has to happen
LOGGER = "odoo.addons.mqtt_listener.listener"


class Recorder(FakeBroker):
    """Keeps what it is sent.

    :param reason: reason code of its CONNACK.
    :param limits: properties of its CONNACK.
    :param acknowledges: reason code of its PUBACK, ``None`` to send none.
    """

    def __init__(self, reason=0, limits=b"", acknowledges=0):
        self._connack = bytes([0x20, 3 + len(limits), 0, reason, len(limits)]) + limits
        self._acknowledges = acknowledges
        self._changed = threading.Condition()
        self._connection = None
        self.seen = []

    def _answer(self, kind, body, connection):
        with self._changed:
            self._connection = connection
            self.seen.append((kind, body))
            self._changed.notify_all()
        if kind == CONNECT:
            return self._connack
        if kind == PUBLISH:
            return self._puback(body, self._acknowledges)
        return super()._answer(kind, body, connection)

    @staticmethod
    def _puback(body, reason):
        end = 2 + int.from_bytes(body[:2])
        if reason is None:
            return None
        return bytes([PUBACK << 4, 4, *body[end : end + 2], reason, 0])

    def acknowledge_last(self):
        self.say(self._puback(self.bodies(PUBLISH)[-1], 0))

    def say(self, packet):
        self._connection.sendall(packet)

    def cut(self):
        self._connection.shutdown(2)

    def wait(self, condition):
        with self._changed:
            if not self._changed.wait_for(condition, TIMEOUT):
                raise AssertionError(f"only {self.seen}")

    def wait_published(self, *payloads):
        self.wait(lambda: self.published == list(payloads))

    def bodies(self, kind):
        return [body for one, body in self.seen if one == kind]

    @property
    def published(self):
        """Payloads, of QoS 1."""
        return [
            body[2 + int.from_bytes(body[:2]) + 3 :] for body in self.bodies(PUBLISH)
        ]


class ListenerCase(MqttCase):
    """A test case whose service can have a connection, to any broker."""

    def settings(self, broker, **values):
        self.service.write({"host": broker.host, "port": broker.port, **values})
        return self.settings_of_service()

    def settings_of_service(self):
        return ServiceSettings.from_values(self.service._listener_settings())

    def subscribe(self, *filters):
        """Have the service subscribe to these, and to nothing else."""
        self.service.subscription_ids = [
            Command.clear(),
            *(Command.create({"topic_filter": one}) for one in filters),
        ]

    def tested(self):
        """What *Test Connection* shows, a ``mqtt.connection.test``."""
        action = self.service.action_test_connection()
        return self.env[action["res_model"]].browse(action["res_id"])

    @contextmanager
    def listening(self, broker, until="connected", **values):
        """A connection, without a database.

        :param until: the state, or the code of the problem, that it has reached.
        """
        values = {"reconnect_min_delay": 0.1, "reconnect_max_delay": 0.1, **values}
        settings = self.settings(broker, **values)
        changed = threading.Condition()

        def notify():
            with changed:
                changed.notify_all()

        connection = MqttConnection(
            f"announcements-{broker.port}",
            settings,
            Inbox(1000, 2**26, 0, 1000, 2**26),
            changed=notify,
        )

        def states():
            problem = connection.observed.problem
            return connection.observed.state, problem and problem.code

        connection.start()
        try:
            with changed:
                reached = changed.wait_for(lambda: until in states(), TIMEOUT)
            self.assertTrue(reached, connection.observed)
            connection.changed_condition = changed
            yield connection
        finally:
            self.end(connection)

    def wait_until(self, connection, condition):
        """Wait for what a connection that :meth:`listening` gave has to reach."""
        with connection.changed_condition:
            reached = connection.changed_condition.wait_for(condition, TIMEOUT)
        self.assertTrue(reached, connection.subscriptions.grants)

    def end(self, connection, **options):
        connection.stop(**options)
        connection.join(TIMEOUT)
        self.assertFalse(connection.is_alive())
