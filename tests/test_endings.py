# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What ends of connections say: in words, and by what was on its way."""

from odoo.tests import BaseCase, mute_logger, tagged

from ..broker.problem import Problem
from ..listener.endings import LASTING, SHORT_LIVED, Endings
from ..listener.suspicion import Suspicion
from .fake_broker import PUBLISH, SUBSCRIBE, UNSUBSCRIBE
from .listening import LOGGER, ListenerCase
from .strict_broker import StrictBroker


@tagged("post_install", "-at_install")
class TestClosing(ListenerCase):
    """Brokers that refuse by closing."""

    @mute_logger(f"{LOGGER}.connection", f"{LOGGER}.login", f"{LOGGER}.subscriber")
    def found(self, broker, *, culprits, **values):
        """What becomes of the subscriptions once the culprits are found."""
        self.subscribe("a", "deep", "b", "deeper")
        with broker, self.listening(broker, **values) as connection:
            grants = connection.subscriptions.grants
            by_filter = {
                one.topic_filter.text: one.id
                for one in connection.settings.subscriptions
            }

            def states():
                return {
                    name: grants[one].state
                    for name, one in by_filter.items()
                    if one in grants
                }

            expected = {
                name: "refused" if name in culprits else "granted" for name in by_filter
            }
            self.wait_until(connection, lambda: states() == expected)
            self.assertEqual(connection.observed.state, "connected")
            reconnects = connection.observed.reconnects
            reasons = {grants[by_filter[name]].reason for name in culprits}
        return reconnects, reasons

    def test_without_a_word(self):
        """Found by what is in flight, twice; all others are subscribed."""
        for protocol in ("5", "3.1.1"):
            broker = StrictBroker(closes_on=["deep", "deeper"])
            reconnects, reasons = self.found(
                broker, culprits=["deep", "deeper"], protocol=protocol
            )
            self.assertEqual(reasons, {"Connection closed"})
            self.assertEqual(reconnects, 2 + 2 * 2)

    def test_with_a_disconnect(self):
        """At once, and its reason is the filter's."""
        broker = StrictBroker(closes_on=["deep"], disconnect=b"\xe0\1\x8f")
        reconnects, reasons = self.found(broker, culprits=["deep"])
        self.assertEqual(reasons, {"Connection closed: Topic filter invalid"})
        self.assertEqual(reconnects, 3)

    def announced(self, broker, qos):
        """What is logged of an announcement at which the broker closes."""
        self.service.announcement_ids.unlink()
        self.env["mqtt.announcement"].create(
            {
                "service_id": self.service.id,
                "kind": "birth",
                "topic": "odoo/status",
                "payload": "close",
                "qos": qos,
            }
        )
        with (
            broker,
            mute_logger(f"{LOGGER}.connection", f"{LOGGER}.login"),
            self.assertLogs(f"{LOGGER}.announcer", "WARNING") as log,
            self.listening(broker) as connection,
        ):
            broker.wait(lambda: broker.logins == 5)
            self.wait_until(
                connection,
                lambda: (
                    connection.observed.state == "connected"
                    and len(connection.subscriptions.session_filters) == 2
                ),
            )
        return log.output[-1]

    def test_an_announcement(self):
        """It is announced no more, and all filters stay; also at QoS 0, which no broker
        acknowledges.
        """
        self.subscribe("a", "b")
        for qos in ("1", "0"):
            with self.subTest(qos=qos):
                broker = StrictBroker()
                said = self.announced(broker, qos)
                self.assertIn("'birth': the broker closes the connection", said)
                self.assertEqual(len(broker.published), 4)

    def test_what_is_changed_is_tried_again(self):
        with (
            StrictBroker(closes_on=["deep"], disconnect=b"\xe0\1\x8f") as broker,
            mute_logger(
                f"{LOGGER}.connection", f"{LOGGER}.login", f"{LOGGER}.subscriber"
            ),
        ):
            self.subscribe("a", "deep")
            with self.listening(broker) as connection:
                grants = connection.subscriptions.grants
                deep = self.service.subscription_ids.filtered(
                    lambda one: one.topic_filter == "deep"
                )
                self.wait_until(
                    connection,
                    lambda: deep.id in grants and grants[deep.id].state == "refused",
                )
                deep.topic_filter = "flat"
                connection.want(self.settings_of_service())
                self.wait_until(connection, lambda: grants[deep.id].state == "granted")


