# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import shutil
from dataclasses import dataclass

from odoo import api, fields, models
from odoo.tools.misc import format_decimalized_number

DAY = 86_400  # seconds
LEAST_SECONDS = 60  # of receiving, before which there is no rate
UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


@dataclass
class HistoryFacts:
    """What PostgreSQL knows of the table of messages without reading it.

    :param size: bytes, with indexes; :param rows: as counted lately.
    :param shares: of the rows, by id of the service; ``None`` until it has statistics.
    """

    size: int
    rows: float
    shares: dict[int, float] | None


class MqttService(models.Model):
    """How large the history of a service is, and where that leads: estimates only."""

    _inherit = "mqtt.service"

    history_size = fields.Char(
        string="Size of History",
        compute="_compute_history_size",
        compute_sudo=True,
        help="Estimate of the disk space of the messages of this service, without "
        "attachments.",
    )
    history_growth = fields.Char(
        string="Growth",
        compute="_compute_history_size",
        compute_sudo=True,
        help="Estimate from the mean rate since the listener took over the service.",
    )

    @api.depends_context("lang", "tz")
    def _compute_history_size(self):
        facts = self._history_facts()
        for service in self:
            service.history_size = service._describe_history_size(facts)
            service.history_growth = service._describe_growth(facts)

    def _history_facts(self):
        # No ORM equivalent: sizes and statistics are PostgreSQL's. Of a history by
        # month, each month is a table that inherits from this one.
        table = self.env["mqtt.signal.history"]._table
        self.env.cr.execute(
            """
            SELECT coalesce(sum(pg_total_relation_size(part.oid)), 0)::bigint,
                   coalesce(sum(greatest(part.reltuples, 0)), 0)
              FROM pg_class AS part
             WHERE part.relkind = 'r'
               AND (part.oid = %(table)s::regclass
                    OR part.oid IN (SELECT inhrelid FROM pg_inherits
                                     WHERE inhparent = %(table)s::regclass))
            """,
            {"table": table},
        )
        size, rows = self.env.cr.fetchone()
        self.env.cr.execute(
            """
            SELECT most_common_vals::text::int[], most_common_freqs
              FROM pg_stats
             WHERE schemaname = current_schema() AND tablename = %s
               AND attname = 'service_id' AND most_common_vals IS NOT NULL
             ORDER BY inherited DESC LIMIT 1
            """,
            [table],
        )
        found = self.env.cr.fetchone()
        shares = dict(zip(*found, strict=True)) if found else None
        return HistoryFacts(size, rows, shares)

    def _history_bytes(self, facts):
        return facts.size * (facts.shares or {}).get(self._origin.id, 0)

    def _describe_history_size(self, facts):
        if not facts.shares or not facts.rows:
            return self.env._("not known yet")
        share = facts.shares.get(self._origin.id, 0)
        return self.env._(
            "about %(size)s, %(count)s messages",
            size=self._describe_bytes(facts.size * share),
            count=format_decimalized_number(facts.rows * share),
        )

    def _describe_growth(self, facts):
        growth = self._bytes_a_day(facts)
        if growth is None:
            return self.env._("not known yet")
        text = self.env._("about %s a day", self._describe_bytes(growth))
        held = self._history_bytes(facts)
        end = growth * self.retention_days  # 0: without end
        if end:
            text += self.env._(
                "; with this retention, %s in the end", self._describe_bytes(end)
            )
        free = self._free_bytes()
        if free is not None and growth and (not end or end - held > free):
            text += self.env._(
                "; the disk of the database is full in about %s",
                self._describe_seconds(free / growth * DAY),
            )
        return text

    def _bytes_a_day(self, facts):
        """Estimate, ``None`` where there is no base for one."""
        connection = self.connection_ids
        since = self.listening_since
        if not since or not facts.rows:
            return None
        seconds = (fields.Datetime.now() - since).total_seconds()
        if seconds < LEAST_SECONDS:
            return None
        received = max(connection.received - connection.received_before, 0)
        return received / seconds * DAY * facts.size / facts.rows

    def _free_bytes(self):
        """Of the disk of the database, where that is on this host and can be known."""
        # A server of another host, and a user who may not read the setting, have none.
        self.env.cr.execute(
            """
            SELECT setting FROM pg_settings
             WHERE name = 'data_directory'
               AND coalesce(inet_server_addr() << '127.0.0.0/8', true)
            """
        )
        found = self.env.cr.fetchone()
        try:
            return shutil.disk_usage(found[0]).free if found else None
        except OSError:
            return None

    def _describe_bytes(self, size):
        unit = 0
        while size >= 1024 and unit < len(UNITS) - 1:
            size, unit = size / 1024, unit + 1
        return f"{size:.{1 if unit and size < 100 else 0}f} {UNITS[unit]}"
