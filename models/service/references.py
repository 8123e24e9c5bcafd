from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ...mqtt.reference import binding_of, is_reference
from ..common.groups import MANAGER

SECRETS = {  # by the field that says where it is kept instead
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
    """Secrets that are not in the database: it knows only where they are.

    Whichever process connects looks them up, each time it does, if the administrator of
    the server allows them for the broker.
    """

    _inherit = "mqtt.service"

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

    @api.constrains(*SECRETS)
    def _check_references(self):
        for service in self.sudo():
            for name in SECRETS:
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

    @api.model_create_multi
    def create(self, vals_list):
        services = super().create(vals_list)
        for service, vals in zip(services, vals_list, strict=True):
            service._keep_one_of_each(vals)
        return services

    def write(self, vals):
        if SECRETS.keys() & set(vals):
            vals = {**vals, "needs_restart": True}
        result = super().write(vals)
        self._keep_one_of_each(vals)
        return result

    def _keep_one_of_each(self, vals):
        """Forget what was stored when it is to be looked up, and the other way round.

        :param vals: what was just written.
        """
        for reference, secret in SECRETS.items():
            if vals.get(reference):
                stored = f"{secret}_secret"
                self.sudo().filtered(stored)[stored] = False
            elif vals.get(secret):
                self.sudo().filtered(reference)[reference] = False

    def _listener_settings(self):
        service = self.sudo()
        return {
            **super()._listener_settings(),
            "references": {
                secret: service[reference]
                for reference, secret in SECRETS.items()
                if service[reference]
            },
            "database": self.env.cr.dbname,
            "company": service.company_id.id or 0,
        }

    def _describe_unbound(self, detail):
        reference, _blank, entry = detail.partition(" ")
        return self.env._(
            "%(reference)s is not allowed for this broker. The administrator of the "
            "server has to add %(entry)s to %(binding)s.",
            reference=reference,
            entry=entry,
            binding=binding_of(reference),
        )

    def _describe_problem(self, code, detail):
        words = {
            "secret_missing": self.env._(
                "There is no %s where the listener or the job runs: set it for that "
                "server, and start it again.",
                detail,
            ),
            "secret_unbound": self._describe_unbound(detail),
            "options_unreadable": self.env._(
                "%s cannot be read where the listener or the job runs: is it a "
                "configuration as it was, with values of several lines indented?",
                detail,
            ),
        }
        return words.get(code) or super()._describe_problem(code, detail)
