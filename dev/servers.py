# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The servers a test or a tool starts: private, on loopback, each in its directory.

with Postgres(folder / "pg") as pg, Mosquitto(folder / "mq") as broker:
    odoo = Odoo(folder / "odoo", pg, "test", workers=2)
    odoo.install("mqtt_listener")
    with odoo:
        odoo.call("mqtt.service", "check_mqtt_status")
        broker.kill(); broker.start().wait_ready()   # the same port again
"""

from .mosquitto import Mosquitto, mosquitto
from .odoo_server import Odoo
from .postgres import Postgres, postgres
from .process import Server, lease_port, wait_until
from .proxy import Proxy

__all__ = [
    "Mosquitto",
    "Odoo",
    "Postgres",
    "Proxy",
    "Server",
    "lease_port",
    "mosquitto",
    "postgres",
    "wait_until",
]
