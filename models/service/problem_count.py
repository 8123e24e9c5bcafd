# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models
from odoo.fields import Domain
from odoo.tools import SQL

from ..common.groups import OPERATOR, check_group

MOST_COUNTED = 100


class MqttService(models.Model):
    """The number at *Problems* in the menu."""

    _inherit = "mqtt.service"

    def problem_count(self):
        """Failed messages, messages that could not be stored and paused topics, as far
        as the user may see them.

        One query, which stops at :data:`MOST_COUNTED`: it is asked for by each operator
        who has MQTT open.

        :raise AccessError: for a user who is no MQTT operator.
        """
        check_group(
            self.env,
            OPERATOR,
            self.env._("Only an MQTT operator may see the number of problems."),
        )
        self.check_access("read")
        failed = Domain("mqtt_message_id", "!=", False) & Domain("state", "=", "failed")
        rows = [
            SQL("(%s)", self.env[name]._search(domain, limit=MOST_COUNTED).select("1"))
            for name, domain in (
                ("queue.job", failed),
                ("mqtt.quarantine", Domain.TRUE),
                ("mqtt.paused.topic", Domain.TRUE),
            )
        ]
        # No ORM equivalent: it counts one model at a time.
        query = SQL(
            "SELECT count(*) FROM (%s LIMIT %s) AS problem",
            SQL(" UNION ALL ").join(rows),
            MOST_COUNTED,
        )
        ((count,),) = self.env.execute_query(query)
        return count
