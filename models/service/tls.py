# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_datetime

from ...mqtt.connect import HeaderError, parse_headers
from ...mqtt.tls import Certificate, Tls, TlsError, has_private_key

WARNING_DAYS = 30  # before a certificate ends


class MqttService(models.Model):
    """How the connection to the broker is secured."""

    _inherit = "mqtt.service"

    tls = fields.Boolean(
        string="TLS",
        help="Encrypt the connection and verify the broker's certificate (TLS 1.2 "
        "or 1.3).",
    )
    tls_authorities = fields.Text(
        string="Authorities",
        help="Certificates in PEM format of the authorities that may sign the "
        "broker's certificate. Empty: the authorities that the listener's "
        "system trusts.",
    )
    tls_certificate = fields.Text(
        string="Client Certificate",
        help="Client certificate in PEM format, if the broker requires one, with "
        "the intermediate certificates up to its authority.",
    )
    tls_certificate_end = fields.Datetime(
        string="Client Certificate Ends",
        compute="_compute_tls_certificate_end",
        store=True,
        help="Time when the client certificate ends.",
    )
    tls_unchecked = fields.Boolean(
        string="Do Not Check the Broker's Certificate",
        help="For tests only: without this check, an attacker on the network can "
        "read and change all messages, and read the password.",
    )
    tls_alpn = fields.Char(
        string="ALPN",
        help="Protocol names separated by commas, for brokers that share their "
        "port with other protocols: x-amzn-mqtt-ca or mqtt.",
    )
    broker_certificate_end = fields.Datetime(related="connection_ids.certificate_end")
    certificate_warning = fields.Char(
        compute="_compute_certificate_warning",
        help="Warning that a certificate ends soon.",
    )

    # Computes

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

    # Business

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

    def _check_headers(self):
        """:raise UserError: when the stored headers cannot be headers."""
        try:
            parse_headers(self.sudo().websocket_headers_secret or "")
        except HeaderError as error:
            raise self._configuration_error("headers") from error

    def _check_tls(self):
        """:raise UserError: when certificates and key cannot be used."""
        service = self.sudo()
        values = self._tls_values()
        if service.tls_key_reference or service.tls_key_password_reference:
            # The process that connects can look up the key; the user who starts the
            # service need not be able to.
            values |= {"certificate": "", "key": "", "key_password": ""}
        try:
            Tls(**values).check()
        except TlsError as error:
            raise self._configuration_error("tls_setup", error.code) from None

    def _configuration_error(self, code, detail=""):
        """A problem of the configuration, for the user who starts the service."""
        return UserError(
            self.env._(
                "“%(service)s”: %(problem)s",
                service=self.name,
                problem=self._describe_problem(code, detail),
            )
        )
