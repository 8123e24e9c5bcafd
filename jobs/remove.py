# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Remove subscriptions that millions of messages refer to, a part in each job."""

from typing import Any

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import ValidationError

MANY = 20_000  # messages; PostgreSQL detaches fewer while the user waits
PART = 10_000  # messages that one job detaches


class MqttSubscription(models.Model):
    _inherit = "mqtt.subscription"

    is_removed = fields.Boolean(
        readonly=True,
        copy=False,
        help="Deleted: it goes when no message refers to it any more.",
    )

    @api.constrains("active", "is_removed")
    def _check_removed(self) -> None:
        for subscription in self:
            if subscription.active and subscription.is_removed:
                raise ValidationError(
                    self.env._("The subscription was deleted: create a new one.")
                )

    def _remove_in_background(self) -> models.BaseModel:
        """Leave subscriptions of many messages to jobs, which delete them.

        Detaching millions of messages takes PostgreSQL minutes, in which the row of the
        subscription is locked and no message that it brings can be stored.

        :return: the subscriptions that a job deletes.
        :raise AccessError: when the user may not delete these subscriptions.
        """
        many = self.filtered(lambda one: not one.is_removed and one._has_many())
        self.check_access("unlink")
        for subscription in many.sudo():
            # The topic filter is free again for a new subscription.
            subscription.write(
                {
                    "active": False,
                    "is_removed": True,
                    "handler_id": False,
                    "topic_filter": f"$removed/{subscription.id}",
                }
            )
            subscription._enqueue_remove()
        return many

    def _has_many(self) -> bool:
        messages = self.env["mqtt.signal.history"].sudo()
        of_subscription = [("subscription_id", "=", self.id)]
        return messages.search_count(of_subscription, limit=MANY + 1) > MANY

    def _job_store_values(self, job) -> dict[str, Any]:
        """queue_job's hook: have these jobs found among those of MQTT."""
        values = super()._job_store_values(job)
        if job.recordset.exists():  # the last job deletes it
            values["mqtt_service_id"] = job.recordset.service_id.id
        return values

    def _enqueue_remove(self, done=0) -> None:
        """:param done: how many messages do not refer to it any more."""
        company = self.service_id.company_id
        self.with_user(SUPERUSER_ID).with_context(company_id=company.id).with_delay(
            max_retries=0,
            description=self.env._(
                "Detach the messages of a deleted subscription: %s so far", done
            ),
        )._job_remove(done=done)

    def _job_remove(self, done=0) -> str:
        """Detach the next messages of a deleted subscription, then delete it.

        :return: what the job monitor shows as result.
        """
        if not self.exists():
            return self.env._("Deleted before.")
        # Not through the ORM: it would read each of the rows that it changes.
        self.env.cr.execute(
            """
            UPDATE mqtt_signal_history SET subscription_id = NULL
             WHERE id IN (SELECT id FROM mqtt_signal_history
                           WHERE subscription_id = %s LIMIT %s)
            """,
            [self.id, PART],
        )
        count = self.env.cr.rowcount
        self.env["mqtt.signal.history"].invalidate_model(["subscription_id"])
        if count == PART:
            self._enqueue_remove(done + count)
        else:
            self.unlink()
        return self.env._("Messages detached: %s", done + count)

    @api.model
    def _wake_removal(self) -> None:
        """Have a job for each deleted subscription that has none. Called by cron."""
        removed = self.with_context(active_test=False).sudo()
        for subscription in removed.search([("is_removed", "=", True)]):
            open_jobs = (
                self.env["queue.job"]
                .sudo()
                .search(
                    [
                        ("mqtt_service_id", "=", subscription.service_id.id),
                        ("method_name", "=", "_job_remove"),
                        ("state", "in", ("pending", "enqueued", "started", "failed")),
                    ]
                )
            )
            if subscription.id not in [job.records.id for job in open_jobs]:
                subscription._enqueue_remove()
