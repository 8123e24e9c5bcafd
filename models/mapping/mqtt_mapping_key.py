# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import timedelta

from odoo import api, fields, models

KEPT = timedelta(days=1)  # longer than any transaction


class MqttMappingKey(models.Model):
    """A key for which a mapping created a record.

    Jobs that meet the same new key at the same time do not see each other's records.
    They see each other here: the second one is refused, begins again, and finds what
    the first one created. Records are found by their fields, never by this.
    """

    _name = "mqtt.mapping.key"
    _description = "MQTT Mapping Key"
    _log_access = False
    _rec_name = "digest"

    mapping_id = fields.Many2one(
        "mqtt.mapping", required=True, readonly=True, ondelete="cascade", index=True
    )
    digest = fields.Char(required=True, readonly=True)
    claimed_on = fields.Datetime(required=True, readonly=True)

    _digest_uniq = models.UniqueIndex("(digest)")
    _claimed_on = models.Index("(claimed_on)")

    @api.model
    def _claim(self, mapping, digests):
        """Keep other transactions from creating records for the same keys.

        :param digests: of the model and the key each; of all mappings together, for
            two of them may create the same record.
        :raise psycopg2.errors.SerializationFailure: when another transaction, which
            this one does not see, has claimed one of them.
        """
        # No ORM equivalent. In REPEATABLE READ, ON CONFLICT DO UPDATE raises for a row
        # of a transaction that committed after this one's snapshot. Sorted, so that two
        # transactions do not wait for each other.
        self.env.cr.execute(
            """
            INSERT INTO mqtt_mapping_key (mapping_id, digest, claimed_on)
            SELECT %s, digest, now() AT TIME ZONE 'UTC'
              FROM unnest(%s) AS digest
            ON CONFLICT (digest) DO UPDATE SET claimed_on = EXCLUDED.claimed_on
            """,
            [mapping.id, sorted(digests)],
        )

    @api.autovacuum
    def _gc_claims(self):
        before = self.env.cr.now() - KEPT
        self.sudo().search([("claimed_on", "<", before)]).unlink()
