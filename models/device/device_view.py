# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ...mqtt.reading import NUMBER
from ..common.actions import open_records
from ..common.groups import OPERATOR
from .mqtt_device_value import shown_value
from .mqtt_reading import TABLE

SHOWN_MESSAGES = 10
SPARKLINE_HOURS = 24


class MqttDevice(models.Model):
    """What a form shows of a device: its own, or that of the record it belongs to."""

    _inherit = "mqtt.device"

    def widget_data(self, res_model=None, res_id=None):
        """What the widget ``mqtt_device`` shows, in three queries.

        :param res_model: model of a record whose device it is about, instead of this.
        :param res_id: id of that record.
        :return: a dict, or ``False`` when no device belongs to the record.
        """
        if res_model:
            domain = [("res_model", "=", res_model), ("res_id", "=", res_id)]
        else:
            self.ensure_one()
            self.check_access("read")
            domain = [("id", "=", self.id)]
        device = self._shown_device(domain)
        if not device:
            return False
        labels = dict(self._fields["state"]._description_selection(self.env))
        return {
            **device,
            "last_seen": device["last_seen"] and device["last_seen"].isoformat(),
            "state_label": labels[device["state"]],
            "may_publish": self.env.user.has_group(OPERATOR),
            "values": self._chips(device["id"]),
        }

    def _shown_device(self, domain):
        """Fields of the first of the devices that the user may read, or ``None``."""
        self.env["mqtt.device"].check_access("read")
        every = self.env["mqtt.device"].with_context(active_test=False)
        every.flush_model()
        self.env["mqtt.device.rule"].flush_model(["silent_after"])
        query = every._search(domain, limit=1)  # with the record rules
        # No ORM equivalent: the state is an expression, and fields with it one query.
        names = ("id", "name", "last_seen", "topic", "accepted", "service_id")
        found = self.env.execute_query(
            query.select(
                *(SQL.identifier(query.table, name) for name in names),
                every._state_to_sql(query.table),
            )
        )
        return dict(zip((*names, "state"), found[0], strict=True)) if found else None

    def _chips(self, device_id):
        """The last value of each metric, as a dict with what a chip shows of it."""
        self.env["mqtt.device.value"].flush_model()
        self.env["mqtt.metric"].flush_model()
        # No ORM equivalent: values and metrics in one query. Whoever may read the
        # device may read them.
        self.env.cr.execute(
            """
            SELECT metric.id AS metric_id, metric.name, metric.unit, metric.kind,
                   value.number, value.text, value.time, value.quality
              FROM mqtt_device_value AS value
              JOIN mqtt_metric AS metric ON metric.id = value.metric_id
             WHERE value.device_id = %s AND metric.active
          ORDER BY metric.sequence, metric.id
            """,
            [device_id],
        )
        values = self.env.cr.dictfetchall()
        numbers = [one["metric_id"] for one in values if one["kind"] == NUMBER]
        recent = self._recent(device_id, numbers) if numbers else {}
        qualities = self.env["mqtt.device.value"]._fields["quality"]
        labels = dict(qualities._description_selection(self.env))
        return [
            {
                "metric_id": one["metric_id"],
                "name": one["name"],
                "unit": one["unit"] or "",
                "kind": one["kind"],
                "value": shown_value(self.env, **one),
                "time": one["time"].isoformat(),
                "quality": one["quality"],
                "quality_label": labels[one["quality"]],
                "recent": recent.get(one["metric_id"], []),
            }
            for one in values
        ]

    def _recent(self, device_id, metric_ids):
        """Means of the half hours of the last day of each metric.

        :return: ``{metric id: [numbers]}``, oldest first
        """
        # No ORM equivalent: the newest of each metric, by the index.
        self.env.cr.execute(
            SQL(
                """
                SELECT metric.id, array_agg(mean ORDER BY hour)
                  FROM mqtt_metric AS metric
                 CROSS JOIN LATERAL (
                    SELECT avg(number) AS mean, width_bucket(
                               extract(epoch FROM now() AT TIME ZONE 'UTC' - time),
                               0, %(seconds)s, 48) * -1 AS hour
                      FROM %(table)s
                     WHERE device_id = %(device)s AND metric_id = metric.id
                       AND time >= (now() AT TIME ZONE 'UTC')
                                   - %(seconds)s * interval '1 second'
                  GROUP BY 2) AS hours
                 WHERE metric.id IN %(metrics)s
              GROUP BY metric.id
                """,
                seconds=SPARKLINE_HOURS * 3600,
                table=SQL.identifier(TABLE),
                device=device_id,
                metrics=tuple(metric_ids),
            )
        )
        return dict(self.env.cr.fetchall())

    def last_messages(self):
        """The last messages that a reading of this device was read from, newest first:
        dicts of ``id``, ``topic``, ``time`` and ``payload`` (the beginning of it).
        """
        self.ensure_one()
        self.check_access("read")
        messages = self.env["mqtt.signal.history"].search(
            [("id", "in", self._message_ids())]
        )
        return [
            {
                "id": one.id,
                "topic": one.topic,
                "time": one.timestamp.isoformat(),
                "payload": one.payload_preview,
            }
            for one in messages
        ]

    def _message_ids(self):
        # No ORM equivalent: the newest of each metric, by the index.
        self.env.cr.execute(
            SQL(
                """
                SELECT DISTINCT message_id FROM mqtt_metric AS metric
                 CROSS JOIN LATERAL (
                    SELECT message_id FROM %(table)s
                     WHERE device_id = %(device)s AND metric_id = metric.id
                  ORDER BY time DESC LIMIT %(limit)s) AS newest
                 WHERE metric.rule_id = %(rule)s
              ORDER BY message_id DESC LIMIT %(limit)s
                """,
                table=SQL.identifier(TABLE),
                device=self.id,
                rule=self.rule_id.id,
                limit=SHOWN_MESSAGES,
            )
        )
        return [message_id for (message_id,) in self.env.cr.fetchall()]

    def action_open_readings(self):
        """Open the readings of these devices."""
        self.check_access("read")
        return open_records(
            self.env, "mqtt_reading_action", [("device_id", "in", self.ids)]
        )

    def action_open_record(self):
        """Open the record that the device belongs to."""
        self.ensure_one()
        self.check_access("read")
        if not self.record:
            raise UserError(self.env._("The record does not exist."))
        return self.record.get_formview_action()
