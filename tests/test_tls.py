# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import contextlib
import ssl
import tempfile
from datetime import timedelta
from pathlib import Path

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import BaseCase, new_test_user, tagged

from ..mqtt.tls import Certificate, Tls, TlsError
from .certificates import Identity
from .common import MqttCase
from .listening import ListenerCase, Recorder

PASSWORD = "not to be read"


class TestTls(BaseCase):
    """What is made of PEM texts."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = Identity("Plant CA", is_authority=True)
        cls.client = Identity("odoo", cls.authority)
        cls.chain = cls.client.certificate + cls.authority.certificate

    def tls(self, **values):
        return Tls(
            **{"certificate": self.chain, "key": self.client.private_key()} | values
        )

    def test_defaults(self):
        """The system's authorities, the host's name, TLS 1.2 at least."""
        context = Tls().context()
        self.assertTrue(context.check_hostname)
        self.assertEqual(context.verify_mode, ssl.CERT_REQUIRED)
        self.assertEqual(context.minimum_version, ssl.TLSVersion.TLSv1_2)
        self.assertFalse(Tls(unchecked=True).context().check_hostname)

    def test_own_authorities_alone(self):
        context = self.tls(authorities=self.authority.certificate).context()
        (found,) = context.get_ca_certs()
        self.assertEqual(found["subject"], ((("commonName", "Plant CA"),),))
        self.assertEqual(context.verify_mode, ssl.CERT_REQUIRED)

    def test_keys(self):
        """In the clear, encrypted, and a password that is not needed."""
        encrypted = self.client.private_key(PASSWORD)
        self.tls().check()
        self.tls(key=encrypted, key_password=PASSWORD).check()
        self.tls(key_password="needless").check()

    def test_what_cannot_be_used(self):
        other, ended = Identity("other"), Identity("odoo", self.authority, days=-1)
        for code, values in {
            "authorities": {"authorities": "no PEM"},
            "certificate": {"certificate": "no PEM"},
            "certificate_missing": {"certificate": ""},
            "certificate_ended": {
                "certificate": ended.certificate,
                "key": ended.private_key(),
            },
            "key": {"key": "no PEM"},
            "key_missing": {"key": ""},
            "key_password": {"key": self.client.private_key(PASSWORD)},
            "key_mismatch": {"key": other.private_key()},
        }.items():
            with self.subTest(code), self.assertRaises(TlsError) as raised:
                self.tls(**values).check()
            self.assertEqual(raised.exception.code, code)
        with self.assertRaises(TlsError) as raised:
            self.tls(
                key=self.client.private_key(PASSWORD), key_password="wrong"
            ).check()
        self.assertEqual(raised.exception.code, "key_password")

    def test_secrets_are_not_shown(self):
        shown = repr(self.tls(key_password=PASSWORD))
        self.assertNotIn(PASSWORD, shown)
        self.assertNotIn("PRIVATE KEY", shown)

    def test_what_a_certificate_says(self):
        for name in ("broker.example.com", "127.0.0.1"):
            made = Identity(name, self.authority, days=10)
            found = Certificate.from_pem(made.certificate)
            self.assertEqual(found.names, (name,))
            self.assertEqual(found.issuer, "Plant CA")
            self.assertEqual(found.end, made.end.replace(tzinfo=None))


@tagged("post_install", "-at_install")
class TestServiceTls(MqttCase):
    """What a service does with them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = Identity("Plant CA", is_authority=True)
        cls.client = Identity("odoo", cls.authority)
        cls.service.write(
            {
                "host": "localhost",
                "tls": True,
                "tls_certificate": cls.client.certificate,
                "tls_key": cls.client.private_key(PASSWORD),
                "tls_key_password": PASSWORD,
                "transport": "websockets",
                "websocket_headers": f"Authorization: Bearer {PASSWORD}",
            }
        )

    def test_what_the_listener_gets(self):
        settings = self.service._listener_settings()
        self.assertEqual(settings["tls"]["key_password"], PASSWORD)
        Tls(**settings["tls"]).check()
        self.assertEqual(
            settings["websocket_headers"], (("Authorization", f"Bearer {PASSWORD}"),)
        )
        self.service.tls = False
        self.assertIsNone(self.service._listener_settings()["tls"])

    def test_secrets_are_write_only(self):
        """Nobody reads them, not even who set them, and only a manager sets them."""
        manager = new_test_user(
            self.env, "mqtt_tls_manager", groups="mqtt_listener.group_manager"
        )
        operator = new_test_user(
            self.env, "mqtt_tls_operator", groups="mqtt_listener.group_operator"
        )
        for name in ("tls_key", "tls_key_password", "websocket_headers"):
            with self.subTest(name):
                service = self.service.with_user(manager)
                service.invalidate_recordset()
                self.assertFalse(service[name])
                self.assertTrue(service[f"{name}_is_set"])
                with self.assertRaises(AccessError):
                    service.read([f"{name}_secret"])
                with self.assertRaises(AccessError):
                    self.service.with_user(operator).write({name: "mine"})
        everything = str(self.service.with_user(manager).read())
        self.assertNotIn(PASSWORD, everything)
        self.assertNotIn("PRIVATE KEY", everything)
        self.assertFalse(self.service.copy().tls_key_is_set)

    def test_another_host_gets_no_secret(self):
        """What is sent to the broker is forgotten; a key never leaves."""
        self.service.host = "elsewhere"
        self.assertFalse(self.service.websocket_headers_is_set)
        self.assertTrue(self.service.tls_key_is_set)

    def test_no_key_where_others_could_read_it(self):
        """As it stands in one file with the certificate, often."""
        both = Identity("both")
        content = both.private_key() + both.certificate
        for name, words in (
            ("tls_certificate", "Client Certificate.*Private Key"),
            ("tls_authorities", "Authorities.*Private Key"),
        ):
            with self.assertRaisesRegex(ValidationError, words) as error:
                self.service[name] = content
            self.assertNotIn("BEGIN", str(error.exception))

    def test_start_names_the_field(self):
        for values, words in (
            ({"tls_authorities": "x"}, "Authorities"),
            ({"tls_certificate": "x"}, "Client Certificate"),
            ({"tls_key": "x"}, "Private Key"),
            ({"tls_key": False}, "needs its Private Key"),
            ({"tls_key_password": "wrong"}, "Password of the Key"),
            ({"tls_key": Identity("other").private_key()}, "does not belong"),
            ({"tls_alpn": "a" * 256}, "ALPN"),
            ({"websocket_headers": "no header"}, "Websocket Headers"),
            ({"websocket_headers": "Bad Name: x"}, "Websocket Headers"),
            ({"websocket_path": "mqtt"}, "Websocket Path"),
            ({"websocket_path": "/a b"}, "Websocket Path"),
        ):
            with self.subTest(values), self.env.cr.savepoint() as savepoint:
                with self.assertRaisesRegex(UserError, words):  # some when entered
                    self.service.write(values)
                    self.service.start_mqtt_service()
                savepoint.rollback()
        self.service.start_mqtt_service()

    def test_what_is_wrong_later_stops_no_other_service(self):
        self.service.start_mqtt_service()
        self.service.websocket_headers = "no header"
        (settings,) = self.env["mqtt.service"]._listener_wanted()
        self.assertEqual(settings["websocket_headers"], ())

    def test_certificates_that_end_soon(self):
        """A month before, the form and a filter say so."""
        self.assertFalse(self.service.certificate_warning)
        soon = Identity("odoo", self.authority, days=20)
        with self.env.cr.savepoint() as savepoint:
            self.service.tls_certificate = soon.certificate
            self.assertIn("client certificate", self.service.certificate_warning)
            savepoint.rollback()
        self.service.connection_ids.sudo().certificate_end = (
            fields.Datetime.now() + timedelta(days=29)
        )
        self.assertIn("broker's certificate", self.service.certificate_warning)
        domain = [("broker_certificate_end", "<", "today +30d")]
        self.assertEqual(self.env["mqtt.service"].search(domain), self.service)

    def test_ports_are_proposed(self):
        """That of the transport, unless it is one of the broker's own."""
        service = self.env["mqtt.service"].new({"port": 1883, "tls": True})
        service._onchange_tls()
        self.assertEqual(service.port, 8883)
        service.update({"port": 12883, "tls": False})
        service._onchange_tls()
        self.assertEqual(service.port, 12883)


