# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What Odoo does when the addon is uninstalled, besides removing what it knows of."""

import psycopg2

from .models.device import mqtt_reading, mqtt_rollup
from .mqtt.interface import LISTENER_LOCK_CLASS, MODULE
from .mqtt.log import get_logger

_logger = get_logger(__name__)

LISTENER_TIMEOUT = "15s"  # a listener looks every 5 s and drains for 6 s
#: model and its field that names another model: what users save and Odoo leaves
SAVED = {"ir.filters": "model_id", "ir.exports": "resource"}
CHATTER = {
    "mail.activity": "res_model",
    "mail.followers": "res_model",
    "mail.message": "model",
}


def uninstall_hook(env):
    """Remove what Odoo would leave: jobs, parameters, and references to our models.

    The addon is no longer *installed* for other transactions when Odoo calls this, so
    listeners on other nodes are ending. Odoo removes models, data and tables after it.
    """
    names = [name for name, model in env.items() if model._original_module == MODULE]
    _wait_for_listeners(env)
    _remove_jobs(env, names)
    for model, field in SAVED.items():
        env[model].with_context(active_test=False).search(
            [(field, "in", names)]
        ).unlink()
    env["ir.config_parameter"].search([("key", "=like", f"{MODULE}.%")]).unlink()
    # Deleted with their model by PostgreSQL, which knows nothing of their chatter.
    actions = env["ir.actions.server"].search([("model_id.model", "in", names)])
    _remove_chatter(env, actions._name, actions.ids)
    _remove_reflections(env, names)
    mqtt_rollup.drop_tables(env.cr)
    mqtt_reading.drop_tables(env.cr)


def _wait_for_listeners(env):
    """Wait until no listener writes any more; one that hangs is not waited for."""
    # Advisory locks, which listeners hold while they live, have no ORM equivalent.
    env.cr.execute("SET LOCAL lock_timeout = %s", [LISTENER_TIMEOUT])
    for service in env["mqtt.service"].with_context(active_test=False).search([]):
        try:
            with env.cr.savepoint(flush=False):
                env.cr.execute(
                    "SELECT pg_advisory_xact_lock(%s, %s)",
                    [LISTENER_LOCK_CLASS, service.id],
                    log_exceptions=False,
                )
        except psycopg2.errors.LockNotAvailable:
            _logger.warning("uninstalled while the listener of %s runs", service.name)
            break
    env.cr.execute("SET LOCAL lock_timeout TO DEFAULT")


def _remove_jobs(env, names):
    """Remove the jobs of our models, whatever their state: nothing could run them.

    Not by ``unlink``, which gives what a job carries to a new job. The statement waits
    for jobs that run.
    """
    env["queue.job"].flush_model()
    env.cr.execute(
        "DELETE FROM queue_job WHERE model_name = ANY(%s) RETURNING id", [names]
    )
    _remove_chatter(env, "queue.job", [job_id for (job_id,) in env.cr.fetchall()])
    env["queue.job"].invalidate_model(flush=False)


def _remove_chatter(env, model_name, ids):
    for model, field in CHATTER.items():
        env[model].with_context(active_test=False).search(
            [(field, "=", model_name), ("res_id", "in", ids)]
        ).unlink()


def _remove_reflections(env, names):
    """Remove what Odoo notes about foreign keys and mixins, and forgets to remove."""
    env["ir.model.constraint"].search(
        [("module.name", "=", MODULE), ("type", "=", "f")]
    ).unlink()
    inherits = env["ir.model.inherit"].search([("model_id.model", "in", names)])
    env["ir.model.data"].search(
        [
            ("model", "=", inherits._name),
            ("res_id", "in", inherits.ids),
            ("module", "!=", MODULE),
        ]
    ).unlink()
