import time

from odoo import api, fields, models

from odoo.addons.mqtt_listener import mqtt_handler
from odoo.addons.mqtt_listener.mqtt.message import Message, encode_batch


class Item(models.Model):
    """What a device says, found by its key and written: the work that is measured."""

    _name = "mqtt.bench.item"
    _description = "Item"

    key = fields.Char(index=True, required=True)
    value = fields.Char()

    @mqtt_handler("bench/single/{key}")
    def _on_single(self, message, key):
        self._find_and_write(key, message.payload)

    @mqtt_handler("bench/batch/{key}", batch=True)
    def _on_batch(self, messages, key):
        items = {one.key: one for one in self.search([("key", "in", key)])}
        for one, message in zip(key, messages, strict=True):
            items[one].value = message.payload

    def _find_and_write(self, key, value):
        self.search([("key", "=", key)]).write({"value": value})

    def _job_naive(self, key, value):
        """One job a message, as modules do that know queue_job only."""
        self._find_and_write(key, value)

    def _job_nothing(self):
        """What queue_job itself needs for a job."""

    # Called by the benchmark, over RPC

    @api.model
    def set_up(self, count):
        self.create([{"key": str(number)} for number in range(count)])
        service = self.env["mqtt.service"].create({"name": "Benchmark"})
        service.sudo()._listener_claim("benchmark", "benchmark")
        return service.id

    @api.model
    def enqueue_naive(self, count):
        for number in range(count):
            self.with_delay()._job_naive(str(number), f"{time.time_ns()}")
        return True

    @api.model
    def enqueue_nothing(self):
        self.with_delay()._job_nothing()
        return True

    @api.model
    def receive(self, service_id, kind, count):
        """Make messages durable as the listener does."""
        service = self.env["mqtt.service"].browse(service_id).sudo()
        messages = [
            Message(
                f"bench/{kind}/{number}",
                str(time.time_ns()).encode(),
                qos=1,
                timestamp=time.time_ns() // 1000,
            )
            for number in range(count)
        ]
        connection = service.connection_ids
        connection.flush_recordset()
        service._listener_enqueue(
            "benchmark",
            encode_batch(messages),
            after_sequence=connection.sequence,
            total=count,
            to_store=count,
            receipts=b"",
            forget_through=0,
        )
        return True

    @api.model
    def time_loop(self, service_id, kind, count):
        """Seconds of the handler's bare calls in one transaction."""
        messages = self._last(service_id, kind, count)
        begin = time.perf_counter()
        for message in messages:
            self._find_and_write(
                message.topic.rpartition("/")[2], f"{message.payload} "
            )
        self.env.flush_all()
        return time.perf_counter() - begin

    @api.model
    def time_dispatch(self, service_id, kind, count):
        """Seconds of the job that does the same through handlers."""
        messages = self._last(service_id, kind, count)
        handler = self.env["mqtt.handler"].search(
            [("pattern", "like", f"bench/{kind}")]
        )
        self.search([]).value = False  # pylint: disable=no-search-all
        self.env.flush_all()
        begin = time.perf_counter()
        service = self.env["mqtt.service"].browse(service_id).sudo()
        service._job_dispatch(messages[0].sequence, messages[-1].sequence, handler.ids)
        self.env.flush_all()
        return time.perf_counter() - begin

    def _last(self, service_id, kind, count):
        messages = self.env["mqtt.signal.history"].search(
            [("service_id", "=", service_id), ("topic", "=like", f"bench/{kind}/%")],
            order="sequence desc",
            limit=count,
        )
        return messages.sudo().sorted("sequence")

    @api.model
    def add_handlers(self, count):
        """More handlers, of topics that do not come."""
        action = self.env["ir.actions.server"].create(
            {
                "name": "Nothing",
                "model_id": self.env["ir.model"]._get_id("mqtt.signal.history"),
                "state": "code",
                "code": "pass",
            }
        )
        self.env["mqtt.handler"].create(
            [
                {
                    "name": f"Handler {number}",
                    "pattern": f"bench/other/{number}/+",
                    "action_server_id": action.id,
                }
                for number in range(count)
            ]
        )
        return True
