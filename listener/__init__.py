# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the listener process runs: it receives, makes durable, acknowledges.

``server`` starts a ``node`` in an Odoo server; it keeps a ``supervisor`` for each
database, which keeps a ``connection`` (network thread) and a ``writer`` (database
thread) for each service that should run, with an ``inbox`` between the two.
"""

from .connection import MQTT_THREADS

__all__ = ["MQTT_THREADS"]
