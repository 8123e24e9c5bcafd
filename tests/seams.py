# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Everything that may happen to a message and its jobs, in any order.

``make seams STEPS=200000`` for a long run; ``make test`` makes some 2,000 steps.
"""

from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from .seams_outward import Outward
from .seams_truths import TOPICS
from .seams_world import World

NAMES = st.sampled_from(("plain", "batch", "ordered"))
INDEX = st.integers(0, 30)
KINDS = st.sampled_from(
    ("good", "good", "good", "refused", "lethal", "unkept", "paused", "trouble")
)
HOW = st.sampled_from(("well", "well", "well", "dies", "breaks", "unsure"))


class Seams(Outward, RuleBasedStateMachine):
    """Rules are what happens, invariants what is true after each."""

    case = None  # set by the test
    steps = 0  # that were made in all

    @initialize(apart=st.booleans())
    def begin(self, apart):
        self.savepoint = self.case.begin()
        self.world = self.case.world = World(self.case)
        self.case.limit(storing_job_seconds=0 if apart else 5)
        self.number = 0
        for topic in TOPICS:  # or many steps have nothing to work on
            self.received([("good", topic), ("refused", topic), ("good", topic)])
        self.world.run(self.world.due_jobs()[0])

    def teardown(self):
        if not hasattr(self, "world"):
            return
        try:
            self._make_well()
            self.world.settle()
        finally:
            for patcher in self.world.gone.values():
                patcher.stop()
            self.case.end(self.savepoint)

    def _make_well(self):
        world = self.world
        world.broken.clear()
        world.deadly.clear()
        world.refused.clear()  # what is lethal stays so, and goes into quarantine
        world.outside.mood = "well"
        world.service.write({"active": True, "status": "start"})
        world.outside.hear()
        for name in list(world.gone):
            self.comes_back(name)
        for name, handler in self.case.handlers.items():
            if not handler.enabled:
                self.switched(name)

    @invariant()
    def nothing_is_lost_doubled_or_out_of_order(self):
        Seams.steps += 1
        if hasattr(self, "world"):
            self.world.check()

    # Messages

    @rule(
        kinds=st.lists(
            st.tuples(KINDS, st.sampled_from(TOPICS)), min_size=1, max_size=4
        )
    )
    def received(self, kinds):
        messages = []
        for kind, topic in kinds:
            self.number += 1
            payload = f"{kind} {self.number}".encode()
            if kind in ("refused", "lethal"):
                getattr(self.world, kind).add(payload)
            values = {
                "unkept": {"store": False},
                "paused": {"paused": 1},
                "trouble": {"trouble": "Not readable"},
            }.get(kind, {})
            messages.append(self.case.message(topic, payload, **values))
        self.world.received += sum(message.store for message in messages)
        self.case.enqueue(*messages)

    @rule()
    def can_be_stored(self):
        self.world.refused.clear()
        self.world.lethal.clear()

    @rule(index=INDEX)
    def stored_again(self, index):
        found = self.case.env["mqtt.quarantine"].search([])
        # What would end the request's connection stays where it is.
        found = found.filtered(
            lambda one: one._message().payload not in self.world.lethal
        )
        if found:
            found[index % len(found)].action_retry()

    @rule(index=INDEX)
    def quarantined_deleted(self, index):
        if found := self.case.env["mqtt.quarantine"].search([]):
            found[index % len(found)].unlink()
            self.world.dropped += 1

    @rule(name=st.none() | NAMES)
    def replayed(self, name):
        self.world.reset()
        messages = self.world.messages
        if messages:
            handler = self.world.handler(name) if name else None
            self.case.env["mqtt.replay"].create(
                {
                    "selected_ids": messages.ids[:5],
                    "handler_id": handler and handler.id,
                }
            ).action_start()

    @rule()
    def retention(self):
        self.world.reset()
        before = self.world.messages
        originals = before.filtered(lambda one: not one.corrected_from_id)
        self.world.service.retention_days = 1
        self.case.env.flush_all()
        self.case.env["mqtt.signal.history"]._gc_old_messages()
        self.world.service.retention_days = 0
        self.world.reset()
        self.world.expired += len(originals) - len(originals.exists())

    # Jobs

    @rule(index=INDEX, how=HOW)
    def job_runs(self, index, how):
        if due := self.world.due_jobs():
            self.world.run(due[index % len(due)], how)

    @rule(count=st.integers(1, 5))
    def jobs_run(self, count):
        for _job in range(count):
            if due := self.world.due_jobs():
                self.world.run(due[0])

    @rule()
    def time_passes(self):
        self.world.pass_time()

    @rule()
    def cron_runs(self):
        self.world.look_after()

    @rule(
        index=INDEX, how=st.sampled_from(("button_cancelled", "button_done", "unlink"))
    )
    def job_ended_by_a_person(self, index, how):
        if jobs := self.world.jobs(("state", "in", ("pending", "enqueued", "failed"))):
            job = jobs[index % len(jobs)]
            self.world.outside.note_ended(job)
            getattr(job, how)()

    @rule(index=INDEX)
    def job_vanishes(self, index):
        """Those of which the rows know, by SQL."""
        jobs = self.world.jobs(
            ("state", "in", ("pending", "failed")),
            "|",
            ("mqtt_message_id", "=", False),
            ("method_name", "=", "_job_publish"),
        )
        if jobs:
            self.world.reset()
            self.case.env.cr.execute(
                "DELETE FROM queue_job WHERE id = %s", [jobs[index % len(jobs)].id]
            )
            self.world.reset()

    @rule(index=INDEX)
    def job_requeued(self, index):
        jobs = self.world.jobs(("state", "in", ("failed", "cancelled")))
        if jobs:
            job = jobs[index % len(jobs)]
            if job.state == "cancelled" and job.mqtt_message_id:
                self.world.late.add(job.mqtt_message_id.sequence)
            job.requeue()

    # Handlers

    @rule(name=NAMES)
    def breaks(self, name):
        self.world.broken.add(name)

    @rule(name=NAMES)
    def works_again(self, name):
        self.world.broken.discard(name)

    @rule(index=INDEX)
    def a_message_kills(self, index):
        if messages := self.world.messages:
            self.world.deadly = {messages[index % len(messages)].payload}

    @rule(name=NAMES)
    def switched(self, name):
        """Off or on; what waits when it is off is not for it any more."""
        handler = self.world.handler(name)
        handler.enabled = not handler.enabled
        if not handler.enabled:
            self.world.excuse(name)

    @rule(name=NAMES)
    def suspended(self, name):
        self.world.handler(name)._suspend()

    @rule(name=NAMES)
    def resumed(self, name):
        handler = self.world.handler(name)
        if handler.suspended_since:
            handler._resume()

    @rule(name=NAMES)
    def goes(self, name):
        """Its module is uninstalled."""
        if name not in self.world.gone:
            handler = self.world.handler(name)
            patcher = patch.object(
                self.case.registry["res.partner"], handler.method_name, None
            )
            patcher.start()
            self.world.gone[name] = patcher
            self.case.env["mqtt.handler"]._sync_declared()

    @precondition(lambda self: hasattr(self, "world") and self.world.gone)
    @rule(index=INDEX)
    def comes_back_some(self, index):
        names = sorted(self.world.gone)
        self.comes_back(names[index % len(names)])

    def comes_back(self, name):
        self.world.gone.pop(name).stop()
        self.case.env["mqtt.handler"]._sync_declared()

    # Services

    @rule(
        number=st.integers(0, 1),
        status=st.sampled_from(("start", "stop")),
        active=st.booleans(),
    )
    def service_renamed_moved_stopped_archived(self, number, status, active):
        self.world.service.write(
            {
                "name": f"Plant {number}",
                "company_id": self.case.companies[number].id,
                "status": status,
                "active": active,
            }
        )
