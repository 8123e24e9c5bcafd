# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged

from odoo.addons.queue_job.exception import FailedJobError, RetryableJobError

from ..mqtt.handler import mqtt_response
from .common import MqttCase


@tagged("post_install", "-at_install")
class TestRequest(MqttCase):
    """Who asks for an answer is told of it once, or that there is none."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service.write({"host": "127.0.0.1", "port": 1})
        cls.service.start_mqtt_service()
        cls.partner = cls.env["res.partner"].create({"name": "Press"})

    def setUp(self):
        super().setUp()
        self.told = told = []

        @mqtt_response
        def _on_answer(self, message):
            told.append((self, message))
            self.ref = message.payload or "nobody answered"

        self.declare("res.partner", _on_answer)

    def declare(self, model, method):
        """Give a model a method for the length of a test."""
        cls = type(self.env[model])
        setattr(cls, method.__name__, method)
        self.addCleanup(delattr, cls, method.__name__)

    def ask(self, **values):
        values = {"on_response": self.partner._on_answer, **values}
        return self.service.mqtt_request("press/command", {"do": 1}, **values)

    def test_the_request(self):
        """It says where the answer belongs, and does not outlive who waits for it."""
        request = self.ask(timeout=12.5)
        message = request.message_id
        self.assertEqual((request.state, message.request_state), ("waiting",) * 2)
        self.assertEqual(message.response_topic, self.service.response_topic)
        self.assertEqual(message.correlation_data.hex(), request.correlation)
        self.assertEqual(message.message_expiry, 13)
        subscription = self.service.subscription_ids - self.subscription
        self.assertEqual(subscription.topic_filter, self.service.response_topic)
        other = self.ask()
        self.assertNotEqual(other.correlation, request.correlation)
        self.assertEqual(len(self.service.subscription_ids), 2, "one is enough")

    def test_a_filter_that_brings_the_answers_anyway(self):
        self.service.response_topic = "plant/odoo/answers"
        self.ask()
        self.assertEqual(self.service.subscription_ids, self.subscription)
        self.subscription.store_history = False
        self.ask()
        self.assertEqual(len(self.service.subscription_ids), 2, "it has to be kept")

    def test_answered(self):
        """The first answer is given to the records that asked, and only to them."""
        request = self.ask()
        other = self.ask()
        answer = self.mqtt_answer(request, "done")
        self.assertEqual(self.partner.ref, "done")
        self.assertEqual(self.told, [(self.partner, answer)])
        self.assertEqual((request.state, other.state), ("answered", "waiting"))
        self.assertEqual(
            (request.answer_id, answer.answers_id.id), (answer, request.message_id.id)
        )
        self.assertEqual(answer.state, "done")
        again = self.mqtt_answer(request, "again")
        self.mqtt_run_jobs(later=True)
        self.assertEqual([message for _, message in self.told if message], [answer])
        self.assertEqual((again.state, request.answer_id), ("stored", answer))

    def test_no_answer(self):
        """It is called with nothing; what comes later is kept and linked."""
        request = self.ask()
        self.mqtt_run_jobs()
        self.assertFalse(self.told, "not before the time is over")
        self.mqtt_run_jobs(later=True)
        self.assertEqual(self.partner.ref, "nobody answered")
        self.assertEqual(self.told, [(self.partner, self.env["mqtt.signal.history"])])
        self.assertEqual(request.state, "silent")
        late = self.mqtt_answer(request, "sorry")
        self.assertEqual(len(self.told), 1)
        self.assertEqual((request.state, request.answer_id), ("late", late))

    def test_an_answer_that_waits_to_be_stored(self):
        """It came in time, however long job workers take."""
        request = self.ask()
        properties = {"correlation_data": request.correlation}
        self.enqueue(
            self.message(self.service.response_topic, b"done", properties=properties),
            jobs=False,
        )
        self.mqtt_run_jobs(later=True)
        self.assertEqual((request.state, self.told), ("waiting", []))
        self.env["mqtt.service"]._wake_ingest()
        self.mqtt_run_jobs(later=True)
        self.assertEqual(request.state, "answered")

    def test_what_will_not_be_stored_is_not_waited_for(self):
        """A batch whose own job failed and was cancelled stays; nobody waits for it."""
        request = self.ask()
        properties = {"correlation_data": request.correlation}
        topic = self.service.response_topic
        self.enqueue(self.message(topic, b"done", properties=properties), jobs=False)
        batch = self.env["mqtt.batch"].search([("service_id", "=", self.service.id)])
        self.service._set_apart(batch)
        self.env["queue.job"].search(
            [("method_name", "=", "_job_ingest")]
        ).button_cancelled()
        self.mqtt_run_jobs(later=True)
        self.assertEqual(request.state, "silent")

    def test_not_what_it_looks_like(self):
        """Another topic, other correlation data or none at all is no answer."""
        request = self.ask()
        data = request.message_id.correlation_data
        topic = self.service.response_topic
        other = self.service.copy({"host": "127.0.0.1"})
        other.response_topic = topic
        for where, service, properties in (
            ("elsewhere", self.service, {"correlation_data": data}),
            (topic, self.service, {"correlation_data": b"x"}),
            (topic, self.service, {}),
            (topic, other, {"correlation_data": data}),
        ):
            message = self.mqtt_receive(
                where, "x", properties=properties, service=service
            )
            self.assertEqual(message.state, "stored")
        self.assertEqual((request.state, self.told), ("waiting", []))

    def test_whose_environment(self):
        """The method runs as who asked, in the context that jobs keep."""
        user = new_test_user(
            self.env,
            "mqtt_asks",
            groups="mqtt_listener.group_operator,base.group_partner_manager",
        )
        self.service.with_user(user).mqtt_request(
            "press/command",
            "x",
            on_response=self.partner.with_user(user)
            .with_context(lang="en_US", other=1)
            ._on_answer,
        )
        request = self.env["mqtt.request"].search([])
        self.mqtt_answer(request, "done")
        ((partner, message),) = self.told
        self.assertEqual((partner.env.user, partner.env.su), (user, False))
        self.assertEqual(partner.env.context["mqtt_request"], request.message_id.id)
        self.assertNotIn("other", partner.env.context)
        self.assertTrue(message.env.su, "whoever asked may read the answer")

    def test_a_method_that_raises(self):
        """It is tried again by the pattern, and what it wrote is not kept."""
        partner, raised = self.partner, []

        @mqtt_response
        def _on_answer_in_vain(self, message):
            self.ref = "half"
            raised.append(message)
            if len(raised) == 1:
                raise ValueError("no")
            if len(raised) == 2:
                raise RetryableJobError("wait", seconds=1)
            raise FailedJobError("never")

        self.declare("res.partner", _on_answer_in_vain)
        request = self.ask(on_response=partner._on_answer_in_vain)
        answer = self.mqtt_answer(request, "done")
        self.assertEqual((answer.state, partner.ref), ("retrying", False))
        self.assertIn("ValueError: no", answer.job_ids.result)
        self.mqtt_run_jobs(later=True)
        self.mqtt_run_jobs(later=True)
        self.assertEqual((answer.state, partner.ref), ("failed", False))
        self.assertEqual(answer.job_ids.exc_message, "never")
        self.assertEqual(len(raised), 3)
        answer.job_ids._mqtt_cancel("not needed")
        self.assertEqual(answer.state, "cancelled")
        self.assertIn("not needed", answer.cancel_reason)

    def test_records_that_are_gone(self):
        request = self.ask()
        self.partner.unlink()
        answer = self.mqtt_answer(request, "done")
        self.assertEqual((answer.state, self.told), ("done", []))

    def test_a_method_that_is_gone(self):
        """Its module was uninstalled: the answer waits as a failed message."""
        cls = type(self.env["res.partner"])
        request = self.ask()
        kept = cls._on_answer
        cls._on_answer = lambda self, message: None
        answer = self.mqtt_answer(request, "done")
        self.assertEqual(answer.state, "failed")
        self.assertIn("not there any more", answer.job_ids.exc_message)
        cls._on_answer = kept
        answer.job_ids.action_mqtt_requeue()
        self.mqtt_run_jobs()
        self.assertEqual((answer.state, len(self.told)), ("done", 1))

    def test_what_cannot_be_asked(self):
        """It is refused before anything is stored, and says why."""

        @mqtt_response
        def _takes_nothing(self):
            pass

        self.declare("res.partner", _takes_nothing)
        for values, words in (
            ({"timeout": 0}, "more than 0"),
            ({"timeout": True}, "more than 0"),
            ({"timeout": 10**9}, "604800 at most"),
            ({"on_response": self.partner.unlink}, "@mqtt_response"),
            ({"on_response": "unlink"}, "@mqtt_response"),
            ({"on_response": "nothing"}, "@mqtt_response"),
            ({"on_response": len}, "@mqtt_response"),
            ({"on_response": self.partner._takes_nothing}, "has to take a message"),
            ({"properties": {"response_topic": "a"}}, "makes its own"),
            ({"properties": {"message_expiry": 0}}, "message_expiry"),
        ):
            with self.subTest(values), self.assertRaisesRegex(UserError, words):
                self.ask(**values)
        with self.assertRaisesRegex(UserError, "topic filters"):
            self.service.mqtt_request("a/+", "x")
        self.service.protocol = "3.1.1"
        with self.assertRaisesRegex(UserError, "set Protocol to MQTT 5"):
            self.ask()
        self.service.protocol = "5"
        self.service.stop_mqtt_service()
        with self.assertRaisesRegex(UserError, "is not started"):
            self.ask()
        self.assertFalse(self.env["mqtt.request"].search([]))
        for topic in ("a/+", "$share/a/b"):
            with self.subTest(topic), self.assertRaises(ValidationError):
                self.service.response_topic = topic

    def test_who_may_ask(self):
        for group in ("mqtt_listener.group_user", "base.group_portal"):
            user = new_test_user(self.env, f"ask_{group}", groups=group)
            with self.subTest(group), self.assertRaises(AccessError):
                self.service.with_user(user).mqtt_request("t", "x")

    def test_a_name_of_the_services_own_method(self):
        """What RPC can give: it is called on the service."""

        @mqtt_response
        def _on_services_answer(self, message):
            self.retention_days = 7

        self.declare("mqtt.service", _on_services_answer)
        request = self.service.mqtt_request("t", "x", on_response="_on_services_answer")
        self.mqtt_answer(request)
        self.assertEqual(self.service.retention_days, 7)

    def test_only_kept(self):
        """Without a method the answer is there to be looked at, as the dialog does."""
        dialog = self.env["mqtt.publish"].create(
            {"service_id": self.service.id, "topic": "t", "payload": "x", "asks": True}
        )
        action = dialog.action_publish()
        request = self.env["mqtt.request"].browse(action["res_id"])
        answer = self.mqtt_answer(request, '{"speed": 7}')
        self.assertEqual(
            (request.state, request.answer_preview), ("answered", "speed 7")
        )
        self.assertEqual(answer.state, "done")

    def test_published_when_the_answer_can_be_heard(self):
        """Not before the broker has granted the subscription that brings it."""
        request = self.ask(timeout=60)
        self.env.cr.precommit.run()
        self.mqtt_run_jobs()
        job = self.env["queue.job"].search([("method_name", "=", "_job_publish")])
        self.assertIn("has not granted", job.result)
        self.assertEqual(request.message_id.state, "queued", "it is no try")
        subscription = self.service.subscription_ids - self.subscription
        subscription.grant_ids.sudo().state = "granted"
        self.mqtt_run_jobs(later=True)
        self.assertIn("Nothing answers", job.result)
        request.message_id.timestamp = "2020-01-01"
        self.mqtt_run_jobs(later=True)
        self.assertEqual(request.message_id.state, "cancelled", "it has expired")
