# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The virtual environment that everything of ours runs in."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from . import debian, paths
from .console import Problem, say

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
# Its dependencies are Odoo itself, which is not on PyPI, and what we pin anyway.
WITHOUT_DEPENDENCIES = ("odoo-addon-queue-job==19.0.2.4.0.1",)


def folder() -> Path:
    """Where the environment of this checkout's pins is, made or not."""
    pins = REQUIREMENTS.read_text(), WITHOUT_DEPENDENCIES, sys.version_info[:2]
    return paths.HOME / f"venv-{paths.fingerprint(*pins)}"


def python() -> Path:
    """The interpreter of the environment."""
    return folder() / "bin/python"


def _pip(target: Path, *arguments: "str | Path") -> None:
    """Run pip, telling in one line where it is; what it says goes to a log."""
    command = [target / "bin/python", "-m", "pip", "install", *arguments]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    log = target / "pip.log"
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with open(log, "w") as words:
        pip = subprocess.Popen(command, env=environment, **pipe)
        collected = 0
        for line in pip.stdout:
            words.write(line)
            if line.startswith(("Collecting", "Processing")):
                collected += 1
                if collected % 20 == 0:
                    say("python", f"{collected} packages downloaded")
            elif line.startswith("Installing"):
                say("python", f"installing {collected} packages")
    if pip.wait():
        print("".join(log.read_text().splitlines(True)[-15:]), file=sys.stderr)
        raise Problem(f"pip failed (words above, all in {log}): is PyPI reachable?")


def _build(target: Path) -> None:
    say("python", "making the virtual environment (100 packages)")
    if not find_spec("ensurepip"):
        debian.install("python3-venv")
    subprocess.run([sys.executable, "-m", "venv", target], check=True)
    _pip(target, "--requirement", REQUIREMENTS)
    _pip(target, "--no-deps", *WITHOUT_DEPENDENCIES)


def get() -> Path:
    """The environment, made when there is none yet."""
    if sys.version_info < (3, 10):  # noqa: UP036 - the system's
        raise Problem("Odoo 19 wants Python 3.10 or newer: run make with PYTHON=…")
    return paths.build_once(folder(), _build)
