# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a module that works with MQTT needs for its own tests."""

import json
import time
import traceback
from datetime import datetime

from odoo.tests import Form, TransactionCase

from odoo.addons.queue_job.controllers.main import RunJobController
from odoo.addons.queue_job.exception import RetryableJobError
from odoo.addons.queue_job.job import Job

from ..mqtt.message import Message, encode_batch


class MqttMixin:
    """Messages without a broker, jobs without a runner: for any Odoo test case.

    Handlers run as in a job worker, but at once, in the test's transaction.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env[
            "mqtt.handler"
        ]._sync_declared()  # tests may run before Odoo has done so
        cls.service = cls.env["mqtt.service"].create(
            {
                "name": "Plant",
                "host": "broker.invalid",
                "subscription_ids": [(0, 0, {"topic_filter": "plant/#"})],
            }
        )
        cls.subscription = cls.service.subscription_ids

    def mqtt_receive(
        self, topic, payload=b"", qos=1, retain=False, properties=None, service=None
    ):
        """Receive a message: it is stored and its handlers have run when this returns.

        :param payload: bytes, text, or a value that becomes JSON.
        :param properties: of MQTT 5, by the names of ``message.properties``.
        :param service: a ``mqtt.service``, instead of ``self.service``.
        :return: the ``mqtt.signal.history`` record. What a handler raised is told by
            its ``state`` and its ``job_ids``.
        """
        properties = dict(properties or {})
        if isinstance(data := properties.get("correlation_data"), bytes):
            properties["correlation_data"] = data.hex()
        if said := properties.get("payload_format"):
            properties["payload_format"] = ("bytes", "text").index(said)
        message = Message(
            topic,
            _to_bytes(payload),
            qos=qos,
            retain=retain,
            packet_id=1 if qos else 0,
            timestamp=time.time_ns() // 1000,
            properties=properties,
        )
        return self.receive(message, service=service)

    def mqtt_answer(self, request, payload=b"", **options):
        """Receive the answer to a request, as :meth:`mqtt_receive` does.

        :param request: a ``mqtt.request``.
        :return: the answer, a record of ``mqtt.signal.history``.
        """
        data = request.message_id.with_context(bin_size=False).correlation_data
        return self.mqtt_receive(
            request.service_id.response_topic,
            payload,
            properties={**options.pop("properties", {}), "correlation_data": data},
            service=request.service_id,
            **options,
        )

    def mqtt_run_jobs(self, later=False):
        """Run the MQTT jobs that are due, and those they enqueue, as workers do.

        :param later: also those that wait for their next try, once.
        :return: the jobs that were run.
        """
        jobs = self.env["queue.job"]
        ran = jobs.browse()
        domain = [("mqtt_service_id", "!=", False), ("state", "=", "pending")]
        now = datetime.now()
        if later:
            jobs.search([*domain, ("eta", ">", now)]).eta = now
        due = [*domain, "|", ("eta", "=", False), ("eta", "<=", now)]
        while job := jobs.search(due, order="priority, date_created, id", limit=1):
            self._run_job(job)
            ran |= job
        return ran

    def assertMqttHandled(self, messages, handler=None, times=None):
        """Fail unless all handlers have had these messages.

        :param messages: of ``mqtt.signal.history``.
        :param handler: name of one that has to be among them: ``model.method``, or that
            of a configured one.
        :param times: how many messages that handler has handled in all.
        """
        for message in messages:
            errors = message.job_ids.filtered(lambda job: job.state == "failed")
            self.assertEqual(
                message.state,
                "done",
                "\n".join([message.topic, *(job.exc_info or "" for job in errors)]),
            )
        if handler is None:
            return
        found = self.env["mqtt.handler"].search([("name", "=", handler)])
        self.assertTrue(found, f"there is no handler {handler}")
        found.invalidate_recordset()
        for message in messages:
            ids = [entry[0] for entry in message.service_id._matcher()(message.topic)]
            self.assertIn(found.id, ids, f"{handler} does not match {message.topic}")
        if times is not None:
            self.assertEqual(found.handled_count, times)

    # For the addon's own tests

    def receive(self, *messages, service=None):
        """Enqueue messages as the listener does, and run their jobs.

        :return: the messages in history.
        """
        service = service or self.service
        first = service.connection_ids.sequence + 1
        self.enqueue(*messages, service=service)
        for job in self.mqtt_run_jobs():
            if job.method_name == "_job_ingest" and job.state != "done":
                raise AssertionError(f"not stored: {job.exc_info}")
        return self.env["mqtt.signal.history"].search(
            [("service_id", "=", service.id), ("sequence", ">=", first)],
            order="sequence",
        )

    def enqueue(
        self,
        *messages,
        thread_identifier="here",
        after=None,
        receipts=b"",
        service=None,
        jobs=True,
    ):
        """Enqueue messages as the listener ``thread_identifier`` does.

        :param jobs: whether it makes a job for what waits, too.
        """
        service = service or self.service
        connection = service.connection_ids
        if not connection.thread_identifier:
            service._listener_claim(thread_identifier, "this host")
        connection.flush_recordset()
        sequence = service._listener_enqueue(
            thread_identifier=thread_identifier,
            content=encode_batch(messages),
            size=sum(message.size for message in messages),
            after_sequence=connection.sequence if after is None else after,
            total=len(messages),
            to_store=sum(message.store for message in messages),
            receipts=receipts,
            prune_through=0,
        )
        if jobs:
            service._listener_enqueue_jobs(service.ids)
        connection.invalidate_recordset()
        return sequence

    @staticmethod
    def message(topic="plant/1", payload=b"x", **values):
        return Message(topic, payload, **{"qos": 1, "timestamp": 1, **values})

    def _run_job(self, record):
        job = Job.load(self.env, record.uuid)
        job.set_started()
        job.store()
        self.env.flush_all()
        try:
            with self.env.cr.savepoint():
                job.perform()
        except RetryableJobError as error:
            job.postpone(result=str(error), seconds=error.seconds)
            job.set_pending(reset_retry=False)
            job.store()
        except Exception as error:  # noqa: BLE001
            values = RunJobController._get_failure_values(
                job, traceback.format_exc(), error
            )
            job.set_failed(**values)
            job.store()
            job.on_fail(values)
        else:
            job.set_done()
            job.store()
        self.env.flush_all()
        self.env.invalidate_all()


class MqttCase(MqttMixin, TransactionCase):
    """A test case with a service that has no broker."""

    def dialog_of(self, action, user=None):
        """The form of the dialog that an action opens."""
        model = self.env[action["res_model"]].with_user(user or self.env.user)
        return Form(model.with_context(**action["context"]))


def _to_bytes(payload):
    if isinstance(payload, bytes):
        return payload
    if isinstance(payload, str):
        return payload.encode()
    return json.dumps(payload).encode()
