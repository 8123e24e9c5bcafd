"""What CONNACK and DISCONNECT say is read, and acted on."""

from contextlib import contextmanager
from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import BaseCase, mute_logger, tagged

from ..listener.abilities import Abilities
from ..listener.endings import LASTING, SHORT_LIVED, Endings
from ..listener.inbox import Inbox
from ..listener.problem import Problem
from ..listener.subscriptions import Subscriptions
from ..listener.suspicion import Suspicion
from ..listener.writer import Writer
from ..mqtt.topic import TopicFilter
from . import strict_broker as say
from .e2e.fake_broker import CONNECT, SUBSCRIBE, UNSUBSCRIBE
from .listening import LOGGER, ListenerCase
from .strict_broker import StrictBroker
from .test_broker_limits import BridgeHere

MAXIMUM_PACKET_SIZE = b"\x27"
SHARED, WILD, PLAIN = "$share/odoo/a/#", "b/+", "c"


@tagged("post_install", "-at_install")
class TestAbilities(ListenerCase):
    def subscribe(self, *filters):
        """Have the service subscribe to these, and to nothing else."""
        self.service.subscription_ids = [
            Command.clear(),
            *(Command.create({"topic_filter": one}) for one in filters),
        ]

    @contextmanager
    def reported(self, broker, until=lambda connection: True, **values):
        """A connection, once what it has seen is in the database."""
        with self.listening(broker, **values) as connection:
            broker.wait(lambda: until(connection))
            bridge = BridgeHere(self.env)
            bridge.claim(self.service.id, connection.name, "here")
            writer = Writer(bridge, connection, Inbox(1, 1, 0, 1, 1), 0)
            self.wait_answered(connection)
            writer._report()
            self.env.invalidate_all()
            yield connection

    def wait_answered(self, connection):
        filters = connection.subscriptions
        wanted = {one.id for one in connection.settings.subscriptions}
        self.wait_until(
            connection,
            lambda: all(
                filters.grants.get(one) and filters.grants[one].state != "pending"
                for one in wanted
            ),
        )

    def states(self):
        return {
            one.topic_filter: (one.state, one.refusal or "")
            for one in self.service.subscription_ids
        }

    def test_all_is_shown(self):
        """On the service, in words."""
        limits = b"".join(
            (
                say.NO_SHARED,
                say.NO_WILDCARDS,
                say.NO_IDENTIFIERS,
                say.NO_RETAIN,
                say.MAXIMUM_QOS_0,
                say.SESSION_EXPIRY_60,
                say.ASSIGNED_ID,
                say.KEEP_ALIVE_30,
            )
        )
        with StrictBroker(limits=limits) as broker, self.reported(broker):
            shown, warned = self.service.broker_abilities, self.service.broker_warning
        for words in (
            "no shared subscriptions",
            "no wildcards",
            "no subscription identifiers",
            "no retained messages",
            "QoS 0 at most",
            "kept for 60 seconds",
            "keepalive of 30 seconds",
            "client ID “me” assigned",
        ):
            self.assertIn(words, shown)
        self.assertIn("60 seconds only, not 604800", warned)
        self.assertIn("did not accept the client ID", warned)

    def test_a_broker_that_can_do_all(self):
        """Nothing is said."""
        with StrictBroker() as broker, self.reported(broker):
            self.assertFalse(self.service.broker_abilities)
            self.assertFalse(self.service.broker_warning)

    def test_what_is_not_available_is_not_subscribed(self):
        """A broker would grant it, and bring nothing."""
        self.subscribe(SHARED, WILD, PLAIN)
        for limits, left_out, words in (
            (say.NO_SHARED, {SHARED}, "without $share"),
            (say.NO_WILDCARDS, {SHARED, WILD}, "no + and #"),
        ):
            with StrictBroker(limits=limits) as broker, self.reported(broker):
                states = self.states()
            for one in (SHARED, WILD, PLAIN):
                if one in left_out:
                    self.assertEqual(states[one][0], "refused")
                    self.assertIn(words, states[one][1])
                else:
                    self.assertEqual(states[one], ("granted", ""))
            self.assertFalse(left_out & set(broker.subscribed))

    def test_what_the_session_holds_and_the_broker_cannot_do(self):
        """It is unsubscribed."""
        self.subscribe(SHARED, PLAIN)
        with (
            StrictBroker(limits=say.NO_SHARED) as broker,
            self.listening(broker) as connection,
        ):
            connection.subscriptions.session_filters = {SHARED: 1}
            connection.subscriptions.want(())
            connection.want(connection.settings)
            broker.wait(
                lambda: any(
                    SHARED.encode() in body for body in broker.bodies(UNSUBSCRIBE)
                )
            )

    def test_a_lower_quality_of_service(self):
        """Granted, and a warning on the service; not where 0 was asked."""
        self.subscribe("a", "b", "c")
        self.service.subscription_ids.filtered(
            lambda one: one.topic_filter == "c"
        ).qos = "0"
        codes = {"a": 0, "c": 0}
        with StrictBroker(codes=codes) as broker, self.reported(broker):
            warning = self.service.broker_warning
        self.assertIn("may be lost: a.", warning)

    def test_overlaps_without_identifiers(self):
        """The older filter is subscribed, the other refused in words; what a refused
        one would have covered is subscribed by itself.
        """
        self.subscribe("a/+", "+/b", "a/b", "c/b")
        with StrictBroker(limits=say.NO_IDENTIFIERS) as broker, self.reported(broker):
            states = self.states()
        self.assertEqual(set(broker.subscribed), {"a/+", "c/b"})
        self.assertFalse(broker.identified)
        self.assertEqual(states["+/b"][0], "refused")
        self.assertIn("stored twice", states["+/b"][1])
        self.assertIn("a/+", states["+/b"][1])
        self.assertEqual(states["a/b"][0], "covered")
        self.assertEqual(states["c/b"][0], "granted")

    def test_what_a_refused_filter_would_have_covered(self):
        """It is subscribed by itself."""
        self.subscribe("a/#", "a/b")
        for values in ({"protocol": "3.1.1"}, {}):
            with (
                StrictBroker(codes={"a/#": 0x80}, limits=say.NO_IDENTIFIERS) as broker,
                mute_logger(f"{LOGGER}.subscriber"),
                self.reported(broker, **values),
            ):
                states = self.states()
            self.assertEqual(states["a/#"][0], "refused")
            self.assertEqual(states["a/b"][0], "granted")

    def test_many_refused_filters(self):
        """What others may have to bring is looked for once, not for each."""
        filters = [f"a/{number}" for number in range(50)]
        self.subscribe(*filters)
        plan = Subscriptions.plan
        with (
            StrictBroker(codes=dict.fromkeys(filters, 0x80)) as broker,
            patch.object(
                Subscriptions, "plan", autospec=True, side_effect=plan
            ) as made,
            mute_logger(f"{LOGGER}.subscriber"),
            self.listening(broker, protocol="3.1.1") as connection,
        ):
            self.wait_answered(connection)
            states = [one.state for one in connection.subscriptions.grants.values()]
        self.assertEqual(states, ["refused"] * 50)
        self.assertLess(made.call_count, 5)

    def test_an_assigned_client_id_is_shown_in_one_line(self):
        """A broker's words can be stored, whatever they are."""
        limits = b"\x12\0\4a\x1b\nb"
        with StrictBroker(limits=limits) as broker, self.reported(broker):
            self.assertIn("“a  b”", self.service.broker_abilities)

    def test_maximum_packet_size_is_told(self):
        with StrictBroker() as broker, self.listening(broker):
            (connect,) = broker.bodies(CONNECT)
        self.assertIn(MAXIMUM_PACKET_SIZE, connect[11 : 11 + connect[10]])


