# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models

from ..common.groups import OPERATOR, check_group
from ..common.wide_fields import BigInteger


class MqttPausedTopic(models.Model):
    """A topic that sends more than it may: what comes is stored, and not handled.

    Written by the listener only, as ``mqtt.connection`` is.
    """

    _name = "mqtt.paused.topic"
    _inherit = ["mqtt.short.topics"]
    _description = "Paused MQTT Topic"
    _rec_name = "topic"
    _order = "paused_since desc, id desc"
    _log_access = False

    service_id = fields.Many2one("mqtt.service", required=True, ondelete="cascade")
    topic = fields.Char(required=True, help="The topic; a long one is shortened.")
    paused_since = fields.Datetime(required=True)
    message_count = BigInteger(
        string="Messages",
        default=0,
        required=True,
        help="Messages received since the topic was paused. They are stored, but "
        "no handler was called for them.",
    )
    is_resumed = fields.Boolean(help="An operator has asked to resume the topic.")

    _topic_uniq = models.UniqueIndex("(service_id, topic)")

    def action_resume(self):
        """Have these topics handled again, from now on.

        :raise AccessError: for a user who is no MQTT operator.
        """
        check_group(
            self.env, OPERATOR, self.env._("Only an MQTT operator may resume topics.")
        )
        self.check_access("read")
        # sudo: the listener's table, which nobody writes through the interface
        topics = self.sudo()
        topics.is_resumed = True
        topics.service_id._wake_listener()
        return True
