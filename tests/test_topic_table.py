# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The last message of each topic: noted from history, once, whoever does it."""

import logging
from datetime import datetime
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged

from ..models.common import own_transaction
from ..models.topic import noting, retention
from .committed import CommittedCase
from .topic_case import TopicCase


@tagged("post_install", "-at_install")
class TestTopicTable(TopicCase):
    def test_one_row_a_topic(self):
        """The last message of each; all are counted."""
        time = 1_700_000_000_123_456
        self.note_messages(
            self.message("plant/1"),
            self.message("plant/2", timestamp=3),
            self.message("plant/1", timestamp=time),
        )
        self.assertRecordValues(
            self.topics(),
            [
                {
                    "topic": "plant/1",
                    "message_count": 2,
                    "last_sequence": 3,
                    "last_message": datetime(2023, 11, 14, 22, 13, 20, 123456),
                },
                {
                    "topic": "plant/2",
                    "message_count": 1,
                    "last_sequence": 2,
                    "last_message": datetime(1970, 1, 1, 0, 0, 0, 3),
                },
            ],
        )
        self.note("plant/1")
        (first, _second) = self.topics()
        self.assertEqual((first.last_sequence, first.message_count), (4, 3))

    def test_each_message_is_noted_once(self):
        """However often it is looked for, and whichever job stored it."""
        self.note("a")
        self.env["mqtt.topic"]._note(self.service)
        self.service._job_ingest()
        self.env["mqtt.topic"]._note(self.service)
        self.assertEqual(self.topics().message_count, 1)

    def test_so_many_at_a_time(self):
        """A backlog is noted in steps, each of which says that there is more."""
        self.receive(*(self.message(f"plant/{n % 3}") for n in range(10)))
        with patch.object(noting, "MESSAGES", 4):
            for more in (True, True, False):
                behind = self.env["mqtt.topic"]._note(self.service)
                self.assertEqual(bool(behind), more)
        self.assertEqual(self.topics().mapped("message_count"), [4, 3, 3])

    def test_a_long_history(self):
        """Only its end is looked at."""
        self.receive(*(self.message(f"plant/{n}") for n in range(10)))
        with patch.object(noting, "MOST_BEHIND", 2):
            self.env["mqtt.topic"]._note(self.service)
        self.assertEqual(self.topics().mapped("topic"), ["plant/8", "plant/9"])

    def test_what_is_being_stored_is_waited_for(self):
        """A job that ends late is not passed over; one that failed is."""
        batches = self.env["mqtt.batch"]
        for number in range(3):
            self.enqueue(self.message(f"plant/{number}"), jobs=False)
        first, second, third = batches.search([("service_id", "=", self.service.id)])
        self.env["mqtt.service"]._ingest(third)
        self.env["mqtt.topic"]._note(self.service)
        self.assertFalse(self.topics())
        self.env["mqtt.service"]._ingest(first)
        self.env["mqtt.topic"]._note(self.service)
        self.assertEqual(self.topics().mapped("topic"), ["plant/0"])
        second.job_uuid = "its own"
        self.env["mqtt.topic"]._note(self.service)
        self.assertEqual(self.topics().mapped("topic"), ["plant/0", "plant/2"])

    def test_what_is_not_stored_is_not_noted(self):
        self.note_messages(
            self.message("a", store=False), self.message("b", trouble="Bad")
        )
        self.assertFalse(self.topics())

    def test_long_topics(self):
        """Of any length, and alike in all but the end."""
        start = "plant/" + "x" * 60_000
        self.note(start + "1", start + "2")
        self.assertEqual(len(self.topics()), 2)

    def test_a_service_that_is_full(self):
        """New topics are left out, known ones are kept up to date."""
        other = self.service.copy()
        with patch.object(noting, "TOPICS_PER_SERVICE", 3):
            self.note("a", "b")
            self.note("a", "c", "d", "e")
            self.note("z", service=other)
        topics = self.topics()
        self.assertEqual("".join(topics.mapped("topic")), "abc")
        self.assertEqual(topics[0].message_count, 2)
        self.assertEqual(self.topics(other).mapped("topic"), ["z"])

    def test_a_new_message_changes_no_index(self):
        """So a row is updated in its page, and the table does not grow."""
        indexed = self.query(
            "SELECT DISTINCT attname FROM pg_index JOIN pg_attribute"
            " ON attrelid = indexrelid WHERE indrelid = 'mqtt_topic'::regclass"
        )
        self.assertEqual(
            indexed, [("id",), ("left",), ("service_id",), ("topic_hash",)]
        )

    def query(self, sql):
        self.env.cr.execute(f"{sql} ORDER BY 1")
        return self.env.cr.fetchall()

    def test_new_topics_are_found_by_a_hash(self):
        """Many topics at a time cost each what few do."""
        parameters = dict.fromkeys(("service", "messages", "limit", "endless"), 1)
        self.env.cr.execute(f"EXPLAIN {noting.NOTE}", {**parameters, "most_behind": 1})
        plan = "\n".join(line for (line,) in self.env.cr.fetchall())
        self.assertIn("hashed SubPlan", plan)

    def test_deletion(self):
        self.note("a")
        self.service.history_ids.unlink()
        self.service.unlink()
        self.assertFalse(self.env["mqtt.topic"].search([("topic", "=", "a")]))

    def test_old_topics_are_removed(self):
        """When their last message is older than their service keeps messages."""
        now = int(fields.Datetime.now().timestamp() * 1e6)
        self.note("old")
        self.note("new", timestamp=now)
        self.env["mqtt.topic"]._gc_topics()
        self.assertEqual(len(self.topics()), 2)
        self.service.retention_days = 7
        self.assertEqual(self.env["mqtt.topic"]._gc_topics(), (1, 1))
        self.assertEqual(self.topics().mapped("topic"), ["new"])
        self.assertEqual(self.env["mqtt.topic"]._gc_topics(), (0, 0))

    def test_a_full_service_gets_room(self):
        """Those go that have been silent for longest."""
        self.note(*"abcdefghij")
        self.note("a")
        with patch.object(retention, "TOPICS_PER_SERVICE", 10):
            self.env["mqtt.topic"]._gc_topics()
        self.assertEqual("".join(self.topics().mapped("topic")), "acdefghij")

    def test_cron(self):
        """Notes all there is, of each service."""
        other = self.service.copy()
        for service in (self.service, other):
            self.receive(*(self.message(f"{n}") for n in range(5)), service=service)
        with patch.object(noting, "MESSAGES", 2):
            self.env.ref("mqtt_listener.cron_note_topics").ir_actions_server_id.run()
        self.assertEqual(len(self.topics()), 5)
        self.assertEqual(len(self.topics(other)), 5)


