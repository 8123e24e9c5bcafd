# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What Odoo would leave behind; tests/e2e/test_wheel.py compares whole databases."""

from contextlib import closing
from unittest.mock import patch

import psycopg2

from odoo.sql_db import connection_info_for

from .. import hooks
from ..mqtt.interface import LISTENER_LOCK_CLASS
from .common import MqttCase


class TestUninstall(MqttCase):
    def test_only_jobs_of_the_addon_are_removed(self):
        """A job that waits goes with what was said about it; others' jobs stay."""
        ours = self.service.with_delay().check_mqtt_status()
        others = self.env["res.partner"].with_delay().search([])
        job = ours.db_record()
        said = job.message_post(body="Look at this")
        hooks._remove_jobs(self.env, ["mqtt.service"])
        self.assertFalse(job.exists())
        self.assertFalse(said.exists())
        self.assertTrue(others.db_record().exists())

    def test_a_listener_that_hangs_is_not_waited_for(self):
        """The log says so; the listener ends when it finds its tables gone."""
        _name, info = connection_info_for(self.env.cr.dbname)
        with (
            closing(psycopg2.connect(**info)) as listener,
            patch.object(hooks, "LISTENER_TIMEOUT", "50ms"),
            self.assertLogs(hooks.__name__, "WARNING") as logs,
        ):
            listener.cursor().execute(
                "SELECT pg_advisory_lock(%s, %s)",
                [LISTENER_LOCK_CLASS, self.service.id],
            )
            hooks._wait_for_listeners(self.env)
        self.assertIn(self.service.name, logs.output[0])
