"""``make lint``: pre-commit's hooks over all files, tools from the environment.

``make format`` lets ruff put right what it can.
"""

import os
import subprocess
import sys
from pathlib import Path

from . import paths
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
    if "--fix" in sys.argv:
        subprocess.run(["ruff", "check", "--fix"], cwd=paths.CHECKOUT, env=environment)
        command = ["ruff", "format"]
        return subprocess.run(command, cwd=paths.CHECKOUT, env=environment).returncode
    command = [sys.executable, "-m", "pre_commit", "run", "--all-files"]
    return subprocess.run(command, cwd=paths.CHECKOUT, env=environment).returncode


if __name__ == "__main__":
    run(main)