class TlsRecorder(Recorder):
    """Speaks TLS, and keeps what the client says before it speaks MQTT.

    :param identity: its certificate.
    :param protocols: names of RFC 7301 that it takes, the best first.
    :ivar server_names: those that clients asked for (SNI).
    :ivar chosen: the name that each connection agreed on, ``None`` without.
    """

    def __init__(self, identity, protocols):
        super().__init__()
        self.server_names, self.chosen = [], []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            self._context.load_cert_chain(*identity.write(Path(folder)))
        self._context.set_alpn_protocols(protocols)
        self._context.sni_callback = self._on_server_name

    def _on_server_name(self, _socket, name, _context):
        self.server_names.append(name)

    def _talk(self, connection):
        with contextlib.suppress(OSError):
            secure = self._context.wrap_socket(connection, server_side=True)
            self.chosen.append(secure.selected_alpn_protocol())
            super()._talk(secure)


@tagged("post_install", "-at_install")
class TestHandshake(ListenerCase):
    """What the listener's connection says while TLS is set up: a broker behind a proxy
    is found by it.
    """

    def test_server_name_and_protocol(self):
        """The Host, and of the names in ALPN the one that the broker likes best."""
        names = ["x-amzn-mqtt-ca", "mqtt"]
        for alpn, chosen in (
            ("mqtt", "mqtt"),
            ("other, mqtt, x-amzn-mqtt-ca", "x-amzn-mqtt-ca"),
            (False, None),
        ):
            identity = Identity("localhost")
            values = {
                "host": "localhost",
                "tls": True,
                "tls_authorities": identity.certificate,
                "tls_alpn": alpn,
            }
            with (
                self.subTest(alpn=alpn),
                TlsRecorder(identity, names) as broker,
                self.listening(broker, **values),
            ):
                self.assertEqual(broker.chosen, [chosen])
                self.assertEqual(broker.server_names, ["localhost"])
