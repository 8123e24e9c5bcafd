# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Requeue, cancel or correct more failed messages than a request has time for."""

from typing import Any

from odoo import models

PART = 10_000  # messages in one job
CAUSE_CHARS = 60  # in a job's description


class MqttFailure(models.Model):
    _inherit = "mqtt.failure"

    def _job_store_values(self, job) -> dict[str, Any]:
        """queue_job's hook: have these jobs found among those of MQTT."""
        values = super()._job_store_values(job)
        rows = self.sudo().search([("id", "in", job.recordset.ids)])
        if service := rows._jobs(limit=1).mqtt_service_id:  # the last leaves none
            values["mqtt_service_id"] = service.id
        return values

    def _enqueue_decide(self, decision, after, through, values, done=0) -> None:
        """:param done: for how many messages it was done by jobs before."""
        self.with_context(company_id=self[:1].company_id.id).with_delay(
            description=self.env._(
                "Failed messages, %(decision)s, %(done)s so far: %(cause)s",
                decision=decision,
                done=done,
                cause=(self[:1].cause or "")[:CAUSE_CHARS],
            ),
        )._job_decide(decision, after, through, values, done)

    def _job_decide(self, decision, after, through, values, done=0) -> str:
        """Do for the next of these messages what an operator has decided.

        What it does not come to, because it was cancelled, stays failed.

        :param decision: of ``_mqtt_decide`` of jobs.
        :param after: id of the last job that it was done for.
        :param through: id of the last job that it is to be done for.
        :param values: arguments of the decision.
        :return: what the job monitor shows as result.
        """
        rows = self.search([("id", "in", self.ids)])
        jobs = rows._jobs(after=after, through=through, limit=PART)
        if not jobs:
            return self.env._("Nothing is left.")
        last, done = jobs[-1].id, done + len(jobs)
        said, _is_warning = jobs._mqtt_decide(decision, **values)
        if last < through:
            rows._enqueue_decide(decision, last, through, values, done)
        return said
