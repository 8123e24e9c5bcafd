# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import time
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ...mqtt.log import get_logger
from .state_sql import state_of_row

_logger = get_logger(__name__)

GC_BATCH = 5_000
_rests: dict[str, float] = {}  # by database: seconds until its next batch
GC_REST = 3  # times as long as a batch takes: for those who store meanwhile


class MqttSignalHistory(models.Model):
    """Messages that are older than their service keeps them."""

    _inherit = "mqtt.signal.history"

    @api.autovacuum
    def _gc_old_messages(self):
        """Remove what is older than its service keeps it, a batch at a time.

        :return: (done, remaining), on which Odoo's autovacuum calls again.
        """
        time.sleep(_rests.pop(self.env.cr.dbname, 0))  # before it begins a transaction
        begin = time.monotonic()
        services = self.env["mqtt.service"].with_context(active_test=False)
        for service in services.search([("retention_days", ">", 0)]):
            try:
                with self.env.cr.savepoint():
                    count = self._remove_old_messages(service)
            except Exception:
                # A guard: what keeps one service's messages keeps no other's.
                _logger.exception("%s: old messages cannot be removed", service.name)
                continue
            if count:
                self.invalidate_model(flush=False)
                _rests[self.env.cr.dbname] = GC_REST * (time.monotonic() - begin)
                return count, 1  # of this service, or of the next
        return 0, 0

    def _remove_old_messages(self, service):
        """Remove a batch of what is older than a service keeps it.

        :return: how many messages.
        """
        # Not through the ORM: it would read, check and log every single row, and
        # nothing refers to them that PostgreSQL does not know.
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM mqtt_signal_history
                 WHERE id IN (SELECT id FROM mqtt_signal_history AS message
                               WHERE service_id = %(service)s
                                 AND timestamp < %(before)s
                                 AND %(state)s IN ('stored', 'cancelled', 'done')
                            ORDER BY timestamp LIMIT %(limit)s)
                RETURNING payload_attachment_id
                """,
                service=service.id,
                before=fields.Datetime.now() - timedelta(days=service.retention_days),
                state=state_of_row(self.env, "message"),
                limit=GC_BATCH,
            )
        )
        deleted = self.env.cr.fetchall()
        attached = [one for (one,) in deleted if one]
        self.env["ir.attachment"].browse(attached).unlink()
        return len(deleted)
