# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Jobs that are tried again by themselves: counted, and after growing waits."""

from datetime import timedelta

from odoo import fields, models

from odoo.addons.queue_job.job import Job

from .failure import DATABASE_AWAY

IDLE = "IdleInTransactionSessionTimeout"  # a call took longer than PostgreSQL waits
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(minutes=30)  # between two runs of a job that keeps failing


class MqttService(models.Model):
    _inherit = "mqtt.service"

    def _after_outage(self, exc_name, exc_info, *methods, kills=None) -> None:
        """Have a job of these services run again if its connection broke.

        Such a run counts as any other, so a call that breaks the connection each time
        is found as one that kills its worker is.

        :param exc_name: of the job's exception; :param exc_info: its traceback.
        :param methods: names of the methods of which it may be.
        :param kills: number of tries after which what the job does is not tried as a
            whole any more; ``None``: the job itself decides.
        """
        of_services = [
            ("mqtt_service_id", "in", self.ids),
            ("method_name", "in", methods),
        ]
        jobs = self.env["queue.job"].sudo()
        if job := jobs._mqtt_just_broken(of_services, exc_name, exc_info):
            # Without an eta, as after a death: what it does is not tried as a whole.
            is_due = IDLE in exc_info or (kills is not None and job.retry >= kills)
            job._mqtt_try_again(seconds=0 if is_due else None)


class QueueJob(models.Model):
    _inherit = "queue.job"

    def _mqtt_just_broken(self, domain, exc_name, exc_info) -> models.BaseModel:
        """The job of a domain that failed last because its connection broke so."""
        if exc_name not in DATABASE_AWAY:
            return self.browse()
        failure = [
            ("state", "=", "failed"),
            ("exc_name", "=", exc_name),
            ("exc_info", "=", exc_info),
        ]
        return self.search(
            [*domain, *failure], order="date_started DESC, id DESC", limit=1
        )

    def _mqtt_try_again(self, seconds=None) -> bool:
        """Have this failed job run again, unless it has used its tries up.

        :param seconds: to wait; ``None``: as its retry pattern says.
        :return: whether it will run.
        """
        job = Job.load(self.env, self.uuid)
        if job.max_retries and job.retry >= job.max_retries:
            return False
        if seconds == 0:
            job.eta = None
        else:
            job.postpone(
                result=self.env._("The connection to the database broke."),
                seconds=seconds,
            )
        job.set_pending(reset_retry=False)
        job.store()
        return True

    def _mqtt_are_due(self) -> models.BaseModel:
        """Those of these failed jobs that may run again: at growing distances."""
        now = fields.Datetime.now()

        def is_due(job) -> bool:
            begun = job.date_started or job.date_created
            wait = (begun - job.date_created) / 2
            return begun + min(max(wait, FIRST_WAIT), LONGEST_WAIT) <= now

        return self.filtered(is_due)
