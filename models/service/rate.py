# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import datetime, timedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...mqtt.log import get_logger
from ...mqtt.wording import TOPIC_CHARS, short_line
from ..common.actions import open_records

_logger = get_logger(__name__)

EPOCH = datetime(1970, 1, 1)
MICROSECOND = timedelta(microseconds=1)
NAMED_TOPICS = 3  # in a warning


class MqttService(models.Model):
    """How much a topic may send until its messages are not handled any more."""

    _inherit = "mqtt.service"

    topic_rate_limit = fields.Integer(
        default=0,
        required=True,
        help="Messages per minute that one topic may send. If a topic sends more, "
        "its messages are stored but not handled until it has kept to the "
        "limit for a minute. A replay can handle them later. 0: no limit.",
    )
    paused_topic_ids = fields.One2many("mqtt.paused.topic", "service_id")
    paused_warning = fields.Char(
        compute="_compute_paused_warning",
        help="Warning that topics are paused because they exceed the rate limit.",
    )

    @api.constrains("topic_rate_limit")
    def _check_topic_rate_limit(self):
        for service in self:
            if service.topic_rate_limit < 0:
                raise ValidationError(
                    self.env._(
                        "Topic Rate Limit of “%(service)s” is %(limit)s; it has to be "
                        "0 or more.",
                        service=service.name,
                        limit=service.topic_rate_limit,
                    )
                )

    @api.depends("paused_topic_ids.topic")
    @api.depends_context("lang")
    def _compute_paused_warning(self):
        for service in self:
            topics = service.paused_topic_ids.mapped("topic")
            named = name_topics(topics)
            service.paused_warning = bool(topics) and self.env._(
                "Topics that are paused, since they send more than %(limit)s messages "
                "a minute: %(count)s (%(topics)s)",
                limit=service.topic_rate_limit,
                count=len(topics),
                topics=named,
            )

    def action_open_paused(self):
        """Open the topics of this service that are paused."""
        self.check_access("read")
        return open_records(
            self.env, "mqtt_paused_topic_action", [("service_id", "in", self.ids)]
        )

    # For the listener

    def _resumed_topics(self):
        """Paused topics that a user has resumed, for ``TopicRates.resume``."""
        return tuple(
            (one.topic, (one.paused_since - EPOCH) // MICROSECOND)
            for one in self.paused_topic_ids.filtered("is_resumed")
        )

    def _report_paused(self, paused):
        """Write which topics are paused.

        :param paused: ``{topic: (since, messages)}``, since in microseconds since 1970.
        """
        rows = {row.topic: row for row in self.paused_topic_ids}
        new = []
        for topic, (since, messages) in paused.items():
            values = {
                "paused_since": EPOCH + since * MICROSECOND,
                "message_count": messages,
            }
            row = rows.pop(topic, None)
            if row is None:
                new.append({"service_id": self.id, "topic": topic, **values})
            elif row.paused_since != values["paused_since"]:
                row.write({**values, "is_resumed": False})
            else:
                row.message_count = messages
        gone = self.env["mqtt.paused.topic"].browse(row.id for row in rows.values())
        gone.unlink()
        self.env["mqtt.paused.topic"].create(new)
        if new:
            _logger.warning(
                "%s: topics that send more than %s messages a minute are paused: %s",
                self.name,
                self.topic_rate_limit,
                name_topics([one["topic"] for one in new]),
            )
        if new or rows:
            self._notify_state()


def name_topics(topics):
    """The first of these topics, for a warning."""
    named = [short_line(topic, TOPIC_CHARS) for topic in topics[:NAMED_TOPICS]]
    return ", ".join(named + ["…"] * (len(topics) > NAMED_TOPICS))
