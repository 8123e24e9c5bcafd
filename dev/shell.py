# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""``make shell``: `odoo shell` on the demo database.

Takes the place of this process, so a script on standard input gives its status:
what it raises ends it with 1, `sys.exit(n)` with n.
"""

import os

from .console import keep_stdout_for_results, run
from .stack import Stack


def main() -> None:
    keep_stdout_for_results()
    stack = Stack(outlive=True).start()
    stack.service()
    odoo = stack.odoo
    command = odoo.command_line("shell", "--no-http", "--log-level", "warn")
    os.execve(command[0], command, odoo.environment())


if __name__ == "__main__":
    run(main)
