# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import re

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ...mqtt.topic import TopicError, TopicFilter
from ...mqtt.wording import short_line
from ..common.actions import open_records

REGEX_SPECIAL = re.compile(r"([][\\.^$*+?{}()|])")
LIKE_SPECIAL = re.compile(r"([\\%_])")


class MqttSignalHistory(models.Model):
    """Messages by a topic filter, as MQTT matches it."""

    _inherit = "mqtt.signal.history"

    topic_filter = fields.Char(
        compute="_compute_topic_filter",
        search="_search_topic_filter",
        help="For searching: a topic filter such as plant/+/state or plant/#.",
    )

    def _compute_topic_filter(self):
        self.topic_filter = False

    def _search_topic_filter(self, operator, value):
        if operator != "in":
            return NotImplemented
        return Domain.OR(map(self._domain_of_filter, value))

    def _domain_of_filter(self, text):
        """:raise UserError: when it is a text and not a valid topic filter."""
        if not isinstance(text, str):
            return Domain.FALSE
        try:
            return _domain_of(TopicFilter(text))
        except TopicError as error:
            raise UserError(
                self.env["mqtt.subscription"]._describe_topic_error(
                    error.code, error.text
                )
            ) from error

    def action_open_same_topic(self):
        """Open the messages that have the topic of this one.

        :raise AccessError: for a user who may not read it.
        """
        self.ensure_one()
        self.check_access("read")
        domain = [("topic", "=", self.topic), ("service_id", "=", self.service_id.id)]
        action = open_records(self.env, "mqtt_signal_history_action", domain)
        title = short_line(self.topic)
        return {**action, "name": title, "display_name": title}


def _domain_of(topic_filter):
    """Topics that match a filter, found by their beginning and then exactly."""
    levels = topic_filter.levels
    wildcard = next((at for at, one in enumerate(levels) if one in "+#" and one), None)
    if wildcard is None:
        return Domain("topic", "=", topic_filter.pattern)
    # No ORM equivalent: its patterns are those of LIKE.
    matches = Domain.custom(
        to_sql=lambda model, alias, query: SQL(
            "%s ~ %s", model._field_to_sql(alias, "topic", query), filter_regex(levels)
        )
    )
    beginning = LIKE_SPECIAL.sub(r"\\\1", "/".join(levels[:wildcard]))
    return Domain("topic", "=like", f"{beginning}%") & matches if wildcard else matches


def filter_regex(levels):
    """What the trie does, as PostgreSQL's regular expression (MQTT 5.0 section 4.7)."""
    tail = levels[-1] == "#"
    exact = "/".join(
        "[^/]*" if level == "+" else REGEX_SPECIAL.sub(r"\\\1", level)
        for level in (levels[:-1] if tail else levels)
    )
    if tail:  # matches the topic that ends before it, too
        exact = f"{exact}(/.*)?" if len(levels) > 1 else ".*"
    # Wildcards on the first level do not match topics that start with $.
    return rf"^(?!\$){exact}$" if levels[0] in ("+", "#") else f"^{exact}$"
