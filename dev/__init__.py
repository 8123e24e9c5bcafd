# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The developers' tools: set-up, demo, checks. Nothing of the addon imports them.

``make`` is the door to all of it; the Makefile at the root lists what there is.
"""
