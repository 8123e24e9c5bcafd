# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How PostgreSQL keeps a column's long values: Odoo has no setting for that.

What is set holds for rows written from then on; those that exist stay as they are and
are read as before, so no table is rewritten.
"""

from odoo.tools import SQL

FAST = "lz4"


def keep_uncompressed(cr, table, *columns):
    """Have PostgreSQL keep long values of columns as they are: they come compressed, or
    are not worth it.

    A column that an administrator has set up otherwise stays so.
    """
    for column in _untouched(cr, table, columns, "attstorage = 'x'"):
        cr.execute(
            SQL(
                "ALTER TABLE %s ALTER COLUMN %s SET STORAGE EXTERNAL",
                SQL.identifier(table),
                SQL.identifier(column),
            )
        )


def compress_fast(cr, table, *columns):
    """Have PostgreSQL compress long values of columns with lz4 where it was built with
    it (version 14 or later); elsewhere they stay as they are.

    A column that an administrator has set up otherwise stays so.
    """
    if not has_fast_compression(cr):
        return
    # '' is the server's default: nobody has chosen.
    for column in _untouched(
        cr, table, columns, "attstorage = 'x' AND attcompression = ''"
    ):
        cr.execute(
            SQL(
                "ALTER TABLE %s ALTER COLUMN %s SET COMPRESSION %s",
                SQL.identifier(table),
                SQL.identifier(column),
                SQL.identifier(FAST),
            )
        )


def has_fast_compression(cr):
    """Whether the server can compress columns with lz4."""
    cr.execute(
        "SELECT %s = ANY(enumvals) FROM pg_settings"
        " WHERE name = 'default_toast_compression'",
        [FAST],
    )
    return cr.fetchone() == (True,)


def _untouched(cr, table, columns, condition):
    # Asked first: ALTER TABLE waits for all who read the table.
    cr.execute(
        SQL(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass"
            " AND attname IN %s AND %s",
            table,
            columns,
            SQL(condition),
        )
    )
    return [name for (name,) in cr.fetchall()]
