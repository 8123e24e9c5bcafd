# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Jobs that store what waits, made with a template as ``with_delay`` makes them."""

from datetime import timedelta
from unittest.mock import patch

import psycopg2

from odoo.sql_db import Cursor
from odoo.tests import BaseCase, mute_logger

from ..jobs.making import MAX_WAITING_JOBS
from ..listener.bridge import Bridge
from ..listener.enqueuing import Enqueuing
from ..listener.templates import Templates
from .committed import CommittedCase
from .common import MqttCase

COLUMNS = "SELECT to_jsonb(job) FROM queue_job AS job WHERE id = %s"
OF_EACH = {"id", "uuid", "date_created"}


class TestTemplate(MqttCase):
    def setUp(self):
        super().setUp()
        self.enqueue(self.message(), jobs=False)
        self.jobs = self.env["queue.job"]

    def waiting_jobs(self):
        return self.jobs.search(
            [("method_name", "=", "_job_ingest"), ("state", "=", "pending")]
        )

    def make(self, template=None):
        """Make a job as the listener does; what it is told, and the job."""
        self.env.flush_all()
        template = template or self.service._ingest_template()
        before = self.waiting_jobs()
        self.env.cr.execute(template["statement"], template)
        told = self.env.cr.fetchone()
        self.env.invalidate_all()
        return told, self.waiting_jobs() - before

    def columns(self, job):
        self.env.flush_all()
        self.env.cr.execute(COLUMNS, [job.id])
        (row,) = self.env.cr.fetchone()
        return row

    def test_all_columns_are_those_of_with_delay(self):
        """Whatever columns queue_job and other modules have."""
        for services in (self.service, self.service + self.service.copy()):
            for priority in (5, 10):
                with self.subTest(services=len(services), priority=priority):
                    self.waiting_jobs().state = "done"
                    for service in services:
                        self.enqueue(self.message(), service=service, jobs=False)
                    _told, job = self.make(services._ingest_template())
                    usual = services._delay_ingest().db_record()
                    ours, theirs = self.columns(job), self.columns(usual)
                    differing = {one for one in ours if ours[one] != theirs[one]}
                    self.assertEqual(ours.keys(), theirs.keys())
                    self.assertEqual(differing, OF_EACH)
                    self.assertRegex(job.uuid, "^[0-9a-f-]{36}$")
                    age = usual.date_created - job.date_created
                    self.assertLess(abs(age), timedelta(minutes=1))

    def test_with_delay_writes_nothing_else(self):
        """What another version of queue_job writes beside the row would be missing."""
        written = []
        execute = Cursor.execute

        def noted(cursor, query, *args, **options):
            text = query if isinstance(query, str) else query.code
            if text.split(None, 1)[0].upper() in ("INSERT", "UPDATE", "DELETE"):
                written.append(text.replace('"', "").split("(")[0].strip())
            return execute(cursor, query, *args, **options)

        self.env.flush_all()
        with patch.object(Cursor, "execute", noted):
            self.service._delay_ingest()
            self.env.flush_all()
        self.assertEqual(written, ["INSERT INTO queue_job"])

    def test_it_leaves_no_job(self):
        self.assertTrue(self.service._ingest_template())
        self.assertFalse(self.waiting_jobs())

    def test_the_job_stores(self):
        told, job = self.make()
        self.assertEqual(told[:3], (1, True, False))
        self.mqtt_run_jobs()
        self.assertEqual((job.state, len(self.service.history_ids)), ("done", 1))
        self.assertEqual(job.mqtt_service_id, self.service)
        told, none = self.make()
        self.assertFalse(none, "nothing waits any more")
        self.assertEqual(told[0], 0)
        self.assertGreater(told[3], 0, "the job took some time")

    def test_no_more_than_can_find_something(self):
        for _ in range(MAX_WAITING_JOBS):
            self.assertTrue(self.make()[1])
        told, none = self.make()
        self.assertFalse(none)
        self.assertEqual(told[:3], (1, True, True))
        # The same rule as that of those that with_delay makes.
        self.assertEqual(self.service._enqueue_ingest(), self.service)

    def test_handling_has_its_turn(self):
        """Where jobs that handle wait, those that store do not go first."""
        first = self.make()[1]
        with_handling = self.service._for_jobs().with_delay()
        with_handling._job_dispatch(channel="root", priority=10)
        self.assertEqual((first.priority, self.make()[1].priority), (5, 10))

    def test_it_holds_until_a_service_changes(self):
        """What it says of a service: its name, its company."""
        template = self.service._ingest_template()
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE mqtt_service SET write_date = write_date + interval '1 second'"
            " WHERE id = %s",
            [self.service.id],
        )
        told, none = self.make(template)
        self.assertEqual(told[:2], (1, False))
        self.assertFalse(none)

    def test_services_of_which_some_have_nothing(self):
        """The description would name them."""
        services = self.service + self.service.copy()
        told, none = self.make(services._ingest_template())
        self.assertEqual(told[:2], (1, True))
        self.assertFalse(none)

    def test_where_jobs_differ_there_is_none(self):
        """In a column that another version or module has."""
        make = type(self.service)._delay_ingest
        numbers = iter(range(9))

        def numbered(service, **named):
            job = make(service, **named)
            job.db_record().result = str(next(numbers))
            return job

        with patch.object(type(self.service), "_delay_ingest", numbered):
            self.assertIsNone(self.service._ingest_template())

    def test_where_jobs_have_another_time_there_is_none(self):
        """Two that are made at once may have the same, and those of tomorrow not."""
        make = type(self.service)._delay_ingest

        def timed(service, **named):
            job = make(service, **named)
            job.db_record().date_enqueued = "2030-01-01"
            return job

        with patch.object(type(self.service), "_delay_ingest", timed):
            self.assertIsNone(self.service._ingest_template())

    def test_where_another_module_has_a_part_there_is_none(self):
        """An automation rule, or whatever else wants to know of each job."""
        create = type(self.jobs).create

        def automated(records, vals_list):
            return create(records, vals_list)

        with patch.object(type(self.jobs), "create", automated):
            self.assertIsNone(self.service._ingest_template())

    def test_services_of_several_companies_have_none(self):
        company = self.env["res.company"].create({"name": "Another"})
        other = self.service.copy({"company_id": company.id})
        self.assertIsNone((self.service + other)._ingest_template())


