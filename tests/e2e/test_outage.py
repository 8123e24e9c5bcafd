"""Jobs whose database connection breaks each time: they end, and cost their neighbours
nothing.
"""

import os

import pytest
from service import Numbers, Service, publish

from dev.servers import wait_until

LARGE = 2 * 1024 * 1024  # bytes; the listener takes such messages one by one
# Without Odoo's cron workers: they die with the database, and the master with them.
WITHOUT_CRON = {"max_cron_threads": 0}
LETHAL = """
    CREATE FUNCTION lethal() RETURNS trigger AS $$ BEGIN
        COPY (SELECT 1) TO PROGRAM 'kill -9 $PPID';
        RETURN NEW;
    END $$ LANGUAGE plpgsql;
    CREATE TRIGGER lethal BEFORE INSERT ON {table}
        FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION lethal();
"""


@pytest.fixture
def odoo_without_cron(new_odoo):
    with new_odoo(workers=2, options=WITHOUT_CRON) as odoo:
        yield odoo


def test_a_handler_that_outlasts_the_server(new_odoo, broker, postgres, tmp_path):
    """It is tried a few times and given up; the others are handled once each."""
    marks = tmp_path / "marks"
    marks.touch()
    with new_odoo(workers=2) as odoo:
        database = odoo.database
        set_parameter(odoo, "marks", str(marks))
        postgres.query(
            database,
            f'ALTER DATABASE "{database}"'
            " SET idle_in_transaction_session_timeout = 1000",
        )
        service = Service(odoo, broker, "e2e/outlasts")
        service.start()
        numbers = Numbers(broker, "e2e/outlasts", rate=500, limit=20)
        numbers.start()
        numbers.finish()
        failed = "state = 'failed' AND mqtt_message_id IS NOT NULL"
        wait_until(lambda: count(postgres, database, failed), 120, "not given up")
        open_jobs = "state NOT IN ('done', 'failed') AND mqtt_service_id IS NOT NULL"
        wait_until(
            lambda: not count(postgres, database, open_jobs), 60, "something is tried"
        )
        handled = postgres.query(database, "SELECT number FROM mqtt_e2e_row ORDER BY 1")
        assert [number for (number,) in handled] == [
            number for number in range(20) if number != 7
        ]
        assert count(postgres, database, failed) == 1
        # Once in the job that stores, with many, with few, alone; then its own tries.
        assert len(marks.read_text()) <= 4 + 3
        set_parameter(odoo, "repaired", "1")
        jobs = odoo.call("queue.job", "search", [("state", "=", "failed")])
        odoo.call("queue.job", "action_mqtt_requeue", jobs)
        wait_until(lambda: len(numbers_handled(postgres, database)) == 20, 60, "not")


def set_parameter(odoo, name, value):
    odoo.call("ir.config_parameter", "set_param", f"mqtt_e2e.{name}", value)


def count(postgres, database, where):
    ((found,),) = postgres.query(
        database, f"SELECT count(*) FROM queue_job WHERE {where}"
    )
    return found


def numbers_handled(postgres, database):
    return postgres.query(database, "SELECT number FROM mqtt_e2e_row")


def quarantined(service):
    """Topic, reason and bytes that are kept of what could not be stored."""
    return service.odoo.databases.query(
        service.odoo.database,
        "SELECT topic, reason, length(content) FROM mqtt_quarantine",
    )


def test_a_message_that_kills_the_server_that_stores_it(
    odoo_without_cron, broker, postgres
):
    """Each time: it goes into quarantine, and the others are stored."""
    odoo = odoo_without_cron
    postgres.query(
        odoo.database,
        LETHAL.format(
            table="mqtt_signal_history", condition="NEW.topic = 'kills/lethal'"
        ),
    )
    service = Service(odoo, broker, "kills/#")
    service.start()
    for topic in ("kills/1", "kills/lethal", "kills/2"):
        publish(broker, topic, "x")
    wait_until(lambda: answered(lambda: quarantined(service)), 180, "not found")
    ((topic, reason, _size),) = quarantined(service)
    assert topic == "kills/lethal"
    assert "times" in reason
    wait_until(
        lambda: answered(lambda: len(service.rows())) == 2, 60, "others are not stored"
    )
    publish(broker, "kills/3", "x")
    service.wait_stored(3)


def test_a_message_that_kills_the_server_that_keeps_it(
    odoo_without_cron, broker, postgres
):
    """The listener cannot even enqueue it: what is known of it is kept."""
    odoo = odoo_without_cron
    postgres.query(
        odoo.database,
        LETHAL.format(
            table="mqtt_batch", condition=f"octet_length(NEW.content) >= {LARGE}"
        ),
    )
    service = Service(odoo, broker, "large/#")
    service.start()
    publish(broker, "large/1", "x")
    publish(broker, "large/lethal", os.urandom(LARGE))
    publish(broker, "large/2", "x")
    wait_until(lambda: answered(lambda: quarantined(service)), 180, "not found")
    ((topic, _reason, size),) = quarantined(service)
    assert topic == "large/lethal"
    assert size < LARGE
    wait_until(
        lambda: answered(lambda: len(service.rows())) == 2, 60, "others are not stored"
    )


def answered(ask):
    """What the server says; ``None`` while it is away."""
    try:
        return ask()
    except Exception:  # noqa: BLE001
        return None
