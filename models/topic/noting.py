# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import time

from odoo import api, models
from odoo.fields import Domain

from ..common.own_transaction import own_transaction
from .mqtt_topic import TOPICS_PER_SERVICE

MESSAGES = 20_000  # that are noted at a time
MOST_BEHIND = 1_000_000  # messages; of more that are not noted yet, the first are not
CRON_SECONDS = 30
LOCK_CLASS = 0x4D51544C  # "MQTL": first key of the locks under which topics are noted

# No ORM equivalent. One statement, whatever the number of messages. What is in a batch
# that waits is stored in one transaction, so all before its last message that can be
# seen is before its first one too: nothing that is stored later is passed over. Batches
# with a job of their own are not waited for. New topics, as many as there is room for,
# are found by NOT IN, which PostgreSQL hashes: without statistics of what was updated
# it would join by comparing each with each.
NOTE = """
    WITH lately AS MATERIALIZED (
        SELECT topic, sequence, timestamp FROM mqtt_signal_history
         WHERE service_id = %(service)s
           AND sequence > (SELECT GREATEST(live.noted_sequence,
                                           connection.sequence - %(most_behind)s)
                             FROM mqtt_live AS live
                             JOIN mqtt_connection AS connection USING (service_id)
                            WHERE service_id = %(service)s)
           AND sequence < (SELECT COALESCE(min(last_sequence), %(endless)s)
                             FROM mqtt_batch
                            WHERE service_id = %(service)s AND job_uuid IS NULL)
         ORDER BY sequence LIMIT %(messages)s
    ), new AS MATERIALIZED (
        SELECT topic, sha256(convert_to(topic, 'UTF8')) AS topic_hash,
               count(*) AS message_count, max(timestamp) AS last_message,
               max(sequence) AS last_sequence
          FROM lately GROUP BY topic
    ), known AS (
        UPDATE mqtt_topic AS topic
           SET message_count = topic.message_count + new.message_count,
               last_message = new.last_message, last_sequence = new.last_sequence
          FROM new
         WHERE topic.service_id = %(service)s AND topic.topic_hash = new.topic_hash
        RETURNING topic.topic_hash
    ), unknown AS MATERIALIZED (
        SELECT * FROM new
         WHERE topic_hash NOT IN (SELECT topic_hash FROM known)
    ), added AS (
        INSERT INTO mqtt_topic (service_id, topic, topic_hash, message_count,
                                last_message, last_sequence)
        SELECT %(service)s, topic, topic_hash, message_count, last_message,
               last_sequence
          FROM unknown ORDER BY last_sequence
         LIMIT CASE WHEN EXISTS (SELECT FROM unknown) THEN GREATEST(0, %(limit)s - (
                    SELECT count(*) FROM mqtt_topic WHERE service_id = %(service)s))
               ELSE 0 END
    )
    UPDATE mqtt_live SET noted_sequence = (SELECT max(sequence) FROM lately)
     WHERE service_id = %(service)s AND EXISTS (SELECT FROM lately)
    RETURNING (SELECT count(*) FROM lately)
"""
ENDLESS = 2**63 - 1


class MqttTopic(models.Model):
    """What came last on each topic, from history: when somebody looks, and each minute.

    So it costs the way of a message nothing, and a message is noted once, whichever
    jobs stored it, were repeated, or died.
    """

    _inherit = "mqtt.topic"

    @api.model
    def _note(self, services):
        """Note what of these services is stored and not noted yet, so much at a time.

        Services whose topics are being noted are left to who does so.

        :return: those of which more is to be noted.
        """
        behind = services.browse()
        for service in services:
            with own_transaction(self.env, "topics are not noted") as env:
                if env["mqtt.topic"]._note_some(service.id):
                    behind += service
        return behind

    @api.model
    def _note_some(self, service_id):
        """Note what of a service is stored, in this transaction.

        :return: whether there may be more.
        """
        if not self._lock(service_id):
            return False
        # No ORM equivalent: a page may make the same row at the same time.
        self.env.cr.execute(
            "INSERT INTO mqtt_live (service_id, noted_sequence)"
            " SELECT id, 0 FROM mqtt_service WHERE id = %s"
            " ON CONFLICT DO NOTHING",
            [service_id],
        )
        self.env.cr.execute(
            NOTE,
            {
                "service": service_id,
                "messages": MESSAGES,
                "most_behind": MOST_BEHIND,
                "limit": TOPICS_PER_SERVICE,
                "endless": ENDLESS,
            },
        )
        found = self.env.cr.fetchone()
        self.invalidate_model(flush=False)
        return bool(found) and found[0] == MESSAGES

    @api.model
    def _lock(self, service_id):
        """Whether the topics of a service are this transaction's to write."""
        self.env.cr.execute(
            "SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK_CLASS, service_id]
        )
        return self.env.cr.fetchone()[0]

    @api.model
    def _note_all(self):
        """Note what came. Called by cron."""
        end = time.monotonic() + CRON_SECONDS
        services = (
            self.env["mqtt.service"].with_context(active_test=False).search(Domain.TRUE)
        )
        while services and time.monotonic() < end:
            services = self._note(services)
