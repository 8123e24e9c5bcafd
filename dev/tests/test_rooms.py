"""The import rules hold, and the check sees what breaks them."""

import pytest

from dev import rooms


def test_the_addon_keeps_to_its_rooms():
    """Every import of the addon is one that its room allows."""
    found = rooms.breaches()
    assert not found, "\n".join(map(str, found))


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("mqtt/topic.py", "import odoo"),
        ("mqtt/topic.py", "from ..models import mqtt_service"),
        ("mqtt/topic.py", "import paho.mqtt.client"),
        ("models/service/mqtt_service.py", "from ..listener import server"),
        ("models/service/mqtt_service.py", "from .. import listener"),
        (
            "models/service/mqtt_service.py",
            "def f():\n    from ..listener import server",
        ),
        ("jobs/ingest.py", "from odoo.addons.mqtt_listener.listener import inbox"),
        ("listener/inbox.py", "from paho.mqtt import client"),
        ("listener/inbox.py", "import psycopg2"),
        ("listener/inbox.py", "from odoo.sql_db import db_connect"),
        ("listener/bridge.py", "from odoo.service import server"),
        ("listener/bridge.py", "from ..models import mqtt_service"),
        ("models/service/mqtt_service.py", "from odoo.orm import fields"),
        ("controllers/main.py", "from ..dev import servers"),
    ],
)
def test_a_forbidden_import_is_found(file, source):
    """What a rule forbids is reported with its line."""
    found = rooms.check(file, source)
    assert found
    assert str(found[0]).startswith(f"{file}:{1 + source.count(chr(10))}: imports ")


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("mqtt/topic.py", "from paho.mqtt.matcher import MQTTMatcher"),
        ("mqtt/topic.py", "import re\nfrom .message import Message"),
        (
            "models/service/mqtt_service.py",
            "from odoo import models\nfrom ..mqtt import topic",
        ),
        ("broker/client.py", "import paho.mqtt.client as paho"),
        ("listener/bridge.py", "import psycopg2\nfrom odoo.sql_db import db_connect"),
        ("listener/server.py", "from odoo.service import server"),
        ("tests/e2e/test_x.py", "from dev.servers import Odoo\nimport psycopg2"),
    ],
)
def test_an_allowed_import_is_no_breach(file, source):
    """What a room may import is left alone."""
    assert not rooms.check(file, source)
