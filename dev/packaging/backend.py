# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The build backend: whool, on a copy of the addon that has the addon's name.

whool names a package after its folder and packs every file of the checkout. Here the
checkout is the addon, may be called anything, and holds the developers' tools as well.
So the files that belong to the addon are copied to a folder called `mqtt_listener`, and
whool builds there. `pip wheel .` and `pip install git+…` give the same wheel.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from whool import buildapi

ADDON = "mqtt_listener"
BACKEND = "dev/packaging/backend.py"
#: files and folders of the checkout that are not part of the addon
LEFT_OUT = (
    "CONTRIBUTING.md",
    "Makefile",
    "dev",
    "docs",
    "eslint.config.cjs",
    "prettier.config.cjs",
    "readme/newsfragments",
    "ruff.toml",
    "tests/e2e",
)


def build_wheel(
    wheel_directory: str,
    config_settings: "dict | None" = None,
    metadata_directory: "str | None" = None,
) -> str:
    """Build the wheel (PEP 517)."""
    with _copy_of_addon():
        return buildapi.build_wheel(wheel_directory)


def build_sdist(sdist_directory: str, config_settings: "dict | None" = None) -> str:
    """Build an archive of sources from which the wheel can be built (PEP 517)."""
    with _copy_of_addon(BACKEND):
        return buildapi.build_sdist(sdist_directory)


def prepare_metadata_for_build_wheel(
    metadata_directory: str, config_settings: "dict | None" = None
) -> str:
    """Write the metadata that the wheel will have (PEP 517)."""
    with _copy_of_addon():
        return buildapi.prepare_metadata_for_build_wheel(metadata_directory)


@contextmanager
def _copy_of_addon(*also: str) -> Iterator[None]:
    """Work in a copy of the addon's files; also of those named."""
    checkout = Path.cwd()
    with tempfile.TemporaryDirectory() as parent:
        # whool asks git for files and version: of the copy there is nothing to know.
        os.environ["GIT_CEILING_DIRECTORIES"] = os.path.realpath(parent)
        copy = Path(parent, ADDON)
        for file in _files(checkout):
            if belongs_to_addon(file) or file in also:
                (copy / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(checkout / file, copy / file)
        os.chdir(copy)
        try:
            yield
        finally:
            os.chdir(checkout)


def belongs_to_addon(file: str) -> bool:
    """Whether a file, named relative to the checkout, is part of the addon."""
    return not file.startswith((".", *(f"{folder}/" for folder in LEFT_OUT))) and (
        file not in LEFT_OUT
    )


def _files(checkout: Path) -> "list[str]":
    """The files under version control; in an unpacked archive of sources, all."""
    if (checkout / "PKG-INFO").exists():
        found = (path for path in checkout.rglob("*") if path.is_file())
        return [path.relative_to(checkout).as_posix() for path in found]
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=checkout, check=True, stdout=subprocess.PIPE)
    return os.fsdecode(listed.stdout).rstrip("\0").split("\0")
