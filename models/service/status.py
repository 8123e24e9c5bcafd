# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import config, format_datetime

from ...mqtt.interface import LISTENER_LOCK_CLASS, MODULE
from ...mqtt.log import get_logger
from ..common.actions import open_records

_logger = get_logger(__name__)

START_SECONDS = 3  # in which a listener takes a started service on


class MqttService(models.Model):
    """What is true of a service, and how it is said."""

    _inherit = "mqtt.service"

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
        help="Actual state of the connection, as the listener reports it.",
    )
    thread_identifier = fields.Char(
        compute="_compute_connection_status",
        help="Name of the listener's thread for this service.",
    )
    host_info = fields.Char(
        string="Listening on",
        compute="_compute_connection_status",
        help="Host and process of the listener that serves this service.",
    )
    listening_since = fields.Datetime(
        compute="_compute_connection_status",
        help="Time when the listener took over the service.",
    )
    connected_to = fields.Char(
        related="connection_ids.connected_to",
        help="Server that the broker redirected the service to.",
    )
    last_error = fields.Char(
        compute="_compute_last_error",
        help="Last problem of the connection, with what to check.",
    )
    last_error_date = fields.Datetime(related="connection_ids.problem_date")
    last_error_is_past = fields.Boolean(
        compute="_compute_last_error_is_past",
        help="The problem was that of an earlier configuration, or the service is "
        "stopped.",
    )
    last_activity = fields.Datetime(related="connection_ids.last_activity")
    session_loss = fields.Char(
        compute="_compute_session_loss",
        help="Warning that the broker lost the session, until a user confirms it.",
    )
    session_loss_seen = fields.Datetime(readonly=True, copy=False)
    suspended_handlers = fields.Char(
        compute="_compute_suspended_handlers",
        compute_sudo=True,
        help="Suspended handlers that messages of this service wait for.",
    )

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
            # Of the broker that was tried: Host and Port may have been changed since.
            tried = service.with_context(mqtt_tried=connection.session_broker)
            service.last_error = connection.problem and tried._describe_problem(
                connection.problem, connection.problem_detail or ""
            )

    @api.depends("status", "needs_restart")
    def _compute_last_error_is_past(self):
        for service in self:
            is_stopped = service.status == "stop"
            service.last_error_is_past = is_stopped or service.needs_restart

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
                    "the broker keeps sessions and messages (docs/operations.md).",
                    format_datetime(self.env, lost),
                )
            )

    def _compute_suspended_handlers(self):
        suspended = self.env["mqtt.handler"].search([("suspended_since", "!=", False)])
        for service in self:
            names = suspended.filtered(lambda one, of=service: one._is_for(of))
            service.suspended_handlers = ", ".join(names.mapped("name")) or False

    def _register_hook(self):
        """Say in the log what else only the form of a service would show."""
        super()._register_hook()
        if (
            MODULE not in config["server_wide_modules"]
            and not config["stop_after_init"]
        ):
            _logger.warning(
                "%s is missing in server_wide_modules: no message will be received",
                MODULE,
            )

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
            [LISTENER_LOCK_CLASS],
        )
        return {service_id for (service_id,) in self.env.cr.fetchall()}

    def _status_and_message(self):
        status = self._current_status()
        return {"status": status, "message": self._describe_status(status)}

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
        since = self.connection_ids.listening_since
        if not self.last_start or (since and since >= self.last_start):
            return False
        age = fields.Datetime.now() - self.last_start
        return age.total_seconds() < START_SECONDS

    def _describe_status(self, status):
        described = self._describe_own_status(status)
        if not self.suspended_handlers:
            return described
        return self.env._(
            "%(status)s. Suspended handlers: %(names)s",
            status=described.rstrip("."),
            names=self.suspended_handlers,
        )

    def _describe_own_status(self, status):
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

    def action_open_suspended_handlers(self):
        """Open the suspended handlers that messages of these services wait for."""
        self.check_access("read")
        handlers = self.env["mqtt.handler"].search([("suspended_since", "!=", False)])
        own = handlers.filtered(lambda one: any(map(one._is_for, self)))
        return open_records(self.env, "mqtt_handler_action", [("id", "in", own.ids)])
