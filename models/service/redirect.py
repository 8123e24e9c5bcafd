from odoo import fields, models


class MqttService(models.Model):
    """Going where the broker sends its clients (MQTT 5.0 section 4.13)."""

    _inherit = "mqtt.service"

    follow_redirects = fields.Boolean(
        help="Where the broker says to use another server (MQTT 5), connect to that "
        "one, with this service's username, password, headers and client certificate: "
        "the broker decides who gets them, and without TLS whoever stands in between. "
        "What the other server has not, such as the session and its messages, stays "
        "behind.",
    )
    connected_to = fields.Char(
        related="connection_ids.connected_to",
        help="The server that the broker sent the service to.",
    )

    def _listener_claim(self, thread_identifier, host_info):
        # A listener begins at the service's own server.
        self.connection_ids.connected_to = False
        return super()._listener_claim(thread_identifier, host_info)

    def _describe_problem(self, code, detail):
        # Of the server that the context names, which is empty for the service's own.
        env = self.env
        words = {
            "redirected": env._("The broker sends the service to %s.", detail),
            "redirect_loop": env._(
                "The broker sent the service on, and so did the next: %s times in a "
                "row. The operators of the brokers have to look into it.",
                detail,
            ),
            "redirect_unreadable": env._(
                "The broker asks to use another one, and its name cannot be read: %s",
                detail,
            ),
        }
        said = words.get(code) or super()._describe_problem(code, detail)
        other = env.context.get("mqtt_server", self.connected_to)
        if other and code not in words:
            # The words name Host and Port.
            return env._(
                "%(problem)s (The service was sent to %(server)s.)",
                problem=said,
                server=other,
            )
        return said
