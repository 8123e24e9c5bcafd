# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Where everything lives: outside the checkout, in ``$DEV_HOME``.

Odoo takes everything below the addon's root for part of the addon, so nothing
is put there. Downloads are shared by all checkouts and named by what they were
made from: two checkouts with different pins never get in each other's way.
Servers, databases and logs are kept for each checkout on its own.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ADDON = "mqtt_listener"
EXAMPLE = "mqtt_factory"  # what the demo's messages do
CHECKOUT = Path(__file__).resolve().parent.parent
HOME = Path(os.environ.get("DEV_HOME") or "~/.cache/mqtt_listener").expanduser()
HOME = HOME.resolve()


def fingerprint(*parts: object) -> str:
    """A short name for what something was made from."""
    text = "\0".join(str(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


CHECKOUTS = HOME / "checkouts"
OWN = CHECKOUTS / f"{CHECKOUT.name}-{fingerprint(CHECKOUT)}"
ADDONS = OWN / "addons"
ADDON_FOLDERS = (
    "dev/addons",
    "dev/bench/addons",
    "dev/faults/addons",
    "tests/e2e/addons",
)


def link_addons() -> Path:
    """Give the checkout the name that Odoo knows the addon by, beside its examples."""
    ADDONS.mkdir(parents=True, exist_ok=True)
    _link(ADDONS / ADDON, CHECKOUT)
    for folder in ADDON_FOLDERS:
        for addon in (CHECKOUT / folder).iterdir():
            _link(ADDONS / addon.name, addon)
    return ADDONS


def _link(link: Path, folder: Path) -> None:
    if not link.is_symlink() or link.resolve() != folder:
        link.unlink(missing_ok=True)
        link.symlink_to(folder, target_is_directory=True)


@contextmanager
def lock(name: str, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock called `name` against every other process.

    `waiting` is called once when somebody else has it.
    """
    folder = HOME / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / name, "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def build_once(target: Path, build: Callable[[Path], None]) -> Path:
    """Have `target` built unless a former run finished building it.

    An interrupted build leaves no stamp and is begun anew. `target` is built in
    place, since a virtual environment cannot be moved.
    """
    stamp = target / ".complete"
    if stamp.exists():
        return target
    with lock(target.name, lambda: print(f"  waiting for another set-up of {target}")):
        if not stamp.exists():
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            build(target)
            stamp.touch()
    return target
