# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo.tests import BaseCase, tagged

from ..mqtt.handler import declared, mqtt_handler
from ..mqtt.pattern import TopicPattern
from ..mqtt.topic import FilterIndex, TopicError


@tagged("post_install", "-at_install")
class TestPattern(BaseCase):
    def test_params(self):
        for text, topic_filter, topic, params in (
            ("a/{b}/c", "a/+/c", "a/x/c", {"b": "x"}),
            ("{a}/{b}", "+/+", "x/", {"a": "x", "b": ""}),
            ("a/{rest#}", "a/#", "a/b/c", {"rest": "b/c"}),
            ("a/{rest#}", "a/#", "a", {"rest": ""}),
            ("{rest#}", "#", "a/b", {"rest": "a/b"}),
            ("a/+/{b}/#", "a/+/+/#", "a/x/y/z", {"b": "y"}),
            ("a/b", "a/b", "a/b", {}),
        ):
            with self.subTest(text):
                pattern = TopicPattern(text)
                self.assertEqual(pattern.filter.text, topic_filter)
                self.assertEqual(pattern.params(topic), params)
                self.assertTrue(any(FilterIndex([(pattern.filter, True)]).match(topic)))

    def test_rules(self):
        for text, code in (
            ("", "empty"),
            ("a/{b", "braces"),
            ("a/x{b}", "braces"),
            ("a/{b}x", "braces"),
            ("a/{}", "name"),
            ("a/{b c}", "name"),
            ("a/{__b}", "name"),
            ("a/{self}", "name"),
            ("a/{for}", "name"),
            ("{a}/{a}", "twice"),
            ("{a#}/b", "tail"),
            ("#/{a}", "hash"),
            ("a+/{b}", "plus"),
            ("$share/g/a", "shared"),
            ("a" * 65_536, "too_long"),
        ):
            with self.subTest(text[:20]), self.assertRaises(TopicError) as raised:
                TopicPattern(text)
            self.assertEqual(raised.exception.code, code)


@tagged("post_install", "-at_install")
class TestDeclared(BaseCase):
    """Declarations follow Python's inheritance, which is that of Odoo's models."""

    class Model:
        @mqtt_handler("a/{x}", batch=True)
        @mqtt_handler("b/{x}")
        def on_a(self, message, x):
            return "model"

    def patterns(self, model):
        return {
            name: [one.pattern for one in options] for name, options in declared(model)
        }

    def test_a_method_may_have_several(self):
        self.assertEqual(self.patterns(self.Model), {"on_a": ["a/{x}", "b/{x}"]})

    def test_overriding_keeps_the_declaration(self):
        class Extended(self.Model):
            def on_a(self, message, x):
                return f"extended {super().on_a(message, x)}"

        self.assertEqual(self.patterns(Extended), self.patterns(self.Model))
        self.assertEqual(Extended().on_a(None, 1), "extended model")

    def test_a_new_declaration_replaces_it(self):
        class Extended(self.Model):
            @mqtt_handler("c/{x}")
            def on_a(self, message, x):
                pass

        self.assertEqual(self.patterns(Extended), {"on_a": ["c/{x}"]})

    def test_a_method_of_the_same_name_is_none(self):
        class Other:
            def on_a(self, message, x):
                pass

        self.assertEqual(self.patterns(Other), {})

    def test_mixins(self):
        class Mixed(type("Unrelated", (), {}), self.Model):
            pass

        self.assertEqual(self.patterns(Mixed), self.patterns(self.Model))
