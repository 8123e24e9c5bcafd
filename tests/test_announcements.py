# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..broker.connection_test import run_connection_test
from ..broker.publisher import Publisher
from ..broker.settings import ServiceSettings
from .fake_broker import CONNECT
from .listening import DISCONNECT, LOGGER, ListenerCase, Recorder

HAS_WILL = 0x04  # of the flags of CONNECT, section 3.1.2.3
MAXIMUM_QOS_0, NO_RETAIN, SMALL_PACKETS = b"\x24\0", b"\x25\0", b"\x27\0\0\0\x20"


@tagged("post_install", "-at_install")
class TestAnnouncements(ListenerCase):
    def announce(self, kind, payload=None, **values):
        return self.env["mqtt.announcement"].create(
            {
                "service_id": self.service.id,
                "kind": kind,
                "topic": "odoo/status",
                "payload": payload or kind,
                **values,
            }
        )

    def announce_all(self):
        for kind in ("birth", "stop", "will"):
            self.announce(kind)

    # What is configured

    def test_what_no_broker_takes_is_refused(self):
        """When it is entered, and at Start where somebody went past the model."""
        for values, words in (
            ({"topic": "odoo/+"}, "Connected.*one topic"),
            ({"kind": "will", "payload": "ü" * 32_768}, "65,535 bytes"),
        ):
            with (
                self.subTest(words),
                self.assertRaisesRegex(ValidationError, words),
                self.cr.savepoint(),
            ):
                self.announce(**{"kind": "birth", **values})
        birth = self.announce("birth", "ü" * 32_768)
        with (
            self.assertRaisesRegex(ValidationError, "65,535 bytes"),
            self.cr.savepoint(),
        ):
            birth.kind = "will"
        self.env.cr.execute(
            "UPDATE mqtt_announcement SET topic = '#' WHERE id = %s", [birth.id]
        )
        self.env.invalidate_all()
        with self.assertRaisesRegex(UserError, "one topic"):
            self.service.start_mqtt_service()

    def test_one_of_each(self):
        """A service has one message for each occasion; a copy of it has them too."""
        self.announce_all()
        copy = self.service.copy()
        self.assertEqual(
            copy.announcement_ids.mapped("kind"), ["birth", "stop", "will"]
        )
        with (
            self.assertRaises(Exception) as caught,
            mute_logger("odoo.sql_db"),
            self.cr.savepoint(),
        ):
            self.announce("will")
        self.assertIn("service_kind_uniq", str(caught.exception))

    def test_settings(self):
        """The listener gets them as they are to be sent."""
        self.announce("will", "öff", qos="2", retain=False)
        settings = ServiceSettings.from_values(self.service._listener_settings())
        self.assertEqual(set(settings.announcements), {"will"})
        will = settings.announcements["will"]
        self.assertEqual((will.topic, will.payload), ("odoo/status", "öff".encode()))
        self.assertEqual((will.qos, will.retain), (2, False))

    def test_a_connection_that_stands_is_to_be_renewed(self):
        """The broker has the will since CONNECT: any change needs a restart."""
        birth = self.announce("birth")
        self.assertFalse(self.service.needs_restart, "it is not started")
        self.service.start_mqtt_service()
        for change in (
            lambda: self.announce("will"),
            lambda: birth.write({"payload": "there"}),
            birth.unlink,
        ):
            self.service.restart_mqtt_service()
            self.assertFalse(self.service.needs_restart)
            change()
            self.assertTrue(self.service.needs_restart)

    # What is sent

    def test_birth_and_stop(self):
        """The broker has the stop message before DISCONNECT, which has no reason."""
        self.announce_all()
        with Recorder(acknowledges=None) as broker:
            with self.listening(broker) as connection:
                broker.wait_published(b"birth")
                connection.stop(drain=60)
                broker.wait_published(b"birth", b"stop")
                self.assertFalse(broker.bodies(DISCONNECT), "not acknowledged yet")
                broker.acknowledge_last()
                self.end(connection)
            broker.wait(lambda: broker.bodies(DISCONNECT))
        self.assertEqual(broker.bodies(DISCONNECT), [b""])
        (connect,) = broker.bodies(CONNECT)
        self.assertTrue(connect.endswith(b"\0\x0bodoo/status\0\4will"))

    def test_what_is_not_acknowledged_holds_nothing_up(self):
        """A stop ends in its time, whatever the broker leaves unanswered."""
        self.announce_all()
        with (
            Recorder(acknowledges=None) as broker,
            self.assertLogs(f"{LOGGER}.announcer", "WARNING") as log,
        ):
            with self.listening(broker) as connection:
                self.end(connection, drain=0.1)
            broker.wait_published(b"birth", b"stop")
        self.assertIn("'stop': the broker did not acknowledge", "".join(log.output))

    def test_another_listener_has_the_service(self):
        """It does not stop, then; and the broker is to say that this one has gone."""
        self.announce_all()
        with Recorder() as broker:
            with self.listening(broker) as connection:
                broker.wait_published(b"birth")
                self.end(connection, drain=0)
            broker.wait(lambda: broker.bodies(DISCONNECT))
        self.assertEqual(broker.published, [b"birth"])
        self.assertEqual(broker.bodies(DISCONNECT), [b"\4"])

    def test_each_connection_says_it_anew(self):
        """And nothing again that an earlier one had left unanswered."""
        self.announce_all()
        with (
            Recorder(acknowledges=None) as broker,
            mute_logger(f"{LOGGER}.connection", f"{LOGGER}.login"),
            self.listening(broker) as connection,
        ):
            broker.wait_published(b"birth")
            broker.cut()
            broker.wait_published(b"birth", b"birth")
            connection.stop(drain=60)
            broker.wait_published(b"birth", b"birth", b"stop")
            broker.acknowledge_last()

    def test_what_the_broker_does_not_take(self):
        """It is logged; the connection stands, and ends in order."""
        self.announce_all()
        cases = {
            "refused": ({"acknowledges": 0x87}, "Not authorized"),
            "QoS": ({"limits": MAXIMUM_QOS_0}, "does not take it: qos"),
            "retain": ({"limits": NO_RETAIN}, "does not take it: retain"),
            "size": ({"limits": SMALL_PACKETS}, "does not take it: too_large"),
        }
        self.service.announcement_ids[0].payload = "birth" * 10
        for name, (options, words) in cases.items():
            with (
                self.subTest(name),
                Recorder(**options) as broker,
                self.assertLogs(f"{LOGGER}.announcer", "WARNING") as log,
            ):
                with self.listening(broker) as connection:
                    if "limits" not in options:
                        broker.wait(lambda broker=broker: broker.published)
                self.assertFalse(connection.observed.reconnects)
                self.assertIn(words, "".join(log.output))
                broker.wait(lambda broker=broker: broker.bodies(DISCONNECT))
                if name in ("QoS", "retain"):
                    self.assertFalse(broker.published)

    def test_a_will_that_the_broker_does_not_take(self):
        """It refuses the connection: the words name what to change."""
        self.announce_all()
        for reason, code, words in (
            (0x9A, "will_retain", "Connection lost.*Retain off"),
            (0x9B, "will_qos", "QoS of the announcement"),
        ):
            with (
                self.subTest(code),
                Recorder(reason=reason) as broker,
                mute_logger(f"{LOGGER}.connection", f"{LOGGER}.login"),
                self.listening(broker, until="disconnected") as connection,
            ):
                problem = connection.observed.problem
                self.assertEqual(problem.code, code)
                said = self.service._describe_problem(problem.code, problem.detail)
                self.assertRegex(said, words)

    def test_only_the_listener_has_a_will(self):
        """A connection that publishes or tests ends without anybody missing it."""
        self.announce_all()
        with Recorder() as broker:
            settings = self.settings(broker)
            with Publisher(settings, "publisher"):
                pass
            list(run_connection_test(settings))
            self.assertEqual(len(broker.bodies(CONNECT)), 2)
            with self.listening(broker):
                broker.wait_published(b"birth")
            flags = [body[7] & HAS_WILL for body in broker.bodies(CONNECT)]
        self.assertEqual(flags, [0, 0, HAS_WILL])

    def test_without_announcements(self):
        """Nothing is published, and nothing of it in CONNECT or DISCONNECT."""
        with Recorder() as broker:
            with self.listening(broker) as connection:
                self.end(connection, drain=0)
            broker.wait(lambda: broker.bodies(DISCONNECT))
        self.assertFalse(broker.published)
        self.assertEqual(broker.bodies(DISCONNECT), [b""])
