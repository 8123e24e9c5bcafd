# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import NO_ACCESS
from odoo.tools import mute_logger

from ...mqtt.connect import TEXTS
from ...mqtt.outgoing import is_text
from ...mqtt.reference import is_reference
from ..common.groups import MANAGER, check_group
from .mqtt_service import ALL_SECRETS, SENT_SECRETS

SECRET_BYTES = 1024 * 1024
REFERENCES = {  # by the field that says where it is kept instead
    "password_reference": "password",
    "websocket_headers_reference": "websocket_headers",
    "tls_key_reference": "tls_key",
    "tls_key_password_reference": "tls_key_password",
}
HELP = (
    "Where it is kept instead of here: env:MQTT_… is a variable of the server's "
    "environment, conf:secret_… an option of [mqtt_listener] in its configuration. "
    "Beside it, under the same name with _FOR or _for, has to stand for which hosts."
)


class MqttService(models.Model):
    """Secrets of a service: stored where nobody reads them, or referred to.

    A secret that is referred to is not in the database. The process that connects looks
    it up, each time it does, if the administrator of the server allows it for the
    broker.
    """

    _inherit = "mqtt.service"

    password = fields.Char(
        compute="_compute_secrets",
        inverse="_inverse_password",
        help="It is stored, but never shown again.",
    )
    password_secret = fields.Char(groups=NO_ACCESS, copy=False)
    password_is_set = fields.Boolean(
        compute="_compute_secrets", help="A password is stored."
    )
    tls_key = fields.Text(
        string="Private Key",
        compute="_compute_secrets",
        inverse="_inverse_tls_key",
        help="Private key of the client certificate, in PEM format. It is stored, "
        "but never shown again.",
    )
    tls_key_secret = fields.Text(groups=NO_ACCESS, copy=False)
    tls_key_is_set = fields.Boolean(
        compute="_compute_secrets", help="A private key is stored."
    )
    tls_key_password = fields.Char(
        string="Password of the Key",
        compute="_compute_secrets",
        inverse="_inverse_tls_key_password",
        help="Password of the private key, if it is encrypted. It is stored, but "
        "never shown again.",
    )
    tls_key_password_secret = fields.Char(groups=NO_ACCESS, copy=False)
    tls_key_password_is_set = fields.Boolean(
        compute="_compute_secrets", help="A password of the private key is stored."
    )
    websocket_headers = fields.Text(
        compute="_compute_secrets",
        inverse="_inverse_websocket_headers",
        help="One header per line, such as “Authorization: Bearer …”. They are "
        "stored, but never shown again.",
    )
    websocket_headers_secret = fields.Text(groups=NO_ACCESS, copy=False)
    websocket_headers_is_set = fields.Boolean(
        compute="_compute_secrets", help="WebSocket headers are stored."
    )

    password_reference = fields.Char(
        string="Password from", groups=MANAGER, copy=False, help=HELP
    )
    websocket_headers_reference = fields.Char(
        string="Websocket Headers from", groups=MANAGER, copy=False, help=HELP
    )
    tls_key_reference = fields.Char(
        string="Private Key from", groups=MANAGER, copy=False, help=HELP
    )
    tls_key_password_reference = fields.Char(
        string="Password of the Key from", groups=MANAGER, copy=False, help=HELP
    )

    def _compute_secrets(self):
        for service in self:
            for name in ALL_SECRETS:
                service[name] = False
                service[f"{name}_is_set"] = bool(service.sudo()[f"{name}_secret"])

    def _inverse_password(self):
        self._set_secret("password")

    def _inverse_tls_key(self):
        self._set_secret("tls_key")

    def _inverse_tls_key_password(self):
        self._set_secret("tls_key_password")

    def _inverse_websocket_headers(self):
        self._set_secret("websocket_headers")

    def _set_secret(self, name):
        """Keep what was entered as ``name`` where nobody reads it."""
        self._check_manager()
        for value in filter(None, self.mapped(name)):
            if not is_text(value, TEXTS.get(name, SECRET_BYTES)):
                raise ValidationError(self._describe_problem("unsendable", name))
        # A statement that fails is logged with what it sets, by PostgreSQL too: so this
        # one sets nothing else, and no other transaction is in its way.
        self.flush_recordset()
        self.lock_for_update(allow_referencing=True)
        with mute_logger("odoo.sql_db"):  # in which every statement can be logged
            for service in self:
                service.sudo()[f"{name}_secret"] = service[name]
            self.flush_recordset()

    def _check_manager(self):
        check_group(
            self.env,
            MANAGER,
            self.env._("Only an MQTT manager may set passwords and keys."),
        )

    @api.constrains(*REFERENCES)
    def _check_references(self):
        for service in self.sudo():
            for name in REFERENCES:
                if service[name] and not is_reference(service[name]):
                    raise ValidationError(
                        self.env._(
                            "%(field)s of “%(service)s” has to look like "
                            "env:MQTT_PLANT_PASSWORD or conf:secret_plant_password: "
                            "other variables and options are not for brokers.",
                            field=self._fields[name]._description_string(self.env),
                            service=service.name,
                        )
                    )

    def _keep_one_of_each(self, vals):
        """Forget what was stored when it is to be looked up, and the other way round.

        :param vals: what was just written.
        """
        for reference, secret in REFERENCES.items():
            if vals.get(reference):
                stored = f"{secret}_secret"
                self.sudo().filtered(stored)[stored] = False
            elif vals.get(secret):
                self.sudo().filtered(reference)[reference] = False

    def _forget_sent_secrets(self, vals):
        """Forget what is stored, and what is referred to, unless it was entered anew.

        :param vals: what was just written.
        """
        # A key is not sent, but who has the service can log in with it.
        names = ALL_SECRETS if "company_id" in vals else SENT_SECRETS
        for name in names:
            kept, reference = f"{name}_secret", f"{name}_reference"
            if not {name, kept, reference} & set(vals):
                self.sudo().filtered(kept)[kept] = False
                self.sudo().filtered(reference)[reference] = False