class FakeEnqueuing:
    def __init__(self):
        self.answer = (1, True, False, 0.5)
        self.made = []

    def make_job(self, **template):
        self.made.append(template)
        return self.answer


class TestTemplates(BaseCase):
    """When a listener has a template for a set of services, and when it drops it."""

    def setUp(self):
        super().setUp()
        self.enqueuing = FakeEnqueuing()
        self.templates = Templates(self.enqueuing)
        self.templates.make_job(1, (7,))
        self.templates.put((7,), {"row": "{}"})

    def test_it_is_asked_for_the_second_time(self):
        for expected in (False, True, True):
            self.assertIsNone(self.templates.make_job(1, (8,)))
            self.assertEqual(self.templates.is_wanted((8,)), expected)
        self.templates.put((8,), None)
        self.assertIsNone(self.templates.make_job(1, (8,)))
        self.assertFalse(self.templates.is_wanted((8,)), "there is none")

    def test_what_is_made_with_it(self):
        for answer, told in (
            ((1, True, False, 0.5), {"waiting": (), "seconds": 0.5}),
            ((1, True, True, 0.5), {"waiting": (7,), "seconds": 0.5}),
            ((0, True, True, None), {"waiting": (), "seconds": None}),
        ):
            with self.subTest(answer):
                self.enqueuing.answer = answer
                self.assertEqual(self.templates.make_job(1, (7,)), told)

    def test_when_it_is_dropped(self):
        """With another registry, with another service, or when it is refused."""
        self.assertIsNone(self.templates.make_job(2, (7,)))
        self.assertFalse(self.templates.is_wanted((7,)))
        self.assertTrue(self.templates.is_wanted((7,)))
        self.templates.put((7,), {"row": "{}"})
        self.enqueuing.answer = (1, False, False, None)
        self.assertIsNone(self.templates.make_job(2, (7,)))
        self.assertTrue(self.templates.is_wanted((7,)))
        self.templates.put((7,), {"row": "{}"})
        self.enqueuing.answer = None
        self.assertIsNone(self.templates.make_job(2, (7,)))
        self.assertFalse(self.templates.is_wanted((7,)))

    def test_it_is_kept_when_less_waits(self):
        services = (7, 8)
        self.templates.put(services, {"row": "{}"})
        self.assertIsNone(self.templates.make_job(1, services))
        self.assertFalse(self.templates.is_wanted(services))

    def test_hundreds_of_services(self):
        """Each set of them may be another one."""
        for number in range(1000):
            self.templates.make_job(1, (number,))
            self.templates.is_wanted((number,))
        self.assertLess(len(self.templates._known), 100)


