# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Only what operators of MQTT may read of jobs is a matter of this addon."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    if rule := env.ref("mqtt_listener.queue_job_operator_rule", False):
        rule.write(
            {
                "domain_force": 'user.env["queue.job"].mqtt_readable_domain()',
                "perm_write": False,
                "perm_create": False,
                "perm_unlink": False,
            }
        )
    if rule := env.ref("mqtt_listener.queue_job_manager_rule", False):
        rule.unlink()
