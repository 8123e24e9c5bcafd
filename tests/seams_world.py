"""The world that the stateful test changes, and what has to be true of it.

Handlers write into a table of the test's transaction, so that what is rolled back with
a job was not handled.
"""

from collections import defaultdict

from odoo.addons.queue_job.job import Job

OPEN = ("wait_dependencies", "pending", "enqueued", "started", "failed")
TOPICS = ("plant/a", "plant/b")


class Death(BaseException):
    """The worker is killed in a handler."""


class World:
    """Services, handlers and jobs, and what is known of each message.

    :param case: an Odoo test case with ``service``, ``handlers`` and ``receive``.
    """

    def __init__(self, case):
        self.case = case
        self.env = case.env
        self.service = case.service
        self.broken = set()  # names of handlers that raise
        self.deadly = set()  # payloads in which a worker dies
        self.refused = set()  # payloads that history refuses
        self.received = 0  # messages to be kept
        self.dropped = 0  # that a person deleted
        self.expired = 0  # that retention removed
        self.late = set()  # sequences that a person had stored or tried again
        self.due = {}  # (handler, message id): sequence, of what is to be handled
        self.known = set()  # ids of messages that were seen in history
        self.gone = {}  # name of a handler: its patcher
        self.runs = 0

    # What handlers do

    def handle(self, name, handler, message):
        """Called by the handlers of the test."""
        if message.payload in self.deadly:
            raise Death
        self.env.cr.execute(
            "INSERT INTO mqtt_seams (handler, message_id, sequence, topic, replay)"
            " VALUES (%s, %s, %s, %s, %s)",
            [
                name,
                message.id,
                message.sequence,
                message.topic,
                handler.env.context.get("mqtt_replay", 0),
            ],
        )
        if name in self.broken:
            raise ValueError("broken")

    def handler(self, name):
        return self.case.handlers[name]

    # Running jobs

    def jobs(self, *domain):
        return self.env["queue.job"].search(
            [("mqtt_service_id", "!=", False), *domain], order="id"
        )

    def due_jobs(self):
        self.env.flush_all()
        return self.jobs(
            ("state", "=", "pending"),
            "|",
            ("eta", "=", False),
            ("eta", "<=", self.case.now()),
        ).sorted(lambda job: (job.priority, job.id))

    def run(self, job, how="well"):
        """Run a job as a worker does.

        :param how: ``well``; ``dies``: the worker at the end; ``breaks``: its
            connection to the database.
        """
        self.runs += 1
        if how == "breaks":
            return self._break(job)
        try:
            with self.env.cr.savepoint():
                self.case._run_job(job)
                if how == "dies":
                    raise Death
        except Death:
            self._found_dead(job)
        self.reset()

    def _found_dead(self, job):
        """What queue_job's runner does with a job that nobody holds."""
        self.reset()
        self.env.cr.execute(
            """
            UPDATE queue_job SET retry = retry + 1,
                   state = CASE WHEN max_retries != 0 AND retry > max_retries
                                THEN 'failed' ELSE 'pending' END,
                   exc_name = CASE WHEN max_retries != 0 AND retry > max_retries
                                   THEN 'JobFoundDead' ELSE exc_name END
             WHERE id = %s
            """,
            [job.id],
        )
        self.reset()

    def _break(self, record):
        job = Job.load(self.env, record.uuid)
        job.set_started()
        job.store()
        job.retry += 1
        values = {
            "exc_name": "psycopg2.OperationalError",
            "exc_message": "away",
            "exc_info": f"{record.uuid}: server closed the connection",
        }
        job.set_failed(**values)
        job.store()
        job.on_fail(values)
        self.reset()

    def reset(self):
        self.env.flush_all()
        self.env.invalidate_all()

    def pass_time(self):
        """Whatever waits for a time has waited for it."""
        self.env.flush_all()
        self.env.cr.execute(
            """
            UPDATE queue_job SET eta = eta - interval '1 day' WHERE state = 'pending';
            UPDATE queue_job SET date_started = date_started - interval '1 day'
             WHERE state = 'failed';
            UPDATE mqtt_handler SET next_probe = next_probe - interval '1 day'
            """
        )
        self.env.invalidate_all()

    def look_after(self):
        self.env["mqtt.handler"]._look_after()
        self.reset()

    # What has to be true

    @property
    def messages(self):
        return self.env["mqtt.signal.history"].search(
            [("service_id", "=", self.service.id)], order="sequence"
        )

    def check(self):
        """:raise AssertionError: when something is lost, doubled or out of order."""
        self.reset()
        messages = self.messages
        self._note(messages)
        self._check_counts(messages)
        handled = self._handled()
        self._check_once(handled)
        self._check_order(handled)
        self._check_owed(messages, handled)

    def _note(self, messages):
        """Who has to get what was stored since the last step."""
        quarantined = self.env["mqtt.quarantine"].search([])
        self.late.update(quarantined.mapped("sequence"))
        failed = self.jobs(
            ("state", "=", "failed"), ("method_name", "=", "_job_ingest")
        )
        for batch in self.env["mqtt.batch"].search([]):
            if batch.job_uuid and batch.job_uuid in failed.mapped("uuid"):
                self.late.update(sequence for sequence, _ in batch._messages())
        for message in messages:
            if message.id in self.known:
                continue
            self.known.add(message.id)
            for name, handler in self.case.handlers.items():
                if handler.active and handler.enabled and message.has_handlers:
                    self.due[name, message.id] = message.sequence
        present = set(messages.ids)
        self.due = {key: one for key, one in self.due.items() if key[1] in present}

    def excuse(self, name):
        """What a handler has not had until now, it need not get any more."""
        self.due = {key: one for key, one in self.due.items() if key[0] != name}

    def _check_counts(self, messages):
        waiting = sum(self.env["mqtt.batch"].search([]).mapped("message_count"))
        kept = self.env["mqtt.quarantine"].search_count([])
        stored = len(messages.filtered(lambda one: not one.corrected_from_id))
        total = stored + waiting + kept + self.dropped + self.expired
        assert self.received == total, (
            f"received {self.received}, stored {stored}, waiting {waiting}, in "
            f"quarantine {kept}, dropped {self.dropped}, expired {self.expired}"
        )

    def _handled(self):
        self.env.cr.execute(
            "SELECT handler, message_id, sequence, topic, replay FROM mqtt_seams"
            " ORDER BY id"
        )
        return self.env.cr.fetchall()

    def _check_once(self, handled):
        seen = set()
        for name, message_id, _sequence, _topic, replay in handled:
            key = name, message_id, replay
            assert key not in seen, f"{key} was handled twice"
            seen.add(key)

    def _check_order(self, handled):
        last = defaultdict(int)
        for name, _message_id, sequence, topic, replay in handled:
            if name != "ordered" or replay or sequence in self.late or not sequence:
                continue
            assert sequence > last[topic], f"{sequence} of {topic} after {last[topic]}"
            last[topic] = sequence

    def _check_owed(self, messages, handled):
        """What was not handled has something that waits, or a reason."""
        had = {(name, message_id) for name, message_id, *_others in handled}
        owed = [key for key in self.due if key not in had]
        if not owed:
            return
        waiting = self._waiting()
        for name, message_id in owed:
            message = messages.browse(message_id)
            assert (name, message_id) in waiting or message.cancel_reason, (
                f"{name} has not had {message.sequence}, and nothing waits: "
                f"{message.state}"
            )
            if (name, message_id) in waiting:
                assert message.state in ("queued", "retrying", "failed"), message.state

    def _waiting(self):
        """(handler, message id) of all that waits for handlers."""
        names = {handler.id: name for name, handler in self.case.handlers.items()}
        found = set()
        rows = self.env["mqtt.dispatch"].search([])
        of_row = {row.id: row.handlers for row in rows}
        for row_id, message_id in rows._find_messages():
            found.update((names.get(one), message_id) for one in of_row[row_id])
        for one in self.env["mqtt.ordered.message"].search([]):
            found.add((names.get(one.handler_id.id), one.message_id.id))
        for job in self.jobs(("mqtt_message_id", "!=", False), ("state", "in", OPEN)):
            found.add((names.get(job.mqtt_handler_id.id), job.mqtt_message_id.id))
        return found

    # The end

    def settle(self):
        """All is well again: what is still to be done is done, within bounds.

        :raise AssertionError: when something waits for ever, or spins.
        """
        runs, bound = self.runs, 60 + 30 * max(self.received, 1)
        for _round in range(8):
            self.pass_time()
            self.look_after()
            for handler in self.case.handlers.values():
                if handler.suspended_since:
                    handler._resume()
            self.jobs(("state", "=", "failed")).requeue()
            self.reset()
            while due := self.due_jobs():
                self.run(due[0])
                assert self.runs - runs < bound, f"spins: {due.mapped('name')}"
            if not any(self._left().values()):
                break
        self.check()
        assert not any(self._left().values()), f"waits for ever: {self._left()}"

    def _left(self):
        running = [("state", "=", "running")]
        return {
            "jobs": self.jobs(("state", "in", OPEN)).mapped("name"),
            "replays": self.env["mqtt.replay"].search(running).ids,
            **{
                model: self.env[model].search([]).ids
                for model in ("mqtt.batch", "mqtt.dispatch", "mqtt.ordered.message")
            },
        }


def make_table(cr):
    """The table in which handlers note what they were given."""
    cr.execute(
        "CREATE TEMPORARY TABLE mqtt_seams (id serial, handler text, message_id bigint,"
        " sequence bigint, topic text, replay integer) ON COMMIT DROP"
    )
