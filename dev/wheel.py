# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""``make wheel``: the addon as a Python package, in ``dist/``."""

import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from . import paths
from .console import Problem, run, say


def build(folder: Path) -> Path:
    """Build the wheel into a folder.

    :return: the wheel.
    :raise Problem: with what pip says when it cannot be built.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as built:
        pip("wheel", "--no-build-isolation", "--wheel-dir", built, paths.CHECKOUT)
        (wheel,) = Path(built).glob("*.whl")
        return Path(shutil.copy(wheel, folder))


def install(wheel: Path, environment: Path) -> Path:
    """Install the wheel into a new virtual environment beside what it depends on.

    The environment sees the packages of this one (Odoo's, queue_job), so that nothing
    is downloaded again; of the addon it has the wheel alone.

    :return: its interpreter.
    """
    command = [sys.executable, "-m", "venv", "--clear", "--without-pip", environment]
    subprocess.run(command, check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "beside.pth").write_text(sysconfig.get_path("purelib") + "\n")
    python = environment / "bin/python"
    pip("--python", python, "install", wheel)
    return python


def pip(*arguments: "str | Path") -> None:
    """Run pip without what the arguments depend on.

    :raise Problem: with what it says when it fails.
    """
    command = [sys.executable, "-m", "pip", "--quiet", *map(str, arguments)]
    command += ["--no-deps", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Problem(f"{' '.join(command)}: {done.stderr.strip()[-3000:]}")


def main() -> None:
    say("wheel", str(build(paths.CHECKOUT / "dist").relative_to(paths.CHECKOUT)))


if __name__ == "__main__":
    run(main)
