# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import random
from itertools import combinations, product
from unittest.mock import patch

from odoo.tests import BaseCase

from ..mqtt.overlap import coverers, partial_overlaps, uncovered
from ..mqtt.topic import FilterIndex, TopicError, TopicFilter, check_topic_name

LEVELS = ("a", "b", "", "$SYS")
TOPICS = ["/".join(levels) for n in (1, 2, 3) for levels in product(LEVELS, repeat=n)]


def all_filters():
    """Every filter of up to three levels over a small alphabet."""
    for count in (1, 2, 3):
        for levels in product(("a", "b", "+", "#", "$SYS"), repeat=count):
            try:
                yield TopicFilter("/".join(levels))
            except TopicError:
                continue


def matching(topic_filter):
    index = FilterIndex([(topic_filter, True)])
    return {topic for topic in TOPICS if any(index.match(topic))}


class TestTopic(BaseCase):
    def test_legal_filters(self):
        """What MQTT allows is accepted."""
        for text in (
            "a",
            "/",
            "/a",
            "a/",
            "+",
            "#",
            "+/+",
            "a/+/b",
            "a/#",
            "$SYS/#",
            "ünï/\U0001f600/ ",
            "$share/group/a/#",
            "x" * 65_535,
        ):
            with self.subTest(text=text[:20]):
                self.assertEqual(TopicFilter(text).text, text)

    def test_illegal_filters(self):
        """What MQTT forbids is refused, with the rule that is broken."""
        for text, code in {
            "": "empty",
            "a\0b": "nul",
            "\ud800": "not_utf8",
            "x" * 65_536: "too_long",
            "a+/b": "plus",
            "a/+b": "plus",
            "#/a": "hash",
            "a#": "hash",
            "$share/group": "share",
            "$share//a": "share",
            "$share/g+/a": "share",
        }.items():
            with self.subTest(text=text[:20]):
                with self.assertRaises(TopicError) as raised:
                    TopicFilter(text)
                self.assertEqual(raised.exception.code, code)

    def test_topic_names(self):
        """Nothing is published to a wildcard."""
        self.assertEqual(check_topic_name("a/b"), "a/b")
        for text in ("a/+", "#", ""):
            with self.assertRaises(TopicError):
                check_topic_name(text)

    def test_covers_and_overlaps_agree_with_matching(self):
        """For every pair of small filters, both say what matching every topic says."""
        filters = list(all_filters())
        topics = {one: matching(one) for one in filters}
        for one, other in product(filters, repeat=2):
            if one.covers(other):
                self.assertLessEqual(topics[other], topics[one], (one, other))
            common = topics[one] & topics[other]
            self.assertEqual(one.overlaps(other), bool(common), (one, other))

    def test_covering_is_found(self):
        """A filter that another contains is left out, equal ones are kept once."""
        for wide, narrow in (
            ("#", "a/b"),
            ("a/#", "a"),
            ("a/#", "a/+/c"),
            ("+/b", "a/b"),
            ("a/+", "a/b"),
        ):
            pair = [TopicFilter(narrow), TopicFilter(wide), TopicFilter(wide)]
            self.assertEqual([one.text for one in uncovered(pair)], [wide])
        self.assertFalse(TopicFilter("#").covers(TopicFilter("$SYS/a")))
        self.assertFalse(TopicFilter("a").covers(TopicFilter("a/#")))

    def test_partial_overlap(self):
        """Two filters that share topics while neither covers the other are named."""
        pair = [TopicFilter("a/+/c"), TopicFilter("a/b/+")]
        self.assertEqual(list(partial_overlaps(pair)), [tuple(pair)])
        self.assertFalse(list(partial_overlaps([*pair, TopicFilter("a/#")])))
        shared = TopicFilter("$share/g/a/+/c")
        self.assertFalse(list(partial_overlaps([shared, pair[1]])))

    def test_many_filters_at_once(self):
        """Found in a tree is what comparing each with each would find."""
        filters = [*all_filters(), TopicFilter("$share/g/a/+")]
        chooser = random.Random(1)
        for size in (1, 2, 3, 5, 8, 13) * 50:
            some = chooser.sample(filters, size)
            kept = [
                one
                for one in some
                if not any(other.covers(one) for other in some if other != one)
            ]
            self.assertEqual(uncovered(some), kept)
            pairs = {(one, two) for one in some for two in kept if two.covers(one)}
            self.assertEqual(set(coverers(some, kept)), pairs)
            later = [two for _one, two in partial_overlaps(some)]
            accepted = [one for one in kept if one not in later]
            for one, two in combinations(accepted, 2):
                self.assertFalse(one.overlaps(two))
            for one, two in partial_overlaps(some):
                self.assertIn(one, accepted)
                self.assertTrue(one.overlaps(two))

    def test_a_thousand_filters_are_few_comparisons(self):
        """Not each with each."""
        filters = [TopicFilter(f"plant/{n // 10}/m{n % 10}/#") for n in range(1000)]
        compared = []
        with patch.object(TopicFilter, "covers", lambda *pair: compared.append(pair)):
            self.assertEqual(uncovered(filters), filters)
        self.assertLess(len(compared), 5 * len(filters))

    def test_shared_filters_match_without_their_prefix(self):
        """A shared subscription brings the topics of the filter in it."""
        index = FilterIndex([(TopicFilter("$share/g/a/+"), "one")])
        self.assertEqual(list(index.match("a/b")), ["one"])
