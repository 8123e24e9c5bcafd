# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What *Test Connection* says, and what it leaves at the broker."""

import os
import threading
import unittest
from unittest.mock import patch

from paho.mqtt import client as paho

from odoo.tests import tagged

from ..broker import connection_test, visit
from .fake_broker import SUBSCRIBE
from .listening import TIMEOUT, ListenerCase, Recorder
from .strict_broker import StrictBroker

BROKER = os.environ.get("MQTT_TEST_BROKER", "")


class Silenced(Recorder):
    """Ends the connection when something is subscribed to."""

    def _answer(self, kind, body, connection):
        answer = super()._answer(kind, body, connection)
        if kind == SUBSCRIBE:
            self.cut()
            raise ConnectionError
        return answer


@tagged("post_install", "-at_install")
class TestConnectionTest(ListenerCase):
    def results(self, broker, topic_filter):
        """What the dialog shows of the subscription."""
        self.subscription.topic_filter = topic_filter
        self.service.write({"host": broker.host, "port": broker.port})
        test = self.tested()
        self.assertFalse(test.is_successful)
        (line,) = test.line_ids.filtered(lambda one: one.step == "subscription")
        return line.result

    def test_a_subscription_that_fails(self):
        """Why, whether the broker says so or not."""
        with Recorder() as broker:
            self.assertIn("authorized", self.results(broker, "refuse/#"))
        with Silenced() as broker:
            result = self.results(broker, "plant/#")
        self.assertIn("closed the connection when this filter was subscribed", result)
        with StrictBroker(closes_on=["plant/#"], disconnect=b"\xe0\1\x8f") as broker:
            self.assertIn("Topic filter invalid", self.results(broker, "plant/#"))

    @unittest.skipUnless(BROKER, "MQTT_TEST_BROKER=host:port names no broker")
    def test_nothing_stays_at_the_broker(self):
        """No session, for which it would keep what is published from then on."""
        host, _, port = BROKER.rpartition(":")
        for protocol in ("3.1.1", "5"):
            self.service.write({"host": host, "port": port, "protocol": protocol})
            with patch.object(visit.secrets, "token_hex", lambda _n: "mine"):
                steps = connection_test.run_connection_test(self.settings_of_service())
                self.assertFalse([step for step in steps if step.is_failed])
            self.assertFalse(self.has_session(host, int(port), "odoo-test-mine"))

    def has_session(self, host, port, client_id):
        client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id, clean_session=False
        )
        found, connected = [], threading.Event()

        def on_connect(_client, _data, flags, _code, _properties):
            found.append(flags.session_present)
            connected.set()

        client.on_connect = on_connect
        client.connect(host, port)
        client.loop_start()
        self.assertTrue(connected.wait(TIMEOUT))
        client.disconnect()
        client.loop_stop()
        return found[0]
