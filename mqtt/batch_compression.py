# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Compression of a batch, once, before PostgreSQL gets to see it.

What is sent to PostgreSQL costs it more than what zlib's fastest level takes: ``bytea``
travels as hexadecimal text, which is written, parsed and read back, and pglz is several
times slower (``docs/benchmarks.md``). So the column itself does not compress.
"""

from __future__ import annotations

import zlib

# No header is that long, so a batch that begins with it is compressed.
_MARK = b"\xff\xff\xff\xff"
_LEVEL = 1
MIN_BYTES = 2048  # below it PostgreSQL keeps the batch in its row
_SAMPLE_BYTES = 4096
_SAMPLES = 3
_WHOLE_BYTES = 2 * _SAMPLES * _SAMPLE_BYTES  # up to it samples are not worth it
_WORTH = 0.6  # of the size: base64 of random bytes comes to 0.77, readings to 0.4


def compress(content: bytes) -> bytes:
    """The batch compressed, or as it is where that would not be worth the time."""
    size = len(content)
    if size < MIN_BYTES or (size > _WHOLE_BYTES and not _samples_are_worth_it(content)):
        return content
    compressed = zlib.compress(content, _LEVEL)
    return content if len(compressed) > _WORTH * size else _MARK + compressed


def decompress(content: bytes) -> bytes:
    """The batch that :func:`compress` was given.

    :raise zlib.error: when it is damaged.
    """
    if content[: len(_MARK)] != _MARK:
        return content
    return zlib.decompress(memoryview(content)[len(_MARK) :])


def _samples_are_worth_it(content: bytes) -> bool:
    """Whether pieces from all over the batch compress well."""
    view, step = memoryview(content), len(content) // (_SAMPLES + 1)
    compressed = sum(
        len(zlib.compress(view[start : start + _SAMPLE_BYTES], _LEVEL))
        for start in range(step, _SAMPLES * step + 1, step)
    )
    return compressed <= _WORTH * _SAMPLES * _SAMPLE_BYTES
