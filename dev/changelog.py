# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""``make changelog``: the release notes of the manifest's version, into CHANGELOG.md.

They are what ``readme/newsfragments`` say; the fragments are removed.
"""

import ast
import subprocess
import sys

from . import paths
from .console import run


def main() -> int:
    manifest = ast.literal_eval((paths.CHECKOUT / "__manifest__.py").read_text())
    command = [sys.executable, "-m", "towncrier", "build", "--yes"]
    command += ["--version", manifest["version"], *sys.argv[1:]]
    return subprocess.run(command, cwd=paths.CHECKOUT).returncode


if __name__ == "__main__":
    run(main)
