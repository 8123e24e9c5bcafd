# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Who may do what is more than reading and less than writing."""

from odoo.exceptions import AccessError

OPERATOR = "mqtt_listener.group_operator"
MANAGER = "mqtt_listener.group_manager"


def check_group(env, group, refusal):
    """Let only a group go on, and the superuser.

    :param refusal: what everybody else is told.
    :raise AccessError: with it.
    """
    if not env.su and not env.user.has_group(group):
        raise AccessError(refusal)
