# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The checks ``oca-checks-odoo-module``, which look for an addon below a repository.

Here the repository is the addon, so they are given what the wheel has in a repository
that is made for them.
"""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from . import paths, wheel
from .console import run

DISABLED = ("prefer-readme-rst",)  # Markdown, as the texts in readme/


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        built = wheel.build(Path(folder, "dist"))
        with zipfile.ZipFile(built) as archive:
            archive.extractall(folder)
        shutil.move(Path(folder, "odoo/addons", paths.ADDON), folder)
        Path(folder, ".git").mkdir()  # what makes it a repository for them
        command = [str(Path(sys.executable).with_name("oca-checks-odoo-module"))]
        command += ["--disable", ",".join(DISABLED), paths.ADDON]
        return subprocess.run(command, cwd=folder).returncode


if __name__ == "__main__":
    run(main)
