# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, models
from odoo.tools import config

from ...mqtt.interface import ServiceValues
from ...mqtt.log import get_logger
from .mqtt_service import CONNECTION_FIELDS
from .secrets import REFERENCES

_logger = get_logger(__name__)


class MqttService(models.Model):
    """What the listener learns of a service, as plain values."""

    _inherit = "mqtt.service"

    @api.model
    def _listener_wanted(self) -> list[ServiceValues]:
        """Settings of the services that should be connected.

        :return: plain values: no recordset leaves the thread that read it.
        """
        wanted = []
        for service in self.sudo().search([("status", "=", "start")]):
            try:
                wanted.append(service._listener_settings())
            except Exception:
                # A guard: one service that cannot be read keeps no other from running.
                _logger.exception("the settings of “%s” cannot be read", service.name)
        return wanted

    def _listener_settings(self) -> ServiceValues:
        """All that a connection of this service needs, secrets included."""
        self.ensure_one()
        service = self.sudo()
        return {
            "id": self.id,
            "name": self.name,
            "company": service.company_id.id or 0,
            "database": self.env.cr.dbname,
            "configuration": config["config"] or "",
            "start_generation": self.start_generation,
            **{name: self[name] for name in CONNECTION_FIELDS},
            "password": self.password_secret,
            "websocket_headers": self._websocket_headers(),
            "references": {
                secret: service[reference]
                for reference, secret in REFERENCES.items()
                if service[reference]
            },
            "tls": self._tls_values() if self.tls else None,
            "attachment_limit": self.attachment_limit,
            "topic_rate_limit": self.topic_rate_limit,
            "resumed": self._resumed_topics(),
            "response_topic": self.response_topic or "",
            "announcements": {
                one.kind: one._listener_values() for one in self.announcement_ids
            },
            "subscriptions": [
                one._listener_values()
                for one in self.subscription_ids.sorted("identifier")
            ],
        }
