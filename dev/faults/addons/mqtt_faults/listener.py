# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Has the listener's threads raise in each of their callbacks and steps."""

import functools
import importlib
import os
import time

from .traps import Injected, sprung

CLOCKED = ("connection", "incoming", "login", "observed", "socket_loop")


def post_load():
    """Wrap the methods that ``MQTT_FAULTS_STEPS`` names: ``module:Class.method …``."""
    clock = Clock()
    for name in CLOCKED:
        module = importlib.import_module(f"odoo.addons.mqtt_listener.listener.{name}")
        module.time = clock
    for step in os.environ.get("MQTT_FAULTS_STEPS", "").split():
        module, _, path = step.partition(":")
        class_name, _, method = path.partition(".")
        listener = importlib.import_module(
            f"odoo.addons.mqtt_listener.listener.{module}"
        )
        _wrap(getattr(listener, class_name), method, step)


class Clock:
    """The time of the listener's host, which a test can set back."""

    def __init__(self):
        self._offset = 0  # seconds

    def __getattr__(self, name):
        return getattr(time, name)

    def time(self):
        offset = sprung("clock")
        if offset is not None:
            self._offset = int(offset)
        return time.time() + self._offset

    def time_ns(self):
        return int(self.time() * 1e9)


def _wrap(owner, name, step):
    original = getattr(owner, name)

    @functools.wraps(original)
    def wrapped(*args, **kwargs):
        when = sprung(step)
        if when == "before":
            raise Injected(f"before {step}")
        result = original(*args, **kwargs)
        if when == "after":
            raise Injected(f"after {step}")
        return result

    setattr(owner, name, wrapped)
