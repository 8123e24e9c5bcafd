# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
from collections import defaultdict

from odoo import fields, models
from odoo.tools import SQL

from .queue_job import PUBLISH_METHOD

HANDLE_METHOD = "_job_handle"


class QueueJob(models.Model):
    """Decisions about many failed messages, as sets: a job for each would take
    queue_job milliseconds to write and a worker to run.
    """

    _inherit = "queue.job"

    def _mqtt_decide(self, decision, **values):
        """Requeue, cancel or correct these failed messages, as an operator has decided.

        :param decision: name of the method.
        :param values: its arguments.
        :return: what the operator is told, and whether it is less than was asked for.
        :raise AccessError: for a user who is no MQTT operator.
        """
        jobs = self._for_mqtt_operation()
        if decision == "cancel":
            jobs._mqtt_cancel(self._mqtt_cancelled_by_me(values["reason"]))
            return self.env._("Messages that were cancelled: %s.", len(jobs)), False
        if decision == "requeue":
            done = jobs._mqtt_requeue()
            said = self.env._("Messages that are tried again: %s.", done)
        else:
            done = jobs._mqtt_replace(**values)
            said = self.env._("Messages that were corrected: %s.", done)
        left = len(jobs) - done
        if not left:
            return said, False
        if decision == "requeue":
            why = self.env._(
                "Left because their handler is switched off or deleted: %s.", left
            )
        else:
            why = self.env._("Left because they do not have the text: %s.", left)
        return f"{said} {why}", True

    def _mqtt_requeue(self):
        """Have these failed messages handled or published again, in full batches.

        Their jobs are gone afterwards: the messages wait as new ones do, so that no job
        is needed to find them.

        :return: how many jobs that were.
        """
        by_set = self._mqtt_requeue_handling() + self._mqtt_requeue_publishing()
        others = self._mqtt_failed_others(by_set)
        others.requeue()
        return len(by_set) + len(others)

    def _mqtt_failed_others(self, jobs):
        """Those of these jobs that have no set of their own, and may be requeued."""
        others = self.browse(sorted(set(self.ids) - set(jobs.ids)))
        off = self.env["mqtt.handler"].search([("enabled", "=", False)])
        return others.search(
            [
                ("id", "in", others.ids),
                ("state", "=", "failed"),
                ("mqtt_handler_id", "not in", off.ids),
                "|",
                ("method_name", "!=", HANDLE_METHOD),
                ("mqtt_handler_id", "!=", False),
            ]
        )

    def _mqtt_requeue_handling(self):
        """Have messages wait for their handlers again, in the order of reception.

        Not what was not received (a correction, a message that was sent) where the
        handler keeps that order: its job holds back its topic.

        :return: their jobs, which are gone.
        """
        self.env.flush_all()
        # No ORM equivalent: it would read each of thousands of jobs whole, and a job
        # that somebody else requeues at the same time must not be there twice.
        self.env.cr.execute(
            """
            SELECT job.id, job.mqtt_service_id, job.mqtt_handler_id,
                   job.kwargs, message.id
              FROM queue_job AS job
              JOIN mqtt_signal_history AS message ON message.id = job.mqtt_message_id
              JOIN mqtt_handler AS handler ON handler.id = job.mqtt_handler_id
             WHERE job.id IN %s AND job.method_name = %s AND job.state = 'failed'
               AND (message.sequence IS NOT NULL OR handler.ordered IS NOT TRUE)
               AND (handler.enabled OR handler.active IS NOT TRUE)
             ORDER BY message.sequence, job.id
               FOR UPDATE OF job
            """,
            [tuple(self.ids) or (None,), HANDLE_METHOD],
        )
        found = self.env.cr.fetchall()
        groups = defaultdict(dict)  # a message once, though it failed twice
        for _job_id, service_id, handler_id, kwargs, message_id in found:
            kwargs = json.loads(kwargs) if isinstance(kwargs, str) else kwargs
            kwargs.pop("handler_id", None)
            key = service_id, handler_id, tuple(sorted(kwargs.items()))
            groups[key][message_id] = None
        jobs = self.browse(job_id for job_id, *_others in found)
        jobs._mqtt_delete()
        for (service_id, handler_id, context), messages in groups.items():
            self.env["mqtt.service"].browse(service_id)._handle_again(
                self.env["mqtt.handler"].browse(handler_id),
                self.env["mqtt.signal.history"].browse(messages),
                dict(context),
            )
        return jobs

    def _mqtt_requeue_publishing(self):
        """Have one job of each service publish what several were to publish.

        :return: their jobs, which are gone.
        """
        jobs = self.search(
            [
                ("id", "in", self.ids),
                ("method_name", "=", PUBLISH_METHOD),
                ("state", "=", "failed"),
                ("mqtt_service_id", "!=", False),
            ]
        )
        joined = self.browse()
        for service, own in jobs.grouped("mqtt_service_id").items():
            waiting = own._mqtt_outbox()
            if len(own) > 1 and waiting:
                service._enqueue_publish(waiting)
                joined += own
        joined._mqtt_delete()
        return joined

    def _mqtt_delete(self):
        """Delete these jobs; what they were for is seen to otherwise."""
        if not self:
            return
        self.env.flush_all()
        ids = tuple(self.ids)
        # Not through the ORM: deleting a job is cancelling it, and takes as long.
        for table, model, column in (
            ("mail_message", "model", "res_id"),
            ("mail_followers", "res_model", "res_id"),
            ("mail_activity", "res_model", "res_id"),
        ):
            self.env.cr.execute(
                SQL(
                    "DELETE FROM %s WHERE %s = 'queue.job' AND %s IN %s",
                    SQL.identifier(table),
                    SQL.identifier(model),
                    SQL.identifier(column),
                    ids,
                )
            )
        self.env.cr.execute("DELETE FROM queue_job WHERE id IN %s", [ids])
        self.env.invalidate_all(flush=False)

    def _mqtt_cancel(self, reason):
        """Cancel, and leave who did it and why on the jobs and on their messages."""
        self.write(
            {
                "state": "cancelled",
                "date_cancelled": fields.Datetime.now(),
                "result": reason,
            }
        )
