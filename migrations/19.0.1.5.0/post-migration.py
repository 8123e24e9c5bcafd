from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """A job that stores carries no messages any more: it takes what waits."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    function = env.ref("mqtt_listener.job_function_ingest", raise_if_not_found=False)
    if function:
        function.related_action = {"func_name": "related_action_mqtt_stored"}
