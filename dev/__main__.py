"""``python3 -m dev <tool> …``: set up what is missing, then run the tool.

The tool runs in the project's virtual environment, in the place of this process.
"""

import os
import sys

from . import paths, setup, venv
from .console import run

WITHOUT_BROWSER = {"demo", "shell", "lint", "stop", "clean"}


def main() -> None:
    tool, *arguments = sys.argv[1:] or ["setup"]
    setup.ensure(browser=tool not in WITHOUT_BROWSER)
    if tool == "setup":
        return setup.main()
    os.chdir(paths.CHECKOUT)
    python = str(venv.python())
    os.execv(python, [python, "-m", f"dev.{tool}", *arguments])


if __name__ == "__main__":
    run(main)
