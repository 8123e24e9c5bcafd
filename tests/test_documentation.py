# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The code of the pages in docs/ runs, and their tables name what there is."""

import configparser
import re
from dataclasses import fields
from pathlib import Path

from odoo import Command
from odoo.orm.model_classes import add_to_registry
from odoo.tests import tagged

from odoo.addons.queue_job.jobrunner.channels import ChannelManager

from ..listener.node import NodeSettings
from ..models.handler.mqtt_handler import SECONDS
from ..mqtt.handler import HandlerOptions
from ..mqtt.outgoing import MAX_REMAINING
from .common import MqttCase

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = "odoo.addons.mqtt_listener.example"  # what the code blocks are
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@tagged("post_install", "-at_install")
class TestDocumentation(MqttCase):
    def setUp(self):
        super().setUp()
        if not (ROOT / "docs").exists():
            self.skipTest("the package does not contain docs/")

    def text_of(self, page):
        return (ROOT / page).read_text()

    def block(self, page, having, language="python"):
        """The only code block of a page that contains a text."""
        blocks = [
            code
            for name, code in BLOCK.findall(self.text_of(page))
            if name == language and having in code
        ]
        self.assertEqual(len(blocks), 1, f"{page}: {having}")
        return blocks[0]

    def load(self, page, having):
        """Load a code block that defines a model, as Odoo loads one of this addon.

        :return: the model.
        """
        exec(compile(self.block(page, having), page, "exec"), {"__name__": EXAMPLE})
        # Odoo keeps the definitions of each module for the registries to come.
        definition = type(self.env["base"])._module_to_models__["mqtt_listener"].pop()
        self.addCleanup(self.unload, definition._name)
        add_to_registry(self.registry, definition)
        self.registry._setup_models__(self.env.cr, [])
        self.registry.init_models(self.env.cr, [definition._name], {}, install=True)
        self.env["mqtt.handler"]._sync_declared()
        return self.env[definition._name]

    def unload(self, name):
        del self.registry[name]
        self.registry._setup_models__(self.env.cr)
        self.env["mqtt.handler"]._sync_declared()

    def check_state_handler(self, page, payload):
        machine = self.load(page, "def _on_state").create({"serial": "7"})
        message = self.mqtt_receive("plant/A/machines/7/state", payload)
        self.assertMqttHandled(message, "plant.machine._on_state", times=1)
        self.assertEqual(machine.state, "running")

    def test_handler_of_the_readme(self):
        """Ten lines that work."""
        self.check_state_handler("README.md", {"state": "running"})

    def test_handler_with_retries(self):
        """And its test, which is on the same page."""
        page = "docs/handlers.md"
        self.check_state_handler(page, {"state": "running"})
        names = {"__name__": EXAMPLE}
        exec(compile(self.block(page, "class TestMachine"), page, "exec"), names)
        names["TestMachine"].test_state(self)

    def test_batch_handler(self):
        """One call for many messages."""
        readings = self.load("docs/handlers.md", "batch=True")
        topic = "plant/A/machines/%s/telemetry"
        for serial, temperature in (("7", 20.5), ("8", 21)):
            self.mqtt_receive(topic % serial, {"temperature": temperature})
        self.assertEqual(
            readings.search([]).mapped(lambda one: (one.serial, one.temperature)),
            [("7", 20.5), ("8", 21.0)],
        )

    def test_handler_instead_of_a_thread(self):
        """It has the services subscribe."""
        self.check_state_handler("docs/coming-from-listener-threads.md", "running")
        self.assertIn(
            "plant/+/machines/+/state",
            self.service.subscription_ids.mapped("topic_filter"),
        )

    def test_request(self):
        """The response is given to the record that has asked; so is silence."""
        presses = self.load("docs/publishing.md", "mqtt_request")
        self.service.search([("id", "!=", self.service.id)]).active = False
        self.service.start_mqtt_service()
        press, silent = presses.create([{"serial": "7"}, {"serial": "8"}])
        (press + silent).action_stop()
        requests = self.env["mqtt.request"].search([], order="id")
        self.assertEqual(len(requests), 2)
        self.mqtt_answer(requests[0], {"state": "stopped"})
        self.assertEqual(press.state, "stopped")
        self.mqtt_run_jobs(later=True)
        self.assertEqual(silent.state, "silent")

    def test_publishing(self):
        """Written to history at once."""
        self.service.search([("id", "!=", self.service.id)]).active = False
        exec(self.block("docs/publishing.md", "mqtt_publish("), {"self": self})
        message = self.env["mqtt.signal.history"].search(
            [("topic", "=", "plant/A/press/command")]
        )
        self.assertEqual(message.json(), {"speed": 12})
        self.assertEqual(message.direction, "send")

    def test_service_from_code(self):
        """Created and started."""
        code = self.block("docs/administration.md", "start_mqtt_service")
        exec(code, {"env": self.env, "Command": Command})
        service = self.env["mqtt.service"].search([("name", "=", "Plant 1")])
        self.assertEqual(service.status, "start")

    def test_configuration_of_odoo(self):
        """Both addons are loaded with the server, and the channels exist."""
        known = set(self.env["queue.job.channel"].search([]).mapped("complete_name"))
        for page in ("README.md", "docs/administration.md"):
            parser = configparser.ConfigParser()
            parser.read_string(self.block(page, "server_wide_modules", "ini"))
            modules = parser["options"]["server_wide_modules"].split(",")
            self.assertLessEqual({"queue_job", "mqtt_listener"}, set(modules))
            channels = parser["queue_job"]["channels"]
            shown = ChannelManager.parse_simple_config(channels)
            self.assertLessEqual({one["name"] for one in shown}, known, page)

    def test_options_of_the_node(self):
        """All of them, with their defaults."""
        parser = configparser.ConfigParser()
        parser.read_string(self.block("docs/administration.md", "job_share", "ini"))
        section = parser["mqtt_listener"]
        shown = NodeSettings.from_section(section)
        self.assertEqual(shown, NodeSettings(packet_bytes=MAX_REMAINING))
        self.assertEqual(set(section), {one.name for one in fields(shown)})

    def test_system_parameters(self):
        """All of them, with their defaults in seconds."""
        rows = re.findall(
            r"^\| `mqtt_listener\.(\w+)` \| ([^|]+) \|",
            self.text_of("docs/handlers.md"),
            re.MULTILINE,
        )
        shown = dict(rows)
        self.assertEqual(shown.pop("interrupt_calls"), "–")
        self.assertEqual({name: float(text) for name, text in shown.items()}, SECONDS)

    def test_options_of_a_handler(self):
        """All of them."""
        _, _, options = self.text_of("docs/handlers.md").partition("\n### Options\n")
        table = options.partition("\n\nWithout")[0]
        cells = re.findall(r"^\| (`.*?`) \| ", table, re.MULTILINE)
        shown = set(re.findall(r"`(\w+)=", " ".join(cells)))
        known = {one.name for one in fields(HandlerOptions)}
        self.assertEqual(shown, known - {"pattern"})

    def test_methods_of_a_service(self):
        """Those of the table exist, and return what it says."""
        names = re.findall(
            r"^\| `(\w+)\(\)` \|", self.text_of("docs/administration.md"), re.MULTILINE
        )
        self.assertEqual(len(names), 4)
        for name in names:
            self.assertTrue(callable(getattr(self.service, name)), name)
        states = re.search(
            r"`check_mqtt_status\(\)` .*status is (.*?) \|$",
            self.text_of("docs/administration.md"),
            re.MULTILINE,
        )[1]
        self.assertIn(f"`{self.service.check_mqtt_status()['status']}`", states)

    def test_menus(self):
        """Each path of menus that a page names exists."""
        if not self.env.ref("mqtt_listener.menu_overview", raise_if_not_found=False):
            self.skipTest("the pages describe the menu with an overview")
        menus = self.env["ir.ui.menu"].with_context(**{"ir.ui.menu.full_list": True})
        known = {menu.complete_name for menu in menus.search([])}
        for page in sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")]):
            for path in re.findall(r"\*(MQTT → [^*]+)\*", page.read_text()):
                self.assertIn("/".join(re.split(r"\s+→\s+", path)), known, page.name)
