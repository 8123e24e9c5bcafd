# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models

from ..common.actions import open_records


class MqttService(models.Model):
    """How many messages and jobs a service has, and the lists of them."""

    _inherit = "mqtt.service"

    quarantine_count = fields.Integer(
        string="Quarantine",
        compute="_compute_counters",
        compute_sudo=True,
        help="Received messages that could not be stored.",
    )
    received_count = fields.Integer(
        string="Received",
        compute="_compute_counters",
        compute_sudo=True,
        help="Number of messages received since the service was created.",
    )
    stored_count = fields.Integer(
        string="Stored",
        compute="_compute_counters",
        compute_sudo=True,
        help="Number of messages stored since the service was created.",
    )
    waiting_count = fields.Integer(
        string="Waiting",
        compute="_compute_counters",
        compute_sudo=True,
        help="Received and acknowledged messages that a job has still to store.",
    )
    dropped_count = fields.Integer(
        string="Dropped",
        compute="_compute_counters",
        compute_sudo=True,
        help="QoS 0 messages that were discarded because they arrived faster than "
        "they could be enqueued.",
    )
    reconnect_count = fields.Integer(
        string="Reconnects",
        compute="_compute_counters",
        compute_sudo=True,
        help="Number of times that the connection was opened again.",
    )
    subscription_count = fields.Integer(
        compute="_compute_subscription_count",
        help="Number of topic filters that the service subscribes to.",
    )
    job_count = fields.Integer(
        compute="_compute_job_count", help="Number of jobs of this service."
    )

    def _compute_counters(self):
        waiting = dict(
            self.env["mqtt.batch"]._read_group(
                [("service_id", "in", self.ids)], ["service_id"], ["message_count:sum"]
            )
        )
        quarantined = dict(
            self.env["mqtt.quarantine"]._read_group(
                [("service_id", "in", self.ids)], ["service_id"], ["__count"]
            )
        )
        for service in self:
            connection = service.connection_ids
            service.waiting_count = waiting.get(service, 0)
            service.quarantine_count = quarantined.get(service, 0)
            # Counters are reported once a second, batches are committed in between.
            service.received_count = max(connection.received, connection.enqueued)
            service.stored_count = (
                connection.enqueued - service.waiting_count - service.quarantine_count
            )
            service.dropped_count = connection.dropped
            service.reconnect_count = connection.reconnects

    @api.depends("subscription_ids")
    def _compute_subscription_count(self):
        for service in self:
            service.subscription_count = len(service.subscription_ids)

    def _compute_job_count(self):
        counts = dict(
            self.env["queue.job"]
            .sudo()
            ._read_group(
                [("mqtt_service_id", "in", self.ids)], ["mqtt_service_id"], ["__count"]
            )
        )
        for service in self:
            service.job_count = counts.get(service, 0)

    def action_open_messages(self):
        """Open the messages of this service."""
        self.check_access("read")
        return open_records(
            self.env, "mqtt_signal_history_action", [("service_id", "in", self.ids)]
        )

    def action_open_quarantine(self):
        """Open the messages of this service that cannot be stored."""
        self.check_access("read")
        return open_records(
            self.env, "mqtt_quarantine_action", [("service_id", "in", self.ids)]
        )

    def action_open_jobs(self):
        """Open the jobs of this service in queue_job's monitor."""
        self.check_access("read")
        return open_records(
            self.env, "queue_job_action", [("mqtt_service_id", "in", self.ids)]
        )

    def action_open_subscriptions(self):
        """Open the subscriptions of this service."""
        self.check_access("read")
        return open_records(
            self.env,
            "mqtt_subscription_action",
            [("service_id", "in", self.ids)],
            default_service_id=self.id,
        )
