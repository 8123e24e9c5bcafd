# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import datetime, timezone

from odoo import fields, models
from odoo.fields import Domain
from odoo.tools import LazyTranslate

from ..common.groups import MANAGER, OPERATOR
from .backlog import AMBER_SECONDS, RED_SECONDS

_lt = LazyTranslate(__name__)

STATES = {  # the one vocabulary for what a service is doing
    "running": _lt("Running"),
    "connecting": _lt("Connecting"),
    "unreachable": _lt("Cannot connect"),
    "stopped": _lt("Stopped"),
    "idle": _lt("Nothing to listen to"),
    "behind": _lt("Behind"),
}


class MqttService(models.Model):
    """What the page Overview shows."""

    _inherit = "mqtt.service"

    def overview_data(self):
        """What the page Overview shows of these services; on the empty model, of all
        that the user may see.

        The number of queries does not depend on the number of services.

        :return: ``now`` (seconds since 1970, as all times), ``may_operate``,
            ``may_configure``, ``amber_seconds`` and ``red_seconds`` (what the age of
            the oldest waiting message has to exceed), ``services`` (a card each, see
            :meth:`_overview_card`) and ``needs`` (see :meth:`_overview_needs`).
        :raise AccessError: for a user who may not read the services.
        """
        self.check_access("read")
        services = self or self.search(Domain.TRUE)
        now = fields.Datetime.now()
        backlogs = services._backlogs()
        last_messages = services._last_messages()
        cards = [
            service._overview_card(
                backlogs[service.id], last_messages.get(service.id), now
            )
            for service in services
        ]
        return {
            "now": datetime.now(timezone.utc).timestamp(),
            "may_operate": self.env.user.has_group(OPERATOR),
            "may_configure": self.env.user.has_group(MANAGER),
            "amber_seconds": AMBER_SECONDS,
            "red_seconds": RED_SECONDS,
            "services": cards,
            "needs": services._overview_needs(cards),
        }

    def _overview_card(self, backlog, last_message, now):
        """The figures of one service.

        :param backlog: its ``Backlog``; :param last_message: time of it, or None.
        :param now: time until which messages have been waiting.
        :return: ``state`` of :data:`STATES` with its ``state_label``, ``detail`` (a
            sentence, or an empty text), ``is_started``, ``received`` (messages since
            ever; the browser makes a rate of it), ``last_message`` (time),
            ``to_store``, ``to_handle`` and ``failed`` (messages), ``oldest`` (seconds).
        """
        oldest = backlog.seconds(now)
        status = self._current_status()
        state = self._overview_state(status, oldest)
        has_detail = state == "unreachable" or status == "not_configured"
        connection = self.connection_ids
        received = max(connection.received, connection.enqueued)
        return {
            "id": self.id,
            "name": self.name,
            "broker": f"{self.host}:{self.port}" if self.host else "",
            "state": state,
            "state_label": self._describe_state(state),
            "detail": self._describe_own_status(status) if has_detail else "",
            "is_started": self.status == "start",
            "received": received,
            "last_message": last_message and _timestamp(last_message),
            "to_store": backlog.to_store,
            "to_handle": backlog.to_handle,
            "oldest": oldest,
            "failed": backlog.failed,
        }

    def _describe_state(self, state):
        return str(self.env._(STATES[state]))  # pylint: disable=W8161

    def _overview_state(self, status, oldest):
        if status in ("stopped", "not_configured"):
            return "stopped"
        if status != "connected":
            return "connecting" if status == "connecting" else "unreachable"
        if not self.subscription_count:
            return "idle"
        return "behind" if oldest > AMBER_SECONDS else "running"

    def _last_messages(self):
        """Time of the last message by id of the service, of those that had one."""
        self.env.flush_all()
        # No ORM equivalent: it groups by fields of the model itself only.
        self.env.cr.execute(
            """
            SELECT subscription.service_id, max(got.last_message)
              FROM mqtt_grant AS got
              JOIN mqtt_subscription AS subscription
                ON subscription.id = got.subscription_id
             WHERE subscription.service_id IN %s AND got.last_message IS NOT NULL
             GROUP BY subscription.service_id
            """,
            [tuple(self.ids) or (None,)],
        )
        return dict(self.env.cr.fetchall())


def _timestamp(time):
    """Seconds since 1970 of a time in UTC without a zone."""
    return time.replace(tzinfo=timezone.utc).timestamp()
