# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The contracts of imports (.importlinter), checked where the addon has its name."""

import subprocess
import sys
from pathlib import Path

from . import paths
from .console import run


def main() -> int:
    """Run import-linter from the folder that holds the addon."""
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache", "--config"]
    addons = paths.link_addons()
    return subprocess.run(
        [*command, paths.CHECKOUT / ".importlinter"],
        cwd=addons,
        env={"PYTHONPATH": str(addons)},
    ).returncode


if __name__ == "__main__":
    run(main)
