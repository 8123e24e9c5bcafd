# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What Debian gives: installed programs, and packages unpacked without installing.

Odoo 19 is a package of Debian's suite `sid`. It is fetched with an apt of our own,
so the machine's package sources stay as they are and no root is needed.
"""

import os
import shutil
import subprocess
from pathlib import Path

from .console import Problem, say

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

# A package's service must not be started on the machine: ours are private ones.
INSTALL = """
set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\\nexit 101\\n' > $policy
    chmod +x $policy
fi
export DEBIAN_FRONTEND=noninteractive
apt-get install --yes --quiet --no-install-recommends "$@" || {
    apt-get update --quiet
    apt-get install --yes --quiet --no-install-recommends "$@"
}
"""


def program(name: str) -> "str | None":
    """The path of a program, also where only root's PATH has it."""
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    return shutil.which(name, path=path)


def install(*packages: str) -> None:
    """Install Debian packages, without letting their services start."""
    say("apt-get", "install " + " ".join(packages))
    by_hand = f"install {' '.join(packages)} by hand and run this again"
    if not program("apt-get"):
        raise Problem(f"this is not Debian: {by_hand}")
    become = [] if os.geteuid() == 0 else [program("sudo")]
    if become == [None]:
        raise Problem(f"neither root nor sudo: {by_hand}")
    command = [*become, "sh", "-c", INSTALL, "install", *packages]
    if subprocess.run(command).returncode:
        raise Problem(f"apt-get could not install them: {by_hand}")


def _apt_get(*arguments: str, folder: Path) -> None:
    """Run apt-get, showing what it downloads; its log tells the rest."""
    with open(folder / "apt.log", "a") as log:
        done = subprocess.run(["apt-get", *arguments], cwd=folder, stderr=log)
    if done.returncode:
        raise Problem(
            f"apt-get {arguments[-1]} failed (see {folder / 'apt.log'}): run"
            " 'apt-get update' as root"
        )


def _mirror() -> "str | None":
    """The address of the mirror that the machine itself uses."""
    listing = ["$(ORIGIN) $(REPO_URI)", "Created-By: Packages"]
    command = ["apt-get", "indextargets", "--format", *listing]
    for line in subprocess.check_output(command, text=True).splitlines():
        origin, _, uri = line.partition(" ")
        if origin == "Debian":
            return uri
    return None


def _has_lists() -> bool:
    """Whether `apt-get update` was ever run on this machine."""
    command = ["apt-cache", "show", "fonts-font-awesome"]
    return not subprocess.run(command, capture_output=True).returncode


def _update_lists() -> None:
    become = [] if os.geteuid() == 0 else [program("sudo") or "sudo"]
    if subprocess.run([*become, "apt-get", "update", "--quiet"]).returncode:
        raise Problem("run 'apt-get update' as root and then this again")


def _private_sources(folder: Path, suite: str) -> "list[str]":
    """Options that make apt-get look at one suite of Debian only, in `folder`."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    mirror = _mirror()
    if not mirror:
        raise Problem("the machine has no Debian mirror set")
    sources = folder / "sources.list"
    sources.write_text(f"deb [signed-by={KEYRING}] {mirror} {suite} main\n")
    settings = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
    }
    return [
        word for key, value in settings.items() for word in ("-o", f"{key}={value}")
    ]


def unpack(root: Path, sid: "tuple[str, ...]", own: "tuple[str, ...]") -> None:
    """Unpack packages of `sid` and of the machine's own release into `root`."""
    if not _has_lists():
        _update_lists()
    folder = root / ".apt"
    folder.mkdir()
    private = _private_sources(folder, "sid")
    _apt_get(*private, "update", folder=folder)
    _apt_get(*private, "download", *sid, folder=folder)
    _apt_get("-o", "APT::Sandbox::User=root", "download", *own, folder=folder)
    for package in sorted(folder.glob("*.deb")):
        say("unpack", package.name)
        subprocess.run(["dpkg-deb", "-x", package, root], check=True)
    shutil.rmtree(folder)


def unpack_whole(root: Path, suite: str, packages: "tuple[str, ...]") -> str:
    """Unpack packages of a suite into `root` with all that they depend on.

    apt takes nothing for installed, so nothing of the machine is needed to run them.

    :return: the version of the first one.
    """
    if not _has_lists():
        _update_lists()
    folder = root / ".apt"
    folder.mkdir()
    (folder / "status").touch()
    private = _private_sources(folder, suite)
    private += ["-o", f"Dir::State::status={folder / 'status'}", "-qq"]
    _apt_get(*private, "update", folder=folder)
    choose = ["--yes", "--no-install-recommends", "--download-only", "install"]
    _apt_get(*private, *choose, *packages, folder=folder)
    archives = folder / "cache/archives"
    for package in sorted(archives.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", package, root], check=True)
    merge_usr(root)
    (first,) = archives.glob(f"{packages[0]}_*.deb")
    show = ["dpkg-deb", "--field", first, "Version"]
    version = subprocess.check_output(show, text=True).strip()
    shutil.rmtree(folder)
    return version


def merge_usr(root: Path) -> None:
    """Make /bin, /lib … links into /usr, as the package `usrmerge` does."""
    for name in ("bin", "sbin", "lib", "lib64"):
        folder, merged = root / name, root / "usr" / name
        merged.mkdir(parents=True, exist_ok=True)
        if folder.is_symlink():
            continue
        if folder.exists():
            subprocess.run(["cp", "-a", f"{folder}/.", merged], check=True)
            shutil.rmtree(folder)
        folder.symlink_to(Path("usr", name))
