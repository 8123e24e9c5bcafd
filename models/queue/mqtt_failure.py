# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..common.actions import open_records
from ..common.groups import OPERATOR, check_group

BULK = 20_000  # messages that are decided about in a request; the rest by jobs


class MqttFailure(models.Model):
    """Failed messages of one handler and one cause, in one row for each company."""

    _name = "mqtt.failure"
    _inherit = ["mqtt.short.topics"]
    _description = "Failed MQTT Messages by Cause"
    _auto = False
    _order = "last_date desc, id"
    _rec_name = "cause"
    _depends = {
        "queue.job": [
            "mqtt_cause",
            "mqtt_handler_id",
            "mqtt_message_id",
            "mqtt_service_id",
            "state",
        ],
        "mqtt.service": ["company_id"],
    }

    handler_id = fields.Many2one(
        "mqtt.handler",
        readonly=True,
        help="Handler that failed. Empty: the messages could not be published.",
    )
    cause = fields.Char(
        readonly=True,
        help="Error text without numbers, identifiers and quoted values.",
    )
    message_count = fields.Integer(string="Messages", readonly=True)
    first_date = fields.Datetime(string="First", readonly=True)
    last_date = fields.Datetime(string="Last", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    service_id = fields.Many2one(
        "mqtt.service",
        readonly=True,
        help="Service of the messages, if all have the same.",
    )
    example_id = fields.Many2one(
        "queue.job",
        readonly=True,
        help="The most recent message that failed for this reason.",
    )
    topic = fields.Char(related="example_id.mqtt_topic", string="Example Topic")
    error = fields.Char(related="example_id.exc_message")

    @property
    def _table_query(self):
        # The id is made of what the messages have in common, so that it stays while
        # some of them are requeued. The web client takes 53 bits of it.
        return SQL(
            """
            SELECT ('x' || left(md5(concat_ws('/', service.company_id,
                                              job.mqtt_handler_id, cause.said)), 13)
                   )::bit(52)::bigint AS id,
                   service.company_id,
                   job.mqtt_handler_id AS handler_id,
                   cause.said AS cause,
                   count(*) AS message_count,
                   min(failed.at) AS first_date,
                   max(failed.at) AS last_date,
                   CASE WHEN min(job.mqtt_service_id) = max(job.mqtt_service_id)
                        THEN min(job.mqtt_service_id) END AS service_id,
                   max(job.id) AS example_id
              FROM queue_job AS job
              JOIN mqtt_service AS service ON service.id = job.mqtt_service_id,
                   LATERAL (SELECT coalesce(job.mqtt_cause, job.exc_name, '') AS said)
                        AS cause,
                   LATERAL (SELECT coalesce(job.date_started, job.date_created) AS at)
                        AS failed
             WHERE job.state = 'failed' AND job.mqtt_message_id IS NOT NULL
             GROUP BY service.company_id, job.mqtt_handler_id, cause.said
            """
        )

    # Buttons

    def action_open(self):
        """Open these messages one by one."""
        self.check_access("read")
        return open_records(self.env, "mqtt_dead_letter_action", self._job_domain())

    def action_requeue(self):
        """Have the handlers try these messages again, with all their tries.

        :raise AccessError: for a user who is no MQTT operator.
        """
        return self._decide("requeue")

    def action_cancel(self):
        """Ask why, then cancel.

        :raise AccessError: for a user who is no MQTT operator.
        """
        return self._open_dialog("mqtt.cancellation", self.env._("Cancel"))

    def action_correct(self):
        """Ask what to replace in the payloads, then process the corrections.

        :raise AccessError: for a user who is no MQTT operator.
        """
        return self._open_dialog(
            "mqtt.replacement", self.env._("Correct and Process Again")
        )

    def _open_dialog(self, model, name):
        self._check_operator()
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": model,
            "view_mode": "form",
            "target": "new",
            "context": {"default_failure_ids": self.ids},
        }

    def _check_operator(self):
        check_group(
            self.env,
            OPERATOR,
            self.env._("Only an MQTT operator may decide about failed messages."),
        )
        self.check_access("read")

    def _decide(self, decision, **values):
        """Requeue, cancel or correct these messages; what is too much for a request, in
        the background.

        :param decision: of ``_mqtt_decide`` of jobs; :param values: its arguments.
        :raise AccessError: for a user who is no MQTT operator.
        """
        self._check_operator()
        jobs = self._jobs(limit=BULK + 1)
        said, is_warning = jobs[:BULK]._mqtt_decide(decision, **values)
        if len(jobs) > BULK:
            self._enqueue_decide(
                decision, jobs[BULK - 1].id, self._jobs()[-1].id, values
            )
            said += " " + self.env._("The others follow in the background.")
        return self.env["queue.job"]._mqtt_notification(said, is_warning)

    def _jobs(self, after=0, through=None, limit=None):
        """The failed jobs of these rows, as far as the user may see them.

        :param after: id of a job; only later ones.
        :param through: id of the last job.
        """
        domain = self._job_domain() & Domain("id", ">", after)
        if through:
            domain &= Domain("id", "<=", through)
        return self.env["queue.job"].search(domain, order="id", limit=limit)

    def _job_domain(self):
        failed = Domain("mqtt_message_id", "!=", False) & Domain("state", "=", "failed")
        return failed & Domain.OR(
            Domain("mqtt_service_id.company_id", "=", row.company_id.id)
            & Domain("mqtt_handler_id", "=", row.handler_id.id)
            & row._cause_domain()
            for row in self
        )

    def _cause_domain(self):
        unknown = Domain("mqtt_cause", "=", False) & Domain("exc_name", "=", self.cause)
        return Domain("mqtt_cause", "=", self.cause) | unknown
