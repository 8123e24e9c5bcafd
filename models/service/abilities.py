# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models

NAMED_FILTERS = 3  # in a warning


class MqttService(models.Model):
    """What the broker said that it can do (MQTT 5.0 section 3.2.2.3)."""

    _inherit = "mqtt.service"

    broker_abilities = fields.Char(
        string="Broker Limits",
        compute="_compute_broker_abilities",
        help="Limits that the broker announced at the last login (MQTT 5).",
    )
    broker_warning = fields.Char(
        compute="_compute_broker_warning",
        help="Risk of losing messages because of a limit of the broker.",
    )

    @api.depends("connection_ids.abilities")
    def _compute_broker_abilities(self):
        for service in self:
            abilities = service.connection_ids.sudo().abilities or {}
            said = [
                words
                for name, words in service._ability_words(abilities).items()
                if name in abilities
            ]
            service.broker_abilities = ", ".join(said)

    def _ability_words(self, abilities):
        """Words for each ability that a broker may restrict.

        :param abilities: as ``Abilities.named`` of the listener gives them.
        """
        env = self.env
        said = abilities.get
        return {
            "shared": env._("no shared subscriptions"),
            "wildcards": env._("no wildcards in topic filters"),
            "identifiers": env._("no subscription identifiers"),
            "retain": env._("no retained messages"),
            "maximum_qos": env._("QoS %s at most", said("maximum_qos")),
            "receive_maximum": env._(
                "%s messages published before the first is acknowledged",
                said("receive_maximum"),
            ),
            "maximum_packet_size": env._(
                "packets of %s bytes at most", said("maximum_packet_size")
            ),
            "session_expiry": env._(
                "the session is kept for %s seconds", said("session_expiry")
            ),
            "keep_alive": env._("keepalive of %s seconds", said("keep_alive")),
            "client_id": env._("client ID “%s” assigned", said("client_id")),
        }

    @api.depends(
        "connection_ids.abilities",
        "session_expiry",
        "subscription_ids.qos",
        "subscription_ids.grant_ids.state",
        "subscription_ids.grant_ids.granted_qos",
    )
    def _compute_broker_warning(self):
        for service in self:
            service.broker_warning = " ".join(service._broker_warnings())

    def _broker_warnings(self):
        """Sentences on how messages may be lost."""
        env, warnings = self.env, []
        abilities = self.connection_ids.sudo().abilities or {}
        expiry = abilities.get("session_expiry")
        if expiry is not None and expiry < self.session_expiry:
            warnings.append(
                env._(
                    "The broker keeps the session for %(granted)s seconds only, not "
                    "%(asked)s: messages are lost when the listener is away longer.",
                    granted=expiry,
                    asked=self.session_expiry,
                )
            )
        if abilities.get("client_id"):
            warnings.append(
                env._(
                    "The broker did not accept the client ID and assigned another one: "
                    "it may not find the session again, and messages may be lost with "
                    "each connection."
                )
            )
        lowered = self.subscription_ids.filtered(
            lambda one: (
                one.state == "granted" and one.granted_qos < min(int(one.qos), 1)
            )
        )
        if lowered:
            filters = lowered[:NAMED_FILTERS].mapped("topic_filter")
            more = ["…"] * (len(lowered) > NAMED_FILTERS)
            warnings.append(
                env._(
                    "The broker granted QoS 0 where QoS 1 was asked, so messages may "
                    "be lost: %s.",
                    ", ".join(filters + more),
                )
            )
        return warnings
