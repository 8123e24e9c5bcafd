# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models
from odoo.fields import Domain

from ..topic.mqtt_live import CHANNEL


class IrWebsocket(models.AbstractModel):
    """Ticks of a service reach the browsers of those who may read it."""

    _inherit = "ir.websocket"

    def _build_bus_channel_list(self, channels):
        """Have the channel that the page Live asks for be one of each service."""
        if CHANNEL in channels:
            channels = [channel for channel in channels if channel != CHANNEL]
            services = self.env["mqtt.service"]
            if services.has_access("read"):
                channels += [
                    (service, CHANNEL) for service in services.search(Domain.TRUE)
                ]
        return super()._build_bus_channel_list(channels)
