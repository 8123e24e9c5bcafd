# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models

from ..common.wide_fields import BigInteger


class MqttHandlerStatistics(models.Model):
    """What a handler did for a service, counted: a row for each job, added up later.

    Jobs of one handler run side by side. Rows that are only ever added let them
    count without waiting for each other; one counter would make them collide.
    """

    _name = "mqtt.handler.statistics"
    _description = "MQTT handler counts"
    _log_access = False
    _rec_name = "handler_id"

    handler_id = fields.Many2one(
        "mqtt.handler", required=True, ondelete="cascade", index=True
    )
    service_id = fields.Many2one("mqtt.service", ondelete="cascade")
    date = fields.Datetime(default=fields.Datetime.now)
    handled = BigInteger(default=0)
    failed = BigInteger(default=0)
    seconds = fields.Float(help="Total time of all calls, in seconds.")
    slowest = fields.Float(help="Time of the slowest call, in seconds.")
    error = fields.Text()
    error_date = fields.Datetime()

    @api.model
    def _mean_seconds(self, handler_ids):
        """``{handler id: seconds for a message}`` of those that have handled any."""
        # Not through the ORM: it is asked for each job that stores.
        self.env.cr.execute(
            """
            SELECT handler_id, sum(seconds) / sum(handled) FROM mqtt_handler_statistics
             WHERE handler_id IN %s GROUP BY handler_id HAVING sum(handled) > 0
            """,
            [tuple(handler_ids)],
        )
        return dict(self.env.cr.fetchall())

    @api.model
    def _fold(self):
        """Add the rows of each handler up into one for each service."""
        pairs = self._read_group([], ["handler_id", "service_id"], ["__count"])
        for handler, service, count in pairs:
            if count == 1:
                continue
            rows = self.search(
                [("handler_id", "=", handler.id), ("service_id", "=", service.id)],
                order="id",
            )
            last = rows.filtered("error_date").sorted("error_date")[-1:]
            total = {
                "handler_id": handler.id,
                "service_id": service.id,
                "date": max(filter(None, rows.mapped("date")), default=False),
                "handled": sum(rows.mapped("handled")),
                "failed": sum(rows.mapped("failed")),
                "seconds": sum(rows.mapped("seconds")),
                "slowest": max(rows.mapped("slowest")),
                "error": last.error,
                "error_date": last.error_date,
            }
            # Not through the ORM: it would log each of thousands of deletions.
            self.env.cr.execute(
                "DELETE FROM mqtt_handler_statistics WHERE id IN %s", [tuple(rows.ids)]
            )
            self.invalidate_model(flush=False)
            self.create(total)
