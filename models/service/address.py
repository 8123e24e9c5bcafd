# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.exceptions import UserError

from ...mqtt.address import PORTS, SCHEMES, AddressError, is_url, parse_address


class MqttService(models.Model):
    """A broker's address, as somebody pastes or changes it."""

    _inherit = "mqtt.service"

    # Not stored: for the length of an onchange, in which the next one must not replace
    # what an address says about the port by the usual one.
    pasted_port = fields.Integer(store=False)

    broker_address = fields.Char(
        string="Broker",
        compute="_compute_broker_address",
        help="Address of the broker that the service connects to.",
    )

    @api.depends("host", "port", "transport", "tls", "websocket_path")
    def _compute_broker_address(self):
        for service in self:
            kind = service.transport, service.tls
            scheme = next(name for name, found in SCHEMES.items() if found == kind)
            path = service.websocket_path or "" if "ws" in scheme else ""
            path = path.partition("?")[0]  # what follows may be a token
            service.broker_address = (
                service.host and f"{scheme}://{service.host}:{service.port}{path}"
            )

    @api.onchange("host")
    def _onchange_host(self):
        """Take apart what is more than a host: its parts have fields of their own."""
        if not is_url(self.host or ""):
            return None
        try:
            values = self._address_values(self.host)
        except UserError as error:
            return {"warning": {"title": self.env._("Host"), "message": str(error)}}
        if "://" not in self.host:  # it says nothing about these
            values = {
                name: value
                for name, value in values.items()
                if name not in ("tls", "transport")
            }
        self.update({**values, "pasted_port": values["port"]})
        return None

    @api.onchange("tls", "transport")
    def _onchange_tls(self):
        if self.port in PORTS.values() and self.port != self.pasted_port:
            self.port = PORTS[self.transport, self.tls]

    @api.model
    def _address_values(self, text):
        """What an address says: values of fields, those that it names only.

        :raise UserError: when it is none; it does not quote it, for it may hold a
            password.
        """
        try:
            address = parse_address(text or "")
        except AddressError as error:
            raise UserError(self._describe_address_error(error.code)) from None
        values = {
            "host": address.host,
            "port": address.port,
            "transport": address.transport,
            "tls": address.tls,
            "websocket_path": address.path,
            "username": address.username,
            "password": address.password,
        }
        return {
            name: value
            for name, value in values.items()
            if value or name in ("host", "port", "transport", "tls")
        }

    def _describe_address_error(self, code):
        env = self.env
        return {
            "empty": env._("Enter the address of the broker."),
            "too_long": env._("The address of the broker is too long."),
            "text": env._(
                "The address of the broker has characters that an address cannot have, "
                "such as blanks or line breaks."
            ),
            "scheme": env._(
                "The address of a broker begins with mqtt://, mqtts://, ws:// or "
                "wss://, or with the host itself."
            ),
            "host": env._(
                "The host in the address is not valid. Percent-encode /, ? and # in a "
                "password, and put an IPv6 address with a port in brackets."
            ),
            "port": env._("The port in the address is not a number from 1 to 65,535."),
            "login": env._(
                "The username or the password in the address is not valid: encode a % "
                "as %25."
            ),
        }[code]
