# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Secrets are used and stand nowhere afterwards, but in the columns that are theirs."""

import xmlrpc.client

import pytest
from service import Service, publish

from dev.certificates import Identity
from dev.process import lease_port
from dev.servers import Mosquitto, wait_until

HOST = "localhost"
# Every statement, too: what Odoo logs of them would show what they set.
HANDLERS = ":INFO,odoo.sql_db:DEBUG,odoo.addons.mqtt_listener:DEBUG"
COLUMNS = (
    "password_secret",
    "tls_key_secret",
    "tls_key_password_secret",
    "websocket_headers_secret",
)
GROUPS = ("user", "operator", "manager")
RECEIVED = "direction = 'receive'"


@pytest.fixture(scope="module")
def authority():
    return Identity("Plant CA", is_authority=True)


@pytest.fixture
def secure_broker(folder, authority):
    """WebSockets over TLS for those with a client certificate; MQTT beside it."""
    place = folder / "mosquitto-secrets"
    certificate, key = Identity(HOST, authority).write(place / "server")
    authorities, _key = authority.write(place / "clients")
    port = lease_port(14_000)
    extra = f"""
        listener {port} 127.0.0.1
        protocol websockets
        certfile {certificate}
        keyfile {key}
        cafile {authorities}
        require_certificate true
    """
    lines = "\n".join(line.strip() for line in extra.splitlines())
    with Mosquitto(place, autosave=100_000, extra=lines) as broker:
        broker.tls_port = port
        yield broker


def test_secrets_stand_nowhere(new_odoo, postgres, secure_broker, authority):
    """After they were entered, used, refused and replaced."""
    words = {"password": "s3cret-login", "tls_key_password": "s3cret-of-the-key"}
    client = Identity("odoo", authority)
    key = client.private_key(words["tls_key_password"])
    values = {
        **words,
        "tls_key": key,
        "websocket_headers": "X-Token: s3cret-header",
    }
    looked_for = [
        *words.values(),
        "s3cret-header",
        *key.splitlines()[1:-1],
        "s3cret-other",
        "s3cret-referred",
        "s3cret-not-indented",
    ]
    options = {"log_handler": HANDLERS}
    secrets = {"secret_me": "s3cret-referred", "secret_me_for": "localhost 127.0.0.1"}
    with new_odoo(options=options, mqtt=secrets) as odoo:
        service = Service(
            odoo,
            secure_broker,
            "tls/#",
            host=HOST,
            port=secure_broker.tls_port,
            tls=True,
            transport="websockets",
            username="me",
            tls_authorities=authority.certificate,
            tls_certificate=client.certificate,
            **values,
        )
        said = list(use(odoo, service, secure_broker, values))
        logs = odoo.log_text(), postgres.log_text()
        files = files_of(odoo)
        found = {
            "what was answered": occurrences(looked_for, *map(str, said)),
            "the logs": occurrences(looked_for, *logs),
            "files": occurrences(looked_for, *files),
            "the database": in_database(odoo, looked_for),
        }
        # Or the test would look for them where they cannot be.
        assert "odoo.sql_db" in logs[0]
        assert occurrences(looked_for, dump(odoo, "mqtt_service"))
    assert not any(found.values()), found


def use(odoo, service, broker, values):
    """Do with the secrets what is done with them; what Odoo answers."""
    service.start()
    publish(broker, "tls/1", "x")
    service.wait_stored(1, where=RECEIVED)
    service.call("mqtt_publish", "tls/2", "x")
    # It comes back: the job has used them.
    service.wait_stored(2, where=RECEIVED)
    action = service.call("action_test_connection")
    lines = [("test_id", "=", action["res_id"])]
    yield odoo.call("mqtt.connection.test.line", "search_read", lines)
    # Tried before it is saved, and refused so.
    service.call("action_test_typed", {**values, "keepalive": 61})
    unusable = {"password": "s3cret-other", "port": 0}
    yield refused(service, "action_test_typed", unusable)
    address = "mqtt://me:s3cret-other@broker.example:x"
    yield refused(service, "first_steps_connect", address)
    yield from refer(odoo, service)
    # Refused by the broker, by Start, and by PostgreSQL.
    yield refused(service, "write", {"password": "s3cret-other", "company_id": 10**6})
    yield refused(service, "write", {"password": "s3cret-other", "name": False})
    service.call("write", {"tls_key_password": "s3cret-other"})
    yield refused(service, "restart_mqtt_service")
    service.call("write", {"tls_key": "s3cret-other"})
    yield refused(service, "restart_mqtt_service")
    service.call("write", {**values, "tls_certificate": False})
    yield refused(service, "restart_mqtt_service")
    service.call("write", {**values, "tls_key": False, "tls_certificate": False})
    service.call("restart_mqtt_service")
    wait_until(lambda: service.read("last_error"), 15, "it is not refused")
    yield service.call("check_mqtt_status")
    yield from read_as_each(odoo, service)
    copy = service.call("copy")
    yield odoo.call("mqtt.service", "read", copy)


