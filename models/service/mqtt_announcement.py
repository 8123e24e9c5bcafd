# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...mqtt.outgoing import MAX_FIELD, Outgoing
from ...mqtt.topic import TopicError, check_topic_name


class MqttAnnouncement(models.Model):
    """What a service publishes of itself, so that others know whether it is there.

    The listener sends it on its own connection; "Connection lost" is the will, which
    the broker has been given and publishes by itself (MQTT 5.0 section 3.1.2.5). None
    of them is in history.
    """

    _name = "mqtt.announcement"
    _description = "MQTT Announcement"
    _rec_name = "topic"
    _order = "service_id, kind, id"

    service_id = fields.Many2one(
        "mqtt.service", required=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="service_id.company_id")
    kind = fields.Selection(
        [("birth", "Connected"), ("stop", "Stopped"), ("will", "Connection lost")],
        string="When",
        required=True,
        help="Connected: published after each login. Stopped: published before the "
        "service disconnects. Connection lost: the broker publishes it when "
        "the connection ends otherwise.",
    )
    topic = fields.Char(required=True)
    payload = fields.Text(help="Text that is published, in UTF-8.")
    qos = fields.Selection(
        [
            ("0", "0 – at most once"),
            ("1", "1 – at least once"),
            ("2", "2 – exactly once"),
        ],
        string="QoS",
        default="1",
        required=True,
    )
    retain = fields.Boolean(
        default=True,
        help="The broker keeps the message and sends it to clients that "
        "subscribe later.",
    )

    _service_kind_uniq = models.Constraint(
        "UNIQUE(service_id, kind)",
        "The service has an announcement for this already.",
    )

    @api.constrains("topic", "payload", "kind")
    def _check_message(self):
        for announcement in self:
            problem = announcement._find_problem()
            if problem:
                raise ValidationError(
                    self.env._(
                        "The announcement “%(kind)s”: %(problem)s",
                        kind=announcement._kind_label(),
                        problem=problem,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        announcements = super().create(vals_list)
        announcements.service_id._announcements_changed()
        return announcements

    def write(self, vals):
        services = self.service_id
        result = super().write(vals)
        (services | self.service_id)._announcements_changed()
        return result

    def unlink(self):
        services = self.service_id
        result = super().unlink()
        services._announcements_changed()
        return result

    def _kind_label(self):
        return dict(self._fields["kind"]._description_selection(self.env))[self.kind]

    def _find_problem(self):
        """What keeps any broker from taking it, in words."""
        try:
            check_topic_name(self.topic or "")
        except TopicError as error:
            return self.service_id._describe_topic_name_error(error.code)
        values = self._listener_values()
        if self.kind == "will" and len(values["payload"]) > MAX_FIELD:
            return self.env._("The payload may have 65,535 bytes at most.")
        if Outgoing(0, **values).is_too_long:
            return self.env._("The payload is larger than any packet of MQTT.")
        return None

    def _listener_values(self):
        """What :class:`Outgoing` takes, as plain values."""
        return {
            "topic": self.topic,
            "payload": (self.payload or "").encode(),
            "qos": int(self.qos),
            "retain": self.retain,
        }
