# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A batch with a large message on its way into its table, piece by piece.

In a statement ``bytea`` is hexadecimal text: the message, the text, the statement with
the text in it and what is sent of it are there at the same time. COPY takes bytes as
they are, and as much of them at a time as the sender likes. See "Binary Format" under
COPY in PostgreSQL's manual.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from types import SimpleNamespace

from psycopg2.extensions import cursor as Cursor

_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = struct.pack(">h", -1)
PIECE = 256 * 1024  # bytes that are copied at a time
COPY = (
    "COPY mqtt_batch (service_id, last_sequence, message_count, size, content)"
    " FROM STDIN WITH (FORMAT binary)"
)


def _cut(pieces: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    for piece in pieces:
        view = memoryview(piece)
        for start in range(0, len(view), PIECE):
            yield bytes(view[start : start + PIECE])


def copy_batch(
    cursor: Cursor,
    pieces: list[bytes | memoryview],
    *,
    service_id: int,
    after_sequence: int,
    total: int,
    to_store: int,
    size: int,
    **_parameters: object,
) -> None:
    """Insert the row of a batch, as the statement that makes others durable does.

    :param pieces: its content; the other parameters are the statement's.
    :raise psycopg2.Error: as an INSERT does.
    """
    length = sum(map(len, pieces))
    row = struct.pack(
        ">hiiiqiiiii",
        5,
        *(4, service_id),
        *(8, after_sequence + total),
        *(4, to_store),
        *(4, size),
        length,
    )
    parts = _cut([_SIGNATURE + row, *pieces, _END])
    file = SimpleNamespace(read=lambda _size: next(parts, b""))  # all that it needs
    cursor.copy_expert(COPY, file, PIECE)
