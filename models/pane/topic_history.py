# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import datetime, timedelta, timezone

from odoo import models
from odoo.fields import Domain
from odoo.tools import SQL

EPOCH = datetime(1970, 1, 1)
NEWEST_FIRST = "timestamp desc, id desc"
OLDEST_FIRST = "timestamp, id"
ROWS = 100  # of a list
COUNTED = 10_000  # messages that are counted beyond those of a list
AHEAD_SECONDS = 60  # by which the clock of a listener's host may be ahead


class MqttService(models.Model):
    """The messages of one topic, for the pane that shows it.

    Times are seconds since 1970, with a fraction: a Datetime of Odoo's has none.
    Messages of the same time are in the order in which they were stored.
    """

    _inherit = "mqtt.service"

    def topic_history(self, topic, span):
        """The newest messages of a topic in a span.

        Its cost does not depend on how many messages there are.

        :param topic: name of a topic.
        :param span: see :func:`bounds`.
        :return: ``rows`` (the newest :data:`ROWS`, each with ``id``, ``time``,
            ``preview``, ``size``, ``qos``, ``retain``, ``direction``, ``state``,
            ``state_label``), ``more`` (how many there are besides, at most
            :data:`COUNTED`) and ``has_more_than_counted``.
        :raise AccessError: for a user who may not read the service.
        """
        domain = self._domain_of_topic(topic) & self._domain_of_span(span)
        history = self.env["mqtt.signal.history"]
        # As the index has it, so that no more messages are read than are shown.
        found = history.search(domain, order="timestamp desc", limit=ROWS)
        found = found.sorted(lambda one: (one.timestamp, one.id), reverse=True)
        more = 0
        if len(found) == ROWS:
            more = history.search_count(domain, limit=ROWS + COUNTED + 1) - ROWS
        labels = dict(history._fields["state"]._description_selection(self.env))
        rows = [
            {
                "id": message.id,
                "time": to_seconds(message.timestamp),
                "preview": message.payload_preview,
                "size": message.size,
                "qos": message.qos,
                "retain": message.retain,
                "direction": message.direction,
                "state": message.state,
                "state_label": labels[message.state],
            }
            for message in found.sorted(
                lambda one: (one.timestamp, one.id), reverse=True
            )
        ]
        return {
            "rows": rows,
            "more": min(more, COUNTED),
            "has_more_than_counted": more > COUNTED,
        }

    def _domain_of_topic(self, topic):
        """The messages of a topic of this service, whichever their direction.

        :raise AccessError: for a user who may not read the service.
        """
        self.ensure_one()
        self.check_access("read")
        topic = topic if isinstance(topic, str) else ""
        return Domain("service_id", "=", self.id) & Domain("topic", "=", topic)

    def _domain_of_span(self, span):
        """Messages in a span.

        :param span: see :func:`bounds`.
        """
        begin, end = (SQL("%s", from_seconds(bound)) for bound in bounds(span))
        return compare_time(">=", begin) & compare_time("<", end)


def bounds(span):
    """Begin and end of a span of time, in seconds since 1970.

    :param span: a number of seconds, which are the last ones; or begin and end, in
        seconds since 1970.
    """
    if isinstance(span, int | float):
        end = datetime.now(timezone.utc).timestamp() + AHEAD_SECONDS
        return end - AHEAD_SECONDS - span, end
    begin, end = span
    return begin, end


def compare_time(operator, value):
    """A condition on the time of a message, to the microsecond.

    :param operator: of SQL; :param value: ``SQL`` of a time.
    """
    # No ORM equivalent: it leaves microseconds out.
    return Domain.custom(
        to_sql=lambda model, alias, query: SQL(
            "%s %s %s",
            model._field_to_sql(alias, "timestamp", query),
            SQL(operator),
            value,
        )
    )


def after_message(message):
    """Messages after one, in their order."""
    return _beyond(message, ">")


def before_message(message):
    """Messages before one, in their order."""
    return _beyond(message, "<")


def _beyond(message, operator):
    # No ORM equivalent: it leaves microseconds out. The times alone are for the index,
    # whose columns are not those of the rows that are compared.
    return Domain.custom(
        to_sql=lambda model, alias, query: SQL(
            "(%(time)s %(operator)s= %(own)s"
            " AND (%(time)s, %(id)s) %(operator)s (%(own)s, %(own_id)s))",
            time=model._field_to_sql(alias, "timestamp", query),
            id=model._field_to_sql(alias, "id", query),
            operator=SQL(operator),
            own=message.timestamp,
            own_id=message.id,
        )
    )


def to_seconds(time):
    """Seconds since 1970 of a time in UTC without a zone."""
    return time.replace(tzinfo=timezone.utc).timestamp()


def from_seconds(seconds):
    """The time that is so many seconds after 1970, or the nearest that there is."""
    seconds = float(seconds)
    try:
        return EPOCH + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        return datetime.max if seconds > 0 else EPOCH
