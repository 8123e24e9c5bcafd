# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json

from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Jobs carry no messages any more: they take what waits, which is rows."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    function = env.ref("mqtt_listener.job_function_ingest", raise_if_not_found=False)
    if function:
        function.related_action = {"func_name": "related_action_mqtt_stored"}
    _turn_into_rows(cr)


def _turn_into_rows(cr):
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
