# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Locks of what waits, as transactions side by side see them."""

import threading

from psycopg2.errors import LockNotAvailable

from odoo.tests import tagged

from odoo.addons.queue_job.exception import RetryableJobError

from .committed import CommittedCase


@tagged("post_install", "-at_install")
class TestTwoTransactions(CommittedCase):
    def take(self, env):
        taken, _has_more = env["mqtt.batch"]._take(self.service(env).company_id)
        return taken.ids

    def store(self, *payloads):
        """Have rows of dispatch committed, one a payload, and no jobs."""
        for payload in payloads:
            self.receive(payload, jobs=False)
            with self.transaction() as env:
                self.service(env)._job_ingest()
        self.ask("DELETE FROM queue_job RETURNING id")

    def rows(self, env):
        return self.service(env)._take_rows("root.mqtt.dispatch", 10).ids

    def test_batches_are_taken_once(self):
        """Not what another has; what it did not store can be taken again."""
        for number in range(3):
            self.receive(str(number), jobs=False)
        first, second = self.open_transaction(), self.open_transaction()
        taken = self.take(first)
        self.assertEqual(len(taken), 3)
        self.receive("3", jobs=False)
        self.assertEqual(self.take(second), [], "its snapshot is older")
        third = self.open_transaction()
        self.assertEqual(len(self.take(third)), 1)
        first.cr.rollback()
        third.cr.rollback()
        with self.transaction() as env:
            self.assertEqual(self.take(env)[:3], taken)

    def test_batches_that_were_stored_meanwhile(self):
        """A transaction that sees them still does not take them, and takes others."""
        self.receive("0", jobs=False)
        self.receive("1", jobs=False)
        late = self.open_transaction()
        with self.transaction() as env:
            env["mqtt.batch"].search([], limit=1)._delete_stored()
        self.assertEqual(len(self.take(late)), 1)

    def test_a_job_that_has_begun_is_not_relied_on_for_batches(self):
        self.receive("0")
        self.ask("UPDATE queue_job SET state = 'started' RETURNING id")
        running = self.open_transaction()
        self.assertEqual(len(self.take(running)), 1)
        self.receive("1", jobs=False)
        self.assertFalse(self.make_jobs())
        self.assertEqual(
            self.ask("SELECT state FROM queue_job ORDER BY id"),
            [("started",), ("pending",)],
        )

    def test_rows_are_taken_once(self):
        self.declare("_on_seen")
        self.env_limit()
        self.store("0", "1", "2")
        first, second = self.open_transaction(), self.open_transaction()
        taken = self.rows(first)
        self.assertEqual(len(taken), 3)
        self.assertEqual(self.rows(second), [])
        second.cr.rollback()
        second.cr.execute("SELECT")
        first["mqtt.dispatch"].browse(taken)._delete()
        first.cr.commit()
        with self.assertRaises(RetryableJobError):
            self.rows(second)

    def test_a_job_that_is_relied_on_does_not_begin_before(self):
        """The runner waits for the commit of what the job is to see."""
        self.declare("_on_seen")
        self.env_limit()
        self.store("0")
        with self.transaction() as env:
            self.service(env)._enqueue_dispatch("root.mqtt.dispatch", 10)
        storing = self.open_transaction()
        self.service(storing)._wake_dispatch("root.mqtt.dispatch", 10)
        enqueue = "UPDATE queue_job SET state = 'enqueued' RETURNING id"
        with self.assertRaises(LockNotAvailable), self.transaction() as runner:
            runner.cr.execute("SET LOCAL lock_timeout = '50ms'")
            with self.assertLogs("odoo.sql_db", "ERROR"):
                runner.cr.execute(enqueue)
        storing.cr.commit()
        self.assertEqual(len(self.ask(enqueue)), 1)

    def test_a_job_that_is_being_cancelled_is_not_relied_on(self):
        self.declare("_on_seen")
        self.env_limit()
        self.store("0")
        with self.transaction() as env:
            self.service(env)._enqueue_dispatch("root.mqtt.dispatch", 10)
        person, storing = self.open_transaction(), self.open_transaction()
        person["queue.job"].search([]).button_cancelled()
        person.flush_all()
        self.service(storing)._wake_dispatch("root.mqtt.dispatch", 10)
        storing.flush_all()
        storing.cr.commit()
        person.cr.commit()
        self.assertEqual(
            self.ask("SELECT state FROM queue_job ORDER BY id"),
            [("cancelled",), ("pending",)],
        )

    def test_workers_side_by_side(self):
        """While messages come: each is stored and handled once, the ordered in order,
        and nothing is left without a job.
        """
        self.declare("_on_seen")
        self.declare("_on_ordered", ordered=True)
        for seconds in ("5", "0"):
            with self.subTest(storing_job_seconds=seconds):
                self.ask("DELETE FROM mqtt_seen RETURNING payload")
                self.env_limit(seconds)
                no_more = threading.Event()

                def publish(done=no_more):
                    try:
                        for number in range(40):
                            self.receive(f"{2 * number:03}", f"{2 * number + 1:03}")
                    finally:
                        done.set()

                def work(done=no_more):
                    self.work(done)

                self.in_threads(publish, work, work)
                expected = [f"{number:03}" for number in range(80)]
                for handler in ("_on_seen", "_on_ordered"):
                    seen = self.ask(
                        "SELECT payload FROM mqtt_seen WHERE handler = %s ORDER BY id",
                        handler,
                    )
                    got = [payload for (payload,) in seen]
                    self.assertEqual(
                        got if handler == "_on_ordered" else sorted(got), expected
                    )
                for table in ("mqtt_batch", "mqtt_dispatch", "mqtt_ordered_message"):
                    self.assertFalse(self.ask(f"SELECT FROM {table}"), table)

    def env_limit(self, seconds="0"):
        """:param seconds: which handlers may take in the job that stores."""
        name = "mqtt_listener.storing_job_seconds"
        with self.transaction() as env:
            env["ir.config_parameter"].set_param(name, seconds)
        self.addCleanup(self._forget, name)

    def _forget(self, name):
        with self.transaction() as env:
            env["ir.config_parameter"].search([("key", "=", name)]).unlink()
