# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The rooms that pyproject.toml names, type-checked where the addon has its name."""

import subprocess
import sys

from . import paths
from .console import run


def main() -> int:
    """Run mypy from the folder that holds the addon."""
    addons, cache = paths.link_addons(), paths.OWN / "mypy"
    options = ["--config-file", paths.CHECKOUT / "pyproject.toml", "--cache-dir", cache]
    return subprocess.run(
        [sys.executable, "-m", "mypy", *options], cwd=addons
    ).returncode


if __name__ == "__main__":
    run(main)
