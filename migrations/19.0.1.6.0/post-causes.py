# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo.addons.mqtt_listener.jobs.failure import describe_failed
from odoo.addons.mqtt_listener.mqtt.cause import cause_of

BATCH = 1_000


def migrate(cr, version):
    """Messages that failed before are grouped by their cause, too."""
    last_id = 0
    while rows := _next_rows(cr, last_id):
        causes = [
            (job_id, cause_of(_describe(*error), topic))
            for job_id, topic, *error in rows
        ]
        cr.execute(
            """
            UPDATE queue_job SET mqtt_cause = new.cause
              FROM unnest(%s, %s) AS new (id, cause) WHERE queue_job.id = new.id
            """,
            [[job_id for job_id, _cause in causes], [cause for _id, cause in causes]],
        )
        last_id = rows[-1][0]


def _next_rows(cr, last_id):
    cr.execute(
        """
        SELECT job.id, message.topic, job.method_name, job.exc_name, job.exc_message,
               job.exc_info
          FROM queue_job AS job
          JOIN mqtt_signal_history AS message ON message.id = job.mqtt_message_id
         WHERE job.state = 'failed' AND job.mqtt_cause IS NULL AND job.id > %s
         ORDER BY job.id LIMIT %s
        """,
        [last_id, BATCH],
    )
    return cr.fetchall()


def _describe(method_name, exc_name, exc_message, exc_info):
    """What the error says, as it would be said if the message failed now."""
    said = exc_message or exc_name or ""
    if method_name != "_job_handle" or said.endswith(")"):  # with its place
        return said
    return describe_failed(exc_name or "", said, exc_info or "")
