import json
import time

from odoo import api, fields, models

from odoo.addons.mqtt_listener import mqtt_handler


class Item(models.Model):
    """What a device says, found by its key and written: the work that is measured."""

    _name = "mqtt.bench.item"
    _description = "Item"

    key = fields.Char(index=True, required=True)
    value = fields.Char()

    @mqtt_handler("+/single/{key}")
    def _on_single(self, message, key):
        self._find_and_write(key, message.payload[:100])

    @mqtt_handler("+/batch/{key}", batch=True)
    def _on_batch(self, messages, key):
        items = {one.key: one for one in self.search([("key", "in", key)])}
        for one, message in zip(key, messages, strict=True):
            items[one].value = message.payload[:100]

    def _find_and_write(self, key, value):
        self.search([("key", "=", key)]).write({"value": value})

    def _job_nothing(self):
        """What queue_job itself needs for a job."""

    # Called by the benchmark, over RPC

    @api.model
    def set_up(self, count):
        self.create([{"key": str(number)} for number in range(count)])
        return True

    @api.model
    def enqueue_nothing(self):
        """A job as queue_job runs it.

        :return: seconds since 1970 at which it was enqueued.
        """
        enqueued = time.time()
        self.with_delay()._job_nothing()
        return enqueued

    @api.model
    def clean_up(self):
        """Remove some old messages, as autovacuum does again and again.

        :return: whether there are more.
        """
        _removed, left = self.env["mqtt.signal.history"].sudo()._gc_old_messages()
        return bool(left)

    @api.model
    def time_loop(self, service_id, kind, count):
        """Seconds of the handler's bare calls in one transaction."""
        messages = self._last(service_id, kind, count)
        begin = time.perf_counter()
        for message in messages:
            self._find_and_write(
                message.topic.rpartition("/")[2], f"{message.payload[:100]} "
            )
        self.env.flush_all()
        return time.perf_counter() - begin

    @api.model
    def time_dispatch(self, service_id, kind, count):
        """Seconds of the job that does the same through handlers."""
        messages = self._last(service_id, kind, count)
        handler = self.env["mqtt.handler"].search(
            [("pattern", "=", f"+/{kind}/{{key}}")]
        )
        self.search([]).value = False  # pylint: disable=no-search-all
        self.env.flush_all()
        service = self.env["mqtt.service"].browse(service_id).sudo()
        waiting = handler.channel, handler.priority
        sequences = messages.mapped("sequence")
        self.env["mqtt.dispatch"]._put(service, handler, sequences, *waiting)
        begin = time.perf_counter()
        while service._waiting_rows(*waiting, limit=1):
            service._job_dispatch(*waiting)
        self.env.flush_all()
        return time.perf_counter() - begin

    @api.model
    def time_chart(self, device_id, metric_id, span):
        """Seconds in which the chart of a metric is ready to be sent, as JSON."""
        begin = time.perf_counter()
        device = self.env["mqtt.device"].browse(device_id)
        json.dumps(device.chart_data(metric_id, span))
        return time.perf_counter() - begin

    def _last(self, service_id, kind, count):
        messages = self.env["mqtt.signal.history"].search(
            [("service_id", "=", service_id), ("topic", "=like", f"%/{kind}/%")],
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
                    "pattern": f"other/{number}/+",
                    "action_server_id": action.id,
                }
                for number in range(count)
            ]
        )
        return True
