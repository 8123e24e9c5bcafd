# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.fields import Domain

from ...mqtt.wording import short_line


class MqttHandler(models.Model):
    """What a handler did, counted."""

    _inherit = "mqtt.handler"
    handled_count = fields.Integer(
        string="Handled",
        compute="_compute_statistics",
        help="Number of messages that were handled.",
    )
    failed_count = fields.Integer(
        string="Failures",
        compute="_compute_statistics",
        help="Number of calls that failed, including those that are tried again.",
    )
    mean_time = fields.Float(
        compute="_compute_statistics",
        digits=(16, 2),
        help="Mean time for one message, in milliseconds.",
    )
    slowest_time = fields.Float(
        compute="_compute_statistics",
        digits=(16, 2),
        help="Time of the slowest call, in milliseconds.",
    )
    last_handled = fields.Datetime(
        compute="_compute_statistics", help="Time when a message was last handled."
    )
    last_error = fields.Text(
        compute="_compute_statistics", help="Error of the last call that failed."
    )
    last_error_date = fields.Datetime(
        compute="_compute_statistics", help="Time of the last call that failed."
    )
    dead_letter_count = fields.Integer(
        string="Failed Messages",
        compute="_compute_dead_letter_count",
        help="Number of messages for which this handler used up its tries.",
    )

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_statistics(self):
        seen = self._of_services("service_id")
        found = {
            handler: sums
            for handler, *sums in self.env["mqtt.handler.statistics"]
            .sudo()
            ._read_group(
                seen & Domain("handler_id", "in", self.ids),
                ["handler_id"],
                [
                    "handled:sum",
                    "failed:sum",
                    "seconds:sum",
                    "slowest:max",
                    "date:max",
                    "error_date:max",
                ],
            )
        }
        for handler in self:
            handled, failed, seconds, slowest, last, error_date = found.get(
                handler, (0, 0, 0, 0, False, False)
            )
            handler.handled_count = handled
            handler.failed_count = failed
            handler.mean_time = 1000 * seconds / handled if handled else 0
            handler.slowest_time = 1000 * slowest
            handler.last_handled = last
            handler.last_error_date = error_date
            handler.last_error = error_date and handler._last_error(seen)

    def _last_error(self, seen):
        """:param seen: domain of the counts that the user may see."""
        return (
            self.env["mqtt.handler.statistics"]
            .sudo()
            .search(
                seen
                & Domain("handler_id", "=", self.id)
                & Domain("error_date", "!=", False),
                order="error_date desc, id desc",
                limit=1,
            )
            .error
        )

    def _of_services(self, field_name):
        """A domain: what is of services that the user may see, or of none. A handler
        may be for those of all companies.
        """
        services = self.env["mqtt.service"].with_context(active_test=False)
        return Domain(field_name, "=", False) | Domain(
            field_name, "in", services._search(Domain.TRUE)
        )

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_dead_letter_count(self):
        counts = dict(
            self.env["queue.job"]
            .sudo()
            ._read_group(
                Domain("mqtt_handler_id", "in", self.ids)
                & Domain("state", "=", "failed")
                & self._of_services("mqtt_service_id"),
                ["mqtt_handler_id"],
                ["__count"],
            )
        )
        for handler in self:
            handler.dead_letter_count = counts.get(handler, 0)

    def _count(
        self, service, handled=0, failed=0, seconds=0.0, slowest=0.0, error=None
    ):
        """Add to what this handler did for a service: messages, and the seconds of its
        calls.
        """
        now = self.env.cr.now()
        self.env["mqtt.handler.statistics"].sudo().create(
            {
                "handler_id": self.id,
                "service_id": service.id,
                "date": now,
                "handled": handled,
                "failed": failed,
                "seconds": seconds,
                "slowest": slowest,
                "error": error and short_line(error),
                "error_date": error and now,
            }
        )
