# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What CONNACK says is read, and acted on."""

from contextlib import contextmanager
from unittest.mock import patch

from odoo.tests import BaseCase, mute_logger, tagged

from ..broker.abilities import Abilities
from ..listener.inbox import Inbox
from ..listener.subscriptions import Subscriptions
from ..listener.writer import Writer
from ..mqtt.topic import TopicFilter
from . import strict_broker as say
from .fake_broker import CONNECT, UNSUBSCRIBE
from .listening import LOGGER, ListenerCase
from .strict_broker import StrictBroker
from .test_broker_limits import BridgeHere

MAXIMUM_PACKET_SIZE = b"\x27"
SHARED, WILD, PLAIN = "$share/odoo/a/#", "b/+", "c"


@tagged("post_install", "-at_install")
class TestAbilities(ListenerCase):
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
            self.assertIn("“a\\x1b b”", self.service.broker_abilities)

    def test_maximum_packet_size_is_told(self):
        with StrictBroker() as broker, self.listening(broker):
            (connect,) = broker.bodies(CONNECT)
        self.assertIn(MAXIMUM_PACKET_SIZE, connect[11 : 11 + connect[10]])


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
