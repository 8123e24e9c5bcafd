# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""History in monthly partitions, as docs/scaling.md describes it."""

from service import Service, publish

from dev import paths

SCRIPTS = paths.CHECKOUT / "dev/bench"


def run_script(odoo, name, month):
    """Run one of the scripts as psql does."""
    run(odoo, (SCRIPTS / name).read_text().replace(":'name'", f"'{month}'"))


def run(odoo, script):
    with odoo.databases.connect(odoo.database) as connection:
        connection.autocommit = True
        connection.cursor().execute(script)


def test_a_month_comes_and_goes(new_odoo, broker):
    """Messages of all months are found and handled, the addon can be updated, and a
    month is dropped as a whole.
    """
    odoo = new_odoo(workers=0)
    with odoo:
        service = Service(odoo, broker, "months/#")
        service.start()
        publish(broker, "months/1", "october")
        service.wait_stored(1)
        run_script(odoo, "new_month.sql", "2026_10")
        publish(broker, "months/2", "november")
        service.wait_stored(2)
        run_script(odoo, "new_month.sql", "2026_11")
    odoo.update("mqtt_listener")
    with odoo:
        service.wait_status("connected")
        publish(broker, "months/3", "december")
        service.wait_stored(3)
        found = odoo.call(
            "mqtt.signal.history",
            "search_read",
            [("service_id", "=", service.id)],
            ["payload", "state"],
            order="timestamp DESC, sequence DESC, id DESC",
        )
        assert [one["payload"] for one in found] == ["december", "november", "october"]
        assert {one["state"] for one in found} == {"stored"}
        # A later message may refer to one of an earlier month, as corrections do.
        run(
            odoo,
            "UPDATE mqtt_signal_history SET corrected_from_id = "
            f"{found[2]['id']} WHERE payload = 'december'",
        )
        run_script(odoo, "drop_month.sql", "2026_10")
        assert service.rows("payload, corrected_from_id") == [
            ("november", None),
            ("december", None),
        ]
