# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from dataclasses import replace

from odoo.tests import BaseCase

from ..broker.settings import SubscriptionSettings
from ..listener.node_settings import NodeSettings
from ..listener.subscriptions import Subscriptions
from ..mqtt.topic import TopicFilter


def wanted(*filters, **values):
    return tuple(
        SubscriptionSettings(
            id=100 + number,
            topic_filter=TopicFilter(text),
            qos=1,
            no_local=False,
            retain_as_published=True,
            retain_handling=1,
            store=values.get("store", True),
            at_once=values.get("at_once", False),
            identifier=number,
        )
        for number, text in enumerate(filters, 1)
    )


class TestSubscriptions(BaseCase):
    def connected(self, *filters, identifiers=True, granted=True):
        subscriptions = Subscriptions(wanted(*filters), {})
        subscriptions.connected(session_present=False, with_identifiers=identifiers)
        subscribe, _unsubscribe = subscriptions.plan()
        for one in subscribe if granted else ():
            subscriptions.answered(one, one.qos, "Granted QoS 1")
        return subscriptions

    def test_one_copy_counts(self):
        """Of the copies that overlapping filters bring, the oldest one's counts."""
        route = self.connected("a/#", "a/+", "a/b").route("a/b")
        self.assertEqual(route.subscription.id, 101)
        self.assertTrue(route.takes([1]))
        self.assertFalse(route.takes([2]))
        self.assertTrue(route.takes([3, 1]), "one copy may carry all identifiers")
        self.assertTrue(route.takes(None), "a broker may send none")

    def test_what_is_not_granted_does_not_count(self):
        """A refused or not yet granted filter never takes a message away."""
        subscriptions = self.connected("a/#", "a/+", granted=False)
        first, second = subscriptions.plan()[0]
        subscriptions.answered(second, 1, "Granted QoS 1")
        subscriptions.answered(first, 0x87, "Not authorized")
        self.assertEqual(subscriptions.route("a/b").subscription, second)
        self.assertEqual(subscriptions.grants[first.id].state, "refused")
        self.assertEqual(subscriptions.grants[first.id].reason, "Not authorized")

    def test_shared_copies_all_count(self):
        """A shared subscription's messages go to one member or another."""
        subscriptions = self.connected("$share/g/a/#", "a/#")
        self.assertEqual(subscriptions.route("a").subscription.id, 102)
        alone = self.connected("$share/g/a/#", "$share/h/a/#").route("a")
        self.assertTrue(alone.takes([1]) and alone.takes([2]))

    def test_without_identifiers_covered_filters_are_left_out(self):
        """MQTT 3.1.1: only what no other filter covers is subscribed."""
        subscriptions = self.connected("a/b", "a/#", "c", identifiers=False)
        self.assertEqual(set(subscriptions.session_filters), {"a/#", "c"})
        self.assertEqual(subscriptions.grants[101].state, "covered")
        self.assertEqual(subscriptions.route("a/b").subscription.id, 102)

    def test_a_resumed_session_keeps_its_filters(self):
        """3.1.1 does not subscribe again what the session holds, 5 asks again."""
        subscriptions = Subscriptions(wanted("a", "b"), {"a": 1, "old": 9})
        subscriptions.connected(session_present=True, with_identifiers=False)
        subscribe, unsubscribe = subscriptions.plan()
        self.assertEqual([one.topic_filter.text for one in subscribe], ["b"])
        self.assertEqual(unsubscribe, ["old"])
        self.assertEqual(len(subscriptions.plan(renew=True)[0]), 2)

    def test_a_new_session_holds_nothing(self):
        """What an earlier session held is subscribed anew."""
        subscriptions = Subscriptions(wanted("a"), {"a": 1})
        subscriptions.connected(session_present=False, with_identifiers=True)
        self.assertEqual(len(subscriptions.plan()[0]), 1)

    def test_changes_are_planned(self):
        """Only what changed is subscribed or unsubscribed."""
        subscriptions = self.connected("a", "b")
        self.assertFalse(subscriptions.want(wanted("a", "b")))
        self.assertTrue(subscriptions.want(wanted("a", "c")))
        subscribe, unsubscribe = subscriptions.plan()
        self.assertEqual([one.topic_filter.text for one in subscribe], ["c"])
        self.assertEqual(unsubscribe, ["b"])
        subscriptions.unsubscribed("b")
        self.assertEqual(set(subscriptions.session_filters), {"a"})

    def test_an_identifier_of_before_counts(self):
        """Messages under a filter that was changed meanwhile are no copies."""
        route = self.connected("a/#", "a/+").route("a/b")
        self.assertTrue(route.takes([99]))
        self.assertFalse(route.takes([2, 99]))

    def test_a_covering_filter_has_the_highest_qos(self):
        """What a covered filter was promised, the one that covers it keeps."""
        wide, narrow = wanted("a/#", "a/b")
        subscriptions = Subscriptions((replace(wide, qos=0), narrow), {})
        subscriptions.connected(session_present=False, with_identifiers=False)
        (subscribed,), _unsubscribe = subscriptions.plan()
        self.assertEqual((subscribed.id, subscribed.qos), (wide.id, 1))

    def test_what_nobody_wants_any_more_is_stored(self):
        """Messages that were on their way when a filter went are not lost."""
        route = self.connected("a").route("gone")
        self.assertIsNone(route.subscription)
        self.assertTrue(route.store and route.takes([9]))

    def test_history_is_kept_if_one_filter_wants_it(self):
        """Store History of any matching subscription is enough."""
        keep, drop = wanted("a/#")[0], wanted("x", "a/b", store=False)[1]
        subscriptions = Subscriptions((keep, drop), {})
        self.assertTrue(subscriptions.route("a/b").store)
        self.assertFalse(Subscriptions((drop,), {}).route("a/b").store)


class TestNodeSettings(BaseCase):
    def test_defaults(self):
        """Without a section a node listens."""
        self.assertTrue(NodeSettings.from_section({}).enabled)

    def test_values(self):
        """Each option is read as what it is."""
        settings = NodeSettings.from_section(
            {"enabled": "False", "batch_size": "7", "linger": "0.5"}
        )
        self.assertEqual(
            (settings.enabled, settings.batch_size, settings.linger), (False, 7, 0.5)
        )

    def test_mistakes_are_named(self):
        """An unknown option or a wrong value says which."""
        for section, words in (
            ({"batchsize": "7"}, "has no option batchsize"),
            ({"batch_size": "many"}, "batch_size = many"),
            ({"linger": "-1"}, "linger = -1"),
            ({"enabled": "perhaps"}, "enabled = perhaps"),
        ):
            with self.assertRaisesRegex(ValueError, words):
                NodeSettings.from_section(section)
