# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import datetime, timezone

from odoo import fields, models
from odoo.fields import Domain

from ...mqtt.topic import TopicError
from ..common.own_transaction import own_transaction
from ..topic.mqtt_topic import TOPICS_PER_SERVICE

MOST_BRANCHES = 40  # that one call returns
ROWS = 200  # of a branch, unless the page asks for more


class MqttService(models.Model):
    """What the page Live shows."""

    _inherit = "mqtt.service"

    def live_services(self):
        """The roots of the topic tree: these services; on the empty model, all that the
        user may see.

        The number of queries does not depend on the number of services.

        :return: a list of dicts: ``id``, ``name``, ``state`` of the overview's states
            with its ``state_label``, ``is_live`` (whether new values can come),
            ``topics`` (how many are known), ``is_full`` (whether new ones are left
            out), and ``last_message`` (seconds since 1970, or None).
        :raise AccessError: for a user who may not read the services.
        """
        self.check_access("read")
        services = self or self.search(Domain.TRUE)
        backlogs = services._backlogs()
        last = services._last_messages()
        # sudo: numbers only, of services that were checked above
        counts = self.env["mqtt.topic"].sudo()._counts(services)
        now = fields.Datetime.now()
        return [
            service._live_root(
                backlogs[service.id].seconds(now),
                last.get(service.id),
                counts.get(service.id, 0),
            )
            for service in services
        ]

    def _live_root(self, oldest, last_message, topics):
        state = self._overview_state(self._current_status(), oldest)
        return {
            "id": self.id,
            "name": self.name,
            "state": state,
            "state_label": self._describe_state(state),
            "is_live": state not in ("stopped", "unreachable", "connecting"),
            "topics": topics,
            "is_full": topics >= TOPICS_PER_SERVICE,
            "last_message": last_message
            and last_message.replace(tzinfo=timezone.utc).timestamp(),
        }

    def live_levels(self, branches, text=""):
        """Levels of the topic trees of these services; on the empty model, of all that
        the user may see.

        Notes what came before, and has the bus announce for a while what comes; see
        ``mqtt.live``.

        :param branches: dicts with ``service_id``, ``prefix`` (``plant/press/``, empty
            for the first level) and ``limit`` (rows, 200 if it is left out). Of more
            than :data:`MOST_BRANCHES`, only the first are returned.
        :param text: what topics are looked for by: a part of them, or a topic filter.
        :return: ``now`` (seconds since 1970), ``problem`` (a sentence about a topic
            filter that is not valid, or an empty text), ``is_behind`` (whether more has
            come than was noted now: ask again), and ``levels``: for each branch its
            ``service_id`` and ``prefix``, and what ``_level`` of ``mqtt.topic``
            returns.
        :raise AccessError: for a user who may not read the services.
        """
        self.check_access("read")
        self.env["mqtt.topic"].check_access("read")
        ids = {branch["service_id"] for branch in branches}
        domain = Domain("id", "in", list(ids))
        if self:
            domain &= Domain("id", "in", self.ids)
        services = self.search(domain)
        self.env["mqtt.live"]._renew(services)
        behind = self.env["mqtt.topic"]._note(services)
        shown = [one for one in branches if one["service_id"] in services._ids]
        try:
            condition, problem = self.env["mqtt.topic"]._condition(text), ""
        except TopicError as error:
            condition, shown = None, []
            problem = self.env["mqtt.subscription"]._describe_topic_error(
                error.code, text
            )
        # What was noted just now is younger than this transaction.
        with own_transaction(self.env) as env:
            levels = [
                {
                    "service_id": branch["service_id"],
                    "prefix": branch["prefix"],
                    **env["mqtt.topic"]._level(
                        env["mqtt.service"].browse(branch["service_id"]),
                        branch["prefix"],
                        condition,
                        branch.get("limit", ROWS),
                    ),
                }
                for branch in shown[:MOST_BRANCHES]
            ]
        return {
            "now": datetime.now(timezone.utc).timestamp(),
            "problem": problem,
            "is_behind": bool(behind),
            "levels": levels,
        }
