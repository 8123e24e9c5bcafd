# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models

RECEIPTS_KEPT = 65_535  # packet identifiers there are: no more can come again
COUNTERS = ("received", "dropped", "reconnects")
NOTHING_COUNTED = {
    "received": 0,
    "dropped": 0,
    "last_activity": None,
    "subscription_ids": [],
    "message_counts": [],
    "last_messages": [],
}
# No ORM equivalent: to compare and to set in one statement is what fences, and in one
# round trip it costs a fifth.
ENQUEUE = f"""
    WITH held AS (
        UPDATE mqtt_connection
           SET sequence = sequence + %(total)s,
               enqueued = enqueued + %(to_store)s,
               received = GREATEST(received, received_before + %(received)s),
               dropped = GREATEST(dropped, dropped_before + %(dropped)s),
               last_activity = COALESCE(%(last_activity)s, last_activity)
         WHERE service_id = %(service_id)s
           AND thread_identifier = %(thread_identifier)s
           AND sequence = %(after_sequence)s
        RETURNING service_id, sequence
    ), pruned AS (
        DELETE FROM mqtt_receipt USING held
         WHERE mqtt_receipt.service_id = held.service_id
           AND last_sequence <= GREATEST(
                   %(prune_through)s, sequence - %(total)s - {RECEIPTS_KEPT})
    ), receipts AS (
        INSERT INTO mqtt_receipt (service_id, last_sequence, content)
        SELECT service_id, sequence, %(receipts)s::bytea
          FROM held WHERE length(%(receipts)s::bytea) > 0
    ), batch AS (
        INSERT INTO mqtt_batch
               (service_id, last_sequence, message_count, size, content)
        SELECT service_id, sequence, %(to_store)s, %(size)s, %(content)s::bytea
          FROM held WHERE %(total)s > 0 AND length(%(content)s::bytea) > 0
    ), counted AS (
        UPDATE mqtt_grant
           SET message_count = GREATEST(message_count, count_before + new.count),
               last_message = new.last
          FROM held, unnest(
                   %(subscription_ids)s::int[],
                   %(message_counts)s::bigint[],
                   %(last_messages)s::timestamp[]) AS new(id, count, last)
         WHERE subscription_id = new.id
    )
    SELECT EXISTS (SELECT FROM held),
           thread_identifier = %(thread_identifier)s
           AND sequence = %(after_sequence)s + %(total)s
      FROM mqtt_connection WHERE service_id = %(service_id)s
"""  # noqa: S608