@tagged("post_install", "-at_install")
class TestEndings(ListenerCase):
    def problem(self, broker, until, **values):
        with (
            broker,
            mute_logger(f"{LOGGER}.connection", f"{LOGGER}.login"),
            self.listening(broker, until=until, **values) as connection,
        ):
            problem = connection.observed.problem
        return self.service._describe_problem(problem.code, problem.detail)

    def test_disconnect_on_a_live_connection(self):
        """Not in the words of a login that is refused."""
        for reason, code, words in (
            (0x82, "ended_protocol", "this service sent"),
            (0x87, "ended_not_authorized", "access control list"),
            (0x8B, "busy", "not available now: Server shutting down"),
            (0x8D, "ended_keepalive", "Keepalive"),
            (0x98, "ended", "Administrative action"),
            (0x42, "ended", "Reason code 0x42"),
        ):
            broker = StrictBroker(greeting=bytes([0xE0, 1, reason]))
            said = self.problem(broker, code)
            self.assertIn(words, said)
            self.assertNotIn("login", said)
            self.assertNotIn("Port", said)

    def test_violations(self):
        """What the broker did wrong is named."""
        for packet, words in (
            (b"\x36\7\0\1t\0\1\0x", "QoS 3"),
            (b"\xf0\0", "never receive"),
            (b"\x00\0", "never receive"),
            (b"\x32\x08\0\0\0\1\3\x23\0\5", "alias"),
            (b"\x20\3\0\0\0", "twice"),
            (b"\x32\7\0\1t\0\0\0x", "identifier 0"),
            (b"\x30\4\0\0\0x", "without a topic"),
            (b"\x90\2\0\1", "cannot be read"),
        ):
            said = self.problem(StrictBroker(greeting=packet), "violation")
            self.assertIn(words, said)

    def test_violations_of_version_3(self):
        for packet, words in ((b"\xe0\0", "never receive"), (b"\x20\2\0\0", "twice")):
            broker = StrictBroker(greeting=packet)
            said = self.problem(broker, "violation", protocol="3.1.1")
            self.assertIn(words, said)

    def test_login_refused_for_a_reason_that_is_not_known(self):
        for reason, values, words in (
            (0xB7, {}, "Reason code 0xB7"),
            (1, {"protocol": "3.1.1"}, "version of MQTT"),
            (5, {"protocol": "3.1.1"}, "not authorized"),
            (9, {"protocol": "3.1.1"}, "Return code 9"),
        ):
            code = {1: "protocol", 5: "not_authorized"}.get(reason, "other")
            self.assertIn(words, self.problem(StrictBroker(reason), code, **values))

    def test_a_subscription_refused_for_a_reason_that_is_not_known(self):
        """It is refused, and the connection stays."""
        with (
            StrictBroker(codes={"plant/#": 0xB7}) as broker,
            mute_logger(f"{LOGGER}.subscriber"),
            self.listening(broker) as connection,
        ):
            grants = connection.subscriptions.grants
            self.wait_until(
                connection,
                lambda: (
                    self.subscription.id in grants
                    and grants[self.subscription.id].state == "refused"
                ),
            )
            self.assertFalse(connection.observed.reconnects)
            self.assertEqual(grants[self.subscription.id].reason, "Reason code 0xB7")

    def test_short_lived_connections(self):
        """Closed soon after each login without a word: another client is suspected."""
        broker = ShortLived()
        said = self.problem(broker, "short_lived")
        self.assertIn("another client may use this client ID", said)

    def test_an_announcement_that_the_broker_has_processed(self):
        """What ends the connection later is not blamed on it."""
        self.env["mqtt.announcement"].create(
            {
                "service_id": self.service.id,
                "kind": "birth",
                "topic": "odoo/status",
                "payload": "here",
                "qos": "0",
            }
        )
        said = self.problem(EndsLater(), "short_lived")
        self.assertIn("another client may use this client ID", said)


class EndsLater(StrictBroker):
    """Closes each connection once it has answered what followed the announcement, of
    QoS 0.
    """

    def _answer(self, kind, body, connection):
        answer = super()._answer(kind, body, connection)
        if kind == PUBLISH:
            return None
        if kind == UNSUBSCRIBE:
            connection.sendall(answer)
            raise ConnectionError
        return answer


class ShortLived(StrictBroker):
    """Closes each connection when all is subscribed, as another client would."""

    def _answer(self, kind, body, connection):
        answer = super()._answer(kind, body, connection)
        if kind == SUBSCRIBE:
            connection.sendall(answer)
            raise ConnectionError
        return answer


class TestSuspicion(BaseCase):
    def ended(self, suspicion, *unanswered, is_certain=False):
        return suspicion.ended(unanswered, is_certain=is_certain)

    def test_nothing_alone(self):
        """One end says nothing, and neither does one without anything unanswered."""
        suspicion = Suspicion()
        self.assertIsNone(self.ended(suspicion, "a", "b", is_certain=True))
        self.assertIsNone(self.ended(suspicion))
        self.assertFalse(suspicion.is_searching)

    def test_found(self):
        suspicion = Suspicion()
        self.ended(suspicion, "a", "b")
        self.ended(suspicion, "a", "b")
        self.assertTrue(suspicion.is_searching)
        self.assertIsNone(self.ended(suspicion, "b"))
        self.assertEqual(self.ended(suspicion, "b"), "b")
        self.assertEqual(self.ended(suspicion, "c", is_certain=True), "c")
        suspicion.answered()
        self.assertFalse(suspicion.is_searching)

    def test_two_at_a_time(self):
        """Nobody is accused where something was changed while another was tried."""
        suspicion = Suspicion()
        for _ in range(3):
            self.assertIsNone(self.ended(suspicion, "a", "b", is_certain=True))

    def test_innocent(self):
        """What is answered the next time is not accused by another end."""
        suspicion = Suspicion()
        for _ in range(2):
            self.ended(suspicion, "a", "b")
        self.ended(suspicion, "a")
        suspicion.answered()
        self.assertIsNone(self.ended(suspicion, "a"))


class TestEndingsAlone(BaseCase):
    def test_the_wait_grows(self):
        """Although each login succeeds; a connection that lasts begins anew."""
        endings, lost = Endings(), Problem("lost")
        for number in range(1, SHORT_LIVED + 1):
            endings.connected()
            found = endings.ended(lost, is_clue=False)
            self.assertEqual(endings.failures, number)
        self.assertEqual(found, Problem("short_lived", str(SHORT_LIVED)))
        endings.connected()
        endings._connected_at -= LASTING
        self.assertEqual(endings.ended(lost, is_clue=False), lost)
        self.assertEqual(endings.failures, 1)

    def test_a_broker_that_is_away(self):
        """Between two ends there was no login: it is no other client."""
        endings, lost = Endings(), Problem("lost")
        for _ in range(SHORT_LIVED):
            endings.connected()
            self.assertEqual(endings.ended(lost, is_clue=False), lost)
            endings.ended(Problem("refused"), is_clue=False)
