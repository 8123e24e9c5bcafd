# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What devices say, in three sizes: a number, a record, a series."""

import json

_RECORD = {
    "machine": "press-7",
    "state": "running",
    "temperature": 63.2,
    "vibration": [0.12, 0.11, 0.14],
    "operator": "Müller",
}


def _padded(size: int) -> bytes:
    """JSON of at most that size, and nearly, with a number of ten digits."""
    content = {"at": 1_700_000_000, **(_RECORD if size > 200 else {}), "values": []}
    left = size - len(_dump(content))
    content["values"] = [6000 + number % 97 for number in range(left // 6)]
    return _dump(content)


def _dump(content: dict) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()


def _payload(size: int):
    head, tail = _padded(size).split(b"1700000000")
    return lambda number: b"%s%d%s" % (head, 1_700_000_000 + number, tail)


SIZES = (60, 1024, 64 * 1024)
PAYLOADS = {size: _payload(size) for size in SIZES}  # by size: payload of a number