class TestMakingCommitted(CommittedCase):
    """On connections of their own, as a listener does it."""

    def setUp(self):
        super().setUp()
        self.bridge = Bridge(self.registry.db_name)
        self.addCleanup(self.bridge.end)

    def made(self):
        """Have a job for what is received now; uuids of the jobs that wait."""
        self.receive("1", jobs=False)
        before = self.waiting()
        told = self.bridge.enqueue_jobs([self.service_id])
        self.assertFalse(told["waiting"])
        (uuid,) = self.waiting() - before
        self.finish()
        return uuid

    def waiting(self):
        rows = self.ask("SELECT uuid FROM queue_job WHERE state = 'pending'")
        return {uuid for (uuid,) in rows}

    def finish(self):
        with self.transaction() as env:
            env.cr.execute("UPDATE queue_job SET state = 'done', date_done = now()")

    def test_from_the_third_on_it_needs_no_environment(self):
        """The first says that there may be more, the second gets the template."""
        with patch.object(
            Bridge, "_environment", autospec=True, side_effect=Bridge._environment
        ) as opened:
            self.made()
            self.made()
            opened.reset_mock()
            uuids = {self.made() for _ in range(4)}
        # The statement of batches is read when the connection is opened.
        self.assertLessEqual(opened.call_count, 1)
        self.assertEqual(len(uuids), 4)

    def test_what_is_changed_shows_in_the_next_job(self):
        for _ in range(3):
            self.made()
        with self.transaction() as env:
            self.service(env).name = "Renamed"
        names = set()
        for _ in range(3):
            uuid = self.made()
            names |= set(self.ask("SELECT name FROM queue_job WHERE uuid = %s", uuid))
        self.assertEqual(names, {("Store messages of Renamed",)})

    def test_a_table_that_refuses_it(self):
        """Jobs are made as ever."""
        for _ in range(2):
            self.made()
        template = self.bridge._templates._known[self.service_id,]
        template["row"] = '{"state": null}'
        with mute_logger("odoo.addons.mqtt_listener.listener.enqueuing"):
            for _ in range(3):
                self.made()
        self.assertFalse(self.bridge._templates._known[self.service_id,])

    def test_a_database_that_is_away(self):
        """Nobody knows whether it was made: the next try finds out."""
        for _ in range(3):
            self.made()
        self.receive("1", jobs=False)
        with (
            patch.object(
                Enqueuing, "_open", side_effect=psycopg2.OperationalError("away")
            ),
            self.assertRaises(psycopg2.OperationalError),
        ):
            self.bridge._enqueuing.close()
            self.bridge.enqueue_jobs([self.service_id])
        self.bridge.enqueue_jobs([self.service_id])
        self.assertEqual(len(self.waiting()), 1)
