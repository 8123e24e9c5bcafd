# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import re
from collections import defaultdict
from datetime import timedelta

from babel.dates import format_timedelta

from odoo import fields, models
from odoo.fields import Domain
from odoo.tools import babel_locale_parse, get_lang

from .backlog import RED_SECONDS
from .rate import name_topics

CAUSES_SHOWN = 5
PLACE = re.compile(r" \(\S+, \S+\)$")  # in the code, at the end of a cause


class MqttService(models.Model):
    """What a person has to do something about, for the page Overview."""

    _inherit = "mqtt.service"

    def _overview_needs(self, cards):
        """What needs a person, the worst first: one sentence and one button each.

        :param cards: as ``_overview_card`` returns them.
        :return: dicts: ``kind``, ``level`` (danger or warning), ``text``, ``button``
            (its label), and what it opens: ``model``, ``ids``, and ``method``, which
            returns an action; without one, the form of the record.
        """
        services = {card["id"]: self.browse(card["id"]) for card in cards}
        pairs = [(services[card["id"]], card) for card in cards]
        needs = [
            *self._needs_of_states(pairs),
            *self._needs_of_failures(),
            *self._needs_of_refusals(),
            *self._needs_of_handlers(),
            *self._needs_of_quarantine(),
            *self._needs_of_paused_topics(),
            *self._needs_of_warnings(),
        ]
        return sorted(needs, key=lambda one: one["level"] != "danger")

    def _needs_of_states(self, pairs):
        env = self.env
        for service, card in pairs:
            match card["state"]:
                case "unreachable":
                    text = env._(
                        "“%(service)s” cannot connect: %(problem)s",
                        service=service.name,
                        problem=card["detail"],
                    )
                    yield service._need("unreachable", "danger", text)
                case "behind":
                    text = env._(
                        "“%(service)s” is behind: its oldest message has been waiting "
                        "for %(duration)s.",
                        service=service.name,
                        duration=self._describe_seconds(card["oldest"]),
                    )
                    is_red = card["oldest"] > RED_SECONDS
                    level = "danger" if is_red else "warning"
                    button = env._("Show Jobs"), "action_open_jobs"
                    is_operator = env["queue.job"].has_access("read")
                    yield service._need(
                        "behind", level, text, *(button if is_operator else ())
                    )
                case "idle":
                    text = env._(
                        "“%s” is started and has no topic filter: it receives nothing.",
                        service.name,
                    )
                    button = env._("Subscriptions"), "action_open_subscriptions"
                    yield service._need("idle", "warning", text, *button)

    def _needs_of_failures(self):
        failures = self.env["mqtt.failure"]
        if not failures.has_access("read"):
            return
        found = failures.search([], order="message_count desc, id", limit=CAUSES_SHOWN)
        for failure in found:
            cause = PLACE.sub("", failure.cause or "")
            values = {"count": failure.message_count, "cause": cause}
            if failure.handler_id:
                text = self.env._(
                    "Messages failed in handler “%(handler)s” (%(count)s): %(cause)s",
                    handler=failure.handler_id.sudo().name,
                    **values,
                )
            else:
                text = self.env._(
                    "Messages were not published (%(count)s): %(cause)s", **values
                )
            yield {
                **self._need("failed", "danger", text, self.env._("Failed Messages")),
                "model": failures._name,
                "ids": failure.ids,
                "method": "action_open",
            }

    def _needs_of_refusals(self):
        refused = defaultdict(list)
        grants = self.env["mqtt.grant"].search(
            Domain("state", "=", "refused")
            & Domain("subscription_id.active", "=", True)
            & Domain("subscription_id.service_id", "in", self.ids),
        )
        for subscription in grants.subscription_id:
            if subscription.service_id.status == "start":
                refused[subscription.service_id].append(subscription.topic_filter)
        for service, filters in refused.items():
            text = self.env._(
                "The broker of “%(service)s” refused topic filters: %(filters)s",
                service=service.name,
                filters=name_topics(filters),
            )
            button = self.env._("Subscriptions"), "action_open_subscriptions"
            yield service._need("refused", "danger", text, *button)

    def _needs_of_handlers(self):
        handlers = self.env["mqtt.handler"].search([("suspended_since", "!=", False)])
        waiting = self._suspended_counts(handlers)
        now = fields.Datetime.now()
        for handler in handlers:
            seconds = (now - handler.suspended_since).total_seconds()
            text = self.env._(
                "Handler “%(handler)s” has been suspended for %(duration)s; messages "
                "that wait for it: %(count)s",
                handler=handler.name,
                duration=self._describe_seconds(seconds),
                count=waiting.get(handler.id, 0),
            )
            yield {
                **self._need("suspended", "danger", text, self.env._("Open Handler")),
                "model": handler._name,
                "ids": handler.ids,
            }

    def _suspended_counts(self, handlers):
        """Messages of these services that wait, by id of the handler."""
        # sudo: numbers only, of services that the user may see
        own = [("service_id", "in", self.ids), ("handler_id", "in", handlers.ids)]
        rows = self.env["mqtt.dispatch"].sudo()
        grouped = rows._read_group(own, ["handler_id"], ["message_count:sum"])
        return {handler.id: count for handler, count in grouped}

    def _needs_of_quarantine(self):
        grouped = self.env["mqtt.quarantine"]._read_group(
            [("service_id", "in", self.ids)], ["service_id"], ["__count"]
        )
        for service, count in grouped:
            text = self.env._(
                "Messages of “%(service)s” that could not be stored: %(count)s",
                service=service.name,
                count=count,
            )
            button = self.env._("Show Messages"), "action_open_quarantine"
            yield service._need("quarantine", "danger", text, *button)

    def _needs_of_paused_topics(self):
        grouped = self.env["mqtt.paused.topic"]._read_group(
            [("service_id", "in", self.ids)], ["service_id"], ["topic:array_agg"]
        )
        for service, topics in grouped:
            text = self.env._(
                "Topics of “%(service)s” are paused because they send too much: "
                "%(topics)s",
                service=service.name,
                topics=name_topics(topics),
            )
            button = self.env._("Paused Topics"), "action_open_paused"
            yield service._need("paused", "warning", text, *button)

    def _needs_of_warnings(self):
        for service in self:
            for kind, warning in (
                ("certificate", service.certificate_warning),
                ("session", service.session_loss),
            ):
                if warning:
                    text = self.env._(
                        "“%(service)s”: %(warning)s",
                        service=service.name,
                        warning=warning,
                    )
                    yield service._need(kind, "warning", text)

    def _need(self, kind, level, text, button=None, method=None):
        """A row of the list; by default its button opens the form of this service."""
        return {
            "kind": kind,
            "level": level,
            "text": text,
            "button": button or self.env._("Open Service"),
            "model": self._name,
            "ids": self.ids,
            "method": method,
        }

    def _describe_seconds(self, seconds):
        """A duration in the user's language, such as “5 minutes”."""
        locale = babel_locale_parse(get_lang(self.env).code)
        return format_timedelta(timedelta(seconds=seconds), locale=locale)
