# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the state of a message is, in SQL: of one row, and of millions.

Of one row, it is asked whether something waits for it. Of millions, what waits is
collected once: that is little, and messages are many.
"""

from odoo.tools import SQL

NOT_ENDED = SQL("job.state NOT IN ('done', 'cancelled')")
FAILED = SQL("job.state = 'failed'")
RETRIED = SQL("job.retry > 0")


def state_of_row(env, alias):
    """The state as an expression over a row of history, for a page of messages.

    :param alias: of the table in the query.
    """
    return _state(
        alias,
        is_open=_waits(env, alias),
        is_failed=_has_job(alias, FAILED),
        is_retried=_has_job(alias, RETRIED),
    )


def state_of_many(env, alias):
    """The same, for queries that look at all messages."""
    return _state(
        alias,
        is_open=_is_open(env, alias),
        is_failed=_among(alias, _ids_by_job(FAILED)),
        is_retried=_among(alias, _ids_by_job(RETRIED)),
    )


def has_state(env, alias, states):
    """A condition: the state of a row of history is one of these.

    Of open messages the ids are found first, and then their rows.

    :param states: values of ``state``.
    """
    message = SQL.identifier(alias)
    handled = SQL("(%s IS NOT TRUE)", _is_unhandled(message))
    cancelled = SQL("%s.cancel_reason IS NOT NULL", message)
    is_open = _is_open(env, alias)
    failed, retried = _ids_by_job(FAILED), _ids_by_job(RETRIED)
    conditions = {
        "stored": SQL("(NOT %s AND NOT %s)", handled, cancelled),
        "cancelled": SQL("(%s AND (NOT %s OR NOT %s))", cancelled, handled, is_open),
        "done": SQL("(%s AND NOT %s AND NOT %s)", handled, cancelled, is_open),
        "failed": SQL("(%s AND %s)", _found(alias, failed), handled),
        "retrying": SQL(
            "(%s AND NOT %s AND %s)",
            _found(alias, retried),
            _among(alias, failed),
            handled,
        ),
        "queued": SQL(
            "(%s AND NOT %s AND NOT %s AND %s)",
            _found(alias, _open_ids(env)),
            _among(alias, retried),
            _among(alias, failed),
            handled,
        ),
    }
    asked = [sql for state, sql in conditions.items() if state in states]
    return SQL("(%s)", SQL(" OR ").join(asked)) if asked else SQL("FALSE")


def _is_unhandled(message):
    return SQL(
        "(%(message)s.direction = 'receive' AND %(message)s.has_handlers IS NOT TRUE)",
        message=message,
    )


def _state(alias, is_open, is_failed, is_retried):
    return SQL(
        """
        CASE WHEN %(unhandled)s
             THEN CASE WHEN %(message)s.cancel_reason IS NULL
                       THEN 'stored' ELSE 'cancelled' END
             WHEN NOT %(is_open)s
             THEN CASE WHEN %(message)s.cancel_reason IS NULL
                       THEN 'done' ELSE 'cancelled' END
             WHEN %(is_failed)s THEN 'failed'
             WHEN %(is_retried)s THEN 'retrying'
             ELSE 'queued' END
        """,
        unhandled=_is_unhandled(SQL.identifier(alias)),
        message=SQL.identifier(alias),
        is_open=is_open,
        is_failed=is_failed,
        is_retried=is_retried,
    )


# Of one row


def _has_job(alias, condition):
    """Whether a job that has not ended, and fulfils this, is for a message: its own, or
    one that publishes it.
    """
    return SQL(
        """
        (%(own)s
         OR %(message)s.direction = 'send' AND EXISTS (
                 SELECT FROM mqtt_outbox AS waiting
                   JOIN queue_job AS job ON job.uuid = waiting.job_uuid
                  WHERE waiting.message_id = %(message)s.id AND %(condition)s))
        """,
        own=_has_own_job(alias, condition),
        message=SQL.identifier(alias),
        condition=condition,
    )


def _has_own_job(alias, condition):
    return SQL(
        """
        EXISTS (SELECT FROM queue_job AS job
                 WHERE job.mqtt_message_id = %s.id AND %s AND %s)
        """,
        SQL.identifier(alias),
        NOT_ENDED,
        condition,
    )


def _waits(env, alias):
    """Whether anything is to be done for a message."""
    return SQL(
        """
        (%(has_job)s
         OR EXISTS (SELECT FROM mqtt_dispatch AS waiting WHERE %(covers)s)
         OR EXISTS (SELECT FROM mqtt_ordered_message AS waiting
                     WHERE waiting.message_id = %(message)s.id)
         OR EXISTS (SELECT FROM mqtt_outbox AS waiting
                     WHERE waiting.message_id = %(message)s.id)
         OR %(message)s.id IN (%(named)s))
        """,
        has_job=_has_own_job(alias, SQL("TRUE")),
        covers=env["mqtt.dispatch"]._covers(SQL.identifier(alias)),
        message=SQL.identifier(alias),
        named=env["mqtt.dispatch"]._named_ids(),
    )


# Of millions


def _among(alias, ids):
    """A message is among those of a query, which is read once and hashed."""
    return SQL("(%s.id IN (%s))", SQL.identifier(alias), ids)


def _found(alias, ids):
    """The same, for a query whose messages are looked up one by one.

    The ids become an array first: PostgreSQL would rather walk through all messages,
    newest first, until it has met enough of them.
    """
    return SQL("(%s.id = ANY(ARRAY(%s)))", SQL.identifier(alias), ids)


def _ids_by_job(condition):
    return SQL(
        """
        %s
         UNION ALL
        SELECT waiting.message_id FROM mqtt_outbox AS waiting
          JOIN queue_job AS job ON job.uuid = waiting.job_uuid
         WHERE waiting.message_id IS NOT NULL AND %s
        """,
        _ids_by_own_job(condition),
        condition,
    )


def _ids_by_own_job(condition):
    return SQL(
        """
        SELECT job.mqtt_message_id FROM queue_job AS job
         WHERE job.mqtt_message_id IS NOT NULL AND %s AND %s
        """,
        NOT_ENDED,
        condition,
    )


def _named_ids(env):
    """Of the messages that something is to be done for, by themselves."""
    return SQL(
        """
        %s
         UNION ALL
        SELECT message_id FROM mqtt_ordered_message WHERE message_id IS NOT NULL
         UNION ALL
        SELECT message_id FROM mqtt_outbox WHERE message_id IS NOT NULL
         UNION ALL
        %s
        """,
        _ids_by_own_job(SQL("TRUE")),
        env["mqtt.dispatch"]._named_ids(),
    )


def _is_open(env, alias):
    # By service and sequence: of a join with history PostgreSQL would expect so many
    # rows that it does not hash them, and look through them for each message.
    return SQL(
        "(%s OR (%s.service_id, COALESCE(%s.sequence, 0)) IN (%s))",
        _among(alias, _named_ids(env)),
        SQL.identifier(alias),
        SQL.identifier(alias),
        env["mqtt.dispatch"]._covered_sequences(),
    )


def _open_ids(env):
    # OFFSET has each row looked up by index, instead of a join with all messages.
    return SQL(
        """
        %s
         UNION ALL
        SELECT inside.id FROM mqtt_dispatch AS waiting
         CROSS JOIN LATERAL (
            SELECT id FROM mqtt_signal_history AS message
             WHERE message.service_id = waiting.service_id
               AND message.sequence BETWEEN waiting.first_sequence
                                        AND waiting.last_sequence
               AND (waiting.sequences IS NULL
                    OR waiting.sequences @> to_jsonb(message.sequence))
            OFFSET 0) AS inside
        """,
        _named_ids(env),
    )
