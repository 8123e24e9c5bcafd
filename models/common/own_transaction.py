# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from contextlib import contextmanager

from ...mqtt.log import flattened, get_logger

_logger = get_logger(__name__)


@contextmanager
def own_transaction(env, failure=None):
    """A short transaction beside the current one, for what must not hold that one up.

    Each of its statements sees what others have committed by then (READ COMMITTED), so
    that rows which others write too are no reason for it to fail; Odoo's own
    transactions (REPEATABLE READ) would have to be repeated.

    :param failure: what the log says when it fails; otherwise that raises.
    :return: a context manager whose value is the environment, as superuser. What is
        done in it is committed unless it raises.
    """
    try:
        with flattened("odoo.sql_db"), env.registry.cursor() as cr:
            cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            yield env(cr=cr, su=True)
    except Exception:
        if not failure:
            raise
        # A guard: what it is beside must go on.
        _logger.info(failure, exc_info=True)
