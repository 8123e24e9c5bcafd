# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Try the addon on the brokers there are.

    make brokers                               # all, 20,000 messages
    make brokers MESSAGES=2000 BROKERS=nats    # those with this in their name
    make brokers CHECKS="killed"               # those with this in their name

What is stored is counted by content, equal messages by number.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from .. import paths
from ..console import Problem, run, say
from . import conversation, delivery
from .broker import BOTH, Broker
from .kinds import KINDS
from .report import write
from .stage import stage
from .trial import Outcome, Row, Trial

FOLDER = paths.OWN / "brokers"
MESSAGES = 20_000
CHECKS: "dict[str, Callable[[Trial], Outcome]]" = {
    "QoS 1": delivery.many,
    "published while stopped": delivery.while_stopped,
    "listener killed 3 ×": delivery.listener_killed,
    "broker killed 2 ×": delivery.broker_killed,
    "overlap": delivery.overlap,
    "`$share`": delivery.shared,
    "retained": delivery.retained,
    "3 MB": delivery.large,
    "publish": conversation.publish,
    "request": conversation.request,
    "wrong password": conversation.wrong_password,
    "TLS": conversation.tls,
}


def try_brokers(
    kinds: "Iterable[type[Broker]]",
    checks: "list[str]",
    messages: int,
    protocols: "tuple[str, ...]" = BOTH,
    folder: Path = FOLDER,
) -> "Iterator[Row]":
    """Rows as they are done; a broker that cannot be had is named and skipped.

    :param checks: names of `CHECKS`.
    :param messages: that the first check publishes.
    :param protocols: versions of MQTT, as far as a broker has them.
    :param folder: of all servers; what is in it is removed.
    """
    at_hand = [kind for kind in kinds if is_at_hand(kind)]
    if not at_hand:
        return
    say("brokers", "installing the addon")
    with stage(folder) as scene:
        for kind in at_hand:
            with kind(folder / kind.__name__.lower(), scene.authority) as broker:
                for protocol in broker.protocols:
                    if protocol in protocols:
                        yield from _try(
                            Trial(scene, broker, protocol, messages), checks
                        )


def is_at_hand(kind: "type[Broker]") -> bool:
    """Whether a broker can be had and run here; says why not."""
    try:
        kind.chroot.get()
    except Problem as problem:
        say("skipped", f"{kind.title}: {problem}")
        return False
    return True


def _try(trial: Trial, checks: "list[str]") -> "Iterator[Row]":
    for number, (name, check) in enumerate(CHECKS.items()):
        if name in checks:
            yield trial.run(number, name, check)


HEAD = "broker", "version", "MQTT", "check", "published", "stored", "lost", "doubled"
LINE = "{:<22} {:<8} {:<10} {:<24} {:>9} {:>7} {:>5} {:>7}  {}"


def show(row: Row) -> None:
    """Print a row of the table."""
    print(LINE.format(*vars(row).values()).rstrip(), flush=True)


def _chosen(names: "list[str]", parts: str, what: str) -> "list[str]":
    """Those names that have one of these parts."""
    wanted = [part.strip().lower() for part in parts.split(",")]
    found = [name for name in names if any(part in name.lower() for part in wanted)]
    if not found:
        raise Problem(f"no {what} has {parts!r} in its name: {', '.join(names)}")
    return found


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--messages", type=int, default=MESSAGES)
    parts = "parts of their names, separated by commas"
    options.add_argument("--brokers", default="", help=parts)
    options.add_argument("--checks", default="", help=parts)
    chosen = options.parse_args()
    titles = _chosen([kind.title for kind in KINDS], chosen.brokers, "broker")
    kinds = [kind for kind in KINDS if kind.title in titles]
    checks = _chosen(list(CHECKS), chosen.checks, "check")
    print(LINE.format(*HEAD, "note"), flush=True)
    rows = []
    for row in try_brokers(kinds, checks, chosen.messages):
        show(row)
        write([row])
        rows.append(row)
    bad = [row for row in rows if not row.is_good]
    if bad:
        names = (f"{row.broker} {row.mqtt} {row.check}" for row in bad)
        print(f"\nnot as promised: {'; '.join(names)}")
    return 1 if bad else 0


if __name__ == "__main__":
    run(main)
