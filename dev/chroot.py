# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A program of another Debian release, with all it needs, beside the machine's own.

Its packages are unpacked into a folder and run there by `chroot`, in namespaces of
their own: nothing is installed on the machine, and no root is needed where the kernel
lets users make namespaces.
"""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import debian, paths
from .console import Problem, say

RECIPE = 1  # counted up when unpacking changes, so that it is done again
# Files that the packages' own scripts would have made.
FILES = {
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "etc/group": "root:x:0:\n",
}
# The tools' folder is at the same place inside, so paths are the same on both sides.
ENTER = """
set -e
root=$0 home=$1
shift
for shared in /dev /proc; do mount --rbind $shared "$root$shared"; done
mount --bind "$home" "$root$home"
exec chroot "$root" "$@"
"""


@dataclass(frozen=True)
class Chroot:
    """Packages of a suite of Debian, the first of which is what is wanted.

    :param suite: `sid`, `trixie` …
    :param packages: their dependencies are found by apt.
    """

    suite: str
    packages: "tuple[str, ...]"

    @property
    def root(self) -> Path:
        """The folder that has it."""
        recipe = paths.fingerprint(RECIPE, self.suite, self.packages)
        return paths.HOME / f"chroot-{self.packages[0]}-{recipe}"

    @property
    def version(self) -> str:
        """The upstream version of the wanted package."""
        return (self.root / "version").read_text()

    def get(self) -> "Chroot":
        """Have it unpacked.

        :raise Problem: when it cannot be had or cannot be run here.
        """
        paths.build_once(self.root, self._build)
        if subprocess.run([*_namespaces(), "true"], capture_output=True).returncode:
            raise Problem(
                "this machine lets users make no namespaces: run it as root, or allow"
                " unprivileged user namespaces"
            )
        return self

    def command(self, *command: object) -> "list[str]":
        """What runs a command inside."""
        enter = ["sh", "-c", ENTER, str(self.root), str(paths.HOME)]
        return [*_namespaces(), *enter, *map(str, command)]

    def run(self, *command: object) -> None:
        """Run a command inside to its end."""
        done = subprocess.run(self.command(*command), capture_output=True, text=True)
        if done.returncode:
            raise Problem(f"{command[0]} in {self.root} failed: {done.stderr.strip()}")

    def _build(self, root: Path) -> None:
        say("chroot", f"downloading {self.packages[0]} of Debian's {self.suite}")
        version = debian.unpack_whole(root, self.suite, self.packages)
        for name, text in FILES.items():
            (root / name).write_text(text)
        for folder in ("dev", "proc", "tmp"):
            (root / folder).mkdir(exist_ok=True)
        (root / "tmp").chmod(0o1777)
        (root / str(paths.HOME).lstrip("/")).mkdir(parents=True, exist_ok=True)
        (root / "version").write_text(re.match(r"(?:\d+:)?([\d.]+)", version)[1])
        self._link_libraries(root)

    def _link_libraries(self, root: Path) -> None:
        folders = [
            f"/{path.relative_to(root)}" for path in root.glob("usr/lib/*-linux-*")
        ]
        command = [
            *_namespaces(),
            debian.program("ldconfig"),
            "-r",
            str(root),
            *folders,
        ]
        subprocess.run(command, check=True, capture_output=True)


def _namespaces() -> "list[str]":
    """What gives a command mounts of its own; a user is root there, and only there."""
    return ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
