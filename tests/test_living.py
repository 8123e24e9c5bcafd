# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import os
import resource
import ssl
from contextlib import closing
from importlib.machinery import SourceFileLoader
from unittest.mock import patch

from odoo.tests import BaseCase, tagged
from odoo.tools import file_path

from ..broker.connection_test import run_connection_test
from ..broker.publisher import Publisher
from ..broker.settings import ServiceSettings
from ..mqtt import tls
from ..mqtt.outgoing import Outgoing
from ..mqtt.tls import Tls
from .certificates import Identity
from .test_handler import HandlerCase

SELECT_LIMIT = 1024  # descriptors that select(2) takes


class TestKeys(BaseCase):
    """A client's key, on systems with files in memory and without."""

    def test_without_files_in_memory(self):
        identity = Identity("odoo")
        one = Tls(
            certificate=identity.certificate,
            key=identity.private_key("hush"),
            key_password="hush",
        )
        files = []
        load = ssl.SSLContext.load_cert_chain

        def look(context, path, *args, **options):
            with open(path) as file:
                files.append((os.stat(path).st_mode & 0o077, file.read()))
            files.append(path)
            return load(context, path, *args, **options)

        with (
            patch.object(tls, "has_memory_files", return_value=False),
            patch.object(ssl.SSLContext, "load_cert_chain", look),
        ):
            one.check()
        (_mode, content), path = files
        self.assertIn("ENCRYPTED PRIVATE KEY", content)
        self.assertFalse(os.path.exists(path))
        self.assertFalse(os.path.exists(os.path.dirname(path)))

    def test_with_them(self):
        identity = Identity("odoo")
        one = Tls(certificate=identity.certificate, key=identity.private_key("x"))
        with self.assertRaises(tls.TlsError):
            one.check()
        Tls(
            certificate=identity.certificate,
            key=identity.private_key("x"),
            key_password="x",
        ).check()


