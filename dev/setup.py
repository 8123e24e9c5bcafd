# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Set up what is missing, and nothing that is there.

Run with the system's Python and nothing but its standard library; everything
else is run in the environment that this makes (see ``__main__``).
"""

import os
import sys

from . import debian, odoo_tree, paths, venv
from .console import run, say


def _programs(browser: bool) -> None:
    wanted = {}
    if not os.environ.get("MQTT_BROKER"):
        wanted["mosquitto"] = "mosquitto"
        wanted["mosquitto_pub"] = "mosquitto-clients"
    if browser and not (debian.program("google-chrome")):
        wanted["chromium"] = "chromium"
    missing = [package for name, package in wanted.items() if not debian.program(name)]
    if missing:
        debian.install(*missing)


def ensure(browser: bool = True) -> None:
    """Set up what is missing."""
    paths.HOME.mkdir(parents=True, exist_ok=True)
    with paths.lock("programs"):
        _programs(browser)
    odoo_tree.get()
    venv.get()
    paths.link_addons()


def main() -> None:
    ensure(browser="--without-browser" not in sys.argv)
    say("set up", f"in {paths.HOME}")


if __name__ == "__main__":
    run(main)
