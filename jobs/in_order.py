# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Give messages to a handler that keeps the order of each topic.

Jobs of one handler may run side by side and overtake each other; so they carry no
messages. Each takes what waits, in order, under a lock that only one can have.
"""

from typing import NoReturn

from psycopg2 import OperationalError

from odoo import models
from odoo.exceptions import LockError
from odoo.tools import mute_logger

from odoo.addons.queue_job.exception import RetryableJobError

from .failure import is_conflict
from .run import Run

BATCH = 1_000  # messages that one job takes, at most
LOCK_CLASS = 0x6D717403  # first half of the advisory locks' keys: "mqt", 3
BUSY_SECONDS = 1  # until a job looks again that could not begin


class MqttService(models.Model):
    _inherit = "mqtt.service"

    def _put_in_order(self, handler, messages) -> None:
        """Have messages wait for their turn."""
        self.env["mqtt.ordered.message"].sudo().create(
            [
                {
                    "handler_id": handler.id,
                    "service_id": self.id,
                    "message_id": message.id,
                    "sequence": message.sequence,
                }
                for message in messages
            ]
        )

    def _wake_in_order(self, handler) -> None:
        """Have a job call a handler for what waits, unless it waits without one."""
        if not handler._held() and self._is_job_needed(
            "_job_in_order", handler.channel, handler.priority, handler.id
        ):
            self._enqueue_in_order(handler)

    def _enqueue_in_order(self, handler, eta=None, careful=0) -> None:
        self.sudo()._for_jobs().with_delay(
            channel=handler.channel,
            priority=handler.priority,
            max_retries=0,
            eta=eta,
            description=self.env._(
                "Handle messages of %(service)s in order: %(handler)s",
                service=self.name,
                handler=handler.name,
            ),
        )._job_in_order(handler_id=handler.id, careful=careful)

    def _job_in_order(self, handler_id, careful=0) -> str:
        """Call a handler for the messages that wait for it, in order.

        :param careful: how many messages still have a job each, since one of them
            killed the worker.
        :raise RetryableJobError: while another job does so, or messages before them
            are not stored yet.
        """
        self.ensure_one()
        handler = self.env["mqtt.handler"].browse(handler_id).exists()
        if not handler:
            return self.env._("The handler was deleted.")
        if handler._is_gone():
            return handler._describe_gone()
        if handler.suspended_since:
            return self.env._("The handler is suspended.")
        if not self._lock_order(handler):
            return self._leave_to_others(handler)
        waiting, is_gap = self._next_in_order(handler)
        if not waiting:
            if is_gap:
                self._come_back(self.env._("Earlier messages are not stored yet."))
            return self.env._("Nothing waits, or what waits is held back.")
        if careful:
            waiting = waiting[:1]
        self._lock_waiting(waiting)
        if self._has_killed_its_worker():
            return self._be_careful(handler, waiting, careful)
        if not handler.enabled:
            waiting.unlink()
            self._enqueue_in_order(handler)
            return self.env._("The handler is switched off.")
        messages = waiting.message_id._first_bytes()
        messages.fetch(["topic", "payload", "payload_raw", "timestamp"])
        run = Run(
            self.env,
            list(self._calls_of(handler, messages)),
            in_order=True,
            restarts=self._current_job().retry,
        ).go()
        run.save_statistics()
        done = set(run.done)
        waiting.filtered(lambda one: one.message_id.id in done).unlink()
        is_more = len(messages) < len(waiting) or len(waiting) == BATCH or careful > 1
        is_more = bool(run.left) or is_gap or is_more
        if is_more and not handler.suspended_since:
            self._enqueue_in_order(
                handler,
                eta=BUSY_SECONDS if is_gap else None,
                careful=max(careful - 1, 0),
            )
        return self._describe(run)

    def _be_careful(self, handler, waiting, careful) -> str:
        """Find the message that killed the worker: it gets a job of its own."""
        if not careful:
            self._enqueue_in_order(handler, careful=len(waiting))
            return self.env._("Its worker died: a job for each message finds out why.")
        waiting.message_id._enqueue_handle(handler)
        waiting.unlink()
        self._enqueue_in_order(handler)
        return self.env._("Its worker died: a job of its own tries again.")

    def _lock_order(self, handler) -> bool:
        # No ORM equivalent: the lock is of the two together, and must not wait.
        self.env.cr.execute(
            "SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))",
            [LOCK_CLASS, f"{handler.id}/{self.id}"],
        )
        return self.env.cr.fetchone()[0]

    def _lock_waiting(self, waiting) -> None:
        """See that nobody has handled them since this transaction began.

        That would come out at the end as well, but by then handlers have run.
        """
        try:
            with mute_logger("odoo.sql_db"):
                waiting.lock_for_update()
        except (LockError, OperationalError) as error:
            if isinstance(error, OperationalError) and not is_conflict(error):
                raise
            self._come_back(self.env._("Another job has just handled them."))

    def _leave_to_others(self, handler) -> str:
        """End, if a job that has not begun yet will see all that this one would.

        Of jobs that leave it to each other, the last to begin finds none to rely on.
        """
        job = self._current_job()
        others = self.env["queue.job"].search_count(
            [
                ("id", "!=", job.id),
                ("mqtt_service_id", "=", self.id),
                ("mqtt_handler_id", "=", handler.id),
                ("mqtt_message_id", "=", False),
                ("state", "in", ("pending", "enqueued")),
            ],
            limit=1,
        )
        if not others:
            self._come_back(self.env._("Another job is handling them."))
        return self.env._("Left to the next job.")

    def _come_back(self, why) -> NoReturn:
        raise RetryableJobError(why, seconds=BUSY_SECONDS, ignore_retry=True)

    def _next_in_order(self, handler) -> tuple[models.BaseModel, bool]:
        """What may be handled now, and whether something before it is to come."""
        stored_through = self.env["mqtt.batch"]._first_to_come(self)
        domain = [("handler_id", "=", handler.id), ("service_id", "=", self.id)]
        waiting = self.env["mqtt.ordered.message"].sudo()
        is_gap = False
        if stored_through:
            later = ("sequence", ">", stored_through.last_sequence)
            is_gap = bool(waiting.search_count([*domain, later], limit=1))
            domain.append(("sequence", "<", stored_through.last_sequence))
        held = self._held_topics(handler)
        if held:
            domain.append(("message_id.topic", "not in", held))
        return waiting.search(domain, order="sequence", limit=BATCH), is_gap

    def _held_topics(self, handler) -> list[str]:
        """Topics of messages whose own job for this handler has not come to an end."""
        jobs = self.env["queue.job"].search(
            [
                ("mqtt_handler_id", "=", handler.id),
                ("mqtt_service_id", "=", self.id),
                ("mqtt_message_id", "!=", False),
                ("state", "not in", ("done", "cancelled")),
            ]
        )
        return list(set(jobs.mqtt_message_id.mapped("topic")))