@tagged("post_install", "-at_install")
class TestLivingWithOthers(HandlerCase):
    def test_names_that_others_have(self):
        """``base_automation`` loads later, and sets two of them."""
        actions = type(self.env["ir.actions.server"])
        own = actions._get_eval_context

        def of_base_automation(records, action=None):
            values = own(records, action)
            if action and action.state == "code":
                values["json"] = "theirs"
                values["payload"] = "theirs"
            return values

        code = (
            "model.create({'name': mqtt_params['serial'], 'ref': mqtt_topic, 'comment':"
            " '%s %s %s' % (mqtt_json['a'], mqtt_payload, mqtt_message.qos)})"
        )
        self.env["mqtt.handler"].create(
            {
                "name": "Names",
                "pattern": "plant/{serial}",
                "action_server_id": self.action(code).id,
            }
        )
        with patch.object(actions, "_get_eval_context", of_base_automation):
            self.assertMqttHandled(self.mqtt_receive("plant/S1", {"a": 5}))
        partner = self.env["res.partner"].search([("ref", "=", "plant/S1")])
        self.assertIn('5 {"a": 5} 1', partner.comment)

    def test_names_that_are_taken_stay(self):
        """What another addon has under one of ours is what its code expects."""
        parent = self.registry["ir.actions.server"].__mro__
        base = next(
            cls
            for cls in parent
            if "_get_eval_context" in vars(cls)
            and cls.__module__ == "odoo.addons.base.models.ir_actions"
        )
        own = base._get_eval_context

        def other(records, action=None):
            return {**own(records, action), "topic": "theirs"}

        action = self.action("raise UserError('%s %s' % (topic, mqtt_topic))")
        self.env["mqtt.handler"].create(
            {"name": "x", "pattern": "plant/+", "action_server_id": action.id}
        )
        with patch.object(base, "_get_eval_context", other):
            job = self.mqtt_receive("plant/1").job_ids
        self.assertIn("theirs plant/1", job.result)

    def test_identifiers(self):
        """Of two transactions side by side, none gives another's away."""
        with self.registry.cursor() as cr, closing(cr):
            other = self.env(cr=cr)["mqtt.subscription"]
            self.env.cr.execute(
                "SELECT nextval(%s)", ["mqtt_subscription_identifier_seq"]
            )
            mine = self.env.cr.fetchone()[0]
            other.env.cr.execute(
                "SELECT nextval(%s)", ["mqtt_subscription_identifier_seq"]
            )
            self.assertNotEqual(other.env.cr.fetchone()[0], mine)
            cr.rollback()
        before = self.subscription.identifier
        self.subscription.init()  # as each update does
        self.subscription.qos = "0"
        self.assertGreater(self.subscription.identifier, before)

    def test_identifiers_of_before(self):
        """Those that were made at once are told apart by the migration."""
        path = file_path(
            "mqtt_listener/migrations/19.0.1.6.0/pre-subscription-identifiers.py"
        )
        migration = SourceFileLoader("pre_subscription_identifiers", path).load_module()
        subscriptions = self.subscription + self.subscription.create(
            [
                {"service_id": self.service.id, "topic_filter": f"x/{n}"}
                for n in range(3)
            ]
        )
        self.env.flush_all()
        self.env.cr.execute(
            "DROP INDEX mqtt_subscription_service_identifier_uniq;"
            "UPDATE mqtt_subscription SET identifier = 7 WHERE service_id = %s",
            [self.service.id],
        )
        migration.migrate(self.env.cr, "19.0.1.5.0")
        self.env.invalidate_all()
        identifiers = subscriptions.mapped("identifier")
        self.assertEqual(identifiers[0], 7, "the oldest keeps its own")
        self.assertEqual(len(set(identifiers)), 4)
        self.assertEqual(identifiers, sorted(identifiers))

    def test_counted_twice(self):
        """A batch and a report whose answers were lost count once."""
        self.enqueue(self.message())
        service, connection = self.service, self.service.connection_ids
        grant = self.subscription.grant_ids
        counted = {
            "subscription_ids": [self.subscription.id],
            "last_messages": ["2026-01-01 00:00:00"],
        }
        report = {"received": 7, "dropped": 2, "reconnects": 1}
        for _ in range(2):
            service._listener_report(
                "here",
                report,
                {self.subscription.id: {"message_count": 7}},
                prune_through=0,
            )
            self.env.flush_all()
            service._listener_enqueue(
                thread_identifier="here",
                after_sequence=connection.sequence,
                content=b"",
                size=0,
                total=0,
                to_store=0,
                receipts=b"",
                prune_through=0,
                received=8,
                dropped=2,
                message_counts=[8],
                **counted,
            )
            self.env.invalidate_all()
            self.assertEqual((connection.received, connection.dropped), (8, 2))
            self.assertEqual((connection.reconnects, grant.message_count), (1, 8))
        service._listener_claim("next", "elsewhere")
        service._listener_report(
            "next",
            report,
            {self.subscription.id: {"message_count": 7}},
            prune_through=0,
        )
        self.assertEqual((connection.received, connection.reconnects), (15, 2))
        self.assertEqual(grant.message_count, 15)

    def test_many_descriptors(self):
        """Jobs that publish, and tests, run where services have used up the first."""
        address = os.environ.get("MQTT_TEST_BROKER")
        if not address:
            self.skipTest("no broker")
        host, _colon, port = address.rpartition(":")
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (min(max(limits[0], 4096), limits[1]), limits[1])
        )
        while (descriptor := os.open(os.devnull, os.O_RDONLY)) < SELECT_LIMIT:
            self.addCleanup(os.close, descriptor)
        self.addCleanup(os.close, descriptor)
        self.service.write({"host": host, "port": int(port)})
        settings = ServiceSettings.from_values(self.service._listener_settings())
        with Publisher(settings, "many-descriptors") as publisher:
            publisher.send([Outgoing(1, "many/descriptors", b"x")])
        self.assertEqual((publisher.problem, publisher.confirmed), (None, {1}))
        steps = list(run_connection_test(settings))
        self.assertFalse([step.problem for step in steps if step.problem])