@tagged("post_install", "-at_install")
class TestClosing(ListenerCase):
    """Brokers that refuse by closing."""

    subscribe = TestAbilities.subscribe
    states = TestAbilities.states

    @mute_logger(f"{LOGGER}.connection", f"{LOGGER}.subscriber")
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

    def test_an_announcement(self):
        """It is announced no more, and all filters stay."""
        self.env["mqtt.announcement"].create(
            {
                "service_id": self.service.id,
                "kind": "birth",
                "topic": "odoo/status",
                "payload": "close",
            }
        )
        self.subscribe("a", "b")
        with (
            StrictBroker() as broker,
            mute_logger(f"{LOGGER}.connection"),
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
        self.assertIn("'birth': the broker closes the connection", log.output[-1])
        self.assertEqual(len(broker.published), 4)

    def test_what_is_changed_is_tried_again(self):
        with (
            StrictBroker(closes_on=["deep"], disconnect=b"\xe0\1\x8f") as broker,
            mute_logger(f"{LOGGER}.connection", f"{LOGGER}.subscriber"),
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
            mute_logger(f"{LOGGER}.connection"),
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
            (b"\xf0\0", "never get"),
            (b"\x00\0", "never get"),
            (b"\x32\x08\0\0\0\1\3\x23\0\5", "alias"),
            (b"\x20\3\0\0\0", "twice"),
            (b"\x32\7\0\1t\0\0\0x", "identifier 0"),
            (b"\x30\4\0\0\0x", "without a topic"),
            (b"\x90\2\0\1", "cannot be read"),
        ):
            said = self.problem(StrictBroker(greeting=packet), "violation")
            self.assertIn(words, said)

    def test_violations_of_version_3(self):
        for packet, words in ((b"\xe0\0", "never get"), (b"\x20\2\0\0", "twice")):
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


class TestAbilitiesAlone(BaseCase):
    def test_named(self):
        """What differs from a CONNACK that says nothing."""
        self.assertEqual(Abilities().named, {})
        self.assertEqual(
            Abilities(shared=False, keep_alive=0).named,
            {"shared": False, "keep_alive": 0},
        )

    def test_reasons(self):
        none = Abilities(shared=False, wildcards=False)
        self.assertIn("Shared", none.reason_against(TopicFilter(SHARED)))
        self.assertIn("Wildcard", none.reason_against(TopicFilter(WILD)))
        self.assertFalse(none.reason_against(TopicFilter(PLAIN)))
