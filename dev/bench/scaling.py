# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What 1, 10 and 100 Odoo nodes carry, reckoned from the cost of a message.

python3 -m dev.bench.scaling --nodes 1 10 100 --cores 8 --database-cores 32

Reads ``results.json``, which ``make bench`` writes. A rate is at most what each part
can do if it does nothing else; the lowest of them is the wall. Processor time is that
of the machine that measured, so its cores are meant by cores.
"""

import argparse
import json
from pathlib import Path

RESULTS = Path(__file__).parent / "results.json"
DAY = 86_400
MICRO = 1e6


def walls(
    found: dict,
    *,
    nodes: int,
    cores: int,
    database_cores: int,
    wal: float,
    brokers: int,
    handled: float,
) -> dict[str, float]:
    """Messages a second that each part carries.

    :param nodes: Odoo servers; each has one listener process.
    :param cores: of a node; one is the listener's, the others run jobs.
    :param database_cores: of the one PostgreSQL server.
    :param wal: bytes a second that its log can take.
    :param brokers: each with one thread, as Mosquitto has.
    :param handled: part of the messages that have a handler, of the kind which finds a
        record by its key and writes it.
    """
    cost = found["cost of a message"]
    # A job worker waits for PostgreSQL while it works, so this counts it twice.
    handler = handled * MICRO / found["others"]["dispatch bench"]
    return {
        "listeners": nodes * MICRO / cost["listener µs"],
        "job workers": nodes
        * max(cores - 1, 1)
        * MICRO
        / (cost["workers µs"] + handler),
        "queue_job's runner": MICRO / cost["runner µs"],
        "PostgreSQL's processors": database_cores
        * MICRO
        / (cost["PostgreSQL µs"] + handler),
        "PostgreSQL's WAL": wal / cost["WAL bytes"],
        "broker": brokers * MICRO / cost["broker µs"],
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--nodes", type=int, nargs="+", default=[1, 10, 100])
    options.add_argument("--cores", type=int, default=8)
    options.add_argument("--database-cores", type=int, default=32)
    options.add_argument("--wal", type=float, default=400, help="MB a second")
    options.add_argument("--brokers", type=int, default=1)
    options.add_argument("--handled", type=float, default=0.1)
    options.add_argument("--results", type=Path, default=RESULTS)
    chosen = options.parse_args()
    found = json.loads(chosen.results.read_text())
    columns = [
        walls(
            found,
            nodes=nodes,
            cores=chosen.cores,
            database_cores=chosen.database_cores,
            wal=chosen.wal * 1e6,
            brokers=chosen.brokers,
            handled=chosen.handled,
        )
        for nodes in chosen.nodes
    ]
    counts = [f"{n} node{'s' * (n > 1)}" for n in chosen.nodes]
    print("messages a second".ljust(26), *(f"{count:>13}" for count in counts))
    for part in columns[0]:
        print(part.ljust(26), *(f"{column[part]:>13,.0f}" for column in columns))
    lowest = [min(column, key=column.get) for column in columns]
    print("the wall is".ljust(26), *(f"{part.split()[-1]:>13}" for part in lowest))
    rates = [min(column.values()) for column in columns]
    print("so they carry".ljust(26), *(f"{rate:>13,.0f}" for rate in rates))
    disk = found["cost of a message"]["disk bytes"] * DAY / 1e9
    print("GB of history a day".ljust(26), *(f"{r * disk:>13,.0f}" for r in rates))


if __name__ == "__main__":
    main()
