def migrate(cr, version):
    """What jobs were the only ones to know is rows of its own; rows name their job."""
    _name_jobs_of_batches(cr)
    _name_jobs_of_requests(cr)
    _take_parts_from_replay_jobs(cr)


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
                   AND (job.records #>> '{}')::jsonb -> 'ids' @> to_jsonb(mqtt_request.id)
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
