# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""``make brokers``: what docs/guarantees.md promises, tried on real brokers."""
