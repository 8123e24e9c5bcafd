# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Run a mapping: a handler whose work was chosen on a form.

A call is for many messages (``batch``): one search for all of their keys, one write for
each distinct set of values. Where one message is wrong the call raises, and
:class:`.run.Run` makes it again for each message alone, as for every batch handler.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from odoo import models

from .mapping_apply import apply
from .mapping_decide import decide
from .mapping_plan import Plan


class MqttHandler(models.Model):
    _inherit = "mqtt.handler"

    def _bind_mapping(self, env) -> Callable[..., Any]:
        mapping = self.sudo().mapping_ids
        plan = Plan.of(mapping, env)
        plan.check_rights()

        def run(messages, named) -> None:
            apply(plan, decide(plan, plan.rows_of(messages, named)), mapping)

        return run
