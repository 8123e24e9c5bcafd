# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from odoo.addons.queue_job.exception import FailedJobError
from odoo.addons.queue_job.job import Job

from .test_handler import HandlerCase


class DeadLetterCase(HandlerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.operator, cls.user, cls.manager = (
            new_test_user(
                cls.env, login=f"mqtt_{role}", groups=f"mqtt_listener.group_{role}"
            )
            for role in ("operator", "user", "manager")
        )

    def setUp(self):
        super().setUp()
        self.bad = bad = {"bad"}

        def on_message(self, message):
            if message.payload in bad:
                raise FailedJobError(f"{message.payload} is no good")
            self.create({"name": message.payload or "binary", "ref": "handled"})

        self.handler = self.declare("plant/#", on_message)

    @property
    def handled(self):
        return self.env["res.partner"].search([("ref", "=", "handled")]).mapped("name")


@tagged("post_install", "-at_install")
class TestDeadLetters(DeadLetterCase):
    def test_an_operator_requeues(self):
        """What has failed, and nothing else."""
        message = self.mqtt_receive("plant/1", "bad")
        jobs = self.env["queue.job"].search([("mqtt_service_id", "=", self.service.id)])
        self.bad.clear()
        jobs.with_user(self.operator).action_mqtt_requeue()
        self.assertEqual(message.state, "queued")
        self.assertFalse(message.job_ids)
        self.mqtt_run_jobs()
        self.assertMqttHandled(message)
        self.assertEqual(self.handled, ["bad"])

    def test_who_may(self):
        """Operators; not users, and operators only those of MQTT."""
        job = self.mqtt_receive("plant/1", "bad").job_ids
        for method in ("action_mqtt_requeue", "action_mqtt_cancel"):
            with self.assertRaises(AccessError):
                getattr(job.with_user(self.user), method)()
        self.assertEqual(job.state, "failed")
        other = self.env["res.partner"].with_delay()._compute_display_name().db_record()
        own = self.env["queue.job"].with_user(self.operator)
        found = own.search([("id", "in", (job + other).ids)])
        self.assertEqual(found, job)
        with self.assertRaises(AccessError):
            other.with_user(self.operator).action_mqtt_requeue()
        with self.assertRaises(AccessError):
            job.with_user(self.operator).write({"state": "done"})
        seen = own.with_user(self.manager).search([("id", "in", (job + other).ids)])
        self.assertEqual(seen, job + other)

    def test_cancel_with_a_reason(self):
        message = self.mqtt_receive("plant/1", "bad")
        action = message.job_ids.with_user(self.operator).action_mqtt_cancel()
        wizard = self.dialog_of(action, self.operator)
        wizard.reason = "of no use"
        wizard.save().action_cancel_jobs()
        self.assertEqual(message.job_ids.state, "cancelled")
        self.assertEqual(message.state, "cancelled")
        self.assertIn("of no use", message.cancel_reason)
        self.assertIn(self.operator.name, message.cancel_reason)

    def test_correct_and_process_again(self):
        """The original stays; the correction is a message that points to it."""
        message = self.mqtt_receive(
            "plant/1", "bad", properties={"user_properties": [["a", "b"]]}
        )
        action = message.job_ids.with_user(self.operator).action_mqtt_correct()
        wizard = self.dialog_of(action, self.operator)
        self.assertEqual(wizard.payload, "bad")
        wizard.payload = "good"
        record = wizard.save()
        record.action_process()
        self.mqtt_run_jobs()
        corrected = self.env["mqtt.signal.history"].search(
            [("corrected_from_id", "=", message.id)]
        )
        self.assertEqual(
            (message.payload, message.state, corrected.payload, corrected.state),
            ("bad", "cancelled", "good", "done"),
        )
        self.assertEqual((corrected.topic, corrected.size), ("plant/1", 4))
        self.assertEqual(corrected.user_properties, [["a", "b"]])
        self.assertEqual(self.handled, ["good"])
        with self.assertRaises(UserError):
            record.action_process()

    def test_nothing_is_read_through_a_correction(self):
        """Neither another module's job nor another company's message."""
        other = self.env["res.partner"].with_delay()._compute_display_name().db_record()
        other.exc_message = "secret"
        company = self.env["res.company"].create({"name": "Other"})
        foreign = self.service.copy({"name": "Foreign", "company_id": company.id})
        foreign_job = self.mqtt_receive("plant/1", "bad", service=foreign).job_ids
        corrections = self.env["mqtt.correction"].with_user(self.operator)
        for job in (other, foreign_job):
            with self.assertRaises(AccessError):
                correction = corrections.create({"job_id": job.id, "payload": "x"})
                self.env.invalidate_all()
                correction.read(["error", "topic", "payload"])
        self.env.invalidate_all()
        with self.assertRaises(AccessError):
            corrections.create({"job_id": foreign_job.id}).read(["payload"])

    def test_a_job_for_many_is_not_what_waits(self):
        """Cancelled, set done or deleted in the monitor, it loses no message."""
        self.limit(storing_job_seconds=0)
        messages = self.env["mqtt.signal.history"]
        dispatch = [("method_name", "=", "_job_dispatch"), ("state", "=", "pending")]
        jobs = self.env["queue.job"].with_user(self.manager)
        for number, end in enumerate(("button_cancelled", "button_done", "unlink")):
            self.enqueue(self.message("plant/1", f"{number}".encode()))
            ingest = [("method_name", "=", "_job_ingest"), ("state", "=", "pending")]
            self._run_job(self.env["queue.job"].search(ingest))
            job = jobs.search(dispatch)
            getattr(job.sudo() if end == "unlink" else job, end)()
            messages = messages.search([("service_id", "=", self.service.id)])
            self.assertEqual(set(messages.mapped("state")), {"queued"})
            self.env["mqtt.handler"]._look_after()
            self.env["mqtt.handler"]._look_after()
            self.assertEqual(len(jobs.search(dispatch)), 1)
        self.mqtt_run_jobs()
        self.assertMqttHandled(messages)
        self.assertEqual(sorted(self.handled), ["0", "1", "2"])

    def test_many_failures_are_told_once(self):
        """To the managers, on the handler; again only after an hour."""
        Mail = self.env["mail.message"]
        of_handler = [("model", "=", "mqtt.handler"), ("res_id", "=", self.handler.id)]
        of_jobs = [("model", "=", "queue.job")]
        before = Mail.search_count(of_jobs)
        other = self.env["res.company"].create({"name": "Other"})
        messages = self.receive(
            *(self.message(f"plant/{number}", b"bad") for number in range(20))
        )
        handlers = self.env["mqtt.handler"]
        handlers._look_after()
        handlers._look_after()
        told = [*of_handler, ("body", "like", "messages failed")]
        (mail,) = Mail.search(told)
        self.assertIn("20 messages failed", mail.body)
        # Both companies read what is told of a handler of all services.
        self.assertNotIn("plant/19", mail.body)
        self.assertNotIn("no good", mail.body)
        self.assertIn(self.manager.partner_id, mail.partner_ids)
        self.assertEqual(Mail.search_count(of_jobs), before)
        messages[:3].job_ids.requeue()
        self.mqtt_run_jobs()
        handlers._look_after()
        self.assertEqual(Mail.search_count(told), 1)
        self.handler.last_told = "2020-01-01"
        other.active = False
        handlers._look_after()
        again, _mail = Mail.search(told)
        self.assertRegex(again.body, "from plant/[0-9]+: .*no good")

    def test_what_is_told_of_a_handler_of_one_service(self):
        """Who may see it may see the service's messages."""
        action = self.action("raise UserError('no good')", "mqtt.signal.history")
        handler = self.env["mqtt.handler"].create(
            {
                "name": "Refuse",
                "pattern": "own/#",
                "service_id": self.service.id,
                "action_server_id": action.id,
                "max_retries": 1,
            }
        )
        self.mqtt_receive("own/1", "x")
        handler._look_after()
        self.assertIn("own/1: UserError: no good", handler.message_ids[0].body)

    def test_each_company_sees_its_own_errors(self):
        """Of a handler that they share, as of its counts."""
        company = self.env["res.company"].create({"name": "Other"})
        foreign = self.service.copy({"name": "Foreign", "company_id": company.id})
        self.service.company_id = self.env.company
        elsewhere = new_test_user(
            self.env,
            "mqtt_manager_elsewhere",
            groups="mqtt_listener.group_manager",
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
        )
        names = ["handled_count", "failed_count", "dead_letter_count", "last_error"]

        def seen(user):
            (values,) = self.handler.with_user(user).read(names)
            return [values[name] for name in names]

        self.mqtt_receive("plant/secret", "bad", service=foreign)
        self.assertEqual(seen(self.user), [0, 0, 0, False])
        self.assertIn("plant/secret: ", seen(elsewhere)[-1])
        self.mqtt_receive("plant/1", "good")
        self.mqtt_receive("plant/mine", "bad")
        for _folded in range(2):
            self.assertEqual(seen(self.user)[:3], [1, 1, 1])
            self.assertIn("plant/mine: ", seen(self.user)[-1])
            self.assertEqual(seen(elsewhere)[:3], [0, 1, 1])
            self.assertIn("plant/secret: ", seen(elsewhere)[-1])
            self.assertEqual(seen(self.env.user)[:3], [1, 2, 2])
            statistics = self.env["mqtt.handler.statistics"]
            for user, service in ((self.manager, self.service), (elsewhere, foreign)):
                found = statistics.with_user(user).search([])
                self.assertEqual(found.service_id, service)
            statistics._fold()
        old = statistics.create({"handler_id": self.handler.id, "handled": 1})
        for user in (self.manager, elsewhere):
            self.assertIn(old, statistics.with_user(user).search([]))

    def test_a_commit_that_got_through_unheard(self):
        """A job that is done cannot fail, and is not run again: it had its effect."""
        message = self.mqtt_receive("plant/x", "1")
        jobs = self.env["queue.job"].search(
            [("mqtt_service_id", "=", message.service_id.id)]
        )
        self.assertEqual(set(jobs.mapped("state")), {"done"})
        for record in jobs:
            job = Job.load(self.env, record.uuid)
            job.set_failed(exc_name="psycopg2.OperationalError", exc_message="away")
            job.store()
            job.on_fail({"exc_name": "psycopg2.OperationalError"})
        self.assertEqual(set(jobs.mapped("state")), {"done"})

    def test_a_job_found_dead_counts_as_failed(self):
        """queue_job's runner writes it by itself, and calls nobody."""
        self.bad.clear()
        message = self.mqtt_receive("plant/1", "x")
        message._enqueue_handle(self.handler)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE queue_job SET state = 'failed', exc_name = 'JobFoundDead'"
            " WHERE mqtt_message_id = %s",
            [message.id],
        )
        self.env.invalidate_all()
        self.assertEqual(message.state, "failed")
        self.env["mqtt.handler"]._look_after()
        self.assertEqual(self.handler.failed_count, 1)
        self.assertTrue(self.handler.last_told)

    def test_counts_are_added_up(self):
        for number in range(3):
            self.mqtt_receive(f"plant/{number}", "good")
        before = self.handler.read(["handled_count", "mean_time", "slowest_time"])
        self.env["mqtt.handler"]._look_after()
        self.handler.invalidate_recordset()
        self.assertEqual(len(self.handler.statistics_ids), 1)
        after = self.handler.read(["handled_count", "mean_time", "slowest_time"])
        self.assertEqual(after[0]["handled_count"], 3)
        self.assertAlmostEqual(before[0]["mean_time"], after[0]["mean_time"])
        self.assertEqual(before[0]["slowest_time"], after[0]["slowest_time"])

    def test_retention_keeps_what_has_failed(self):
        """A dead letter without its message could not be tried again."""
        self.service.retention_days = 1
        self.receive(self.message("plant/1", b"bad"), self.message("plant/2", b"good"))
        history = self.env["mqtt.signal.history"]
        history._gc_old_messages()
        kept = history.search([("service_id", "=", self.service.id)])
        self.assertEqual(kept.mapped("topic"), ["plant/1"])


