# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
def migrate(cr, version):
    """What jobs were the only ones to know is rows of its own; rows name their job."""
    list_sequences(cr)
    _name_jobs_of_batches(cr)
    _name_jobs_of_requests(cr)
    _take_parts_from_replay_jobs(cr)


def list_sequences(cr):
    """Ranges of an earlier version take in what is stored into them later."""
    cr.execute(
        """
        WITH inside AS (
            SELECT waiting.id, waiting.message_count,
                   jsonb_agg(message.sequence ORDER BY message.sequence) AS sequences
              FROM mqtt_dispatch AS waiting JOIN mqtt_signal_history AS message
                ON message.service_id = waiting.service_id AND message.has_handlers
               AND message.sequence
                   BETWEEN waiting.first_sequence AND waiting.last_sequence
             WHERE waiting.sequences IS NULL
             GROUP BY waiting.id
        )
        UPDATE mqtt_dispatch AS waiting
           SET sequences = inside.sequences,
               message_count = jsonb_array_length(inside.sequences)
          FROM inside
         WHERE inside.id = waiting.id
           AND jsonb_array_length(inside.sequences) != inside.message_count
        """
    )


# queue_job's columns hold text that is JSON, as a JSON string.


def _name_jobs_of_batches(cr):
    """A batch that was set apart and has no job any more is taken as others are."""
    cr.execute(
        """
        UPDATE mqtt_batch SET job_uuid = job.uuid FROM queue_job AS job
         WHERE job.method_name = '_job_ingest'
           AND job.state NOT IN ('done', 'cancelled')
           AND (job.kwargs #>> '{}')::jsonb ->> 'batch_id' = mqtt_batch.id::text
        """
    )


def _name_jobs_of_requests(cr):
    """Those without one get a new job from cron."""
    cr.execute(
        """
        UPDATE mqtt_request SET job_uuid = (
                SELECT job.uuid FROM queue_job AS job
                 WHERE job.method_name = '_job_silence'
                   AND job.state NOT IN ('done', 'cancelled')
                   AND (job.records #>> '{}')::jsonb -> 'ids'
                       @> to_jsonb(mqtt_request.id)
                 ORDER BY job.id DESC LIMIT 1)
         WHERE state = 'waiting'
        """
    )


def _take_parts_from_replay_jobs(cr):
    cr.execute(
        """
        WITH jobs AS (
            SELECT DISTINCT ON (replay.id) replay.id AS replay_id, job.id, job.uuid,
                   NULLIF((job.kwargs #>> '{}')::jsonb -> 'left', 'null') AS left_part
              FROM mqtt_replay AS replay JOIN queue_job AS job
                ON job.method_name = '_job_replay'
               AND job.state NOT IN ('done', 'cancelled')
               AND (job.records #>> '{}')::jsonb -> 'ids' @> to_jsonb(replay.id)
             WHERE replay.state = 'running'
             ORDER BY replay.id, job.id DESC
        ), named AS (
            UPDATE mqtt_replay SET job_uuid = jobs.uuid, "left" = jobs.left_part
              FROM jobs WHERE jobs.replay_id = mqtt_replay.id
        )
        UPDATE queue_job SET kwargs = '{}' FROM jobs WHERE jobs.id = queue_job.id
        """
    )
