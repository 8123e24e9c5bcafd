# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Make the jobs that store what waits: as few as do, and cheaply."""

from typing import Any

from odoo import api, models

from odoo.addons.queue_job.job import DEFAULT_PRIORITY, Job

PRIORITY = 5  # before queue_job's default: what follows a message waits for this
MAX_WAITING_JOBS = 2  # of a company; more would find nothing to store
HOPEFUL_RETRIES = 1  # of a job, after which another one is not tried beside it
NAMED_SERVICES = 3  # in a job's description
LATELY_SECONDS = 10  # for which the time that jobs take is looked at
# No ORM equivalent: a listener asks in the statement with which it makes a job. One
# that waits for its next try is relied on when it has failed so often that another
# would too; one of a batch set apart never is.
WAITING_JOBS = f"""
    SELECT method_name, count(*)::int AS jobs FROM queue_job
     WHERE state IN ('pending', 'enqueued') AND mqtt_service_id IS NOT NULL
       AND company_id = %(company_id)s
       AND uuid NOT IN (SELECT job_uuid FROM mqtt_batch WHERE job_uuid IS NOT NULL)
       AND (eta IS NULL OR retry > {HOPEFUL_RETRIES})
     GROUP BY method_name
"""  # noqa: S608 - of constants
MEAN_SECONDS = f"""
    SELECT avg(exec_time)::float FROM queue_job
     WHERE method_name = '_job_ingest' AND state = 'done'
       AND date_done > now() AT TIME ZONE 'utc' - interval '{LATELY_SECONDS} seconds'
"""  # noqa: S608 - of constants
# What `_enqueue_ingest` does, for services of one company, in one round trip.
# {{names}} are the columns of a template, see `queue.job`.
MAKE_JOB = f"""
    WITH jobs AS ({WAITING_JOBS}), decided AS (
        SELECT (SELECT count(*)::int FROM unnest(%(service_ids)s::int[]) AS own(id)
                 WHERE EXISTS (SELECT FROM mqtt_batch
                                WHERE service_id = own.id AND job_uuid IS NULL)
               ) AS waiting,
               (SELECT max(write_date) FROM mqtt_service
                 WHERE id = ANY(%(service_ids)s)) = %(written)s AS is_current,
               EXISTS (SELECT FROM jobs WHERE method_name = '_job_ingest'
                          AND jobs.jobs >= {MAX_WAITING_JOBS}) AS is_left,
               EXISTS (SELECT FROM jobs WHERE method_name
                           IN ('_job_dispatch', '_job_in_order')) AS is_handling
    ), made AS (
        INSERT INTO queue_job (uuid, date_created, priority, {{names}})
        SELECT gen_random_uuid(), clock_timestamp() AT TIME ZONE 'utc',
               CASE WHEN is_handling THEN {DEFAULT_PRIORITY} ELSE {PRIORITY} END,
               {{values}}
          FROM decided, jsonb_populate_record(NULL::queue_job, %(row)s) AS row
         WHERE waiting = cardinality(%(service_ids)s) AND is_current AND NOT is_left
    )
    SELECT waiting, is_current, is_left, ({MEAN_SECONDS}) FROM decided
"""  # noqa: S608 - of constants; names of columns are the database's own


class MqttService(models.Model):
    _inherit = "mqtt.service"

    def _enqueue_ingest(self) -> models.BaseModel:
        """Put jobs that store what waits of these services into the transaction.

        A job takes what waits when it runs, of all services of its company. So where
        jobs wait already that will, one more would find nothing.

        :return: the services whose messages those jobs will take.
        """
        left_to_others = self.browse()
        for company, services in self.grouped("company_id").items():
            waiting = self._count_waiting_jobs(company)
            if waiting.get("_job_ingest", 0) >= MAX_WAITING_JOBS:
                left_to_others += services
                continue
            # With jobs of one channel, those that handle have their turn too.
            handling = waiting.get("_job_dispatch") or waiting.get("_job_in_order")
            services._delay_ingest(priority=None if handling else PRIORITY)
        return left_to_others

    @api.model
    def _wake_ingest(self) -> None:
        """Have a job for what waits where none will take it: its listener is gone, or
        somebody has cancelled or deleted the job.
        """
        waiting = self.env["mqtt.batch"]._read_group(
            [("job_uuid", "=", False)], ["service_id"]
        )
        self.browse(service.id for (service,) in waiting)._enqueue_ingest()

    @api.model
    def _count_waiting_jobs(self, company) -> dict[str, int]:
        """How many jobs of a company wait for a worker, by method."""
        self.env.flush_all()
        self.env.cr.execute(WAITING_JOBS, {"company_id": company.id})
        return dict(self.env.cr.fetchall())

    def _delay_ingest(self, priority=PRIORITY, **named) -> Job:
        names = self[:NAMED_SERVICES].mapped("name")
        if len(self) > NAMED_SERVICES:
            names.append("…")
        delayed = self._for_jobs().with_delay(
            priority=priority,
            max_retries=0,  # a batch is never given up for a passing reason
            description=self.env._("Store messages of %s", ", ".join(names)),
        )
        return delayed._job_ingest(**named)

    def _ingest_template(self) -> dict[str, Any] | None:
        """What a listener makes jobs for these services with, see ``MAKE_JOB``: the ORM
        takes ten times as long, which at ten messages a second is most of their cost.

        :return: ``statement`` and its parameters ``service_ids``, ``company_id``,
            ``written`` (when one of the services was changed last: only so long it
            holds) and ``row``; ``None`` where jobs have to be made by ``with_delay``.
        """
        if len(self.company_id) != 1:
            return None
        template = self.env["queue.job"]._mqtt_template(self._delay_ingest)
        if template is None:
            return None
        names, row = template
        return {
            "statement": MAKE_JOB.format(
                names=", ".join(names), values=", ".join(f"row.{one}" for one in names)
            ),
            "service_ids": self.ids,
            "company_id": self.company_id.id,
            "written": max(self.mapped("write_date")),
            "row": row,
        }

    @api.model
    def _mean_ingest_seconds(self) -> float | None:
        """Of jobs that store, on average, lately; ``None`` where there were none."""
        self.env.flush_all()
        self.env.cr.execute(MEAN_SECONDS)
        return self.env.cr.fetchone()[0]
