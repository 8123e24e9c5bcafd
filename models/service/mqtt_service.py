import secrets

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import NO_ACCESS, Domain
from odoo.tools import format_datetime, mute_logger

from ...mqtt.connect import TEXTS
from ...mqtt.outgoing import is_text
from ..common.groups import MANAGER, check_group
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
TLS_FIELDS = (
    "tls",
    "tls_authorities",
    "tls_certificate",
    "tls_unchecked",
    "tls_alpn",
)
SECRET_FIELDS = (
    "password_secret",
    "tls_key_secret",
    "tls_key_password_secret",
    "websocket_headers_secret",
)
SECRET_BYTES = 1024 * 1024
SENT_SECRETS = ("password", "websocket_headers")  # what the broker gets to read
ALL_SECRETS = (*SENT_SECRETS, "tls_key", "tls_key_password")
# Where and how that travels, and who has it: whoever changes it enters it again, or it
# could be sent to a broker of their own, or in the clear.
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
    _order = "name, id"

    name = fields.Char(
        required=True, default=lambda self: self.env._("MQTT Listener Service")
    )
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", default=lambda self: self.env.company)

    # Desired state
    status = fields.Selection(
        [("stop", "Stopped"), ("start", "Started"), ("error", "Error")],
        default="stop",
        required=True,
        readonly=True,
        copy=False,
        help="What was asked for. Error: the listener gave up and waits for a Start.",
    )
    last_start = fields.Datetime(readonly=True, copy=False)
    start_generation = fields.Integer(
        readonly=True, copy=False, help="Counts starts, so that a restart is noticed."
    )

    needs_restart = fields.Boolean(
        readonly=True,
        copy=False,
        help="The configuration was changed since the connection was started.",
    )

    # Broker
    host = fields.Char(help="Name or address of the broker.")
    port = fields.Integer(default=1883, required=True)
    transport = fields.Selection(
        [("tcp", "TCP"), ("websockets", "WebSockets")], default="tcp", required=True
    )
    websocket_path = fields.Char(default="/mqtt")
    protocol = fields.Selection(
        [("5", "MQTT 5"), ("3.1.1", "MQTT 3.1.1")], default="5", required=True
    )
    client_id = fields.Char(
        string="Client ID",
        required=True,
        copy=False,
        default=lambda self: f"odoo-{secrets.token_hex(8)}",
        help="The broker keeps the session under this name: "
        "unique at the broker, and never changed without a reason.",
    )
    username = fields.Char()
    password = fields.Char(
        compute="_compute_password",
        inverse="_inverse_password",
        help="Write only: it is never shown again.",
    )
    password_secret = fields.Char(groups=NO_ACCESS, copy=False)
    password_is_set = fields.Boolean(compute="_compute_password")
    keepalive = fields.Integer(default=60, required=True, help="Seconds.")
    session_expiry = BigInteger(
        default=604800,
        required=True,
        help="Seconds for which the broker keeps the messages of an absent listener "
        "(MQTT 5; with 3.1.1 the broker decides).",
    )
    receive_maximum = fields.Integer(
        default=2000,
        required=True,
        help="Messages the broker may send before the first is acknowledged (MQTT 5).",
    )

    # Reconnection
    reconnect_min_delay = fields.Float(default=5.0, required=True, help="Seconds.")
    reconnect_max_delay = fields.Float(default=300.0, required=True, help="Seconds.")
    reconnect_factor = fields.Float(default=1.5, required=True)
    inactivity_timeout = fields.Integer(
        default=60,
        required=True,
        help="Seconds without traffic after which the connection has to prove itself.",
    )
    retention_days = fields.Integer(
        default=0, help="Messages older than this are removed; 0 keeps them all."
    )
    user_id = fields.Many2one(
        "res.users",
        string="Handlers Run as",
        ondelete="restrict",
        help="Where the handler does not say it; empty: Superuser.",
    )

    # Actual state, from the listener
    connection_ids = fields.One2many("mqtt.connection", "service_id")
    connection_status = fields.Selection(
        [
            ("connected", "Connected"),
            ("connecting", "Connecting"),
            ("disconnected", "Disconnected"),
            ("unknown", "Unknown"),
        ],
        compute="_compute_connection_status",
        search="_search_connection_status",
    )
    thread_identifier = fields.Char(compute="_compute_connection_status")
    host_info = fields.Char(
        string="Listening on",
        compute="_compute_connection_status",
        help="Host and process of the listener.",
    )
    listening_since = fields.Datetime(compute="_compute_connection_status")
    last_error = fields.Char(compute="_compute_last_error")
    last_error_date = fields.Datetime(related="connection_ids.problem_date")
    last_activity = fields.Datetime(related="connection_ids.last_activity")
    session_loss = fields.Char(
        compute="_compute_session_loss",
        help="That the broker lost the session, until somebody has seen it.",
    )
    session_loss_seen = fields.Datetime(readonly=True, copy=False)
    quarantine_count = fields.Integer(
        string="Quarantine",
        compute="_compute_counters",
        compute_sudo=True,
        help="Received, and not to be stored for a reason of their own.",
    )
    received_count = fields.Integer(
        string="Received", compute="_compute_counters", compute_sudo=True
    )
    stored_count = fields.Integer(
        string="Stored", compute="_compute_counters", compute_sudo=True
    )
    waiting_count = fields.Integer(
        string="Waiting",
        compute="_compute_counters",
        compute_sudo=True,
        help="Received and acknowledged; their ingest job has not stored them yet.",
    )
    dropped_count = fields.Integer(
        string="Dropped",
        compute="_compute_counters",
        compute_sudo=True,
        help="QoS 0 messages that came faster than they could be taken.",
    )
    reconnect_count = fields.Integer(
        string="Reconnects", compute="_compute_counters", compute_sudo=True
    )

    subscription_ids = fields.One2many("mqtt.subscription", "service_id", copy=True)
    subscription_count = fields.Integer(compute="_compute_subscription_count")
    history_ids = fields.One2many("mqtt.signal.history", "service_id")
    job_count = fields.Integer(compute="_compute_job_count")

    _client_id_uniq = models.Constraint(
        "UNIQUE(client_id)",
        "Another service has this client ID; "
        "the broker would let only one of them connect.",
    )

    # Computes

    def _compute_password(self):
        for service in self:
            service.password = False
            service.password_is_set = bool(service.sudo().password_secret)

    def _inverse_password(self):
        self._set_secret("password")

    def _set_secret(self, name):
        """Keep what was entered as ``name`` where nobody reads it."""
        self._check_manager()
        for value in filter(None, self.mapped(name)):
            if not is_text(value, TEXTS.get(name, SECRET_BYTES)):
                raise ValidationError(self._describe_problem("unsendable", name))
        # A statement that fails is logged with what it sets, by PostgreSQL too: so this
        # one sets nothing else, and no other transaction is in its way.
        self.flush_recordset()
        self.lock_for_update(allow_referencing=True)
        with mute_logger("odoo.sql_db"):  # in which every statement can be logged
            for service in self:
                service.sudo()[f"{name}_secret"] = service[name]
            self.flush_recordset()

    @api.depends("status", "connection_ids.state", "connection_ids.thread_identifier")
    def _compute_connection_status(self):
        live = self._live_service_ids()
        for service in self:
            connection = service.connection_ids.sudo()
            is_live = service._origin.id in live
            if is_live:
                service.connection_status = connection.state
            else:
                known = connection.listening_since or service.status == "start"
                state = "disconnected" if known else "unknown"
                is_starting = service.status == "start" and service._is_starting()
                service.connection_status = "connecting" if is_starting else state
            service.thread_identifier = is_live and connection.thread_identifier
            service.host_info = is_live and connection.host_info
            service.listening_since = is_live and connection.listening_since

    def _search_connection_status(self, operator, value):
        if operator != "in":
            return NotImplemented
        # Whether a listener lives is no column; there are few services.
        services = self.with_context(active_test=False).search(Domain.TRUE)
        found = services.filtered(lambda one: one.connection_status in value)
        return Domain("id", "in", found.ids)

    @api.depends("connection_ids.problem", "connection_ids.problem_detail")
    @api.depends_context("lang")
    def _compute_last_error(self):
        for service in self:
            connection = service.connection_ids.sudo()
            service.last_error = connection.problem and service._describe_problem(
                connection.problem, connection.problem_detail or ""
            )

    @api.depends("connection_ids.session_lost_date", "session_loss_seen")
    @api.depends_context("lang", "tz")
    def _compute_session_loss(self):
        for service in self:
            lost = service.connection_ids.sudo().session_lost_date
            service.session_loss = bool(
                lost and lost != service.session_loss_seen
            ) and (
                self.env._(
                    "When the listener connected on %s, the broker had lost the "
                    "session: what was published before may be missing. Check that "
                    "the broker keeps sessions and messages (README, Operations).",
                    format_datetime(self.env, lost),
                )
            )

    def _compute_counters(self):
        waiting = dict(
            self.env["mqtt.batch"]._read_group(
                [("service_id", "in", self.ids)], ["service_id"], ["message_count:sum"]
            )
        )
        quarantined = dict(
            self.env["mqtt.quarantine"]._read_group(
                [("service_id", "in", self.ids)], ["service_id"], ["__count"]
            )
        )
        for service in self:
            connection = service.connection_ids
            service.waiting_count = waiting.get(service, 0)
            service.quarantine_count = quarantined.get(service, 0)
            # Counters are reported once a second, batches are committed in between.
            service.received_count = max(connection.received, connection.enqueued)
            service.stored_count = (
                connection.enqueued - service.waiting_count - service.quarantine_count
            )
            service.dropped_count = connection.dropped
            service.reconnect_count = connection.reconnects

    @api.depends("subscription_ids")
    def _compute_subscription_count(self):
        for service in self:
            service.subscription_count = len(service.subscription_ids)

    def _compute_job_count(self):
        counts = dict(
            self.env["queue.job"]
            .sudo()
            ._read_group(
                [("mqtt_service_id", "in", self.ids)], ["mqtt_service_id"], ["__count"]
            )
        )
        for service in self:
            service.job_count = counts.get(service, 0)

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
        self._check_required(vals)
        if {*CONNECTION_FIELDS, *TLS_FIELDS, *SECRET_FIELDS} & set(vals):
            vals = {**vals, "needs_restart": True}
        before = [self._route_of(service) for service in self]
        result = super().write(vals)
        pairs = zip(self, before, strict=True)
        moved = self.browse(one.id for one, was in pairs if self._route_of(one) != was)
        moved._forget_sent_secrets(vals)
        if {"status", "active"} & set(vals):
            self._wake_listener()
        if "name" in vals:
            self.env.registry.clear_cache()  # handlers may name a service
        return result

    def _check_required(self, vals):
        """Odoo leaves this to PostgreSQL, which logs the whole row that it refuses:
        the secrets too.
        """
        for name, value in vals.items():
            field = self._fields.get(name)
            if (
                field
                and field.required
                and field.type not in ("integer", "float")  # 0, which Start may refuse
                and value in (None, False, "")
            ):
                label = field._description_string(self.env)
                raise ValidationError(self.env._("%s may not be empty.", label))

    @staticmethod
    def _route_of(service):
        return [service[name] or False for name in ROUTE_FIELDS]

    def _forget_sent_secrets(self, vals):
        """Forget what is stored, and what is referred to, unless it was entered anew.

        :param vals: what was just written.
        """
        # A key is not sent, but who has the service can log in with it.
        names = ALL_SECRETS if "company_id" in vals else SENT_SECRETS
        for name in names:
            kept, reference = f"{name}_secret", f"{name}_reference"
            if not {name, kept, reference} & set(vals):
                self.sudo().filtered(kept)[kept] = False
                self.sudo().filtered(reference)[reference] = False

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

    # Buttons

    def action_open_messages(self):
        """Open the messages of this service."""
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "mqtt_listener.mqtt_signal_history_action"
        )
        return {**action, "domain": [("service_id", "in", self.ids)], "context": {}}

    def action_open_quarantine(self):
        """Open the messages of this service that cannot be stored."""
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "mqtt_listener.mqtt_quarantine_action"
        )
        return {**action, "domain": [("service_id", "in", self.ids)], "context": {}}

    def action_open_jobs(self):
        """Open the jobs of this service in queue_job's monitor."""
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "mqtt_listener.queue_job_action"
        )
        return {
            **action,
            "domain": [("mqtt_service_id", "in", self.ids)],
            "context": {},
        }

    def action_open_subscriptions(self):
        """Open the subscriptions of this service."""
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "mqtt_listener.mqtt_subscription_action"
        )
        return {
            **action,
            "domain": [("service_id", "in", self.ids)],
            "context": {"default_service_id": self.id},
        }

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

    def _check_manager(self):
        check_group(
            self.env,
            MANAGER,
            self.env._("Only an MQTT manager may set passwords and keys."),
        )
