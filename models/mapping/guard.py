# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from contextlib import contextmanager

from odoo import models
from odoo.exceptions import AccessError, UserError


class MqttMapping(models.Model):
    """Who may decide what a mapping writes.

    It runs as its user. Who changes it thus acts as that user, which only that user
    and a system administrator may: the handler's guard checks that
    (``_check_runs_as_own``). As there, the record is judged, not the values.
    """

    _inherit = "mqtt.mapping"

    def _check_created(self):
        """:raise AccessError: when the user may not create these mappings."""
        self._check_may_decide()
        self._check_actions([[]] * len(self))

    @contextmanager
    def _checked_write(self, vals):
        """:raise AccessError: when the user may not make these mappings what is
        written while this is entered.
        """
        if "handler_id" in vals:
            raise UserError(self.env._("A mapping keeps its handler."))
        actions = self._action_ids()
        is_own = any(not self._fields[name].inherited for name in vals)
        yield
        if is_own:
            self._check_may_decide()
            self._check_actions(actions)

    def _check_may_decide(self):
        """:raise AccessError: when the user may not decide what these mappings do."""
        self.handler_id._check_runs_as_own()
        self.handler_id._check_companies()

    def _check_actions(self, before):
        if (
            not self.env.su
            and self._action_ids() != before
            and not self.env.user.has_group("base.group_system")
        ):
            raise AccessError(
                self.env._(
                    "Only a system administrator may choose the server actions that a "
                    "mapping runs."
                )
            )

    def _action_ids(self):
        return [mapping.action_ids.ids for mapping in self.sudo()]
