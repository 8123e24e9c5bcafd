"""The fault matrix in its short form: each fault once, nothing lost or doubled."""

import pytest

from dev.faults.matrix import FAULTS
from dev.faults.trial import try_fault
from dev.faults.world import prepare

MESSAGES = 600


@pytest.fixture(scope="module")
def template(folder):
    """A PostgreSQL with the addon, for each fault to copy."""
    return prepare(folder / "faults")


@pytest.mark.parametrize("name", FAULTS)
def test_fault(template, name):
    row = try_fault(name, rounds=1, messages=MESSAGES, template=template)
    assert row.is_good, row
    assert row.messages >= MESSAGES
