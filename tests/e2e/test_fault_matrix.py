# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The fault matrix in its short form: each fault once, nothing lost or doubled."""

import pytest

from dev.faults.__main__ import try_faults
from dev.faults.matrix import FAULTS

MESSAGES = 600
AT_ONCE = 2  # most of a trial is waiting for what has to recover


@pytest.fixture(scope="module")
def rows():
    """What became of each fault."""
    rows = try_faults(list(FAULTS), rounds=1, messages=MESSAGES, at_once=AT_ONCE)
    return {row.fault: row for row in rows}


@pytest.mark.parametrize("name", FAULTS)
def test_fault(rows, name):
    row = rows[name]
    assert row.is_good, row
    assert row.messages >= MESSAGES
