# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

from ...mqtt.interface import SubscriptionValues
from ...mqtt.topic import TopicError, TopicFilter
from ..common.actions import open_records
from .reason_codes import describe_reason

IDENTIFIERS = "mqtt_subscription_identifier_seq"
MOST_IDENTIFIERS = 268_435_455  # MQTT 5.0 section 3.8.2.1.2
SUBSCRIBED_FIELDS = {  # what the broker has to be told again
    "service_id",
    "topic_filter",
    "qos",
    "no_local",
    "retain_as_published",
    "retain_handling",
}


class MqttSubscription(models.Model):
    """A topic filter of a service. Changes apply without a reconnect."""

    _name = "mqtt.subscription"
    _description = "MQTT Subscription"
    _rec_name = "topic_filter"
    _order = "service_id, topic_filter, id"

    service_id = fields.Many2one(
        "mqtt.service",
        required=True,
        ondelete="cascade",
        index=True,
        help="Service that subscribes.",
    )
    company_id = fields.Many2one(related="service_id.company_id")
    active = fields.Boolean(
        default=True, help="Archived subscriptions are not subscribed."
    )
    topic_filter = fields.Char(
        required=True,
        help="Topics to subscribe to. + matches one level, # at the end all that "
        "follow. $share/<group>/<filter> shares the messages with other "
        "clients of the group.",
    )
    qos = fields.Selection(
        [("0", "0 – at most once"), ("1", "1 – stored once"), ("2", "2 – as 1")],
        string="QoS",
        default="1",
        required=True,
        help="QoS 2 is subscribed as QoS 1, which loses no message and needs half "
        "the packets. This addon stores each message once with both.",
    )
    no_local = fields.Boolean(
        help="Do not receive messages that this service publishes itself (MQTT 5)."
    )
    retain_as_published = fields.Boolean(
        default=True, help="Receive the retain flag as the publisher set it (MQTT 5)."
    )
    retain_handling = fields.Selection(
        [
            ("0", "At each subscription"),
            ("1", "When the subscription is new"),
            ("2", "Never"),
        ],
        default="1",
        required=True,
        help="When the broker sends retained messages (MQTT 5).",
    )
    store_history = fields.Boolean(
        default=True, help="Store the messages of this subscription."
    )
    deliver_at_once = fields.Boolean(
        help="For buttons, barcodes and commands: a job is created for each "
        "message when it arrives. Otherwise, messages of a steady stream are "
        "stored together after half a second at most.",
    )
    identifier = fields.Integer(
        string="Subscription Identifier",
        readonly=True,
        copy=False,
        help="Subscription identifier of MQTT 5. It tells apart deliveries of the "
        "same message by overlapping filters.",
    )

    handler_id = fields.Many2one(
        "mqtt.handler",
        string="For Handler",
        readonly=True,
        copy=False,
        ondelete="cascade",
        index="btree_not_null",
        help="Handler that this subscription was created for. It is deleted with "
        "the handler.",
    )
    grant_ids = fields.One2many("mqtt.grant", "subscription_id")
    state = fields.Selection(
        related="grant_ids.state",
        string="Last Answer",
        help="What the broker answered last, also while the service is not connected.",
    )
    current_state = fields.Selection(
        [
            ("pending", "Not subscribed"),
            ("granted", "Subscribed"),
            ("covered", "Through another filter"),
            ("refused", "Refused"),
            ("offline", "Not connected"),
        ],
        string="State",
        compute="_compute_current_state",
        help="Whether messages arrive through this subscription now.",
    )
    granted_qos = fields.Integer(related="grant_ids.granted_qos", string="Granted QoS")
    refusal = fields.Char(
        compute="_compute_refusal",
        string="Reason",
        help="Why the broker refused the subscription.",
    )
    message_count = fields.Integer(
        compute="_compute_message_count",
        compute_sudo=True,
        help="Number of messages received through this subscription.",
    )
    last_message = fields.Datetime(related="grant_ids.last_message")

    _service_filter_uniq = models.Constraint(
        "UNIQUE(service_id, topic_filter)",
        "The service has this topic filter already (look among the archived ones).",
    )

    _service_identifier_uniq = models.UniqueIndex(
        "(service_id, identifier) WHERE identifier > 0"
    )

    def init(self):
        """Have a sequence for the identifiers, above those that there are."""
        self.env.cr.execute(
            SQL(
                "CREATE SEQUENCE IF NOT EXISTS %(sequence)s AS int MAXVALUE %(most)s"
                " OWNED BY %(table)s.identifier;"
                "SELECT setval(%(name)s, GREATEST("
                "   (SELECT last_value FROM %(sequence)s),"
                "   (SELECT COALESCE(max(identifier), 0) + 1 FROM %(table)s)))",
                sequence=SQL.identifier(IDENTIFIERS),
                name=IDENTIFIERS,
                table=SQL.identifier(self._table),
                most=SQL(str(MOST_IDENTIFIERS)),
            )
        )

    @api.depends("grant_ids.state", "service_id.connection_status")
    def _compute_current_state(self):
        for subscription in self:
            state = subscription.grant_ids.sudo().state or "pending"
            is_connected = subscription.service_id.connection_status == "connected"
            # What was refused is so until it is changed.
            is_true = is_connected or state == "refused"
            subscription.current_state = state if is_true else "offline"

    @api.depends("grant_ids.reason")
    @api.depends_context("lang")
    def _compute_refusal(self):
        for subscription in self:
            reason = subscription.grant_ids.reason
            subscription.refusal = reason and describe_reason(self.env, reason)

    def _compute_message_count(self):
        for subscription in self:
            subscription.message_count = subscription.grant_ids.message_count

    @api.constrains("topic_filter")
    def _check_topic_filter(self):
        for subscription in self:
            try:
                TopicFilter(subscription.topic_filter or "")
            except TopicError as error:
                raise ValidationError(
                    subscription._describe_topic_error(error.code, error.text)
                ) from error

    @api.constrains("topic_filter", "active", "service_id")
    def _check_service_filters(self):
        for service in self.service_id:
            if service.status == "start":
                service._check_filters()

    @api.model_create_multi
    def create(self, vals_list):
        subscriptions = super().create(vals_list)
        # sudo: the listener's table, which nobody writes through the interface
        self.env["mqtt.grant"].sudo().create(
            [{"subscription_id": subscription.id} for subscription in subscriptions]
        )
        subscriptions._renew_identifier()
        subscriptions.service_id._wake_listener()
        return subscriptions

    def write(self, vals):
        if vals.keys() == {"identifier"}:  # by what creates or changes them
            return super().write(vals)
        services = self.service_id
        result = super().write(vals)
        if SUBSCRIBED_FIELDS & set(vals) or vals.get("active"):
            self._renew_identifier()
        (services | self.service_id)._wake_listener()
        return result

    def unlink(self):
        services = self.service_id
        left = self._remove_in_background()
        result = super(MqttSubscription, self - left).unlink()
        services._wake_listener()
        return result

    def action_open_messages(self):
        """Open the messages this subscription brought."""
        self.check_access("read")
        return open_records(
            self.env,
            "mqtt_signal_history_action",
            [("subscription_id", "in", self.ids)],
        )

    def _listener_values(self) -> SubscriptionValues:
        """What the listener learns of a subscription."""
        self.ensure_one()
        return {
            "id": self.id,
            "topic_filter": self.topic_filter,
            "qos": min(int(self.qos), 1),
            "no_local": self.no_local,
            "retain_as_published": self.retain_as_published,
            "retain_handling": int(self.retain_handling),
            "store": self.store_history,
            "at_once": self.deliver_at_once,
            "identifier": self.identifier,
        }

    def _topic_filters(self):
        """The filters as values, in the order they were first subscribed."""
        return [
            TopicFilter(subscription.topic_filter)
            for subscription in self.sorted("identifier")
        ]

    def _renew_identifier(self):
        """Give an identifier above all others of the service.

        Of the copies that overlapping filters bring, the oldest subscription's counts:
        a new one must never take that role over while messages are on their way.
        """
        # No ORM equivalent: of two transactions side by side, neither sees the other's.
        self.env.cr.execute(
            "SELECT nextval(%s) FROM generate_series(1, %s)", [IDENTIFIERS, len(self)]
        )
        for subscription, row in zip(self, self.env.cr.fetchall(), strict=True):
            subscription.identifier = row[0]

    def _describe_topic_error(self, code, topic):
        env = self.env
        return {
            "empty": env._("A topic filter may not be empty."),
            "nul": env._("A topic filter may not hold a NUL character."),
            "not_utf8": env._("The topic filter is not valid text."),
            "too_long": env._("A topic filter may have 65,535 bytes at most."),
            "plus": env._("In “%s”, + has to stand alone between two slashes.", topic),
            "hash": env._("In “%s”, # has to stand alone after the last slash.", topic),
            "share": env._(
                "“%s” has to look like $share/<group>/<topic filter>.", topic
            ),
        }[code]
