# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
import time

from odoo import api, fields, models
from odoo.fields import Command

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

    @mqtt_handler("+/mapped/{key}", batch=True)
    def _on_mapped(self, messages, key):
        """What the mapping of :meth:`add_mapping` does, in Python."""
        items = {one.key: one for one in self.search([("key", "in", key)])}
        for one, message in zip(key, messages, strict=True):
            items[one].value = str(message.json()["at"])

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
        handler = self.env["mqtt.handler"].search(
            [("pattern", "=", f"+/{kind}/{{key}}"), ("kind", "=", "code")]
        )
        self.search([]).value = False  # pylint: disable=no-search-all
        return self._time_handler(handler, service_id, kind, count)

    @api.model
    def time_mapping(self, service_id, count):
        """Seconds of the job that does the same by a mapping.

        :return: with values that differ from the items', and with the same ones again;
            and how many rows were written that second time.
        """
        handler = self.env["mqtt.mapping"].search([], limit=1).handler_id
        self.search([]).value = False  # pylint: disable=no-search-all
        seconds = self._time_handler(handler, service_id, "mapped", count)
        before = self._written()
        again = self._time_handler(handler, service_id, "mapped", count)
        return seconds, again, self._written() - before

    def _written(self):
        """Rows of items that this transaction has updated so far."""
        self.env.cr.execute(
            "SELECT n_tup_upd FROM pg_stat_xact_user_tables WHERE relname = %s",
            [self._table],
        )
        return self.env.cr.fetchone()[0]

    def _time_handler(self, handler, service_id, kind, count):
        messages = self._last(service_id, kind, count)
        self.env.flush_all()
        self.env.invalidate_all()
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
    def add_mapping(self):
        """A mapping that does what ``_on_mapped`` does."""
        key = {"field_name": "key", "source": "level", "value": "key"}
        value = {"field_name": "value", "source": "path", "value": "$.at"}
        self.env["mqtt.mapping"].create(
            {
                "name": "Mapped",
                "pattern": "+/mapped/{key}",
                "res_model": self._name,
                "key_ids": [Command.create({**key, "part": "key"})],
                "value_ids": [Command.create(value)],
            }
        )
        return True

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
