# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which Odoo 19 is used, and how a process finds it.

The user's own checkout (`ODOO_PATH`), else Debian's package unpacked, else a
shallow clone of Odoo's public repository.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import debian, paths
from .console import Problem, say

RECIPE = 1  # counted up when unpacking changes, so that it is done again
FROM_SID = ("odoo-19", "fonts-montserrat")
# Not from sid: Odoo's icons are Font Awesome 4.7, sid has version 7.
FROM_OWN_RELEASE = (
    "libjs-jquery",
    "libjs-jquery-form",
    "libjs-underscore",
    "fonts-font-awesome",
    "fonts-roboto-unhinted",
    "fonts-glyphicons-halflings",
    "fonts-ocr-b",
)
CLONE = "https://github.com/odoo/odoo.git"
# Left out of the package for its licence; without it the web client logs an error.
SELFIE = "odoo/addons/mail/static/lib/selfie_segmentation/selfie_segmentation.js"


@dataclass(frozen=True)
class OdooTree:
    """An Odoo 19 on disk."""

    library: Path  #: the folder that has the package `odoo`
    script: Path  #: what is run
    addons: "tuple[Path, ...]" = ()  #: folders of addons outside the library

    def environment(self) -> "dict[str, str]":
        """The environment in which Python finds this Odoo."""
        return {"PYTHONPATH": str(self.library)}


def _package(root: Path) -> OdooTree:
    library = root / "usr/lib/python3/dist-packages"
    return OdooTree(library, root / "usr/bin/odoo")


def _checkout(root: Path) -> OdooTree:
    return OdooTree(root, root / "odoo-bin", (root / "addons",))


def _unpack_package(root: Path) -> None:
    say("odoo", "downloading Debian's package odoo-19 (130 MB), unpacking 1.3 GB")
    debian.unpack(root, FROM_SID, FROM_OWN_RELEASE)
    tree = _package(root)
    if not tree.script.exists():
        raise Problem("Debian's package odoo-19 has changed: set ODOO_PATH instead")
    selfie = tree.library / SELFIE
    if not selfie.exists():
        selfie.parent.mkdir(parents=True, exist_ok=True)
        selfie.write_text("// Not part of the package; nothing here uses it.\n")
    _check_icons(tree.library)


def _check_icons(library: Path) -> None:
    fonts = library / "odoo/addons/web/static/src/libs/fontawesome"
    found = [path for path in fonts.rglob("*.woff2") if path.exists()]
    dangling = [path for path in fonts.rglob("*") if not path.exists()]
    if dangling or not found:
        what = dangling[0].name if dangling else "fontawesome-webfont.woff2"
        raise Problem(f"Odoo's icon font {what} is missing: set ODOO_PATH instead")


def _clone(root: Path) -> None:
    say("odoo", "cloning branch 19.0 (1 GB)")
    command = ["git", "clone", "--depth", "1", "--branch", "19.0", "--progress"]
    if subprocess.run([*command, CLONE, root / "odoo"]).returncode:
        raise Problem(
            "Odoo could be had neither from Debian nor by git: clone its branch 19.0"
            " yourself and set ODOO_PATH to it"
        )


def _named_by_user(path: str) -> OdooTree:
    tree = _checkout(Path(path).expanduser().resolve())
    if not tree.script.exists():
        raise Problem(f"ODOO_PATH={path} has no odoo-bin: name an Odoo 19 checkout")
    return tree


def get() -> OdooTree:
    """The Odoo to use; downloaded when there is none yet."""
    if os.environ.get("ODOO_PATH"):
        return _named_by_user(os.environ["ODOO_PATH"])
    recipe = paths.fingerprint(RECIPE, FROM_SID, FROM_OWN_RELEASE)
    package = paths.HOME / f"odoo-{recipe}"
    clone = paths.HOME / "odoo-git"
    if (clone / ".complete").exists():
        return _checkout(clone / "odoo")
    if not debian.program("apt-get"):
        return _checkout(paths.build_once(clone, _clone) / "odoo")
    try:
        return _package(paths.build_once(package, _unpack_package))
    except Problem as problem:
        say("odoo", f"not from Debian: {problem}")
        return _checkout(paths.build_once(clone, _clone) / "odoo")
