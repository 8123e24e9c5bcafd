from odoo import fields, models


class MqttService(models.Model):
    """What a service publishes of itself: that it is there, and that it is not."""

    _inherit = "mqtt.service"

    announcement_ids = fields.One2many("mqtt.announcement", "service_id", copy=True)

    def _listener_settings(self):
        return {
            **super()._listener_settings(),
            "announcements": {
                one.kind: one._listener_values() for one in self.announcement_ids
            },
        }

    def _check_configuration(self):
        super()._check_configuration()
        self.announcement_ids._check_message()

    def _announcements_changed(self):
        """A connection keeps them, the will as the broker was given it."""
        self.filtered(lambda one: one.status == "start").needs_restart = True

    def _describe_problem(self, code, detail):
        env = self.env
        words = {
            "will_qos": env._(
                "The broker does not take the QoS of the announcement “Connection "
                "lost”: choose a lower one."
            ),
            "will_retain": env._(
                "The broker keeps no retained messages, and the announcement "
                "“Connection lost” is to be one: switch its Retain off."
            ),
        }
        return words.get(code) or super()._describe_problem(code, detail)