def refer(odoo, service):
    """The same with a reference, also to a configuration that cannot be read."""
    service.call("write", {"password_reference": "conf:secret_me"})
    service.call("restart_mqtt_service")
    service.call("mqtt_publish", "tls/3", "x")
    service.wait_stored(3, where=RECEIVED)
    good = odoo.configuration.read_text()
    odoo.configuration.write_text(f"{good}\nsecret_key = -----\ns3cret-not-indented\n")
    yield refused(service, "action_test_connection")
    service.call("restart_mqtt_service")
    wait_until(
        lambda: "cannot be read" in (service.read("last_error") or ""),
        15,
        "the listener does not say what is wrong",
    )
    message = service.call("mqtt_publish", "tls/4", "x")
    yield message
    wait_until(
        lambda: odoo.call(
            "queue.job", "search_count", [("result", "like", "cannot be read")]
        ),
        15,
        "the job does not say what is wrong",
    )
    yield odoo.call("queue.job", "search_read", [], ["result", "exc_info"])
    odoo.configuration.write_text(good)


def refused(service, method, *arguments):
    with pytest.raises(xmlrpc.client.Fault) as error:
        service.call(method, *arguments)
    return error.value.faultString


def read_as_each(odoo, service):
    """All fields of the service, its jobs and messages, in every way, by each group."""
    for group in GROUPS:
        login = f"secrets-{group}"
        groups = [f"mqtt_listener.group_{group}", "base.group_allow_export"]
        ids = [group_id(odoo, one) for one in groups]
        odoo.call(
            "res.users",
            "create",
            {
                "name": login,
                "login": login,
                "password": login,
                "group_ids": [(4, one) for one in ids],
            },
        )
        who = {"login": login, "password": login}
        fields = odoo.call("mqtt.service", "fields_get", **who)
        assert not set(COLUMNS) & set(fields)
        yield odoo.call("mqtt.service", "read", [service.id], list(fields), **who)
        wanted = {name: {} for name in fields}
        yield odoo.call("mqtt.service", "web_read", [service.id], wanted, **who)
        names = [name for name, one in fields.items() if one.get("exportable", True)]
        yield odoo.call("mqtt.service", "export_data", [service.id], names, **who)
        for column in COLUMNS:
            for method, arguments in (
                ("read", ([service.id], [column])),
                ("search", ([(column, "=like", "s%")],)),
                ("search", ([(f"service_id.{column}", "=like", "s%")],)),
                ("export_data", ([service.id], [column])),
            ):
                model = "mqtt.service"
                if method == "search" and "." in arguments[0][0][0]:
                    model = "mqtt.subscription"
                with pytest.raises(xmlrpc.client.Fault):
                    odoo.call(model, method, *arguments, **who)
        if group != "user":  # who sees no jobs, which messages have a field for
            yield odoo.call("mqtt.signal.history", "search_read", [], **who)
            names = ["name", "func_string", "result", "exc_info"]
            yield odoo.call("queue.job", "search_read", [], names, **who)


def group_id(odoo, xml_id):
    module, name = xml_id.split(".")
    domain = [("module", "=", module), ("name", "=", name)]
    (found,) = odoo.call("ir.model.data", "search_read", domain, ["res_id"])
    return found["res_id"]


def occurrences(looked_for, *texts):
    return [one for one in looked_for if any(one in text for text in texts)]


def files_of(odoo):
    """What Odoo wrote: sessions and attachments."""
    folder = odoo.directory / "data"
    return [
        path.read_bytes().decode(errors="replace")
        for path in folder.rglob("*")
        if path.is_file()
    ]


def dump(odoo, table, without=()):
    names = ", ".join(f"'{name}'" for name in without)
    rows = odoo.databases.query(
        odoo.database,
        f'SELECT (to_jsonb(row) - ARRAY[{names}]::text[])::text FROM "{table}" AS row',
    )
    return "\n".join(text for (text,) in rows).replace("\\n", "\n")


def in_database(odoo, looked_for):
    """Tables that have one of them, beside the columns that are theirs."""
    tables = odoo.databases.query(
        odoo.database,
        "SELECT table_name FROM information_schema.tables"
        " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'",
    )
    return [
        table
        for (table,) in tables
        if occurrences(
            looked_for, dump(odoo, table, COLUMNS if table == "mqtt_service" else ())
        )
    ]
