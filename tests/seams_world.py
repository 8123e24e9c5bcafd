# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The world that the stateful test changes.

Handlers write into a table of the test's transaction, so that what is rolled back with
a job was not handled.
"""

from odoo.addons.queue_job.job import Job

from .seams_outgoing import Outside
from .seams_truths import OPEN, Truths

ROUNDS = 24  # of cron, after which all is done; a message that kills needs a dozen


class Death(BaseException):
    """The worker is killed in a handler."""


class Break(BaseException):
    """The connection to the database breaks while a message is stored."""


class World(Truths):
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
        self.lethal = set()  # payloads that end the connection that stores them
        self.received = 0  # messages to be kept
        self.dropped = 0  # that a person deleted
        self.expired = 0  # that retention removed
        self.late = set()  # sequences that a person had stored or tried again
        self.due = {}  # (handler, message id): sequence, of what is to be handled
        self.known = set()  # ids of messages that were seen in history
        self.gone = {}  # name of a handler: its patcher
        self.other = None  # another service, which may be deleted
        self.outside = Outside(self)
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

    def name_of(self, handler):
        """The name that a handler has in this test, ``None`` for none."""
        names = {own.id: name for name, own in self.case.handlers.items()}
        return names.get(handler.id)

    def other_service(self):
        """The other service; a new one where it was deleted."""
        self.other = self.other or self.env["mqtt.service"].create(
            {"name": "Other plant", "host": "other.invalid"}
        )
        return self.other

    # Running jobs

    def jobs(self, *domain):
        """Jobs of MQTT, also those whose service was deleted."""
        own = ["|", ("mqtt_service_id", "!=", False), ("model_name", "=like", "mqtt.%")]
        return self.env["queue.job"].search([*own, *domain], order="id")

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
            connection to the database; ``unsure``: that, when the commit has got
            through.
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
        except Break:
            self._break(job)
        if how == "unsure" and job.exists():
            self._break(job, when="the commit")
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

    def _break(self, record, when=None):
        job = Job.load(self.env, record.uuid)
        if not when:
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

    # The end

    def settle(self):
        """All is well again: what is still to be done is done, within bounds.

        :raise AssertionError: when something waits for ever, or spins.
        """
        runs, bound = self.runs, 60 + 30 * max(self.received, 1)
        for _round in range(ROUNDS):
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
            **self.outside.left(),
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
