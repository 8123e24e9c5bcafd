# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Rules of the stateful test for what goes out, what operators decide about failures,
and what is deleted.
"""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from .seams_outgoing import MOODS

INDEX = st.integers(0, 30)
OWN_TOPICS = st.sampled_from(("out/a", "out/b"))


class Outward:
    """Rules, for a machine with a ``world`` and a ``case``."""

    # Publishing

    @rule(topics=st.lists(OWN_TOPICS, min_size=1, max_size=4))
    def published(self, topics):
        if self.world.service.active:
            self.number += 1
            self.world.outside.publish(
                [(topic, f"good {self.number}") for topic in topics]
            )

    @rule(mood=st.sampled_from(MOODS))
    def broker_changes(self, mood):
        self.world.outside.mood = mood

    # Requests

    @rule(is_heard=st.booleans())
    def asked(self, is_heard):
        service = self.world.service
        if service.active and service.status == "start":
            self.world.outside.ask(is_heard)

    @rule(index=INDEX, times=st.integers(1, 2))
    def answered(self, index, times):
        requests = self.case.env["mqtt.request"].search([])
        if not requests:
            return
        request = requests[index % len(requests)]
        answer = self.case.message(
            self.world.service.response_topic,
            b"answer",
            properties={"correlation_data": request.correlation},
        )
        self.world.received += times
        self.case.enqueue(*[answer] * times)

    @rule()
    def whom_to_tell_breaks(self):
        self.world.broken ^= {"answer"}

    # Decisions

    def _failed(self):
        return self.world.jobs(
            ("state", "=", "failed"), ("mqtt_message_id", "!=", False)
        )

    @rule(index=INDEX)
    def corrected(self, index):
        jobs = self._failed().filtered(
            lambda job: job.method_name in ("_job_handle", "_job_publish")
        )
        if not jobs:
            return
        job = jobs[index % len(jobs)]
        original, name = job.mqtt_message_id, self.world.name_of(job.mqtt_handler_id)
        self.case.env["mqtt.correction"].create(
            {"job_id": job.id, "payload": "good, corrected"}
        ).action_process()
        corrected = self._corrections(original)[-1:]
        if name:
            self.world.owe(name, corrected)
        else:
            self.world.outside.note_correction(original, corrected)

    def _corrections(self, originals):
        self.world.reset()
        return self.case.env["mqtt.signal.history"].search(
            [("corrected_from_id", "in", originals.ids)], order="id"
        )

    @rule(decision=st.sampled_from(("requeue", "cancel", "replace")))
    def decided_about_all(self, decision):
        jobs = self._failed()
        if decision == "cancel":
            for job in jobs:
                self.world.outside.note_ended(job)
            jobs._mqtt_decide("cancel", reason="enough")
        elif decision == "requeue":
            jobs._mqtt_decide("requeue")
        else:
            self._replaced(jobs)

    def _replaced(self, jobs):
        handled = jobs.filtered(lambda job: job.method_name == "_job_handle")
        names = [
            (self.world.name_of(job.mqtt_handler_id), job.mqtt_message_id)
            for job in handled
        ]
        before = self._corrections(handled.mqtt_message_id)
        jobs._mqtt_decide("replace", search_text="good", replace_text="better")
        new = self._corrections(handled.mqtt_message_id) - before
        waiting = self.world.waiting()
        for one in new:
            (name,) = {
                name
                for name, original in names
                if original == one.corrected_from_id and (name, one.id) in waiting
            }
            self.world.owe(name, one)

    # What is deleted

    @precondition(lambda self: hasattr(self, "world") and self.world.gone)
    @rule(index=INDEX)
    def handler_deleted(self, index):
        """What waits for it is for nobody any more. Its module is installed again."""
        names = sorted(self.world.gone)
        name = names[index % len(names)]
        self.world.excuse(name)
        self.world.handler(name).unlink()
        self.comes_back(name)
        self.case.find_handlers()

    @rule(count=st.integers(1, 3))
    def other_service_receives(self, count):
        other = self.world.other_service()
        # A topic of its own: a service that comes after it counts from 1 again.
        message = self.case.message(f"plant/z{other.id}", b"good")
        self.case.enqueue(*[message] * count, service=other)
