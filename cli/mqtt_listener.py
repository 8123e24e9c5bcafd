# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""``odoo mqtt_listener``: the listener alone, in a process or container of its own."""

import logging
import signal
import sys

from odoo.cli import Command
from odoo.tools import config

_logger = logging.getLogger("odoo.addons.mqtt_listener.cli")


class MqttListener(Command):
    """Listen to the MQTT brokers of the configured databases."""

    name = "mqtt_listener"

    def run(self, args):
        """Listen until SIGTERM or SIGINT; stored and acknowledged is what was received.

        :param args: the options of ``odoo server`` that say which configuration file,
            databases and logs: ``-c``, ``-d``, ``--addons-path``, ``--logfile`` …
        """
        config.parse_config(args, setup_logging=True)
        # Only now: importing an addon needs the addons path.
        from odoo.addons.mqtt_listener.listener.node import Node
        from odoo.addons.mqtt_listener.listener.node_settings import NodeSettings

        try:
            settings = NodeSettings.from_config()
        except ValueError as error:
            sys.exit(f"mqtt_listener: {error}")
        if not settings.enabled:
            sys.exit("mqtt_listener: [mqtt_listener] enabled = False on this node")
        node = Node(settings)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_args: node.stop())
        _logger.info("listening alone, without HTTP and jobs")
        node.run()
