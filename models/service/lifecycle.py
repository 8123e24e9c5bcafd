# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ...mqtt.interface import NOTIFY_CHANNEL
from ...mqtt.overlap import partial_overlaps
from ..common.groups import OPERATOR, check_group


class MqttService(models.Model):
    """Start, stop, restart, check: what is asked of a service, by whom it may be."""

    _inherit = "mqtt.service"

    def start_mqtt_service(self):
        """Ask for the service to be connected; its listener does so when it learns.

        On the empty model, the first active service, which is created if there is none.

        :return: ``True``; a service that is started already is left alone.
        :raise AccessError: for a user who is no MQTT operator.
        :raise UserError: when the configuration cannot work, naming the field.
        """
        services = self._for_operation()
        starting = services.filtered(
            lambda one: one.status != "start" or not one.active
        )
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
        """Tell what is true of the service now, however old this transaction is.

        :return: ``{"status": …, "message": …}``; status is one of ``connected``,
            ``connecting``, ``disconnected``, ``stopped``, ``not_configured`` and
            ``error``.
        :raise AccessError: for a user who is no MQTT operator.
        """
        service = self._for_operation()[:1]
        # A transaction sees the database as it was when it began; a script that waits
        # for a connection asks again and again in one. One that has written itself is
        # asked about what it wrote. No ORM equivalent tells the two apart.
        service.invalidate_recordset()
        self.env.cr.execute("SELECT pg_current_xact_id_if_assigned() IS NULL")
        if self.env.cr.fetchone() == (True,):
            with self.env.registry.cursor() as cr:
                now = service.with_env(service.env(cr=cr))
                if now.exists():
                    return now._status_and_message()
        return service._status_and_message()

    def action_session_loss_seen(self):
        """Take the warning off the form that the broker lost the session.

        :raise AccessError: for a user who is no MQTT operator.
        """
        service = self._for_operation()
        # The loss that was seen, not the time of seeing it: clocks of hosts differ.
        service.session_loss_seen = service.connection_ids.sudo().session_lost_date
        return True

    def action_check(self):
        """Show what :meth:`check_mqtt_status` says."""
        self.ensure_one()
        result = self.check_mqtt_status()
        kinds = {"connected": "success", "error": "danger", "disconnected": "danger"}
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": result["message"],
                "type": kinds.get(result["status"], "warning"),
            },
        }

    def _for_operation(self):
        """The services a lifecycle call is for, once the user is allowed to make it."""
        check_group(
            self.env,
            OPERATOR,
            self.env._("Only an MQTT operator may start, stop or check a service."),
        )
        # The rules still say which services the user may see, then it is the service's
        # own doing: an operator starts what he cannot configure.
        self.check_access("read")
        services = self or self.search([], order="id", limit=1)
        return services.sudo() or self.sudo().create({})

    @api.constrains("status")
    def _check_started(self):
        """Whoever asks for it, and however: only what can work is started."""
        for service in self.filtered(lambda one: one.status == "start"):
            service._check_configuration()

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

    def _check_configuration(self):
        """:raise UserError: naming the field that keeps the service from working."""
        self.ensure_one()
        env = self.env
        if not self.active:
            raise UserError(env._("“%s” is archived: set Active first.", self.name))
        if not self.host or not self.host.strip():
            raise UserError(env._("“%s” has no Host: enter the broker's.", self.name))
        self._check_filters()
        self._check_headers()
        if self.tls:
            self._check_tls()
        self.announcement_ids._check_message()
        # Once more: rows may be older than these rules.
        self._check_ranges()
        self._check_texts()
        self._check_address()
        self._check_alpn()
        self._check_runs_as()

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
        pair = next(partial_overlaps(self.subscription_ids._topic_filters()), None)
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
        self.env.cr.execute("SELECT pg_notify(%s, '')", [NOTIFY_CHANNEL])