@tagged("post_install", "-at_install")
class TestTopicsSideBySide(CommittedCase):
    """Transactions of their own, which do not wait for one another."""

    def note(self):
        with self.transaction() as env:
            return env["mqtt.topic"]._note(self.service(env))

    def noted(self):
        return self.ask("SELECT message_count, last_sequence FROM mqtt_topic")

    def store(self, env=None):
        if env:
            self.service(env)._job_ingest()
        else:
            with self.transaction() as own:
                self.store(own)

    def test_while_jobs_store(self):
        """Nothing is lost, counted twice, or waits."""
        count = 30

        def receive_and_store():
            for number in range(count):
                self.receive(str(number), jobs=False)
                self.store()

        def note():
            for _number in range(count):
                self.note()

        with self.assertNoLogs(own_transaction.__name__, logging.INFO):
            self.in_threads(receive_and_store, note, note)
            self.note()
        self.assertEqual(self.noted(), [(count, count)])

    def test_a_job_does_not_wait(self):
        """Neither for one whose handlers take long, nor for who notes; and what it has
        stored is noted once it is committed, in the order of reception.
        """
        self.declare("_on_seen")
        noting_now = self.open_transaction()
        noting_now["mqtt.topic"]._note_some(self.service_id)
        self.receive("1", jobs=False)
        slow = self.open_transaction()
        self.store(slow)
        self.receive("2", jobs=False)
        with self.transaction() as env:
            env.cr.execute("SET LOCAL lock_timeout = '1s'")
            self.store(env)
        noting_now.cr.commit()
        self.note()
        self.assertEqual(self.noted(), [])
        slow.cr.commit()
        self.note()
        self.assertEqual(self.noted(), [(2, 2)])

    def test_one_notes_at_a_time(self):
        self.receive("1", jobs=False)
        self.store()
        first = self.open_transaction()
        self.assertFalse(first["mqtt.topic"]._note_some(self.service_id))
        self.note()
        self.assertEqual(self.noted(), [])
        first.cr.commit()
        self.note()
        self.assertEqual(self.noted(), [(1, 1)])

    def test_what_goes_wrong_is_logged(self):
        """And whoever looks sees what there was."""
        with (
            patch.object(noting, "NOTE", "SELECT nonsense"),
            self.assertLogs("odoo.sql_db", "ERROR"),
            self.assertLogs(own_transaction.__name__, logging.INFO),
            self.transaction() as env,
        ):
            env["mqtt.topic"]._note(self.service(env))

    def test_the_page_sees_what_is_noted_for_it(self):
        """Though its transaction began before."""
        self.receive("1", jobs=False)
        page = self.open_transaction()
        self.store()
        branch = {"service_id": self.service_id, "prefix": "plant/"}
        (level,) = page["mqtt.service"].live_levels([branch])["levels"]
        self.assertEqual([row["value"] for row in level["rows"]], ["1"])
