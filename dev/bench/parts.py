# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The parts of the benchmark, in the order in which they run.

Each is a function of the servers and of how much it is to measure. It can run alone: it
warms up what it needs, and leaves nothing open behind it.
"""

from . import (
    handlers,
    history,
    latency,
    mapping,
    memory,
    one_core,
    overload,
    poison,
    rates,
    readings,
    requeue,
    services,
    throughput,
    windows,
)

PARTS = {
    "memory": memory.run,  # first: Python keeps what it once had
    "rates": rates.run,
    "latency": latency.run,
    "services": services.run,
    "one_core": one_core.run,
    "overload": overload.run,
    "poison": poison.run,
    "requeue": requeue.run,
    "windows": windows.run,
    "throughput": throughput.run,
    "handlers": handlers.run,
    "mapping": mapping.run,
    "readings": readings.run,
    "history": history.run,  # last: tables that have grown
}
LONG = ("history",)  # left out of a quick run, unless it is asked for alone
