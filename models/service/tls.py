from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import NO_ACCESS
from odoo.tools import format_datetime

from ...mqtt.headers import HeaderError, parse_headers
from ...mqtt.tls import Certificate, Tls, TlsError, has_private_key

WARNING_DAYS = 30  # before a certificate ends
PORTS = {  # (transport, TLS): the one that brokers listen on
    ("tcp", False): 1883,
    ("tcp", True): 8883,
    ("websockets", False): 80,
    ("websockets", True): 443,
}


class MqttService(models.Model):
    """How the connection to the broker is secured."""

    _inherit = "mqtt.service"

    tls = fields.Boolean(
        string="TLS",
        help="Encrypt the connection, and know the broker: TLS 1.2 or 1.3.",
    )
    tls_authorities = fields.Text(
        string="Authorities",
        help="Certificates, as PEM, of the authorities that may have signed the "
        "broker's; empty: those that the system of the listener trusts.",
    )
    tls_certificate = fields.Text(
        string="Client Certificate",
        help="As PEM, where the broker asks for one: it and those that lead from it to "
        "its authority.",
    )
    tls_certificate_end = fields.Datetime(
        string="Client Certificate Ends",
        compute="_compute_tls_certificate_end",
        store=True,
    )
    tls_key = fields.Text(
        string="Private Key",
        compute="_compute_secrets",
        inverse="_inverse_tls_key",
        help="Of the client certificate, as PEM. Write only: it is never shown again.",
    )
    tls_key_secret = fields.Text(groups=NO_ACCESS, copy=False)
    tls_key_is_set = fields.Boolean(compute="_compute_secrets")
    tls_key_password = fields.Char(
        string="Password of the Key",
        compute="_compute_secrets",
        inverse="_inverse_tls_key_password",
        help="Where the key is encrypted. Write only: it is never shown again.",
    )
    tls_key_password_secret = fields.Char(groups=NO_ACCESS, copy=False)
    tls_key_password_is_set = fields.Boolean(compute="_compute_secrets")
    tls_unchecked = fields.Boolean(
        string="Do Not Check the Broker's Certificate",
        help="Whoever stands between Odoo and the broker can then read and change all "
        "messages, and the password. For tests.",
    )
    tls_alpn = fields.Char(
        string="ALPN",
        help="Protocol names, separated by commas, for brokers that share their port "
        "with others, such as x-amzn-mqtt-ca or mqtt.",
    )
    websocket_headers = fields.Text(
        compute="_compute_secrets",
        inverse="_inverse_websocket_headers",
        help="A line each, such as “Authorization: Bearer …”. Write only: they are "
        "never shown again.",
    )
    websocket_headers_secret = fields.Text(groups=NO_ACCESS, copy=False)
    websocket_headers_is_set = fields.Boolean(compute="_compute_secrets")
    broker_certificate_end = fields.Datetime(related="connection_ids.certificate_end")
    certificate_warning = fields.Char(compute="_compute_certificate_warning")

    # Computes

    def _compute_secrets(self):
        for service in self:
            for name in ("tls_key", "tls_key_password", "websocket_headers"):
                service[name] = False
                service[f"{name}_is_set"] = bool(service.sudo()[f"{name}_secret"])

    def _inverse_tls_key(self):
        self._set_secret("tls_key")

    def _inverse_tls_key_password(self):
        self._set_secret("tls_key_password")

    def _inverse_websocket_headers(self):
        self._set_secret("websocket_headers")

    @api.depends("tls_certificate")
    def _compute_tls_certificate_end(self):
        for service in self:
            try:
                end = Certificate.from_pem(service.tls_certificate or "").end
            except ValueError:
                end = False  # Start says so
            service.tls_certificate_end = end

    @api.depends("tls", "tls_certificate_end", "broker_certificate_end")
    @api.depends_context("lang", "tz")
    def _compute_certificate_warning(self):
        soon = fields.Datetime.now() + timedelta(days=WARNING_DAYS)
        for service in self:
            own, other = service.tls_certificate_end, service.broker_certificate_end
            service.certificate_warning = False
            if service.tls and own and own < soon:
                service.certificate_warning = self.env._(
                    "The client certificate ends on %s: the broker will not take it "
                    "from then on.",
                    format_datetime(self.env, own),
                )
            elif service.tls and other and other < soon:
                service.certificate_warning = self.env._(
                    "The broker's certificate ends on %s: unless it is renewed, the "
                    "service cannot connect from then on.",
                    format_datetime(self.env, other),
                )

    @api.constrains("tls_authorities", "tls_certificate")
    def _check_no_key(self):
        # Who may read the service may read these.
        for service in self:
            for name in ("tls_authorities", "tls_certificate"):
                if has_private_key(service[name] or ""):
                    raise ValidationError(
                        self.env._(
                            "%(field)s of “%(service)s” has a private key in it, which "
                            "others could read here: enter it as Private Key.",
                            field=self._fields[name]._description_string(self.env),
                            service=service.name,
                        )
                    )

    @api.onchange("tls", "transport")
    def _onchange_tls(self):
        if self.port in PORTS.values():
            self.port = PORTS[self.transport, self.tls]

    # Business

    def _listener_settings(self):
        return {
            **super()._listener_settings(),
            "tls": self._tls_values() if self.tls else None,
            "websocket_headers": self._websocket_headers(),
        }

    def _tls_values(self):
        """What :class:`Tls` takes."""
        service = self.sudo()
        return {
            "authorities": service.tls_authorities or "",
            "certificate": service.tls_certificate or "",
            "key": service.tls_key_secret or "",
            "key_password": service.tls_key_password_secret or "",
            "unchecked": service.tls_unchecked,
            "alpn": tuple(
                name.strip()
                for name in (service.tls_alpn or "").split(",")
                if name.strip()
            ),
        }

    def _websocket_headers(self):
        try:
            return parse_headers(self.sudo().websocket_headers_secret or "")
        except HeaderError:
            return ()  # Start says so

    def _check_configuration(self):
        super()._check_configuration()
        try:
            parse_headers(self.sudo().websocket_headers_secret or "")
        except HeaderError as error:
            raise UserError(
                self.env._("“%s”: ", self.name) + self._describe_problem("headers", "")
            ) from error
        if not self.tls:
            return
        values = self._tls_values()
        if self.sudo().tls_key_reference or self.sudo().tls_key_password_reference:
            # Whoever connects can look the key up; who asks for a start need not.
            values |= {"certificate": "", "key": "", "key_password": ""}
        try:
            Tls(**values).check()
        except TlsError as error:
            raise UserError(
                self.env._(
                    "“%(service)s”: %(problem)s",
                    service=self.name,
                    problem=self._describe_tls_error(error.code),
                )
            ) from None

    def _describe_tls_error(self, code):
        env = self.env
        return {
            "authorities": env._(
                "Authorities is no certificate as PEM: it has to begin with "
                "-----BEGIN CERTIFICATE-----."
            ),
            "certificate": env._(
                "Client Certificate is no certificate as PEM: it has to begin with "
                "-----BEGIN CERTIFICATE-----."
            ),
            "certificate_missing": env._(
                "There is a Private Key, and no Client Certificate to it: enter it, or "
                "remove the key."
            ),
            "certificate_ended": env._(
                "Client Certificate has ended: enter the renewed one."
            ),
            "key": env._(
                "Private Key cannot be read: it has to be PEM, and to begin with "
                "-----BEGIN … PRIVATE KEY-----."
            ),
            "key_missing": env._("Client Certificate needs its Private Key: enter it."),
            "key_password": env._(
                "Private Key is encrypted, and Password of the Key does not fit."
            ),
            "key_mismatch": env._(
                "Private Key is not the one that Client Certificate was made for."
            ),
        }[code]

    def _describe_problem(self, code, detail):
        env, at = self.env, {"host": self.host or "", "port": self.port}
        if code == "tls_setup":
            return self._describe_tls_error(detail)
        words = {
            "certificate_ended": env._(
                "The broker's certificate has ended: its operator has to renew it."
            ),
            "certificate_not_yet": env._(
                "The broker's certificate is not valid yet: do the clocks agree?"
            ),
            "certificate_name": env._(
                "The broker's certificate is for another name than %s: enter one of "
                "its names as Host (Test Connection shows them).",
                self.host,
            ),
            "certificate_self_signed": env._(
                "The broker's certificate is signed by itself: if it is the right one, "
                "enter it as Authorities."
            ),
            "certificate_unknown": env._(
                "The authority that signed the broker's certificate is not trusted: "
                "enter its certificate as Authorities."
            ),
            "certificate_other": env._(
                "The broker's certificate is refused: %s", detail
            ),
            "no_tls": env._(
                "%(host)s:%(port)s does not speak TLS: check Port, or switch TLS off.",
                **at,
            ),
            "tls_closed": env._(
                "The broker closed the connection while TLS was set up: does it speak "
                "TLS on this port? Does it ask for a client certificate, and take "
                "this one?"
            ),
            "tls_version": env._(
                "The broker speaks only versions of TLS before 1.2, which are not safe."
            ),
            "client_certificate_missing": env._(
                "The broker asks for a client certificate: enter Client Certificate "
                "and Private Key."
            ),
            "client_certificate_refused": env._(
                "The broker refused the client certificate: is it from an authority "
                "that the broker trusts, and not revoked? (%s)",
                detail,
            ),
            "alpn": env._("The broker takes none of the names in ALPN."),
            "tls_other": env._("TLS failed: %s", detail),
            "headers": env._(
                "Websocket Headers: each line has to be a name, a colon and a value."
            ),
            "websocket": env._(
                "%(host)s:%(port)s does not speak MQTT over WebSockets there: check "
                "Port, Websocket Path, and the headers that it asks for.",
                **at,
            ),
        }
        return words.get(code) or super()._describe_problem(code, detail)
