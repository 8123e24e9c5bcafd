# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, models
from odoo.fields import Domain


class MqttSignalHistory(models.Model):
    """Which columns the list of messages has."""

    _inherit = "mqtt.signal.history"

    @api.model
    def _get_view_cache_key(self, view_id=None, view_type="form", **options):
        key = super()._get_view_cache_key(view_id, view_type, **options)
        return (*key, self._has_several_services())

    @api.model
    def _get_view(self, view_id=None, view_type="form", **options):
        """The column of the service only says something if there are several."""
        arch, view = super()._get_view(view_id, view_type, **options)
        if view_type == "list" and not self._has_several_services():
            for column in arch.iterfind("field[@name='service_id']"):
                column.set("column_invisible", "True")
        return arch, view

    def _has_several_services(self):
        services = self.env["mqtt.service"].with_context(active_test=False)
        return services.search_count(Domain.TRUE, limit=2) > 1
