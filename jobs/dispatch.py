"""Give the messages of a batch to their handlers."""

from __future__ import annotations

from collections import defaultdict

from odoo import models

from odoo.addons.queue_job.exception import FailedJobError

from .guard import HandlerError
from .run import Call, Run

PIECES = 20  # into which a job is split whose worker died in it
MOST_RETRIES = 10  # of a job for reasons of its own
NAMED_HANDLERS = 3  # in a job's description


class MqttService(models.Model):
    _inherit = "mqtt.service"

    # Enqueuing

    def _matcher(self, direction="receive"):
        """A function that gives a topic's handlers, see ``mqtt.handler._index``."""
        index = self.env["mqtt.handler"]._index(self.id, direction)
        known = {}  # topics repeat themselves

        def match(topic):
            if topic not in known:
                known[topic] = tuple(index.match(topic)) if index else ()
            return known[topic]

        return match

    def _enqueue_handlers(self, matches):
        """Put the jobs for messages and their handlers into the current transaction.

        :param matches: pairs of a message and its handlers, in the order of reception.
        """
        groups = defaultdict(lambda: (set(), []))
        in_order = defaultdict(list)
        for message, handlers in matches:
            for handler_id, channel, priority, ordered in handlers:
                if ordered:
                    in_order[handler_id].append(message)
                else:
                    ids, sequences = groups[channel, priority]
                    ids.add(handler_id)
                    sequences.append(message.sequence)
        for (channel, priority), (ids, sequences) in groups.items():
            self._enqueue_dispatch(
                self.env["mqtt.handler"].browse(sorted(ids)),
                min(sequences),
                max(sequences),
                channel=channel,
                priority=priority,
            )
        for handler_id, messages in in_order.items():
            self._wait_in_order(self.env["mqtt.handler"].browse(handler_id), messages)

    def _enqueue_dispatch(
        self, handlers, first_sequence, last_sequence, channel=None, priority=None
    ):
        if priority is None:
            priority = handlers.exists()[:1].priority or 10
        names = handlers.exists()[:NAMED_HANDLERS].mapped("name")
        if len(handlers) > NAMED_HANDLERS:
            names.append("…")
        self._for_jobs().with_delay(
            channel=channel or handlers[0].channel,
            priority=priority,
            max_retries=0,  # what fails leaves it as a job of its own
            description=self.env._(
                "Handle messages of %(service)s: %(handlers)s",
                service=self.name,
                handlers=", ".join(names),
            ),
        )._job_dispatch(
            first_sequence=first_sequence,
            last_sequence=last_sequence,
            handler_ids=handlers.ids,
        )

    # Running

    def _job_dispatch(self, first_sequence, last_sequence, handler_ids):
        """Call handlers for the messages from one sequence to another.

        :param handler_ids: of ``mqtt.handler``; one that was switched off meanwhile is
            left out, and one that is gone leaves it as a job of its own.
        :return: what the job monitor shows as result.
        :raise FailedJobError: when there is nothing but a handler that is gone.
        """
        self.ensure_one()
        handler_ids = self._without_gone(first_sequence, last_sequence, handler_ids)
        found = self._find_messages(first_sequence, last_sequence, handler_ids)
        if self._has_killed_its_worker():
            return self._split(found)
        run = Run(
            self.env,
            list(self._calls(found)),
            on_failure=self._enqueue_own_job,
            restarts=self._current_job().retry,
        ).go()
        run.save_tallies()
        self._go_on_later(run.left)
        return self._describe(run)

    def _find_messages(self, first_sequence, last_sequence, handler_ids):
        """``{handler: messages}`` in the order of reception, payloads in the cache."""
        messages = self.env["mqtt.signal.history"].search(
            [
                ("service_id", "=", self.id),
                ("sequence", ">=", first_sequence),
                ("sequence", "<=", last_sequence),
                ("has_handlers", "=", True),
            ],
            order="sequence",
        )
        # What a list of messages leaves out on purpose, handlers ask for each time.
        messages.fetch(["topic", "payload", "payload_raw", "timestamp"])
        wanted = set(handler_ids)
        found = defaultdict(list)
        match = self._matcher()
        for message in messages:
            for handler_id, *_others in match(message.topic):
                if handler_id in wanted:
                    found[handler_id].append(message.id)
        handlers = self.env["mqtt.handler"].browse(found)
        return {
            handler: messages.browse(found[handler.id]).with_prefetch(
                messages._prefetch_ids
            )
            for handler in handlers.sorted(lambda one: (one.sequence, one.id))
        }

    def _calls(self, found):
        for handler, messages in found.items():
            yield from self._calls_of(handler, messages)

    def _calls_of(self, handler, messages, **context):
        try:
            function = handler._bind(self, **context)
        except HandlerError as error:
            function = _raising(error)
        if handler.batch and handler.kind == "code":
            yield Call(self, handler, messages, function)
        else:
            for message in messages:
                yield Call(self, handler, message, function)

    # What did not go well

    def _without_gone(self, first_sequence, last_sequence, handler_ids):
        """``handler_ids`` that are still there; others fail for themselves."""
        handlers = self.env["mqtt.handler"].browse(handler_ids)
        there = handlers.exists().filtered("active")
        if not there:
            names = handlers.exists().mapped("name")
            raise FailedJobError(
                self.env._(
                    "The handler %s is not there any more. Install its module again "
                    "and requeue this job, or cancel it.",
                    ", ".join(names) or ", ".join(map(str, handler_ids)),
                )
            )
        for handler in handlers - there:
            self._enqueue_dispatch(
                handler, first_sequence, last_sequence, channel=there[0].channel
            )
        return there.ids

    def _has_killed_its_worker(self):
        job = self._current_job()
        # A retry is given an eta; so many of them there are not.
        return bool(job.retry) and (not job.eta or job.retry > MOST_RETRIES)

    def _current_job(self):
        return (
            self.env["queue.job"]
            .sudo()
            .search([("uuid", "=", self.env.context.get("job_uuid", ""))], limit=1)
        )

    def _split(self, found):
        """Find the call that killed the worker, while the others get on."""
        count = 0
        calls = [
            (handler, message) for handler, all_ in found.items() for message in all_
        ]
        if len(calls) == 1:
            handler, message = calls[0]
            message._enqueue_handle(handler)
            return self.env._("Its worker died: a job of its own tries again.")
        for handler, messages in found.items():
            size = len(messages) if len(found) > 1 else -(-len(messages) // PIECES)
            for start in range(0, len(messages), size):
                piece = messages[start : start + size]
                self._enqueue_dispatch(handler, piece[0].sequence, piece[-1].sequence)
                count += 1
        return self.env._("Its worker died: split into %s jobs to find out why.", count)

    def _enqueue_own_job(self, handler, message, failure):
        """Have a message tried again by itself; whether that is the end already."""
        return message._enqueue_handle(handler, failure)

    def _go_on_later(self, calls):
        """Enqueue what the time did not suffice for."""
        left = defaultdict(list)
        for call in calls:
            left[call.handler].extend(call.messages.mapped("sequence"))
        if not left:
            return
        # The first of them may have been interrupted, the others have not begun.
        first, *others = left
        self._enqueue_dispatch(first, left[first][0], left[first][-1])
        if others:
            sequences = [at for handler in others for at in left[handler]]
            self._enqueue_dispatch(
                first.browse([handler.id for handler in others]),
                min(sequences),
                max(sequences),
            )

    def _job_dispatch_failed(self, **_details):
        """Called by queue_job when a job for many messages failed."""
        self._requeue_after_outage("_job_dispatch", "_job_in_order")

    def _describe(self, run):
        tallies = run.tallies.values()
        handled = sum(tally.handled for tally in tallies)
        raised = len(run.done) - handled
        return self.env._(
            "Handled: %(handled)s, given to jobs of their own: %(raised)s, "
            "left for the next job: %(left)s",
            handled=handled,
            raised=raised,
            left=sum(len(call.messages) for call in run.left),
        )


def _raising(error):
    def function(_messages):
        raise error

    return function
