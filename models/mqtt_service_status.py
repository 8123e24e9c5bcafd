from odoo import fields, models
from odoo.tools import config

from ..mqtt.log import get_logger

_logger = get_logger(__name__)

MODULE = "mqtt_listener"
LOCK_CLASS = 0x4D515454  # "MQTT": first key of the advisory locks that listeners hold
START_SECONDS = 3  # in which a listener takes a started service on


class MqttService(models.Model):
    """What is true of a service, and how it is said."""

    _inherit = "mqtt.service"

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
            [LOCK_CLASS],
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
        env, at = self.env, {"host": self.host or "", "port": self.port}
        words = {
            "name_unknown": env._("The name %s is not known: check Host.", self.host),
            "refused": env._(
                "Nothing answers on %(host)s:%(port)s: "
                "is the broker running, and Port right?",
                **at,
            ),
            "unreachable": env._(
                "%(host)s cannot be reached: %(why)s", host=self.host, why=detail
            ),
            "timeout": env._("%(host)s:%(port)s does not answer in time.", **at),
            "credentials": env._(
                "The broker refused the login: check Username and Password."
            ),
            "not_authorized": env._(
                "The broker refused the login (not authorized): check Username and "
                "Password, and what the broker allows them."
            ),
            "protocol": env._(
                "The broker does not speak this version of MQTT, or not MQTT at all: "
                "check Protocol and Port."
            ),
            "closed_early": env._(
                "The broker closed the connection before it answered the login: check "
                "Protocol, Port and TLS."
            ),
            "client_id": env._("The broker refused the client ID."),
            "taken_over": env._(
                "Another client connected with the same client ID and took the "
                "session over. Find it, then start this service again."
            ),
            "lost": env._("The connection to the broker was lost. %s", detail).strip(),
            "silent": env._("The broker fell silent; the connection was renewed."),
            "jobs": env._(
                "Received messages are not stored, because no job can be made: %s",
                detail,
            ),
            "busy": env._("The broker is not available now: %s", detail),
            # Not followed: the password would go where nobody has said it may.
            "moved": env._(
                "The broker asks to use another one: %s. Enter it as Host, or switch "
                "Follow Redirects on, and start the service again.",
                detail,
            ),
        }
        other = env._("The broker refused the connection: %s", detail)
        return words.get(code, other)
