# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Services of one node whose failures are their own."""

from service import Service, publish

REFUSE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN RAISE EXCEPTION ''this service is refused''; END';
    CREATE TRIGGER refuse BEFORE UPDATE ON mqtt_connection
        FOR EACH ROW WHEN (NEW.service_id = %s) EXECUTE FUNCTION refuse()
"""
# A value that cannot be read, past the model that would refuse it.
SET_QOS = "UPDATE mqtt_subscription SET qos = %s WHERE service_id = %s"
LOCKS = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = %s"


def test_a_service_that_cannot_be_claimed(new_odoo, broker):
    """The others keep their locks and connections, and it is started once it can be."""
    with new_odoo(workers=0) as odoo:
        run = odoo.databases.query
        good = Service(odoo, broker, "good/#")
        good.start()
        holder = run(odoo.database, LOCKS, good.id)
        identifier = good.read("thread_identifier")
        bad = Service(odoo, broker, "bad/#", name="Refused")
        run(odoo.database, REFUSE, bad.id)
        mark = odoo.log_size()
        assert bad.call("start_mqtt_service") is True
        odoo.wait_log("this service is refused", timeout=30, since=mark)
        other = Service(odoo, broker, "other/#", name="Other")
        other.start()
        publish(broker, "good/1", "one")
        good.wait_stored(1)
        assert run(odoo.database, LOCKS, good.id) == holder, "the lock was dropped"
        assert good.read("thread_identifier") == identifier
        run(odoo.database, "DROP TRIGGER refuse ON mqtt_connection")
        bad.wait_status("connected")
        assert run(odoo.database, LOCKS, good.id) == holder, "the lock was dropped"


def test_a_service_whose_settings_cannot_be_read(new_odoo, broker):
    """What runs keeps its locks and connections, and is read again once it can be."""
    with new_odoo(workers=0) as odoo:
        run = odoo.databases.query
        good = Service(odoo, broker, "good/#")
        good.start()
        holder = run(odoo.database, LOCKS, good.id)
        bad = Service(odoo, broker, "bad/#", name="Broken")
        bad.start()
        mark = odoo.log_size()
        run(odoo.database, SET_QOS, "high", bad.id)
        odoo.wait_log("invalid literal for int", timeout=30, since=mark)
        publish(broker, "good/1", "one")
        good.wait_stored(1)
        assert run(odoo.database, LOCKS, good.id) == holder, "the lock was dropped"
        run(odoo.database, SET_QOS, "1", bad.id)
        other = Service(odoo, broker, "other/#", name="Other")
        other.start()
        assert run(odoo.database, LOCKS, good.id) == holder, "the lock was dropped"
