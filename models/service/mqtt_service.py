# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import secrets

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..common.wide_fields import BigInteger

CONNECTION_FIELDS = (  # what a connection keeps until it is started again
    "host",
    "port",
    "transport",
    "websocket_path",
    "protocol",
    "client_id",
    "username",
    "keepalive",
    "session_expiry",
    "receive_maximum",
    "reconnect_min_delay",
    "reconnect_max_delay",
    "reconnect_factor",
    "inactivity_timeout",
    "follow_redirects",
)
SENT_SECRETS = ("password", "websocket_headers")  # what the broker gets to read
ALL_SECRETS = (*SENT_SECRETS, "tls_key", "tls_key_password")
RESTART_FIELDS = {
    *CONNECTION_FIELDS,
    "tls",
    "tls_authorities",
    "tls_certificate",
    "tls_unchecked",
    "tls_alpn",
    *(f"{name}_{kind}" for name in ALL_SECRETS for kind in ("secret", "reference")),
}
WAKE_FIELDS = {"status", "active", "attachment_limit", "topic_rate_limit"}
# Where and how secrets travel, and who has them: a user who changes one of these enters
# the secrets again, or they could be sent to another broker, or in the clear.
ROUTE_FIELDS = (
    "host",
    "port",
    "transport",
    "websocket_path",
    "tls",
    "tls_unchecked",
    "tls_authorities",
    "tls_alpn",
    "follow_redirects",
    "company_id",
)