@tagged("post_install", "-at_install")
class TestReplay(DeadLetterCase):
    def replay(self, user=None, **values):
        replay = self.env["mqtt.replay"].with_user(user or self.operator).create(values)
        replay.action_start()
        return replay

    def test_messages_that_had_no_handler(self):
        self.handler.enabled = False
        messages = self.receive(
            *(self.message(f"plant/{n}", f"{n}".encode()) for n in range(5))
        )
        self.handler.enabled = True
        replay = self.replay(topic_filter="plant/+", service_id=self.service.id)
        self.assertEqual((replay.total, replay.state), (5, "running"))
        self.mqtt_run_jobs()
        self.assertEqual((replay.state, replay.done, replay.progress), ("done", 5, 100))
        self.assertMqttHandled(messages, "res.partner._on_mqtt", times=5)
        self.assertEqual(sorted(self.handled), list("01234"))

    def test_a_handler_can_tell(self):
        seen = []

        def on_message(self, message):
            seen.append(
                (
                    self.env.context.get("mqtt_replay"),
                    message.env.context["mqtt_replay"],
                )
                if "mqtt_replay" in self.env.context
                else None
            )

        handler = self.declare("plant/#", on_message, name="_on_other")
        messages = self.receive(self.message("plant/1"), self.message("plant/2"))
        action = messages.with_user(self.operator).action_replay()
        replay = self.env["mqtt.replay"].browse(action["res_id"])
        replay.handler_id = handler
        self.assertEqual(replay.total, 2)
        replay.with_user(self.operator).action_start()
        self.mqtt_run_jobs()
        self.assertEqual(seen, [None, None] + [(replay.id, replay.id)] * 2)
        self.assertEqual(len(self.handled), 2)  # the other handler had them once

    def test_one_that_fails_is_a_replay_still(self):
        message = self.mqtt_receive("plant/1", "good")
        self.bad.add("good")
        replay = self.replay(selected_ids=message.ids, topic_filter=False)
        self.mqtt_run_jobs()
        self.assertEqual((replay.state, message.state), ("done", "failed"))
        self.assertEqual(message.job_ids.kwargs["mqtt_replay"], replay.id)

    def test_in_parts(self):
        """More than a job takes; what comes meanwhile is not given twice."""
        self.receive(*(self.message(f"plant/{n}", b"x") for n in range(450)))
        self.env["res.partner"].search([("ref", "=", "handled")]).unlink()
        replay = self.replay(topic_filter="plant/#", handler_id=self.handler.id)
        self.mqtt_receive("plant/new", "x")
        self.mqtt_run_jobs()
        self.assertEqual((replay.state, replay.done), ("done", 450))
        self.assertEqual(len(self.handled), 451)

    def test_cancel(self):
        self.receive(*(self.message(f"plant/{n}", b"x") for n in range(3)))
        replay = self.replay(topic_filter="plant/#")
        replay.action_cancel()
        self.mqtt_run_jobs()
        self.assertEqual((replay.state, len(self.handled)), ("cancelled", 3))

    def test_who_may(self):
        message = self.mqtt_receive("plant/1", "x")
        with self.assertRaises(AccessError):
            message.with_user(self.user).action_replay()
        with self.assertRaises(AccessError):
            self.replay(user=self.user, topic_filter="#")

    def test_only_what_the_operator_may_see(self):
        """Though the jobs run as superuser."""
        company = self.env["res.company"].create({"name": "Other"})
        foreign = self.service.copy({"name": "Foreign", "company_id": company.id})
        self.mqtt_receive("plant/1", "x", service=foreign)
        with self.assertRaises(UserError):
            self.replay(topic_filter="plant/#", service_id=False)
        self.mqtt_receive("plant/1", "x")
        replay = self.replay(topic_filter="plant/#")
        self.mqtt_run_jobs()
        self.assertEqual(replay.done, 1)
        self.assertEqual(len(self.handled), 3)

    def test_a_draft_counts_only_what_the_operator_may_see(self):
        """Whatever it asks for, how much another company has stays unknown."""
        company = self.env["res.company"].create({"name": "Other"})
        foreign = self.service.copy({"name": "Foreign", "company_id": company.id})
        hidden = self.mqtt_receive("plant/1", "x", service=foreign)
        own = self.mqtt_receive("plant/1", "x")
        drafts = self.env["mqtt.replay"].with_user(self.operator)
        for values in (
            {"topic_filter": "plant/#", "date_from": "2000-01-01"},
            {"topic_filter": False, "selected_ids": (hidden + own).ids},
        ):
            with self.subTest(values):
                draft = drafts.create(values)
                draft.env.flush_all()
                self.assertEqual(draft.total, 1)

    def test_what_its_jobs_go_by_is_not_written_from_outside(self):
        replay = self.env["mqtt.replay"].with_user(self.operator).create({})
        for values in ({"state": "running"}, {"allowed_service_ids": [1]}):
            with self.assertRaises(AccessError):
                replay.write(values)
            with self.assertRaises(AccessError):
                replay.create(values)

    def test_bad_input(self):
        for values in (
            {"topic_filter": "plant/#/x"},
            {"topic_filter": "nothing/matches"},
        ):
            with self.assertRaises(UserError):
                self.replay(**values)


