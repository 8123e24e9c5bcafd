# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Rows as PostgreSQL's ``COPY … WITH (FORMAT binary)`` takes them.

Long values go as they are: in an INSERT they are quoted, and ``bytea`` is written as
hexadecimal text, all of which PostgreSQL has to parse. Numbers are in network byte
order; see "Binary Format" under COPY in PostgreSQL's manual, and the ``_recv`` function
of each type.
"""

import io
import json
import struct
from datetime import datetime, timedelta

from odoo.tools import SQL

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = struct.pack(">h", -1)
_NULL = struct.pack(">i", -1)
_EPOCH = datetime(2000, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_JSONB_VERSION = b"\x01"
_READ_BYTES = 1024 * 1024  # of a piece that psycopg2 sends
_LENGTH = struct.Struct(">i")


def _timestamp(value):
    return struct.pack(">q", (value - _EPOCH) // _MICROSECOND)


_ENCODERS = {
    "int4": struct.Struct(">i").pack,
    "int8": struct.Struct(">q").pack,
    "bool": struct.Struct(">?").pack,
    "varchar": str.encode,
    "text": str.encode,
    "bytea": bytes,
    "timestamp": _timestamp,
    "jsonb": lambda value: _JSONB_VERSION + json.dumps(value).encode(),
}


def can_copy(column_types):
    """Whether values of these types can be written."""
    return set(column_types) <= _ENCODERS.keys()


def copy_rows(cr, table, column_types, rows):
    """Insert rows.

    :param column_types: ``{column: its type as Odoo's fields name it}``
    :param rows: iterables of values in the order of the columns; ``None`` is NULL.
    :raise psycopg2.Error: as an INSERT does.
    """
    encoders = [_ENCODERS[kind] for kind in column_types.values()]
    count = struct.pack(">h", len(encoders))
    pieces = [_SIGNATURE]
    for row in rows:
        pieces.append(count)
        for encode, value in zip(encoders, row, strict=True):
            if value is None:
                pieces.append(_NULL)
            else:
                encoded = encode(value)
                pieces += (_LENGTH.pack(len(encoded)), encoded)
    pieces.append(_END)
    # No ORM equivalent: it writes with INSERT only.
    query = SQL(
        "COPY %s (%s) FROM STDIN WITH (FORMAT binary)",
        SQL.identifier(table),
        SQL(", ").join(map(SQL.identifier, column_types)),
    )
    cr.copy_expert(query.code, io.BytesIO(b"".join(pieces)), _READ_BYTES)
