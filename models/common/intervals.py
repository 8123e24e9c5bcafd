# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Minutes and hours as texts, in the user's time zone: what records can be grouped by.

Odoo's search menu has no interval below a day, its views none below an hour.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytz

from odoo import fields
from odoo.fields import Domain
from odoo.tools import SQL


@dataclass(frozen=True)
class Interval:
    """Kind of interval.

    :ivar length: of one.
    :ivar text: how its beginning is written, as Python's ``strftime`` takes it.
    :ivar sql: the same, as PostgreSQL's ``to_char`` takes it.
    """

    length: timedelta
    text: str
    sql: str


INTERVALS = {
    "minute": Interval(timedelta(minutes=1), "%Y-%m-%d %H:%M", "YYYY-MM-DD HH24:MI"),
    "hour": Interval(timedelta(hours=1), "%Y-%m-%d %H:00", "YYYY-MM-DD HH24:00"),
}


def time_zones():
    """All time zones, as a field's selection has them."""
    return [(name, name) for name in pytz.all_timezones]


def zone_of_user(env):
    """The time zone that days and hours are those of."""
    return pytz.timezone(env.context.get("tz") or env.user.tz or "UTC")


def interval_text(record, moment, name):
    """The interval that a time in UTC is in; ``False`` without a time."""
    if not moment:
        return False
    local = fields.Datetime.context_timestamp(record, moment)
    return local.strftime(INTERVALS[name].text)


def interval_sql(env, moment, name):
    """:func:`interval_text` in PostgreSQL, of an ``SQL`` expression of a time."""
    return SQL(
        "to_char(timezone(%s, timezone('UTC', %s)), %s)",
        zone_of_user(env).zone,
        moment,
        INTERVALS[name].sql,
    )


def domain_of_interval(env, field_name, name, text):
    """What is in an interval, as a range that an index of the time finds."""
    interval = INTERVALS[name]
    try:
        begin = datetime.strptime(text, interval.text)
    except ValueError:
        return Domain.FALSE
    zone = zone_of_user(env)
    # When clocks are put back, an interval of this name comes twice.
    begins = {
        zone.localize(begin, is_dst=is_dst).astimezone(pytz.utc).replace(tzinfo=None)
        for is_dst in (True, False)
    }
    return Domain.OR(
        Domain(field_name, ">=", at) & Domain(field_name, "<", at + interval.length)
        for at in begins
    )