class MqttService(models.Model):
    """What the listener asks of the database: all of it, and nothing else.

    Each call is a short transaction of the listener's own, as superuser.
    """

    _inherit = "mqtt.service"

    def _listener_claim(self, thread_identifier, host_info):
        """Make a listener the one that writes for this service, fencing off any other.

        :return: ``session_filters`` (identifier by topic filter), ``receipts`` (last
            sequence, packed receipts; oldest first) and ``session_renumbers`` (whether
            the broker does): what is known of an earlier process's session; and
            ``sequence``, of the last message.
        """
        self.ensure_one()
        self.paused_topic_ids.unlink()  # a new listener counts anew
        row = self.connection_ids
        if row.session_client_id not in (False, self.client_id):
            # No broker has a session for it, so nothing of the log can come again.
            self._prune_receipts(row.sequence)
        broker = f"{self.host}:{self.port}"
        if (row.session_broker or broker, row.session_client_id or self.client_id) != (
            broker,
            self.client_id,
        ):
            row.write({"session_filters": False, "session_renumbers": False})
        row.write(
            {
                "session_broker": broker,
                "session_client_id": self.client_id,
                "thread_identifier": thread_identifier,
                "host_info": host_info,
                "connected_to": False,  # it begins at the service's own server
                "listening_since": fields.Datetime.now(),
                "state": "connecting",
                "problem": False,
                "problem_detail": False,
                **{f"{name}_before": row[name] for name in COUNTERS},
            }
        )
        subscriptions = self.with_context(active_test=False).subscription_ids
        for grant in subscriptions.grant_ids:
            grant.count_before = grant.message_count
        logs = self.env["mqtt.receipt"].search([("service_id", "=", self.id)])
        self._notify_state()
        return {
            "sequence": row.sequence,
            "session_filters": row.session_filters or {},
            "session_renumbers": row.session_renumbers,
            "receipts": [(log.last_sequence, log.content) for log in logs],
        }

    @api.model
    def _listener_enqueue_statement(self):
        """The statement with which a listener makes a batch durable; one round trip.

        Can be executed again when nobody knows whether the first time was committed.

        :return: SQL with these named parameters, each of one type:

            - ``service_id``, ``thread_identifier``: whose batch it is.
            - ``after_sequence``: of the last message before the batch.
            - ``total``: how many messages it has; ``to_store``: how many of them
              history keeps.
            - ``receipts``: packed receipts of those that came with QoS 1.
            - ``prune_through``: sequence up to which receipts are needed no more.
            - ``received``, ``dropped``: messages since the listener claimed the
              service, which count once however often they are written; and
              ``last_activity``, when the broker was last heard.
            - ``subscription_ids``, ``message_counts``, ``last_messages``: how many
              messages have come through which subscription since then, and the last of
              them when.
            - ``content``: the messages as ``mqtt.message.encode_batch`` gives them, and
              their ``size`` in bytes before that. Empty when there are none, or when
              the batch is written by itself in the same transaction.

            Its one row says whether the batch is written, and whether it was before.
            Where both are false, another listener has claimed the service.
        """
        return ENQUEUE

    def _listener_enqueue(self, **parameters):
        """Make a batch durable in this transaction, see the statement.

        :return: sequence of the last message, or ``None`` when another listener has
            claimed the service meanwhile: then nothing was written.
        """
        self.ensure_one()
        self.env.flush_all()
        self.env.cr.execute(
            self._listener_enqueue_statement(),
            {"service_id": self.id, **NOTHING_COUNTED, **parameters},
        )
        if not any(self.env.cr.fetchone()):
            return None
        self.env.invalidate_all()
        return parameters["after_sequence"] + parameters["total"]

    @api.model
    def _listener_enqueue_jobs(self, service_ids, with_template=False):
        """Have jobs store what waits in batches of these services.

        :param with_template: whether the listener is to make such jobs by itself.
        :return: ``waiting``, ids of the services whose messages are left to jobs that
            wait already; ``seconds`` that such jobs lately took on average, or
            ``None``; and the ``template``, see :meth:`_ingest_template`.
        """
        waiting = self.env["mqtt.batch"]._read_group(
            [("service_id", "in", service_ids), ("job_uuid", "=", False)],
            ["service_id"],
        )
        services = self.browse(service.id for (service,) in waiting).sorted("id")
        return {
            "waiting": services._enqueue_ingest().ids,
            "seconds": self._mean_ingest_seconds(),
            "template": services._ingest_template() if with_template else None,
        }

    def _prune_receipts(self, sequence):
        # Not through the ORM: it would log each of many deletions a second.
        self.env.cr.execute(
            "DELETE FROM mqtt_receipt WHERE service_id = %s AND last_sequence <= %s",
            [self.id, sequence],
        )

    def _replace_receipts(self, sequence, content):
        """Have these receipts stand for all up to a sequence."""
        self._prune_receipts(sequence)
        self.env["mqtt.receipt"].create(
            {"service_id": self.id, "last_sequence": sequence, "content": content}
        )

    def _listener_report(
        self,
        thread_identifier,
        connection,
        subscriptions,
        *,
        prune_through,
        receipts_left=None,
        paused=None,
    ):
        """Write what a listener sees, unless another has claimed the service.

        :param connection: values of ``mqtt.connection``.
        :param subscriptions: ``{subscription id: values of mqtt.grant}``. All counts
            are since the listener claimed the service, so that a report whose answer
            was lost can be repeated.
        :param prune_through: sequence up to which receipts are needed no more.
        :param receipts_left: (sequence, packed receipts): stand for all up to there.
        :param paused: as :meth:`_report_paused` takes it, where it has changed.
        :return: whether this listener still has the service.
        """
        self.ensure_one()
        row = self.connection_ids
        if row.thread_identifier != thread_identifier:
            return False
        was = (row.state, row.problem)
        row.write(
            {
                name: max(row[name], row[f"{name}_before"] + value)
                if name in COUNTERS
                else value
                for name, value in connection.items()
            }
        )
        grants = self.env["mqtt.grant"].search(
            [("subscription_id", "in", list(subscriptions))]
        )
        refused = set(grants.filtered(lambda one: one.state == "refused").ids)
        for grant in grants:
            values = dict(subscriptions[grant.subscription_id.id])
            values["message_count"] = max(
                grant.message_count,
                grant.count_before + values.get("message_count", 0),
            )
            grant.write(values)
        now_refused = set(grants.filtered(lambda one: one.state == "refused").ids)
        self._prune_receipts(prune_through)
        if receipts_left:
            self._replace_receipts(*receipts_left)
        if paused is not None:
            self._report_paused(paused)
        if (row.state, row.problem) != was or refused != now_refused:
            self._notify_state()
        return True

    def _listener_release(self, thread_identifier):
        """The listener has ended: leave its last word, take its name away."""
        self.ensure_one()
        row = self.connection_ids
        if row.thread_identifier == thread_identifier:
            self.paused_topic_ids.unlink()
            row.write({"thread_identifier": False, "state": "disconnected"})
            self._notify_state()

    def _listener_give_up(self, thread_identifier):
        """The listener will not try again by itself: a person has to start it."""
        self.ensure_one()
        if self.connection_ids.thread_identifier == thread_identifier:
            self.status = "error"
            self._notify_state()

    def _notify_state(self):
        """Tell the open forms and lists of MQTT users, through the bus, on commit."""
        users = self.env.ref("mqtt_listener.group_user")
        for service in self:
            self.env["bus.bus"]._sendone(
                users, "mqtt_listener/service_changed", {"id": service.id}
            )
