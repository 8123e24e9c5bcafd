# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the listener's process takes for messages in flight.

To be measured before anything else: Python keeps what it once had.
"""

import time

from .database import BATCHES, STEP
from .found import Found, Scale
from .payloads import SIZES
from .stage import Stage, memory

QUIET_SECONDS = 1.0
IN_FLIGHT = 1500  # below the service's Receive Maximum


def run(stage: Stage, _scale: Scale) -> Found:
    """With payloads of two sizes; the larger figure counts."""
    figures = [_mib_per_thousand(stage, size) for size in SIZES[:2]]
    return Found({"memory_mib_per_1000": max(figures)})


def _mib_per_thousand(stage: Stage, size: int) -> float:
    """MiB that 1,000 messages take which the listener has received and cannot commit:
    another transaction holds the row they need.
    """
    on = stage.empty
    pid = on.listener_pid
    before = memory(pid)
    with stage.postgres.connect(on.name) as blocker:
        blocker.autocommit = False
        cursor = blocker.cursor()
        cursor.execute("SELECT FROM mqtt_connection FOR UPDATE")
        publishing = stage.publish(f"{on.prefix}/stored", size, IN_FLIGHT)
        publishing.join()
        peak = _settled(lambda: memory(pid))
    on.wait_none(BATCHES)
    return 1000 * (peak - before) / IN_FLIGHT


def _settled(look) -> float:
    """A figure when it has not grown for a moment."""
    highest, since = look(), time.monotonic()
    while time.monotonic() - since < QUIET_SECONDS:
        time.sleep(STEP)
        now = look()
        if now > highest:
            highest, since = now, time.monotonic()
    return highest