class MqttService(models.Model):
    """A connection to a broker: what it should be, and what is known of it.

    ``status`` is what was asked for and is written by people (and by a listener that
    gives up for good); what is comes from ``mqtt.connection``, which the listener
    writes, and from the advisory lock it holds, which dies with it.
    """

    _name = "mqtt.service"
    _description = "MQTT Service"
    _inherit = ["mail.thread"]
    _order = "name, id"

    name = fields.Char(
        required=True,
        default=lambda self: self.env._("MQTT Listener Service"),
        help="Name of the service in lists and notifications.",
    )
    active = fields.Boolean(
        default=True, help="Archived services are stopped and hidden."
    )
    company_id = fields.Many2one(
        "res.company",
        default=lambda self: self.env.company,
        help="Company whose users see the service and its messages. Empty: users "
        "of all companies.",
    )

    # Desired state
    status = fields.Selection(
        [("stop", "Stopped"), ("start", "Started"), ("error", "Error")],
        default="stop",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
        help="Desired state of the service. Error: the listener gave up and waits "
        "for the service to be started again.",
    )
    last_start = fields.Datetime(
        readonly=True,
        copy=False,
        help="Time when the service was last started or restarted.",
    )
    start_generation = fields.Integer(
        readonly=True,
        copy=False,
        help="Number of starts, by which the listener notices a restart.",
    )

    needs_restart = fields.Boolean(
        readonly=True,
        copy=False,
        help="The configuration was changed after the service was started. Restart "
        "it to apply the changes.",
    )

    # Broker
    host = fields.Char(help="Name or IP address of the broker.")
    port = fields.Integer(
        default=1883,
        required=True,
        help="TCP port of the broker: usually 1883, 8883 with TLS, 80 or 443 "
        "with WebSockets.",
    )
    transport = fields.Selection(
        [("tcp", "TCP"), ("websockets", "WebSockets")],
        default="tcp",
        required=True,
        help="TCP is usual. Use WebSockets if a proxy or a firewall allows web "
        "traffic only.",
    )
    websocket_path = fields.Char(
        default="/mqtt", help="Path of the broker's WebSocket, such as /mqtt."
    )
    protocol = fields.Selection(
        [("5", "MQTT 5"), ("3.1.1", "MQTT 3.1.1")],
        default="5",
        required=True,
        help="MQTT 5 is recommended. Use 3.1.1 for brokers that do not support it.",
    )
    client_id = fields.Char(
        string="Client ID",
        required=True,
        copy=False,
        default=lambda self: f"odoo-{secrets.token_hex(8)}",
        help="Name under which the broker keeps the session. It must be unique at "
        "the broker. If you change it, the broker's session and the messages "
        "in it are left behind.",
    )
    username = fields.Char(help="User name at the broker, if it requires a login.")
    keepalive = fields.Integer(
        default=60,
        required=True,
        help="Time after which the broker gives up a connection on which it hears "
        "nothing. 0: never.",
    )
    session_expiry = BigInteger(
        default=604800,
        required=True,
        help="Time for which the broker keeps messages while the listener is "
        "not connected (MQTT 5). With MQTT 3.1.1 the broker decides.",
    )
    receive_maximum = fields.Integer(
        default=2000,
        required=True,
        help="Number of messages that the broker may send before the first is "
        "acknowledged (MQTT 5).",
    )
    follow_redirects = fields.Boolean(
        help="When the broker asks to use another server (MQTT 5), connect to that "
        "server with this service's username, password, headers and client "
        "certificate. The broker thus decides which server gets them; without "
        "TLS, anybody on the network path does. The session and its messages "
        "stay at the first server.",
    )

    # Reconnection
    reconnect_min_delay = fields.Float(
        default=5.0,
        required=True,
        help="Time between the loss of a connection and the first attempt to connect "
        "again.",
    )
    reconnect_max_delay = fields.Float(
        default=300.0,
        required=True,
        help="Longest time between two attempts to connect again.",
    )
    reconnect_factor = fields.Float(
        default=1.5,
        required=True,
        help="Factor by which the delay grows after each attempt that fails.",
    )
    inactivity_timeout = fields.Integer(
        default=60,
        required=True,
        help="Time without traffic after which the listener checks that the "
        "connection still works.",
    )
    retention_days = fields.Integer(
        default=0,
        help="Messages are removed after this number of days. 0: messages are "
        "never removed.",
    )
    user_id = fields.Many2one(
        "res.users",
        string="Handlers Run as",
        ondelete="restrict",
        help="User that handlers without a user of their own run as. Empty: Superuser.",
    )

    subscription_ids = fields.One2many(
        "mqtt.subscription",
        "service_id",
        copy=True,
        help="Topics that the service receives.",
    )
    announcement_ids = fields.One2many(
        "mqtt.announcement",
        "service_id",
        copy=True,
        help="Messages that the service publishes about itself.",
    )
    history_ids = fields.One2many("mqtt.signal.history", "service_id")

    _client_id_uniq = models.Constraint(
        "UNIQUE(client_id)",
        "Another service has this client ID; "
        "the broker would let only one of them connect.",
    )

    # CRUD

    @api.model_create_multi
    def create(self, vals_list):
        services = super().create(vals_list)
        # sudo: the listener's table, which nobody writes through the interface
        self.env["mqtt.connection"].sudo().create(
            [{"service_id": service.id} for service in services]
        )
        self.env.registry.clear_cache()  # handlers may name a service
        # sudo: they are for the service, whoever created it may see of them
        self.env["mqtt.handler"].sudo().search(
            [("active", "=", True), ("subscribe", "=", True)]
        )._sync_subscriptions()
        for service, vals in zip(services, vals_list, strict=True):
            service._keep_one_of_each(vals)
        return services

    def copy_data(self, default=None):
        """A copy gets the subscriptions that handlers ask for from the handlers."""
        vals_list = super().copy_data(default)
        for service, vals in zip(self, vals_list, strict=True):
            asked = service.subscription_ids.filtered("handler_id")
            filters = set(asked.mapped("topic_filter"))
            vals["subscription_ids"] = [
                command
                for command in vals.get("subscription_ids", [])
                if command[2].get("topic_filter") not in filters
            ]
        return vals_list

    def write(self, vals):
        if "active" in vals and not vals["active"]:
            vals = {**vals, "status": "stop"}
        if "name" in vals:
            self._check_not_named(vals["name"])
        self._check_required(vals)
        if RESTART_FIELDS & set(vals):
            vals = {**vals, "needs_restart": True}
        before = [self._route_of(service) for service in self]
        result = super().write(vals)
        pairs = zip(self, before, strict=True)
        moved = self.browse(one.id for one, was in pairs if self._route_of(one) != was)
        moved._forget_sent_secrets(vals)
        self._keep_one_of_each(vals)
        if WAKE_FIELDS & set(vals):
            self._wake_listener()
        if "name" in vals:
            self.env.registry.clear_cache()  # handlers may name a service
        return result

    @staticmethod
    def _route_of(service):
        return [service[name] or False for name in ROUTE_FIELDS]

    @api.ondelete(at_uninstall=False)
    def _unlink_if_unused(self):
        for service in self:
            if service.status == "start":
                raise UserError(
                    self.env._("Stop “%s” before you delete it.", service.name)
                )
            if service.sudo().history_ids.search_count(
                [("service_id", "=", service.id)], limit=1
            ):
                raise UserError(
                    self.env._(
                        "“%s” has messages: archive it, or delete them first.",
                        service.name,
                    )
                )

    # Business

    @api.model
    def _job_store_values(self, job):
        """queue_job's hook: have the jobs of a service say whose they are.

        Not ``_job_store_values_for_<method>``: queue_job discards what that returns.
        """
        service = job.recordset[:1]  # those of a job that stores have one company
        return {
            **super()._job_store_values(job),
            "mqtt_service_id": service.id,
            "mqtt_handler_id": job.kwargs.get("handler_id"),
            "mqtt_message_id": job.kwargs.get("message_id"),
        }

    def _for_jobs(self):
        """These services, so that queue_job takes their company for that of the job."""
        return self.with_context(company_id=self.company_id.id)

    def _announcements_changed(self):
        """A connection keeps them, the will as the broker was given it."""
        self.filtered(lambda one: one.status == "start").needs_restart = True
