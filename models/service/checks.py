# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import SUPERUSER_ID, api, models
from odoo.exceptions import UserError, ValidationError

from ...mqtt.connect import NUMBERS, TEXTS
from ...mqtt.outgoing import is_text

RANGES = {
    **NUMBERS,
    "reconnect_min_delay": (0.1, 86_400),
    "reconnect_max_delay": (0.1, 86_400),
    "reconnect_factor": (1, 100),
    "inactivity_timeout": (1, 86_400),
    "retention_days": (0, 36_500),
}
HOST_CHARS = 253
NO_HOST = set(" /@?#")  # an address that could not be taken apart, with its password
PATH_CHARS = 2_000
OWN_TEXTS = ("client_id", "username")  # the password is entered where nobody reads it


class MqttService(models.Model):
    """What a service may be set to, said when it is entered, with the field."""

    _inherit = "mqtt.service"

    @api.constrains(*RANGES)
    def _check_ranges(self):
        for service in self:
            for name in RANGES:
                if wrong := service._describe_range(name):
                    raise ValidationError(wrong)
            if service.reconnect_max_delay < service.reconnect_min_delay:
                raise ValidationError(
                    self.env._(
                        "Reconnect Max Delay of “%s” is shorter than Reconnect Min "
                        "Delay.",
                        service.name,
                    )
                )

    def _describe_range(self, name):
        """What is wrong with the number in a field; nothing when it is in its range."""
        low, high = RANGES[name]
        if low <= self[name] <= high:
            return ""
        return self.env._(
            "%(field)s of “%(service)s” is %(value)s; it has to be from %(low)s to "
            "%(high)s.",
            field=self._label(name),
            service=self.name,
            value=self[name],
            low=low,
            high=high,
        )

    @api.onchange(*RANGES)
    def _onchange_ranges(self):
        """Say so when it is typed; Save refuses it."""
        wrong = " ".join(filter(None, map(self._describe_range, RANGES)))
        return wrong and {
            "warning": {"title": self.env._("Out of range"), "message": wrong}
        }

    @api.constrains(*OWN_TEXTS)
    def _check_texts(self):
        for service in self:
            for name in OWN_TEXTS:
                if service[name] and not is_text(service[name], TEXTS[name]):
                    raise ValidationError(self._describe_problem("unsendable", name))

    @api.constrains("host", "websocket_path", "transport")
    def _check_address(self):
        for service in self:
            host = (service.host or "").strip()
            if len(host) > HOST_CHARS or not host.isprintable() or set(host) & NO_HOST:
                raise ValidationError(
                    self.env._(
                        "Host of “%s” has to be a name or an address: 253 characters "
                        "at most, without blanks.",
                        service.name,
                    )
                )
            path = service.websocket_path or "/mqtt"
            if service.transport == "websockets" and not _is_path(path):
                raise ValidationError(
                    self.env._(
                        "Websocket Path of “%s” has to begin with / and to have no "
                        "blanks.",
                        service.name,
                    )
                )

    @api.constrains("tls_alpn")
    def _check_alpn(self):
        for service in self:
            names = (service.tls_alpn or "").split(",")
            if any(len(name.strip().encode()) > 255 for name in names):
                raise ValidationError(
                    self.env._(
                        "ALPN of “%s” has a name of over 255 bytes.", service.name
                    )
                )

    @api.constrains("user_id", "company_id")
    def _check_runs_as(self):
        for service in self.sudo():
            _check_company_of(service, service.user_id, service.company_id)
        handlers = self.env["mqtt.handler"].sudo().with_context(active_test=False)
        handlers.search([("service_id", "in", self.ids)])._check_runs_as()

    def _check_required(self, vals):
        """Odoo leaves this to PostgreSQL, which logs the whole row that it refuses:
        the secrets too.
        """
        for name, value in vals.items():
            field = self._fields.get(name)
            if (
                field
                and field.required
                and field.type not in ("integer", "float")  # 0, which Start may refuse
                and value in (None, False, "")
            ):
                label = field._description_string(self.env)
                raise ValidationError(self.env._("%s may not be empty.", label))

    def _check_not_named(self, new):
        """:raise UserError: when handlers name these services in their code."""
        for name in {service.name for service in self} - {new}:
            handlers = self.env["mqtt.handler"].sudo()
            named = handlers.search(
                [("active", "=", True), ("service_ref", "=", name)], limit=3
            )
            others = self.sudo().with_context(active_test=False)
            if named and not others.search_count(
                [("name", "=", name), ("id", "not in", self.ids)], limit=1
            ):
                raise UserError(
                    self.env._(
                        "“%(service)s” cannot be renamed, because handlers name it in "
                        "their code and would not be called any more: %(handlers)s. "
                        "Change the name there first, or use an XML ID.",
                        service=name,
                        handlers=", ".join(named.mapped("name")),
                    )
                )

    def _label(self, name):
        return self._fields[name]._description_string(self.env)


class MqttHandler(models.Model):
    _inherit = "mqtt.handler"

    @api.constrains("user_id", "service_id")
    def _check_runs_as(self):
        for handler in self.sudo():
            company = handler.service_id.company_id
            _check_company_of(handler, handler.user_id, company)


def _check_company_of(record, user, company):
    """:raise ValidationError: when a user may not work in a company."""
    is_root = user.id == SUPERUSER_ID
    if company and user and not is_root and company not in user.company_ids:
        raise ValidationError(
            record.env._(
                "Handlers of “%(record)s” cannot run as %(user)s, who has no access to "
                "%(company)s.",
                record=record.name,
                user=user.name,
                company=company.name,
            )
        )


def _is_path(text):
    is_whole = text.startswith("/") and text.isprintable() and " " not in text
    return is_whole and len(text) <= PATH_CHARS
