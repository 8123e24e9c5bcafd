# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The vocabulary of MQTT, in pure Python: no Odoo, no sockets, no threads.

Everything here can be imported and tested alone; the other rooms build on it.
"""
