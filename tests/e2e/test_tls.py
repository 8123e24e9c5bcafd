# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""TLS and WebSockets with a real broker: what is refused says why, the rest works."""

import subprocess
from contextlib import contextmanager

import pytest
from service import Service, publish

from dev import debian
from dev.certificates import Identity
from dev.process import lease_port
from dev.publisher import Publisher
from dev.servers import Mosquitto, wait_until

HOST = "localhost"
PASSWORD = "pass-word-2"


@pytest.fixture(scope="module")
def authority():
    return Identity("Plant CA", is_authority=True)


@pytest.fixture(scope="module")
def good(authority):
    """What a broker should have."""
    return Identity(HOST, authority)


@pytest.fixture
def tls_broker(folder, request):
    """Makes brokers that speak TLS at ``tls_port``, and MQTT beside it."""
    made = 0

    @contextmanager
    def make(identity, *lines, clients=None):
        nonlocal made
        made += 1
        place = folder / f"mosquitto-{request.node.name}-{made}"
        certificate, key = identity.write(place / "server")
        port = lease_port(14_000)
        extra = [f"listener {port} 127.0.0.1", *lines]
        extra += [f"certfile {certificate}", f"keyfile {key}"]
        if clients:
            authorities, _key = clients.write(place / "clients")
            extra += [f"cafile {authorities}", "require_certificate true"]
        with Mosquitto(place, autosave=100_000, extra="\n".join(extra)) as broker:
            broker.tls_port = port
            yield broker

    return make


def secure(odoo, broker, authority, **values):
    """A service that trusts an authority."""
    values = {
        "host": HOST,
        "port": broker.tls_port,
        "tls": True,
        "tls_authorities": authority and authority.certificate,
        **values,
    }
    return Service(odoo, broker, "tls/#", **values)


def steps(service):
    """What a test of its connection finds: (step, whether it succeeded, its line)."""
    action = service.call("action_test_connection")
    lines = service.odoo.call(
        "mqtt.connection.test.line",
        "search_read",
        [("test_id", "=", action["res_id"])],
        ["step", "is_successful", "subject", "result"],
        order="id",
    )
    return [(one["step"], one["is_successful"], one) for one in lines]


def assert_refused(service, step, words, heard=None):
    """Both the listener and the test of the connection say so.

    :param heard: what the listener says, if it is less: a broker that speaks TLS 1.3
        refuses a client when that may have gone on already.
    """
    found = steps(service)
    assert found[-1][:2] == (step, False), found
    assert words in found[-1][2]["result"], found
    service.call("start_mqtt_service")
    heard = heard or words
    wait_until(
        lambda: heard in (service.read("last_error") or ""),
        15,
        f"the last error does not say {heard}",
    )
    service.stop()


def test_what_is_refused_says_why(odoo, tls_broker, authority, good):
    """Each kind of certificate that must not be taken, in words of its own."""
    stranger = Identity("Other CA", is_authority=True)
    table = {
        "ended": (Identity(HOST, authority, days=-1), "has ended"),
        "another name": (Identity("broker.plant", authority), "another name"),
        "signed by itself": (Identity(HOST), "signed by itself"),
        "unknown authority": (Identity(HOST, stranger), "not trusted"),
    }
    for _name, (identity, words) in table.items():
        with tls_broker(identity) as broker:
            service = secure(odoo, broker, authority)
            assert_refused(service, "tls", words)
            # It is shown all the same, so that one sees which it is.
            result = steps(service)[-1][2]["result"]
            assert identity.x509.issuer.rdns[0].rfc4514_string()[3:] in result
    with tls_broker(good) as broker:
        # The system does not know the plant's authority.
        assert_refused(secure(odoo, broker, None), "tls", "not trusted")
        assert_refused(
            secure(odoo, broker, authority, port=broker.port), "tls", "uses TLS"
        )
        assert_refused(
            secure(odoo, broker, authority, tls=False), "login", "Port and TLS"
        )


def test_client_certificates(odoo, tls_broker, authority, good):
    """Without one, with one of another authority, and with one of an authority that the
    broker does not trust any more: refused. Else connected, also when it is encrypted.
    """
    clients = Identity("Clients CA", is_authority=True)
    client = Identity("odoo", clients)
    stranger = Identity("odoo")
    values = {
        "tls_certificate": client.certificate,
        "tls_key": client.private_key(PASSWORD),
        "tls_key_password": PASSWORD,
    }
    with tls_broker(good, clients=clients) as broker:
        service = secure(odoo, broker, authority)
        words = "requires a client certificate"
        assert_refused(service, "tls", words, "client certificate")
        unknown = secure(
            odoo,
            broker,
            authority,
            tls_certificate=stranger.certificate,
            tls_key=stranger.private_key(),
        )
        words = "refused the client certificate"
        assert_refused(unknown, "tls", words, "client certificate")
        service = secure(odoo, broker, authority, **values)
        service.start()
        publish(broker, "tls/1", "x")
        service.wait_stored(1)
        service.stop()
    with tls_broker(good, clients=Identity("New CA", is_authority=True)) as broker:
        service = secure(odoo, broker, authority, **values)
        assert_refused(service, "tls", words, "client certificate")


