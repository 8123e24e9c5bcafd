# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import ast

from odoo import api, models
from odoo.exceptions import ValidationError

from ...mqtt.handler import check_retry_pattern
from ...mqtt.pattern import TopicPattern
from ...mqtt.topic import TopicError


class MqttHandler(models.Model):
    """What a handler may be set to, said when it is entered."""

    _inherit = "mqtt.handler"

    @api.constrains("pattern")
    def _check_pattern(self):
        for handler in self:
            try:
                TopicPattern(handler.pattern or "")
            except TopicError as error:
                raise ValidationError(
                    handler._describe_pattern_error(error.code, error.text)
                ) from error

    @api.constrains("action_server_id", "record_domain", "batch")
    def _check_action(self):
        for handler in self.filtered("action_server_id").sudo():
            action = handler.action_server_id
            # Odoo would take the message's id for the id of one of these records.
            if (
                not handler.record_domain
                and action.state != "code"
                and action.model_name != "mqtt.signal.history"
            ):
                raise ValidationError(
                    self.env._(
                        "“%(action)s” works on %(model)s: say in Records which ones, "
                        "for example [('name', '=', mqtt_topic)].",
                        action=action.name,
                        model=action.model_id.name,
                    )
                )

    @api.constrains("channel")
    def _check_channel(self):
        for handler in self.filtered(lambda one: one.kind != "code"):
            name = handler.channel
            if not self.env["queue.job.channel"].search_count(
                [("complete_name", "=", name)], limit=1
            ):
                raise ValidationError(
                    self.env._("There is no queue channel “%s”.", name)
                )

    @api.constrains("retry_pattern")
    def _check_retry_pattern(self):
        for handler in self:
            try:
                check_retry_pattern(ast.literal_eval(handler.retry_pattern))
            except (
                ValueError,
                SyntaxError,
                TypeError,
                MemoryError,
                RecursionError,
            ) as error:
                raise ValidationError(
                    self.env._(
                        "Retry Pattern has to look like %(one)s or %(other)s: runs, "
                        "and the seconds to wait after them.",
                        one="{1: 10, 3: 60}",
                        other="{1: (5, 15)}",
                    )
                ) from error

    def _describe_pattern_error(self, code, pattern):
        env = self.env
        own = {
            "shared": env._(
                "A pattern matches topics: leave $share out of “%s”.", pattern
            ),
            "braces": env._(
                "In “%s”, a name in braces has to stand alone between two slashes.",
                pattern,
            ),
            "name": env._(
                "In “%s”, a name in braces has to consist of letters, digits and "
                "underscores, and may not be message, messages or a word of Python.",
                pattern,
            ),
            "twice": env._("In “%s”, a name stands twice.", pattern),
            "tail": env._("In “%s”, {name#} has to be the last level.", pattern),
        }
        if code in own:
            return own[code]
        return self.env["mqtt.subscription"]._describe_topic_error(code, pattern)
