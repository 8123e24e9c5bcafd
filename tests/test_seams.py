# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""No order of events loses a message, handles it twice or leaves it waiting."""

import logging
import os
import time
from datetime import datetime
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from odoo.sql_db import Savepoint
from odoo.tests import mute_logger, tagged

from .seams import Seams
from .seams_mutants import MUTANTS as ALL_MUTANTS
from .seams_outgoing import Broker, answer_method, make_tables
from .seams_world import Break, make_table
from .test_handler import HandlerCase

_logger = logging.getLogger(__name__)

STEPS_EACH = 40  # before all is made well, and what waits has to end
STEPS = int(os.environ.get("MQTT_SEAMS_STEPS") or 2_000)
MUTANTS = os.environ.get("MQTT_SEAMS_MUTANTS")  # "1": all; else a method's name
MUTANT_STEPS = 20_000


@tagged("post_install", "-at_install")
class TestSeams(HandlerCase):
    def setUp(self):
        super().setUp()
        make_table(self.env.cr)
        make_tables(self.env.cr)
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
        self.find_handlers()
        method = answer_method(lambda: world_of.world)
        partner = self.registry["res.partner"]
        self.enterContext(patch.object(partner, method.__name__, method, create=True))
        # Small jobs, so that many have to be made for what waits.
        jobs = "odoo.addons.mqtt_listener.jobs"
        for name in ("waiting.BATCH", "in_order.BATCH", "replay.PART", "publish.PART"):
            self.enterContext(patch(f"{jobs}.{name}", 2))
        self.enterContext(
            patch(
                f"{jobs}.publish.Publisher",
                lambda _settings, _client_id, window: Broker(self.world.outside),
            )
        )
        original = type(self.service)._history_values
        case = self

        def refusing(service, message, *args):
            if message.payload in case.world.refused:
                raise ValueError("refused")
            if message.payload in case.world.lethal:
                raise Break
            return original(service, message, *args)

        self.enterContext(patch.object(type(self.service), "_history_values", refusing))

    def find_handlers(self):
        """The handlers as they are now: a declared one that is deleted comes again."""
        for name in self.handlers:
            own = [("method_name", "=", f"_on_{name}")]
            self.handlers[name] = self.env["mqtt.handler"].search(own, limit=1)
        for handler in self.handlers.values():
            handler.write({"suspend_after": 4, "suspend_waiting": 3})

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
        self.find_handlers()

    def try_steps(self, count, **options):
        """Make so many steps.

        :param options: of hypothesis, beside the usual.
        :raise Exception: that of the first failure.
        """
        Seams.case, Seams.steps = self, 0
        usual = settings(
            max_examples=max(count // STEPS_EACH, 1),
            stateful_step_count=STEPS_EACH,
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        )
        with mute_logger(
            "odoo.addons.queue_job.models.queue_job", "odoo.addons.mqtt_listener"
        ):
            run_state_machine_as_test(Seams, settings=settings(usual, **options))

    def test_any_order_of_events(self):
        if MUTANTS:
            self.skipTest("mutants are tried")
        begin = time.monotonic()
        is_long = "MQTT_SEAMS_STEPS" in os.environ
        # A failure of a long run is made shorter by a run from its blob, if at all.
        phases = [Phase.reuse, Phase.generate] if is_long else tuple(Phase)
        self.try_steps(STEPS, derandomize=not is_long, phases=phases)
        _logger.info("%s steps in %.0f s", Seams.steps, time.monotonic() - begin)

    def test_mutants_are_found(self):
        """Each within 20,000 steps. It takes long, so it is run on demand."""
        if not MUTANTS:
            self.skipTest("see make seams MUTANTS=1")
        survivors = []
        for mutant in ALL_MUTANTS:
            if MUTANTS not in ("1", mutant.name):
                continue
            with mutant.put_in(self.registry):
                said = self.try_mutant()
            _logger.info("%s (%s): %s", mutant.what, mutant.name, said)
            if not said:
                survivors.append(mutant.what)
        self.assertFalse(survivors)

    def try_mutant(self):
        """What the first failure says and after how many steps, ``None`` without."""
        try:
            self.try_steps(
                MUTANT_STEPS,
                derandomize=True,
                phases=[Phase.generate],
                print_blob=False,
            )
        except Exception as error:  # noqa: BLE001
            said = str(error).partition("\n")[0]
            return f"found after {Seams.steps} steps: {type(error).__name__}: {said}"
        return None
