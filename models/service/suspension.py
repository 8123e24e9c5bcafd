from odoo import fields, models


class MqttService(models.Model):
    """What is received, and waits because its handler is suspended."""

    _inherit = "mqtt.service"

    suspended_handlers = fields.Char(
        compute="_compute_suspended_handlers",
        compute_sudo=True,
        help="Names of handlers that messages of this service wait for.",
    )

    def _compute_suspended_handlers(self):
        suspended = self.env["mqtt.handler"].search([("suspended_since", "!=", False)])
        for service in self:
            names = suspended.filtered(lambda one, of=service: one._is_for(of))
            service.suspended_handlers = ", ".join(names.mapped("name")) or False

    def _describe_status(self, status):
        described = super()._describe_status(status)
        if not self.suspended_handlers:
            return described
        return self.env._(
            "%(status)s. Suspended handlers: %(names)s",
            status=described.rstrip("."),
            names=self.suspended_handlers,
        )

    def action_open_suspended_handlers(self):
        """Open the suspended handlers that messages of these services wait for."""
        self.check_access("read")
        handlers = self.env["mqtt.handler"].search([("suspended_since", "!=", False)])
        own = handlers.filtered(lambda one: any(map(one._is_for, self)))
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "mqtt_listener.mqtt_handler_action"
        )
        return {**action, "domain": [("id", "in", own.ids)], "context": {}}
