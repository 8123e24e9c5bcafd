# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
import os
import random
import resource
from datetime import datetime

from odoo.tests import tagged

from ..listener.bridge import Bridge
from ..models.common.column_storage import compress_fast, has_fast_compression
from ..models.message.insert import COPY_BYTES
from ..mqtt.interface import NOTIFY_CHANNEL
from ..mqtt.message import Message, decode_batch, encode_batch
from .common import MqttCase

SELECT_LIMIT = 1024  # descriptors that select(2) takes
READING = json.dumps({"values": [6000 + number % 97 for number in range(9000)]})


@tagged("post_install", "-at_install")
class TestLargePayloads(MqttCase):
    def _long_values(self):
        """Storage, compression by column, of what has long values."""
        self.env.cr.execute(
            "SELECT attname, attstorage, attcompression FROM pg_attribute"
            " WHERE attrelid IN ('mqtt_batch'::regclass,"
            " 'mqtt_signal_history'::regclass)"
            " AND attname IN ('content', 'payload', 'payload_raw')"
        )
        return {name: kept for name, *kept in self.env.cr.fetchall()}

    def test_batches_are_compressed_once(self):
        """What can be compressed arrives so, and PostgreSQL leaves it so."""
        messages = [Message("plant/1", READING.encode(), 1)] * 16
        content = encode_batch(messages)
        self.assertLess(len(content), 16 * len(READING) / 10)
        self.assertEqual(list(decode_batch(content)), messages)
        self.assertEqual(self._long_values()["content"], ["e", ""])

    def test_noise_is_not_compressed(self):
        """Nobody spends time on bytes that stay as many."""
        payload = random.Random(1).randbytes(200_000)
        messages = [Message("plant/1", payload, 1)] * 2
        content = encode_batch(messages)
        self.assertIn(payload, content)
        self.assertEqual(list(decode_batch(content)), messages)

    def test_batches_of_the_version_before_are_read(self):
        """An update finds batches that wait, not compressed."""
        message = Message("plant/1", READING.encode(), 1)
        header = [len(READING), "plant/1", 1, 0, 0, 0, 0, None, None, 1, None, 0]
        encoded = json.dumps([header]).encode()
        content = len(encoded).to_bytes(4, "big") + encoded + message.payload
        self.assertEqual(list(decode_batch(content)), [message])

    def test_history_is_compressed_fast_where_the_server_can(self):
        """With lz4, or by the server's default where it was built without it."""
        expected = ["x", "l" if has_fast_compression(self.env.cr) else ""]
        kept = self._long_values()
        self.assertEqual(kept["payload"], expected)
        self.assertEqual(kept["payload_raw"], expected)

    def test_an_administrators_choice_stays(self):
        """An update changes no column that was set up by hand."""
        for setting in ("STORAGE EXTERNAL", "COMPRESSION pglz"):
            self.env.cr.execute(
                "ALTER TABLE mqtt_signal_history ALTER payload SET STORAGE EXTENDED,"
                f" ALTER payload SET {setting}"
            )
            before = self._long_values()
            compress_fast(self.env.cr, "mqtt_signal_history", "payload")
            self.assertEqual(self._long_values(), before, setting)

    def test_long_and_short_messages_are_stored_alike(self):
        """The way in which long payloads are sent changes no value."""
        properties = {
            "content_type": "json\t\\N",
            "payload_format": 1,
            "correlation_data": "00ff",
            "message_expiry": 3_000_000_000,
            "user_properties": [["ü", "\\"]],
        }
        text = "\\ü\U0001f600\n\t\\N" * COPY_BYTES
        binary = bytes(range(256)) * (COPY_BYTES // 64)
        moment = 1_700_000_000_123_456
        for payload, kept in (
            (text.encode(), {"payload": text, "payload_raw": False}),
            (binary, {"payload": False, "payload_raw": binary}),
        ):
            (stored,) = self.receive(
                self.message(
                    "plant/ü",
                    payload,
                    packet_id=7,
                    retain=True,
                    timestamp=moment,
                    subscription_id=self.subscription.id,
                    properties=properties,
                )
            )
            short = self.receive(
                self.message(
                    "plant/ü",
                    b"1",
                    packet_id=7,
                    retain=True,
                    timestamp=moment,
                    subscription_id=self.subscription.id,
                    properties=properties,
                )
            )
            (stored | short).invalidate_recordset()
            self.assertEqual({name: stored[name] for name in kept}, kept)
            self.assertEqual(stored.size, len(payload))
            different = {"id", "payload", "payload_raw", "size", "sequence"}
            names = [
                name
                for name, field in stored._fields.items()
                if field.store and field.column_type and name not in different
            ]
            self.assertEqual(
                stored.read(names, load=None)[0] | {"id": 0},
                short.read(names, load=None)[0] | {"id": 0},
            )
            self.assertEqual(
                stored.timestamp, datetime(2023, 11, 14, 22, 13, 20, 123456)
            )
            self.assertEqual(stored.state, "stored")

    def test_a_text_is_found_by_its_beginning_and_middle(self):
        """Search looks into payloads however they are kept."""
        (stored,) = self.receive(self.message("plant/1", READING.encode() + b" needle"))
        found = self.env["mqtt.signal.history"].search([("payload", "like", "needle")])
        self.assertEqual(found, stored)


@tagged("post_install", "-at_install")
class TestManyDescriptors(MqttCase):
    def test_a_process_with_thousands_of_descriptors_waits(self):
        """The supervisor waits for notifications above the descriptors of select."""
        bridge = Bridge(self.env.cr.dbname)
        with self._many_descriptors():
            bridge.open()
            self.addCleanup(bridge.close)
            wake_r, wake_w = os.pipe()
        self.addCleanup(os.close, wake_r)
        self.addCleanup(os.close, wake_w)
        self.assertGreater(wake_r, SELECT_LIMIT)
        self.assertGreater(bridge._control.fileno(), SELECT_LIMIT)
        os.write(wake_w, b"\0")
        self.assertFalse(bridge.wait(wake_r, 60), "it was woken, not notified")
        bridge._query("SELECT pg_notify(%s, '')", NOTIFY_CHANNEL)
        self.assertTrue(bridge.wait(wake_r, 60))

    def _many_descriptors(self):
        """Take all descriptors that select could wait for, while the block runs."""
        return _Descriptors(SELECT_LIMIT + 1)


class _Descriptors:
    def __init__(self, count):
        self._count, self._taken = count, []

    def __enter__(self):
        self._limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        hard = self._limits[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(self._limits[0], 4096), hard))
        while not self._taken or self._taken[-1] < self._count:
            self._taken.append(os.open(os.devnull, os.O_RDONLY))

    def __exit__(self, *_error):
        for descriptor in self._taken:
            os.close(descriptor)
        # Not back to the lower limit: descriptors above it are in use.
