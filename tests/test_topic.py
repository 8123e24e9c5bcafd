from itertools import product

from odoo.tests import BaseCase

from ..mqtt.topic import (
    FilterIndex,
    TopicError,
    TopicFilter,
    check_topic_name,
    partial_overlap,
    uncovered,
)

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
        self.assertEqual(partial_overlap(pair), tuple(pair))
        self.assertIsNone(partial_overlap([*pair, TopicFilter("a/#")]))
        self.assertIsNone(partial_overlap([TopicFilter("$share/g/a"), pair[0]]))

    def test_shared_filters_match_without_their_prefix(self):
        """A shared subscription brings the topics of the filter in it."""
        index = FilterIndex([(TopicFilter("$share/g/a/+"), "one")])
        self.assertEqual(list(index.match("a/b")), ["one"])
