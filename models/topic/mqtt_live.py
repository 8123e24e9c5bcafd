# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import timedelta

from odoo import api, fields, models

from ..common.own_transaction import own_transaction
from ..common.wide_fields import BigInteger

WATCH_SECONDS = 30  # for which a page that has just asked gets ticks
RENEW_SECONDS = 15  # before the end of them
TICK_SECONDS = 0.5  # between two ticks of a service, at least
CHANNEL = "mqtt_listener.live"  # that a browser asks for; see models/extensions


class MqttLive(models.Model):
    """How far the topics of a service are noted, and whether somebody looks at them.

    While somebody does, the bus announces that messages were stored. Such a tick has
    no content: a browser that gets one asks for what it shows. It reaches those who may
    read the service, and nobody causes one while nobody looks.
    """

    _name = "mqtt.live"
    _description = "Progress of the topics of an MQTT service"
    _rec_name = "service_id"
    _log_access = False

    service_id = fields.Many2one("mqtt.service", required=True, ondelete="cascade")
    noted_sequence = BigInteger(
        required=True, default=0, help="Sequence of the last message that is noted."
    )
    watched_until = fields.Datetime()
    last_tick = fields.Datetime()

    _service_uniq = models.UniqueIndex("(service_id)")

    @api.model
    def _renew(self, services):
        """Have the bus announce what these services receive, for a while.

        :param services: that the user may read.
        """
        soon = fields.Datetime.now() + timedelta(seconds=RENEW_SECONDS)
        # sudo: nobody writes it through the interface, and few may read it
        known = self.sudo().search(
            [("service_id", "in", services.ids), ("watched_until", ">", soon)]
        )
        if left := services - known.service_id:
            with own_transaction(self.env) as env:
                env["mqtt.live"]._watch(left.ids)

    @api.model
    def _watch(self, service_ids):
        # No ORM equivalent: pages side by side renew the same rows.
        self.env.cr.execute(
            """
            INSERT INTO mqtt_live (service_id, noted_sequence, watched_until)
            SELECT id, 0, timezone('UTC', clock_timestamp()) + %s * interval '1 second'
              FROM mqtt_service WHERE id = ANY(%s) ORDER BY id
            ON CONFLICT (service_id) DO UPDATE
               SET watched_until = excluded.watched_until
            """,
            [WATCH_SECONDS, service_ids],
        )
        self.invalidate_model(flush=False)

    @api.model
    def _announce_after_commit(self, service_ids):
        """Have those who look at services told that messages of them were stored.

        In a transaction of its own: the job that stores must not wait for another.
        """
        self.env.cr.execute(
            "SELECT service_id FROM mqtt_live WHERE service_id = ANY(%s)"
            " AND watched_until > timezone('UTC', clock_timestamp())",
            [service_ids],
        )
        if watched := [service_id for (service_id,) in self.env.cr.fetchall()]:
            self.env.cr.postcommit.add(lambda: self._announce(watched))

    @api.model
    def _announce(self, service_ids):
        with own_transaction(self.env, "ticks of services are not sent") as env:
            env["mqtt.live"]._tick(service_ids)

    @api.model
    def _tick(self, service_ids):
        """Send a tick of each of these services that did not have one just now."""
        # No ORM equivalent: to compare and to set in one statement is what limits them.
        # Locked rows are passed over: topics are being noted, or another job sends it,
        # and no job waits for a tick.
        self.env.cr.execute(
            """
            UPDATE mqtt_live SET last_tick = timezone('UTC', clock_timestamp())
             WHERE id IN (SELECT id FROM mqtt_live
                           WHERE service_id = ANY(%s)
                             AND (last_tick IS NULL
                                  OR last_tick < timezone('UTC', clock_timestamp())
                                                 - %s * interval '1 second')
                           FOR UPDATE SKIP LOCKED)
            RETURNING service_id
            """,
            [service_ids, TICK_SECONDS],
        )
        for (service_id,) in self.env.cr.fetchall():
            service = self.env["mqtt.service"].browse(service_id)
            self.env["bus.bus"]._sendone(
                (service, CHANNEL), "mqtt_listener/live", {"id": service_id}
            )
