# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import SUPERUSER_ID, models, tools
from odoo.exceptions import UserError

from ...mqtt.log import get_logger
from ...mqtt.pattern import TopicPattern
from ...mqtt.topic import FilterIndex

_logger = get_logger(__name__)


class MqttHandler(models.Model):
    """Which handlers the messages of a service have, and what services subscribe to."""

    _inherit = "mqtt.handler"

    @tools.ormcache("service_id", "direction")
    def _index(self, service_id, direction):
        """The handlers of a service's messages, found by topic.

        :param direction: ``receive`` or ``send``.
        :return: ``FilterIndex`` of ``(handler id, channel, priority, ordered)``, or
            ``None`` where there is no handler.
        """
        # It is for everybody: nothing of who happens to ask first may be in it.
        every = self.with_env(self.env(user=SUPERUSER_ID, su=True, context={}))
        service = every.env["mqtt.service"].browse(service_id)
        entries = [
            (
                TopicPattern(handler.pattern).filter,
                (handler.id, handler.channel, handler.priority, handler.ordered),
            )
            for handler in every.search(
                [
                    ("active", "=", True),
                    ("enabled", "=", True),
                    ("direction", "in", [direction, "both"]),
                ]
            )
            if handler._is_for(service)
        ]
        return FilterIndex(entries) if entries else None

    def _is_for(self, service):
        if self.service_id:
            return self.service_id == service
        if not self.service_ref:
            return True
        return service in self._named_service()

    def _named_service(self):
        services = self.env["mqtt.service"].sudo().with_context(active_test=False)
        if "." in self.service_ref and (
            found := self.env.ref(self.service_ref, raise_if_not_found=False)
        ):
            return found.sudo() if found._name == "mqtt.service" else services
        return services.search([("name", "=", self.service_ref)])

    def _sync_subscriptions(self):
        """Have the services subscribe to the filters of the handlers that say so."""
        services = self.env["mqtt.service"].sudo().search([("active", "=", True)])
        for handler in self.sudo():
            try:
                with self.env.cr.savepoint():
                    handler._sync_own_subscriptions(services)
            except UserError as error:
                if not self._is_syncing():
                    raise
                # The registry has to load all the same.
                _logger.warning("%s is not subscribed: %s", handler.name, error)

    def _sync_own_subscriptions(self, services):
        wanted = services.browse()
        if self.subscribe and self.enabled and self.active:
            wanted = services.filtered(self._is_for)
        existing = self.with_context(active_test=False).subscription_ids
        if not wanted and not existing:
            return
        topic_filter = TopicPattern(self.pattern).filter.text
        kept = existing.filtered(
            lambda one: one.topic_filter == topic_filter and one.service_id in wanted
        )
        (existing - kept).unlink()
        all_of_services = wanted.with_context(active_test=False).subscription_ids
        has_it = all_of_services.filtered(lambda one: one.topic_filter == topic_filter)
        self.env["mqtt.subscription"].create(
            [
                {
                    "service_id": service.id,
                    "topic_filter": topic_filter,
                    "handler_id": self.id,
                }
                for service in wanted - has_it.service_id
            ]
        )
