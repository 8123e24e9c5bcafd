import secrets
from datetime import datetime

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import NO_ACCESS, Domain

from ..mqtt.topic import partial_overlap

LOCK_CLASS = 0x4D515454  # "MQTT": first key of the advisory locks that listeners hold
NOTIFY_CHANNEL = "mqtt_listener"
START_SECONDS = 3  # in which a listener takes a started service on
CONNECTION_FIELDS = {  # what a connection keeps until it is started again
    "host",
    "port",
    "transport",
    "websocket_path",
    "protocol",
    "client_id",
    "username",
    "password_secret",
    "keepalive",
    "session_expiry",
    "receive_maximum",
    "reconnect_min_delay",
    "reconnect_max_delay",
    "reconnect_factor",
    "inactivity_timeout",
}


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
        [("start", "Started"), ("stop", "Stopped"), ("error", "Error")],
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
    session_expiry = fields.Integer(
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
        self._check_manager()
        for service in self:
            service.sudo().password_secret = service.password

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
                service.connection_status = "disconnected" if known else "unknown"
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
    def _compute_last_error(self):
        for service in self:
            connection = service.connection_ids.sudo()
            service.last_error = connection.problem and service._describe_problem(
                connection.problem, connection.problem_detail or ""
            )

    def _compute_counters(self):
        waiting = dict(
            self.env["mqtt.batch"]._read_group(
                [("service_id", "in", self.ids)], ["service_id"], ["message_count:sum"]
            )
        )
        for service in self:
            connection = service.connection_ids
            service.waiting_count = waiting.get(service, 0)
            service.received_count = connection.received
            service.stored_count = connection.enqueued - service.waiting_count
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
        return services

    def write(self, vals):
        if CONNECTION_FIELDS & set(vals):
            vals = {**vals, "needs_restart": True}
        result = super().write(vals)
        if "active" in vals or "company_id" in vals:
            self._wake_listener()
        return result

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

    # Public API

    def start_mqtt_service(self):
        """Ask for the service to be connected; its listener does so when it learns.

        On the empty model, the first active service, which is created if there is none.

        :return: ``True``; a service that is started already is left alone.
        :raise AccessError: for a user who is no MQTT operator.
        :raise UserError: when the configuration cannot work, naming the field.
        """
        services = self._for_operation()
        starting = services.filtered(lambda one: one.status != "start")
        starting._request_start()
        return True

    def stop_mqtt_service(self):
        """Ask for the service to be disconnected.

        Within seconds of the commit its listener stores and acknowledges what it has
        received, sends DISCONNECT and ends. The broker keeps the session.

        :return: ``True``
        :raise AccessError: for a user who is no MQTT operator.
        """
        services = self._for_operation()
        services.filtered(lambda one: one.status != "stop").status = "stop"
        services._wake_listener()
        return True

    def restart_mqtt_service(self):
        """Ask for a new connection, with the configuration as it is now.

        :return: ``True``
        :raise AccessError: for a user who is no MQTT operator.
        :raise UserError: when the configuration cannot work, naming the field.
        """
        self._for_operation()._request_start()
        return True

    def check_mqtt_status(self):
        """Tell what is true of the service now.

        :return: ``{"status": …, "message": …}``; status is one of ``connected``,
            ``connecting``, ``disconnected``, ``stopped``, ``not_configured``, ``error``.
        :raise AccessError: for a user who is no MQTT operator.
        """
        service = self._for_operation()[:1]
        service.invalidate_recordset()
        status = service._current_status()
        return {"status": status, "message": service._describe_status(status)}

    # Buttons

    def action_check(self):
        """Show what :meth:`check_mqtt_status` says."""
        self.ensure_one()
        result = self.check_mqtt_status()
        kinds = {"connected": "success", "error": "danger", "disconnected": "danger"}
        return self._notification(
            result["message"], kinds.get(result["status"], "warning")
        )

    def action_open_messages(self):
        """Open the messages of this service."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "mqtt_listener.mqtt_signal_history_action"
        )
        return {**action, "domain": [("service_id", "in", self.ids)], "context": {}}

    def action_open_jobs(self):
        """Open the jobs of this service in queue_job's monitor."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "queue_job.action_queue_job"
        )
        return {
            **action,
            "domain": [("mqtt_service_id", "in", self.ids)],
            "context": {},
        }

    def action_open_subscriptions(self):
        """Open the subscriptions of this service."""
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
        service = job.recordset
        return {
            **super()._job_store_values(job),
            "mqtt_service_id": service.id,
            "company_id": service.company_id.id,
        }

    def _for_operation(self):
        """The services a lifecycle call is for, once the user is allowed to make it."""
        if not self.env.su and not self.env.user.has_group(
            "mqtt_listener.group_operator"
        ):
            raise AccessError(
                self.env._("Only an MQTT operator may start, stop or check a service.")
            )
        # The rules still say which services the user may see, then it is the service's
        # own doing: an operator starts what he cannot configure.
        self.check_access("read")
        services = self or self.search([], order="id", limit=1)
        return services.sudo() or self.sudo().create({})

    def _check_manager(self):
        if not self.env.su and not self.env.user.has_group(
            "mqtt_listener.group_manager"
        ):
            raise AccessError(self.env._("Only an MQTT manager may set a password."))

    def _request_start(self):
        for service in self:
            service._check_configuration()
            service.write(
                {
                    "status": "start",
                    "last_start": fields.Datetime.now(),
                    "needs_restart": False,
                    "start_generation": service.start_generation + 1,
                }
            )
        self._wake_listener()

    def _check_configuration(self):
        """:raise UserError: naming the field that keeps the service from working."""
        self.ensure_one()
        env = self.env
        if not self.host or not self.host.strip():
            raise UserError(env._("“%s” has no Host: enter the broker's.", self.name))
        ranges = {
            "port": (1, 65535),
            "keepalive": (0, 65535),
            "session_expiry": (0, 0xFFFFFFFF),
            "receive_maximum": (1, 65535),
            "reconnect_min_delay": (0.1, 86400),
            "reconnect_max_delay": (0.1, 86400),
            "reconnect_factor": (1, 100),
            "inactivity_timeout": (1, 86400),
        }
        for field_name, (low, high) in ranges.items():
            if not low <= self[field_name] <= high:
                raise UserError(
                    env._(
                        "%(field)s of “%(service)s” is %(value)s; "
                        "it has to be from %(low)s to %(high)s.",
                        field=self._fields[field_name]._description_string(env),
                        service=self.name,
                        value=self[field_name],
                        low=low,
                        high=high,
                    )
                )
        if self.reconnect_max_delay < self.reconnect_min_delay:
            raise UserError(
                env._("Reconnect Max Delay is shorter than Reconnect Min Delay.")
            )
        self._check_filters()

    def _check_filters(self):
        """:raise UserError: when a filter, or two together, cannot be subscribed."""
        try:
            self.subscription_ids._check_topic_filter()
        except ValidationError as error:
            raise UserError(
                self.env._("Topic Filter of “%s”: ", self.name) + str(error)
            ) from error
        if self.protocol == "5":
            return
        # MQTT 3.1.1 brokers may deliver a copy for each filter, with nothing to tell
        # the copies from two equal messages.
        pair = partial_overlap(self.subscription_ids._topic_filters())
        if pair:
            raise UserError(
                self.env._(
                    "Topic Filters %(one)s and %(other)s overlap in part: with MQTT "
                    "3.1.1 a message could come twice. Use MQTT 5, one filter that "
                    "covers both, or two services.",
                    one=pair[0].text,
                    other=pair[1].text,
                )
            )

    def _wake_listener(self):
        """Tell the listeners of this database, when this transaction commits.

        No ORM equivalent: NOTIFY is PostgreSQL's.
        """
        self.env.flush_all()
        self.env.cr.execute("SELECT pg_notify(%s, '')", [NOTIFY_CHANNEL])

    def _live_service_ids(self):
        """Ids of the services whose listener is alive: it holds the advisory lock.

        No ORM equivalent: the lock is on the listener's own connection and is gone the
        moment that is, however the listener died.
        """
        self.env.cr.execute(
            """
            SELECT objid::bigint FROM pg_locks
             WHERE locktype = 'advisory' AND classid = %s AND granted
               AND database = (SELECT oid FROM pg_database
                                WHERE datname = current_database())
            """,
            [LOCK_CLASS],
        )
        return {service_id for (service_id,) in self.env.cr.fetchall()}

    def _current_status(self):
        if self.status == "error":
            return "error"
        if not self.host:
            return "not_configured"
        if self.status == "stop":
            return "stopped"
        connection = self.connection_ids
        if not self.thread_identifier and self._is_starting():
            return "connecting"
        if self.connection_status != "connected" and connection.problem:
            return "error" if self.thread_identifier else "disconnected"
        return self.connection_status

    def _is_starting(self):
        """Whether it was started so lately that no listener can have come yet."""
        age = fields.Datetime.now() - (self.last_start or datetime.min)
        return age.total_seconds() < START_SECONDS

    def _describe_status(self, status):
        env = self.env
        if status in ("error", "disconnected") and self.thread_identifier:
            return self.last_error or env._("MQTT Service is not connected")
        if status == "error":
            return self.last_error or env._("MQTT Service gave up; start it again")
        return {
            "connected": env._("MQTT Service is connected and running"),
            "connecting": env._("MQTT Service is connecting"),
            "disconnected": env._(
                "MQTT Service is started, but no listener runs: is mqtt_listener in "
                "server_wide_modules, and was the server restarted since?"
            ),
            "stopped": env._("MQTT Service is stopped"),
            "not_configured": env._("MQTT Service has no host: enter the broker's"),
        }[status]

    def _describe_problem(self, code, detail):
        """A problem that the listener reported, in words a person can act on."""
        env = self.env
        host, port = self.host or "", self.port
        match code:
            case "name_unknown":
                return env._("The name %s is not known: check Host.", host)
            case "refused":
                return env._(
                    "Nothing answers on %(host)s:%(port)s: "
                    "is the broker running, and Port right?",
                    host=host,
                    port=port,
                )
            case "unreachable":
                return env._("%(host)s cannot be reached: %(why)s", host=host, why=detail)
            case "timeout":
                return env._(
                    "%(host)s:%(port)s does not answer in time.", host=host, port=port
                )
            case "credentials":
                return env._(
                    "The broker refused the login: check Username and Password."
                )
            case "not_authorized":
                return env._("The broker does not allow this login to connect.")
            case "protocol":
                return env._(
                    "The broker does not speak this version of MQTT, or not MQTT at "
                    "all: check Protocol and Port."
                )
            case "client_id":
                return env._("The broker refused the client ID.")
            case "taken_over":
                return env._(
                    "Another client connected with the same client ID and took the "
                    "session over. Find it, then start this service again."
                )
            case "lost" if detail:
                return env._("The connection was lost: %s", detail)
            case "lost":
                return env._("The connection to the broker was lost.")
            case "silent":
                return env._("The broker fell silent; the connection was renewed.")
            case "busy":
                return env._("The broker is not available now: %s", detail)
            case "database":
                return env._("Messages cannot be stored at the moment: %s", detail)
            case _:
                return env._("The broker refused the connection: %s", detail)

    def _notification(self, message, kind):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {"message": message, "type": kind, "sticky": False},
        }
