"""What a module that works with MQTT needs for its own tests."""

from odoo.tests import TransactionCase

from ..mqtt.message import Message, encode_batch


class MqttCase(TransactionCase):
    """A service without a broker, whose messages are received by hand."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service = cls.env["mqtt.service"].create(
            {
                "name": "Plant",
                "host": "broker.invalid",
                "subscription_ids": [(0, 0, {"topic_filter": "plant/#"})],
            }
        )
        cls.subscription = cls.service.subscription_ids

    def receive(self, *messages):
        """Enqueue messages as the listener does, and run their ingest job.

        :return: the messages in history.
        """
        service = self.service
        first = service.connection_ids.sequence + 1
        last = first + len(messages) - 1
        self.enqueue(*messages)
        batch = self.env["mqtt.batch"].search([("service_id", "=", service.id)])
        service._job_ingest(batch.id, first_sequence=first, last_sequence=last)
        return self.env["mqtt.signal.history"].search(
            [("service_id", "=", service.id), ("sequence", ">=", first)],
            order="sequence",
        )

    def enqueue(self, *messages, thread_identifier="here", after=None, receipts=b""):
        """Enqueue messages as the listener ``thread_identifier`` does."""
        connection = self.service.connection_ids
        if not connection.thread_identifier:
            self.service._listener_claim(thread_identifier, "this host")
        connection.flush_recordset()
        sequence = self.service._listener_enqueue(
            thread_identifier,
            encode_batch(messages),
            after_sequence=connection.sequence if after is None else after,
            total=len(messages),
            to_store=sum(message.store for message in messages),
            receipts=receipts,
            forget_through=0,
        )
        connection.invalidate_recordset()
        return sequence

    @staticmethod
    def message(topic="plant/1", payload=b"x", **values):
        return Message(topic, payload, **{"qos": 1, "timestamp": 1, **values})
