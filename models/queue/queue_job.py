# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models

from ...mqtt.cause import cause_of
from ..common.actions import open_records
from ..common.wide_fields import BigMany2one
from .guard import is_of_mqtt, storable

DONE_JOBS_KEPT = "-30M"  # relative date: minutes after which a done job is removed
PUBLISH_METHOD = "_job_publish"
INGEST_METHOD = "_job_ingest"
CLEANED_METHODS = (
    INGEST_METHOD,
    "_job_dispatch",
    "_job_in_order",
    "_job_silence",
    PUBLISH_METHOD,
)
ROWS_SHOWN = 10  # of what waits to be dispatched, a thousand messages each at most
CLEAN_UP_BATCH = 1_000  # jobs unlinked in one transaction


class QueueJob(models.Model):
    _inherit = "queue.job"

    mqtt_service_id = fields.Many2one(
        "mqtt.service",
        string="MQTT Service",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        help="MQTT service that the job works for.",
    )
    mqtt_message_id = BigMany2one(
        "mqtt.signal.history",
        string="MQTT Message",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        help="MQTT message that the job works on, if it is a single one.",
    )
    mqtt_handler_id = fields.Many2one(
        "mqtt.handler",
        string="MQTT Handler",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        help="MQTT handler that the job calls, if it is a single one.",
    )
    mqtt_topic = fields.Char(related="mqtt_message_id.topic", string="Topic")
    mqtt_told = fields.Boolean(
        readonly=True, help="Followers were notified that this job failed."
    )
    mqtt_cause = fields.Char(
        string="Cause",
        readonly=True,
        help="Error text without numbers, identifiers and quoted values. Messages "
        "that failed for the same reason have the same cause.",
    )

    _mqtt_open_own = models.Index(
        "(mqtt_message_id) WHERE mqtt_message_id IS NOT NULL"
        " AND state NOT IN ('done', 'cancelled')"
    )
    _mqtt_pending_for_many = models.Index(
        "(mqtt_service_id, method_name) WHERE state IN ('pending', 'failed')"
        " AND mqtt_service_id IS NOT NULL AND mqtt_message_id IS NULL"
    )

    @api.model_create_multi
    @api.private
    def create(self, vals_list):
        """Say of jobs that are failed from the beginning what the cause is."""
        vals_list = [storable(one) if is_of_mqtt(one) else one for one in vals_list]
        history = self.env["mqtt.signal.history"]
        for vals in vals_list:
            if vals.get("state") == "failed" and vals.get("mqtt_message_id"):
                message = history.browse(vals["mqtt_message_id"])
                vals["mqtt_cause"] = self._mqtt_describe_cause(vals, message)
        return super().create(vals_list)

    def write(self, vals):
        """Let messages and handlers know what becomes of their jobs. Jobs of other
        addons are written as ever.

        Whoever changes it (a worker, the monitor, a person) the state is written here;
        but for jobs found dead, which the runner writes by itself.

        A job that is done cannot fail. A worker says so when the connection broke at
        the commit and it was not told that this got through; run again, the job would
        give its messages to their handlers twice.

        :raise AccessError: when a user changes whose message a job is for.
        """
        self._mqtt_check_write(vals)
        vals = self._mqtt_without_links(vals)
        of_mqtt = self.sudo().filtered("mqtt_service_id")
        if not of_mqtt:
            return super().write(vals)
        if others := self - of_mqtt:
            super(QueueJob, others).write(vals)
            return of_mqtt.with_env(self.env).write(vals)
        vals = storable(vals)
        if vals.get("state") == "failed":
            done = self.filtered(lambda job: job.state == "done")
            if done:
                return (self - done).write(vals) if self - done else True
        if "state" in vals and "mqtt_told" not in vals:
            vals = {**vals, "mqtt_told": False}
        if vals.get("state") == "failed" and len(self) == 1 and self.mqtt_message_id:
            cause = self._mqtt_describe_cause(vals, self.mqtt_message_id)
            vals = {**vals, "mqtt_cause": cause}
        is_end = vals.get("state") in ("done", "cancelled")
        # A worker's job is started; what was not, a person ends.
        by_person = of_mqtt.filtered(lambda job: is_end and job.state != "started")
        if vals.get("state") == "pending":
            of_mqtt._mqtt_forget_cancelled()
        jobs = self
        if "exc_message" in vals and len(self) == 1:
            # Or each run of a failing message would leave a note in the chatter.
            jobs = self.with_context(tracking_disable=True)
        result = super(QueueJob, jobs).write(vals)
        if is_end:
            for reason, jobs in by_person.grouped("result").items():
                jobs._mqtt_give_up(reason)
            of_mqtt.filtered("mqtt_message_id")._mqtt_release_topics()
        return result

    def unlink(self):
        """Deleting a job that has not run is cancelling it."""
        pending = self.sudo().filtered(
            lambda job: job.mqtt_service_id and job.state not in ("done", "cancelled")
        )
        pending._mqtt_give_up(
            self.env._("Its job was deleted by %s", self.env.user.name)
        )
        held_back = pending.filtered("mqtt_message_id")._mqtt_ordered_handlers()
        result = super().unlink()
        for handler, service in held_back:
            service._wake_in_order(handler)
        return result

    @api.model
    def _mqtt_create(self, values_list):
        """Create jobs, as ``Job.store`` does for one."""
        return self.with_context(_job_edit_sentinel=self.EDIT_SENTINEL).create(
            values_list
        )

    @staticmethod
    def _mqtt_describe_cause(vals, message):
        error = vals.get("exc_message") or vals.get("exc_name") or ""
        return cause_of(str(error), message.topic)

    def _change_job_state(self, state, result=None):
        """queue_job stores a job as superuser: whoever can see one, as MQTT operators
        can see those of MQTT, could cancel it or set it done by RPC.

        :raise AccessError: for users who may not write the jobs of MQTT among them.
        """
        if of_mqtt := self.sudo().filtered("mqtt_service_id"):
            of_mqtt.with_env(self.env).check_access("write")
        return super()._change_job_state(state, result=result)

    def _mqtt_give_up(self, reason):
        """Leave where a person sees it what these jobs will not do, and why.

        A job that dispatches has no messages of its own: they wait for the next one.

        :param reason: who ended the job, and how.
        """
        outgoing = self._mqtt_outbox()
        outgoing.message_id.cancel_reason = reason
        outgoing.unlink()
        handling = self.filtered(
            lambda job: job.mqtt_message_id and job.method_name != PUBLISH_METHOD
        )
        for name, jobs in handling.grouped(lambda job: job._mqtt_whose()).items():
            jobs.mqtt_message_id.cancel_reason = f"{name}: {reason}"
        apart = self.filtered(lambda job: job.method_name == INGEST_METHOD)
        if apart:
            self.env["mqtt.batch"].search(
                [("job_uuid", "in", apart.mapped("uuid"))]
            )._give_up(reason)

    def _mqtt_whose(self):
        return self.mqtt_handler_id.name or self.name

    def _mqtt_forget_cancelled(self):
        """Somebody requeues what was cancelled: it is not given up any more."""
        for job in self.filtered("mqtt_message_id"):
            message = job.mqtt_message_id
            if (message.cancel_reason or "").startswith(f"{job._mqtt_whose()}: "):
                message.cancel_reason = False

    def _mqtt_outbox(self):
        """What these jobs have still to publish."""
        jobs = self.filtered(lambda job: job.method_name == PUBLISH_METHOD)
        return self.env["mqtt.outbox"].search([("job_uuid", "in", jobs.mapped("uuid"))])

    def _mqtt_release_topics(self):
        """What these jobs held back may go on."""
        for handler, service in self._mqtt_ordered_handlers():
            service._wake_in_order(handler)

    def _mqtt_ordered_handlers(self):
        return {
            (job.mqtt_handler_id, job.mqtt_service_id)
            for job in self
            if job.mqtt_handler_id.ordered
        }

    def _message_post_on_failure(self):
        """A thousand messages that fail are one thing to be told, see mqtt.handler."""
        others = self.filtered(
            lambda job: not (job.mqtt_message_id and job.mqtt_handler_id)
        )
        return others and super(QueueJob, others)._message_post_on_failure()

    def related_action_mqtt_messages(self):
        """Open the messages that a job stored, or those that wait to be dispatched."""
        self.ensure_one()
        self.check_access("read")
        if self.method_name != "_job_dispatch" and "first_sequence" not in self.kwargs:
            return self.action_mqtt_open_message()
        domain = [("service_id", "=", self.mqtt_service_id.id)]
        if self.method_name == "_job_dispatch":
            rows = self.mqtt_service_id._waiting_rows(**self.kwargs, limit=ROWS_SHOWN)
            found = rows._find_messages()
            domain.append(("id", "in", [message_id for _row, message_id in found]))
        else:
            domain += [
                ("sequence", ">=", self.kwargs["first_sequence"]),
                ("sequence", "<=", self.kwargs["last_sequence"]),
            ]
        return open_records(self.env, "mqtt_signal_history_action", domain)

    def related_action_mqtt_stored(self):
        """Open the messages of the services that a job stores for."""
        self.ensure_one()
        self.check_access("read")
        return self.env["mqtt.service"].browse(self.records.ids).action_open_messages()

    def related_action_mqtt_published(self):
        """Open the messages that a job has still to publish, else its first."""
        self.ensure_one()
        self.check_access("read")
        messages = self.sudo()._mqtt_outbox().message_id or self.mqtt_message_id
        return open_records(
            self.env, "mqtt_signal_history_action", [("id", "in", messages.ids)]
        )

    def related_action_mqtt_handler(self):
        """Open the handler that a job works for."""
        self.ensure_one()
        handler = self.mqtt_handler_id
        return handler and {
            "type": "ir.actions.act_window",
            "res_model": handler._name,
            "res_id": handler.id,
            "views": [[False, "form"]],
        }

    @api.model
    def _mqtt_clean_up(self):
        """Remove the done jobs for batches of messages, a batch a transaction.

        queue_job counts the life of done jobs in days; a busy service makes tens of
        thousands of them an hour, and history says what they did. Jobs of one message
        stay as long as their channel keeps them.
        """
        domain = [
            ("state", "=", "done"),
            ("mqtt_service_id", "!=", False),
            ("method_name", "in", CLEANED_METHODS),
            ("date_done", "<", DONE_JOBS_KEPT),
        ]
        cron = self.env["ir.cron"]
        while jobs := self.search(domain, limit=CLEAN_UP_BATCH):
            count = len(jobs)
            jobs.unlink()
            remaining = (count == CLEAN_UP_BATCH and self.search_count(domain)) or 0
            if not cron._commit_progress(count, remaining=remaining):
                break