@tagged("post_install", "-at_install")
class TestTopicFilterSearch(HandlerCase):
    def test_as_the_trie_matches(self):
        topics = [
            "plant",
            "plant/",
            "plant/a",
            "plant/a/b",
            "plantx",
            "plant/a.b",
            "$SYS/a",
            "$SYS",
            "/plant",
            "a+b",
            "plant/%/x",
            "plant/_/x",
            "plant/a/x",
        ]
        self.receive(*(self.message(topic) for topic in topics if "+" not in topic))
        from ..mqtt.topic import FilterIndex, TopicFilter

        history = self.env["mqtt.signal.history"]
        for text in [
            "#",
            "+",
            "+/#",
            "plant/#",
            "plant/+",
            "plant/+/#",
            "+/a",
            "plant/a",
            "plant/a.b",
            "$SYS/#",
            "$SYS/+",
            "plant/+/x",
            "plant/%/+",
            "plant/_/#",
            "/+",
            "+/+",
            "plant/a/#",
        ]:
            index = FilterIndex([(TopicFilter(text), True)])
            expected = {
                topic
                for topic in topics
                if "+" not in topic and any(index.match(topic))
            }
            found = history.search(
                [("service_id", "=", self.service.id), ("topic_filter", "=", text)]
            )
            self.assertEqual(set(found.mapped("topic")), expected, text)
