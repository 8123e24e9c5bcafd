from odoo import api, fields, models

DONE_JOBS_KEPT = "-30M"  # relative date: minutes after which a done job is removed
CLEAN_UP_CHANNELS = ("root.mqtt.ingest",)
CLEAN_UP_BATCH = 1_000  # jobs unlinked in one transaction


class QueueJob(models.Model):
    _inherit = "queue.job"

    mqtt_service_id = fields.Many2one(
        "mqtt.service",
        string="MQTT Service",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
    )

    def related_action_mqtt_messages(self):
        """Open the messages that an ingest job stored."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "mqtt_listener.mqtt_signal_history_action"
        )
        action["domain"] = [
            ("service_id", "=", self.mqtt_service_id.id),
            ("sequence", ">=", self.kwargs["first_sequence"]),
            ("sequence", "<=", self.kwargs["last_sequence"]),
        ]
        action["context"] = {}
        return action

    @api.model
    def _mqtt_clean_up(self):
        """Remove the done jobs of the MQTT channels, a batch a transaction.

        queue_job counts the life of done jobs in days; a busy service makes tens of
        thousands of them an hour, and history says what they stored.
        """
        domain = [
            ("state", "=", "done"),
            ("channel", "in", CLEAN_UP_CHANNELS),
            ("date_done", "<", DONE_JOBS_KEPT),
        ]
        cron = self.env["ir.cron"]
        while jobs := self.search(domain, limit=CLEAN_UP_BATCH):
            count = len(jobs)
            jobs.unlink()
            remaining = (count == CLEAN_UP_BATCH and self.search_count(domain)) or 0
            if not cron._commit_progress(count, remaining=remaining):
                break
