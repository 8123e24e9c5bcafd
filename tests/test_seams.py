"""No order of events loses a message, handles it twice or leaves it waiting."""

import logging
import os
import time
from datetime import datetime
from unittest.mock import patch

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from odoo.sql_db import Savepoint
from odoo.tests import mute_logger, tagged

from .seams import Seams
from .seams_world import make_table
from .test_handler import HandlerCase

_logger = logging.getLogger(__name__)

STEPS_EACH = 40  # before all is made well, and what waits has to end
STEPS = int(os.environ.get("MQTT_SEAMS_STEPS") or 2_000)


@tagged("post_install", "-at_install")
class TestSeams(HandlerCase):
    def setUp(self):
        super().setUp()
        make_table(self.env.cr)
        self.world = None
        self.companies = self.env.company | self.env["res.company"].create(
            {"name": "Other"}
        )
        world_of = self

        def on_plain(self, message):
            world_of.world.handle("plain", self, message)

        def on_batch(self, messages):
            for message in messages:
                world_of.world.handle("batch", self, message)

        def on_ordered(self, message):
            world_of.world.handle("ordered", self, message)

        self.handlers = {
            "plain": self.declare("plant/+", on_plain, name="_on_plain", max_retries=2),
            "batch": self.declare(
                "plant/+", on_batch, name="_on_batch", batch=True, max_retries=2
            ),
            "ordered": self.declare(
                "plant/+", on_ordered, name="_on_ordered", ordered=True, max_retries=2
            ),
        }
        for handler in self.handlers.values():
            handler.write({"suspend_after": 4, "suspend_waiting": 3})
        # Small jobs, so that many have to be made for what waits.
        jobs = "odoo.addons.mqtt_listener.jobs"
        for name in ("waiting.BATCH", "in_order.BATCH", "replay.PART"):
            self.enterContext(patch(f"{jobs}.{name}", 2))
        original = type(self.service)._history_values
        case = self

        def refusing(service, message, *args):
            if message.payload in case.world.refused:
                raise ValueError("refused")
            return original(service, message, *args)

        self.enterContext(patch.object(type(self.service), "_history_values", refusing))

    def now(self):
        return datetime.now()

    def begin(self):
        """What is done from here on is undone by ``end``."""
        self.env.flush_all()
        return Savepoint(self.env.cr)

    def end(self, savepoint):
        self.env.clear()
        savepoint.close(rollback=True)
        self.env.invalidate_all()
        self.registry.clear_all_caches()
        self.env["mqtt.handler"]._sync_declared()

    def test_any_order_of_events(self):
        Seams.case = self
        is_long = "MQTT_SEAMS_STEPS" in os.environ
        begin = time.monotonic()
        with mute_logger(
            "odoo.addons.queue_job.models.queue_job", "odoo.addons.mqtt_listener"
        ):
            run_state_machine_as_test(
                Seams,
                settings=settings(
                    max_examples=max(STEPS // STEPS_EACH, 1),
                    stateful_step_count=STEPS_EACH,
                    derandomize=not is_long,
                    database=None,
                    deadline=None,
                    report_multiple_bugs=False,
                    print_blob=True,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        _logger.info("%s steps in %.0f s", STEPS, time.monotonic() - begin)
