"""The checks of ``make brokers`` in their short form: two brokers, few messages."""

import pytest

from dev.brokers.__main__ import CHECKS, is_at_hand, try_brokers
from dev.brokers.mosquitto import MosquittoSqlite
from dev.brokers.rabbitmq import RabbitMQ

KINDS = (MosquittoSqlite, RabbitMQ)
MESSAGES = 500
SHORT = [name for name in CHECKS if name != "`$share`"]  # RabbitMQ delivers none


@pytest.fixture(scope="module")
def rows():
    """What became of each check, by broker and check."""
    rows = try_brokers(KINDS, SHORT, MESSAGES, protocols=("5",))
    return {(row.broker, row.check): row for row in rows}


@pytest.mark.parametrize("check", SHORT)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.title)
def test_broker(rows, kind, check):
    if not is_at_hand(kind):
        pytest.skip(f"{kind.title} cannot be had here")
    row = rows[kind.title, check]
    assert row.is_good, row
    assert row.stored, row
