from odoo import models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..common.actions import open_records
from ..common.groups import OPERATOR
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
        self.env["mqtt.device"].check_access("read")
        if res_model:
            self = self.with_context(active_test=False).search(
                [("res_model", "=", res_model), ("res_id", "=", res_id)], limit=1
            )
            if not self:
                return False
        self.ensure_one()
        self.check_access("read")
        state = dict(self._fields["state"]._description_selection(self.env))
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "state_label": state[self.state],
            "last_seen": self.last_seen and self.last_seen.isoformat(),
            "accepted": self.accepted,
            "topic": self.topic or "",
            "service_id": self.service_id.id,
            "may_publish": self.env.user.has_group(OPERATOR),
            "values": self._chips(),
        }

    def _chips(self):
        """The last value of each metric, as a dict with what a chip shows of it."""
        values = self.env["mqtt.device.value"].search_fetch(
            [("device_id", "=", self.id)]
        )
        labels = dict(values._fields["quality"]._description_selection(self.env))
        shown = values.sorted(
            lambda one: (one.metric_id.sequence, one.metric_id.id)
        ).filtered("metric_id.active")
        recent = self._recent(shown.metric_id)
        return [
            {
                "metric_id": one.metric_id.id,
                "name": one.metric_id.name,
                "unit": one.metric_id.unit or "",
                "kind": one.metric_id.kind,
                "value": one.value,
                "time": one.time.isoformat(),
                "quality": one.quality,
                "quality_label": labels[one.quality],
                "recent": recent.get(one.metric_id.id, []),
            }
            for one in shown
        ]

    def _recent(self, metrics):
        """Means of the hours of the last day of each metric that is a number.

        :return: ``{metric id: [numbers]}``, oldest first
        """
        numbers = metrics.filtered(lambda one: one.kind == "number")
        if not numbers:
            return {}
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
                device=self.id,
                metrics=tuple(numbers.ids),
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
