# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""``make lint``: pre-commit's hooks over all files, tools from the environment.

``make format`` lets the tools put right what they can.
"""

import os
import subprocess
import sys
from pathlib import Path

from . import description, paths
from .console import run


def main() -> int:
    tools = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "PATH": tools + os.pathsep + os.environ.get("PATH", os.defpath),
        "PRE_COMMIT_HOME": str(paths.HOME / "pre-commit"),
        "PYLINTHOME": str(paths.HOME / "pylint"),
        "RUFF_CACHE_DIR": str(paths.HOME / "ruff"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    def call(*command: str) -> int:
        return subprocess.run(command, cwd=paths.CHECKOUT, env=environment).returncode

    hooks = sys.executable, "-m", "pre_commit", "run", "--all-files"
    if "--fix" not in sys.argv:
        return call(*hooks)
    description.PAGE.write_text(description.page())
    call(*hooks, "--hook-stage", "manual", "prettier-write")  # fails if it writes
    call("ruff", "check", "--fix")
    return call("ruff", "format")


if __name__ == "__main__":
    run(main)