def test_many_messages(new_odoo, tls_broker, authority, good):
    """Nothing stays in TLS's buffers, and neither password nor key is in the log."""
    count = 20_000
    client = Identity("odoo", authority)
    handlers = ":INFO,odoo.addons.mqtt_listener:DEBUG,odoo.addons.queue_job:DEBUG"
    odoo = new_odoo(workers=0, options={"log_handler": handlers})
    with odoo, tls_broker(good, clients=authority) as broker:
        service = secure(
            odoo,
            broker,
            authority,
            username="me",
            password=PASSWORD,
            tls_certificate=client.certificate,
            tls_key=client.private_key(),
        )
        service.start()
        publisher = Publisher(
            broker.host, broker.port, lambda number: (b"tls/%d" % number, b"x" * 100)
        )
        publisher.publish(count)
        publisher.close()
        service.wait_stored(count, timeout=120)
        end = service.read("broker_certificate_end")
        assert end == good.end.strftime("%Y-%m-%d %H:%M:%S")
        assert not service.read("certificate_warning")
        log = odoo.log_text()
        assert PASSWORD not in log
        assert "PRIVATE KEY" not in log
        service.stop()


def test_websockets(odoo, tls_broker, authority, good):
    """With TLS; and what speaks none says so."""
    with tls_broker(good, "protocol websockets") as broker:
        service = secure(
            odoo,
            broker,
            authority,
            transport="websockets",
            websocket_headers="X-Plant: 1",
        )
        found = steps(service)
        assert [one[:2] for one in found] == [
            ("name", True),
            ("tcp", True),
            ("tls", True),
            ("login", True),
            ("subscription", True),
        ]
        assert found[2][2]["subject"] == "TLSv1.3"
        assert f"Certificate for {HOST}, from Plant CA" in found[2][2]["result"]
        service.start()
        publish(broker, "tls/1", "x")
        service.wait_stored(1)
        service.stop()
        plain = Service(odoo, broker, "tls/#", transport="websockets")
        assert_refused(plain, "login", "MQTT over WebSockets")


def test_unchecked(odoo, tls_broker):
    """It takes anything, once somebody has said so."""
    with tls_broker(Identity("nobody", days=-1)) as broker:
        service = secure(odoo, broker, None, tls_unchecked=True)
        service.start()
        publish(broker, "tls/1", "x")
        service.wait_stored(1)
        assert "broker's certificate ends" in service.read("certificate_warning")


@pytest.fixture
def users(folder):
    """Lines of a broker's configuration that lets only ``me`` in, with ``right``."""
    users = folder / "users"
    users.write_text("me:right\n")
    program = debian.program("mosquitto_passwd")
    subprocess.run([program, "-U", users], check=True)
    return "allow_anonymous false", f"password_file {users}"


def test_a_password_file(odoo, tls_broker, authority, good, users):
    """Who is not in it is refused."""
    with tls_broker(good, *users) as broker:
        service = secure(odoo, broker, authority, username="me", password="right")
        service.start()
        service.call("write", {"password": "wrong"})
        service.call("restart_mqtt_service")
        service.wait_status("error")
        assert "Username and Password" in service.read("last_error")


def test_a_password_of_the_configuration(new_odoo, tls_broker, authority, good, users):
    """The listener and the job that publishes look it up; the database has it not."""
    with (
        tls_broker(good, *users) as broker,
        new_odoo(
            workers=0,
            mqtt={"secret_plant": "right", "secret_plant_for": "localhost"},
        ) as odoo,
    ):
        service = secure(
            odoo,
            broker,
            authority,
            username="me",
            password_reference="conf:secret_plant",
        )
        assert all(succeeded for _step, succeeded, _line in steps(service))
        service.start()
        service.call("mqtt_publish", "tls/1", "x")
        service.wait_stored(2)  # as it was sent, and as it came back
        assert not service.read("password_is_set")
        service.call("write", {"password_reference": "conf:secret_forgotten"})
        service.call("restart_mqtt_service")
        service.wait_status("error")
        assert "conf:secret_forgotten" in service.read("last_error")
