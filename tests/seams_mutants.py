# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Faults that the stateful test has to find, each of a kind that was real.

``make seams MUTANTS=1`` puts them in one after the other.
"""

from dataclasses import dataclass
from unittest.mock import patch

from odoo.fields import Domain

PACKAGE = "odoo.addons.mqtt_listener"


@dataclass(frozen=True)
class Mutant:
    """One fault.

    :param what: what goes wrong.
    :param where: name of a model, or path of a module below the addon.
    :param name: of the method or constant; :param value: what stands in for it.
    """

    what: str
    where: str
    name: str
    value: object

    def put_in(self, registry):
        """A context with the fault."""
        if self.where in registry:
            return patch.object(registry[self.where], self.name, self.value)
        return patch(f"{PACKAGE}.{self.where}.{self.name}", self.value)


def _nothing(*_args, **_options):
    return None


def _all_heard(_service, messages):
    return messages.browse()


def _take_any_answer(request, message):
    """Also the second one, and one that is late."""
    request.answer_id = message
    request.state = "answered"
    request._with_job()._job_answer(message_id=message.id)


def _all_again(replay):
    return Domain("id", "<=", replay.end_id)


def _no_gap(service, handler):
    """What is received and not stored is not waited for."""
    own = [("handler_id", "=", handler.id), ("service_id", "=", service.id)]
    waiting = service.env["mqtt.ordered.message"].sudo().search(own, order="sequence")
    return waiting, False


def _own_only(outgoing, messages):
    return outgoing.filtered(lambda one: one.message_id in messages)


SERVICE, JOB, REQUEST = "mqtt.service", "queue.job", "mqtt.request"
MUTANTS = (
    Mutant("a job that a person ends leaves nothing", JOB, "_mqtt_give_up", _nothing),
    Mutant("a job of ingest that is gone stays so", SERVICE, "_wake_ingest", _nothing),
    Mutant("so does one of a batch set apart", SERVICE, "_wake_apart", _nothing),
    Mutant("one that dispatches", SERVICE, "_wake_all_dispatch", _nothing),
    Mutant("one in order", SERVICE, "_wake_all_in_order", _nothing),
    Mutant("one of a replay", SERVICE, "_wake_replays", _nothing),
    Mutant("one that publishes", SERVICE, "_wake_publishing", _nothing),
    Mutant("one that tells of silence", REQUEST, "_wake_silence", _nothing),
    Mutant("what was dispatched waits on", "mqtt.dispatch", "_delete", _nothing),
    Mutant("what was stored waits on", "mqtt.batch", "_delete_stored", _nothing),
    Mutant("what was published waits on", "mqtt.outbox", "unlink", _nothing),
    Mutant(
        "a range has what was not there when it was put",
        "models.queue.mqtt_dispatch",
        "_has_gaps",
        lambda _sequences: False,
    ),
    Mutant("nothing is held back in order", SERVICE, "_next_in_order", _no_gap),
    Mutant(
        "what follows a refused one does", "mqtt.outbox", "_of_same_topics", _own_only
    ),
    Mutant("a resumed handler gets nothing", "mqtt.handler", "_release", _nothing),
    Mutant("a deleted one leaves its jobs", "mqtt.handler", "_cancel_jobs", _nothing),
    Mutant("a requeued job stays beside its row", JOB, "_mqtt_delete", _nothing),
    Mutant("a replay does not go on", "mqtt.replay", "_not_given", _all_again),
    Mutant(
        "whoever asked is told of each answer",
        REQUEST,
        "_take_answer",
        _take_any_answer,
    ),
    Mutant("a request nobody hears is sent", SERVICE, "_find_unheard", _all_heard),
    Mutant("what kills is stored for ever", "jobs.apart", "KILLS", 10**6),
)
