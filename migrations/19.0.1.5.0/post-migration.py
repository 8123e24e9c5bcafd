import json


def migrate(cr, version):
    """What waits for handlers is rows of its own now; jobs only take what waits.

    The jobs that named messages become jobs that take them.
    """
    cr.execute(
        """
        SELECT id, mqtt_service_id, channel, priority, kwargs FROM queue_job
         WHERE method_name = '_job_dispatch' AND mqtt_service_id IS NOT NULL
           AND state NOT IN ('done', 'cancelled')
        """
    )
    for job_id, service_id, channel, priority, kwargs in cr.fetchall():
        named = kwargs if isinstance(kwargs, dict) else json.loads(kwargs)
        if "handler_ids" not in named:
            continue
        first, last = named["first_sequence"], named["last_sequence"]
        cr.execute(
            """
            INSERT INTO mqtt_dispatch (service_id, channel, priority, first_sequence,
                                       last_sequence, message_count, handlers)
            VALUES (%s, %s, %s, %s, %s, %s, %s)
            """,
            [
                service_id,
                channel,
                priority,
                first,
                last,
                last - first + 1,
                json.dumps(named["handler_ids"]),
            ],
        )
        cr.execute(
            "UPDATE queue_job SET kwargs = %s, state = 'pending' WHERE id = %s",
            [json.dumps({"channel": channel, "priority": priority}), job_id],
        )
