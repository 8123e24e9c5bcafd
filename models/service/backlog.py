# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from collections import defaultdict
from dataclasses import dataclass

from odoo import fields, models
from odoo.fields import Domain

AMBER_SECONDS = 10  # that the oldest message waits until the service is behind
RED_SECONDS = 60
WAITING_STATES = ("wait_dependencies", "pending", "enqueued", "started")


@dataclass
class Backlog:
    """What of a service's messages has still to be done."""

    to_store: int = 0  # messages
    to_handle: int = 0  # pairs of message and handler
    suspended: int = 0  # those of them that wait for a suspended handler
    failed: int = 0  # messages whose handler used up its retries
    since: object = None  # datetime from which on the oldest waits, UTC

    def wait_since(self, *times):
        """Note that something has been waiting since these times, if any."""
        self.since = min(filter(None, [self.since, *times]), default=None)

    def seconds(self, now):
        """How long the oldest has been waiting, 0 when nothing waits."""
        return max((now - self.since).total_seconds(), 0) if self.since else 0


class MqttService(models.Model):
    """Whether a service keeps up: how much waits, and for how long."""

    _inherit = "mqtt.service"

    def _backlogs(self):
        """``{service id: Backlog}`` of these services, in a constant number of queries.

        What waits for a suspended handler, for its next try or behind a failed message
        is counted, but has no age: more workers would not make it go faster.
        """
        backlogs = defaultdict(Backlog)
        # sudo: numbers only, of services that the caller has checked access to
        services = self.sudo()
        services._add_batches(backlogs)
        services._add_dispatches(backlogs)
        services._add_jobs(backlogs)
        return backlogs

    def _add_batches(self, backlogs):
        for service, count, since in self.env["mqtt.batch"]._read_group(
            [("service_id", "in", self.ids)],
            ["service_id"],
            ["message_count:sum", "waiting_since:min"],
        ):
            backlogs[service.id].to_store = count
            backlogs[service.id].wait_since(since)

    def _add_dispatches(self, backlogs):
        of_services = Domain("service_id", "in", self.ids)
        for service, handler, count, since in self.env["mqtt.dispatch"]._read_group(
            of_services,
            ["service_id", "handler_id"],
            ["message_count:sum", "waiting_since:min"],
        ):
            backlog = backlogs[service.id]
            backlog.to_handle += count
            if handler:
                backlog.suspended += count
            else:
                backlog.wait_since(since)
        for service, count in self.env["mqtt.ordered.message"]._read_group(
            of_services, ["service_id"], ["__count"]
        ):
            backlogs[service.id].to_handle += count

    def _add_jobs(self, backlogs):
        of_services = Domain("mqtt_service_id", "in", self.ids)
        counted = (*WAITING_STATES, "failed")
        jobs = self.env["queue.job"]
        for service, handler, state, count in jobs._read_group(
            of_services
            & Domain("mqtt_message_id", "!=", False)
            & Domain("state", "in", counted),
            ["mqtt_service_id", "mqtt_handler_id", "state"],
            ["__count"],
        ):
            if state == "failed":
                backlogs[service.id].failed += count
            elif handler:
                backlogs[service.id].to_handle += count
        waiting = of_services & Domain("state", "in", WAITING_STATES)
        waiting &= Domain("mqtt_handler_id", "!=", False)
        for due, field_name in (
            (Domain("eta", "=", False), "date_created"),
            (Domain("eta", "<=", fields.Datetime.now()), "eta"),
        ):
            for service, since in jobs._read_group(
                waiting & due, ["mqtt_service_id"], [f"{field_name}:min"]
            ):
                backlogs[service.id].wait_since(since)
