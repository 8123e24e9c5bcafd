# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Tests with transactions of their own: what they commit is removed afterwards."""

import threading
import time
from contextlib import contextmanager
from unittest.mock import patch

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tests import BaseCase, get_db_name
from odoo.tools import mute_logger

from odoo.addons.queue_job.exception import RetryableJobError
from odoo.addons.queue_job.job import Job

from ..mqtt.handler import mqtt_handler
from ..mqtt.message import Message, encode_batch

DEADLOCK_SECONDS = 60
TABLES = (  # what is removed, in an order that foreign keys allow
    "mqtt_dispatch",
    "mqtt_ordered_message",
    "mqtt_batch",
    "mqtt_handler_statistics",
    "queue_job",
    "mqtt_quarantine",
    "mqtt_signal_history",
    "mqtt_subscription",
    "mqtt_connection",
    "mqtt_service",
)


@contextmanager
def _registry_unlocked():
    """Odoo runs tests under the registry's lock, which each environment takes."""
    lock = Registry._lock
    held = lock._release_save() if lock._is_owned() else None
    try:
        yield
    finally:
        if held:
            lock._acquire_restore(held)


class CommittedCase(BaseCase):
    """Services and handlers that every transaction sees."""

    def setUp(self):
        super().setUp()
        self.registry = Registry(get_db_name())
        self.addCleanup(self._remove)
        with self.transaction() as env:
            env.cr.execute(
                "CREATE TABLE mqtt_seen (id serial, payload text, handler text)"
            )
            service = env["mqtt.service"].create(
                {"name": "Committed", "host": "broker.invalid"}
            )
            service._listener_claim("here", "this host")
            self.service_id = service.id

    def _remove(self):
        with self.transaction() as env:
            env.cr.execute("DROP TABLE IF EXISTS mqtt_seen")
            for table in TABLES:
                if table == "mqtt_service":
                    env["mqtt.handler"]._sync_declared()
                    env.cr.execute("DELETE FROM mqtt_handler WHERE NOT active")
                env.cr.execute(f"DELETE FROM {table}")  # pylint: disable=sql-injection
        self.registry.clear_all_caches()

    @contextmanager
    def transaction(self):
        """An environment with a cursor of its own; committed if nothing raises."""
        with self.registry.cursor() as cr:
            yield api.Environment(cr, SUPERUSER_ID, {})

    def open_transaction(self):
        """The same, left open; its snapshot is taken now."""
        cr = self.registry.cursor()
        self.addCleanup(cr.close)
        cr.execute("SELECT")
        return api.Environment(cr, SUPERUSER_ID, {})

    def service(self, env):
        return env["mqtt.service"].browse(self.service_id)

    def declare(self, name, **options):
        """A handler that notes what it is given, in its job's transaction."""

        def on_message(self, message):
            self.env.cr.execute(
                "INSERT INTO mqtt_seen (payload, handler) VALUES (%s, %s)",
                [message.payload, name],
            )

        on_message.__name__ = name
        patcher = patch.object(
            self.registry["res.partner"],
            name,
            mqtt_handler("plant/+", **options)(on_message),
            create=True,
        )
        patcher.start()
        self.addCleanup(patcher.stop)
        with self.transaction() as env:
            env["mqtt.handler"]._sync_declared()
        self.registry.clear_all_caches()

    def receive(self, *payloads, jobs=True):
        """Commit a batch as the listener does, and then jobs for it."""
        messages = [
            Message("plant/1", payload.encode(), qos=1, timestamp=1)
            for payload in payloads
        ]
        with self.transaction() as env:
            service = self.service(env)
            service._listener_enqueue(
                thread_identifier="here",
                content=encode_batch(messages),
                size=sum(message.size for message in messages),
                after_sequence=service.connection_ids.sequence,
                total=len(messages),
                to_store=len(messages),
                receipts=b"",
                prune_through=0,
            )
        if jobs:
            self.make_jobs()

    def make_jobs(self):
        """:return: whether those of the service were left to jobs that wait."""
        with self.transaction() as env:
            return bool(
                env["mqtt.service"]._listener_enqueue_jobs([self.service_id])["waiting"]
            )

    def ask(self, sql, *values):
        with self.transaction() as env:
            env.cr.execute(sql, values)
            return env.cr.fetchall()

    # Workers

    def work(self, until):
        """Run jobs as a worker does, each in a transaction of its own.

        :param until: a ``threading.Event``: set when no more jobs will be made.
        """
        while True:
            is_end = until.is_set()
            found = self.start_job()
            if found:
                self.run_job(found[0][0])
            elif is_end:
                return
            else:
                until.wait(0.01)

    def start_job(self):
        """:return: the uuid of a pending job that is this worker's now, in a list."""
        try:
            with mute_logger("odoo.sql_db"):
                return self.ask(
                    """
                    UPDATE queue_job SET state = 'started' WHERE id = (
                        SELECT id FROM queue_job WHERE state = 'pending'
                         ORDER BY priority, id LIMIT 1 FOR UPDATE SKIP LOCKED)
                    RETURNING uuid
                    """
                )
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            return []  # another worker's, since this transaction began

    def run_job(self, uuid):
        try:
            with self.transaction() as env:
                job = Job.load(env, uuid)
                job.perform()
                job.set_done()
                job.store()
        except (RetryableJobError, *PG_CONCURRENCY_EXCEPTIONS_TO_RETRY):
            self.ask(
                "UPDATE queue_job SET state = 'pending', eta = now(), retry = retry + 1"
                " WHERE uuid = %s RETURNING id",
                uuid,
            )

    def in_threads(self, *functions):
        """Run functions side by side. :raise: what the first of them raised."""
        errors = []

        def guarded(function):
            try:
                function()
            except Exception as error:  # noqa: BLE001
                errors.append(error)

        threads = [
            threading.Thread(target=guarded, args=[function], daemon=True)
            for function in functions
        ]
        end = time.monotonic() + DEADLOCK_SECONDS
        with _registry_unlocked():
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(max(end - time.monotonic(), 0))
        self.assertFalse(any(thread.is_alive() for thread in threads), "it hangs")
        if errors:
            raise errors[0]
