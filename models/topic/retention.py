# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain

from ..common.own_transaction import own_transaction
from .mqtt_topic import TOPICS_PER_SERVICE

GC_BATCH = 5_000
KEPT_OF_FULL = 0.9  # of the topics that a service may have


class MqttTopic(models.Model):
    """Topics that have been silent for long."""

    _inherit = "mqtt.topic"

    @api.autovacuum
    def _gc_topics(self):
        """Remove topics whose last message is older than their service keeps messages;
        of a service that is full, those that have been silent for longest.

        :return: (done, remaining), on which Odoo's autovacuum calls again.
        """
        removed = 0
        services = (
            self.env["mqtt.service"].with_context(active_test=False).search(Domain.TRUE)
        )
        counts = self._counts(services)
        for service in services:
            with own_transaction(self.env) as env:
                removed += env["mqtt.topic"]._remove_silent(
                    service, counts.get(service.id, 0)
                )
        return removed, int(removed > 0)

    @api.model
    def _counts(self, services):
        """How many topics services have: ``{service id: number}``."""
        found = self._read_group(
            [("service_id", "in", services.ids)], ["service_id"], ["__count"]
        )
        return {service.id: count for service, count in found}

    @api.model
    def _remove_silent(self, service, count):
        """Remove a batch of the topics of a service.

        :param count: how many it has.
        :return: how many were removed.
        """
        if not self._lock(service.id):
            return 0
        removed = 0
        if service.retention_days:
            days = timedelta(days=service.retention_days)
            before = fields.Datetime.now() - days
            removed += self._remove_oldest(service, GC_BATCH, before)
        if count >= TOPICS_PER_SERVICE:
            kept = int(KEPT_OF_FULL * TOPICS_PER_SERVICE)
            removed += self._remove_oldest(service, count - removed - kept)
        return removed

    def _remove_oldest(self, service, limit, before=None):
        """Remove topics of a service, those first whose last message is oldest.

        :param limit: topics, at most.
        :param before: time before which that message came; None: any time.
        :return: how many.
        """
        # Not through the ORM: it would read and log every single row.
        self.env.cr.execute(
            """
            DELETE FROM mqtt_topic
             WHERE id IN (SELECT id FROM mqtt_topic
                           WHERE service_id = %(service)s
                             AND last_message < COALESCE(%(before)s::timestamp,
                                                         'infinity')
                        ORDER BY last_sequence LIMIT %(limit)s)
            """,
            {"service": service.id, "before": before, "limit": max(limit, 0)},
        )
        self.invalidate_model(flush=False)
        return self.env.cr.rowcount
