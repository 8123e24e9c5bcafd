# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""``python3 -m dev <tool> …``: set up what is missing, then run the tool.

The tool runs in the project's virtual environment, in the place of this process.
"""

import os
import sys

from . import clean, paths, setup, venv
from .console import keep_stdout_for_results, run, say

WITHOUT_BROWSER = {
    "bench",
    "brokers",
    "changelog",
    "demo",
    "faults",
    "lint",
    "load",
    "shell",
    "stop",
    "wheel",
}


def main() -> None:
    tool, *arguments = sys.argv[1:] or ["setup"]
    if tool in ("stop", "clean") and not venv.folder().exists():
        return say("nothing", f"is set up in {paths.HOME}")
    if tool == "clean":
        return clean.main()
    if tool == "shell":
        keep_stdout_for_results()
    setup.ensure(browser=tool not in WITHOUT_BROWSER)
    if tool == "setup":
        return setup.main()
    os.chdir(paths.CHECKOUT)
    python = str(venv.python())
    os.execv(python, [python, "-m", f"dev.{tool}", *arguments])


if __name__ == "__main__":
    run(main)
