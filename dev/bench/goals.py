# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The figures: which part measures them, what they are called, what they should be.

A figure is a key of ``ratios`` in ``results.json``, and a row of the table in
docs/benchmarks.md.
"""

from typing import NamedTuple


class Figure(NamedTuple):
    """One figure of the table.

    :ivar part: of the benchmark that measures it, see :mod:`.parts`.
    :ivar sign: ``≥`` or ``≤``, the direction of the goal.
    """

    part: str
    words: str
    sign: str
    goal: float

    def is_reached(self, value: float) -> bool:
        """Whether a measured value is as good as the goal."""
        return value >= self.goal if self.sign == "≥" else value <= self.goal


WINDOWS = (1, 10, 20, 100, 2000)  # messages that the broker may have in flight

FIGURES = {
    key: Figure(part, words, sign, goal)
    for part, rows in {
        "memory": (
            (
                "memory_mib_per_1000",
                "memory of the listener for 1,000 messages in flight, MiB",
                "≤",
                4,
            ),
        ),
        # Two jobs a second, of which queue_job's own part is 13 ms each, keep what is
        # at 10/s above its goals: docs/benchmarks.md has the arithmetic.
        "rates": (
            ("cpu_10_stored_classic", "CPU at 10/s, stored ÷ classic", "≤", 1.2),
            ("cpu_10_handled_classic", "CPU at 10/s, handled ÷ classic", "≤", 1.5),
            ("cpu_100_stored_classic", "CPU at 100/s, stored ÷ classic", "≤", 0.3),
            ("cpu_100_handled_classic", "CPU at 100/s, handled ÷ classic", "≤", 0.5),
            ("cpu_100_stored_sidecar", "CPU at 100/s, stored ÷ sidecar", "≤", 0.15),
            ("delay_10_p99", "delay at 10/s, publish → stored, p99, s", "≤", 0.7),
            ("delay_100_p99", "delay at 100/s, publish → stored, p99, s", "≤", 0.7),
        ),
        "latency": (
            ("latency_p50", "lone message ÷ lone job, p50", "≤", 1.5),
            ("latency_p99", "lone message ÷ lone job, p99", "≤", 1.5),
            ("urgent_p50", "Deliver at Once at 100/s ÷ lone job, p50", "≤", 1.5),
            ("urgent_p99", "Deliver at Once at 100/s ÷ lone job, p99", "≤", 1.5),
        ),
        "services": (
            ("services_200_jobs", "200 services, 1/s each: jobs a second", "≤", 10),
            ("services_200_cpu", "200 services, 1/s each: CPU, % of a core", "≤", 40),
        ),
        "one_core": (
            (
                "one_core_delay_p99",
                "everything on one core, 100/s: publish → handled, p99, s",
                "≤",
                2,
            ),
            ("one_core_jobs", "everything on one core, 100/s: jobs waiting", "≤", 10),
        ),
        "overload": (
            (
                "overload_handled",
                "offered twice the full rate: handled ÷ full rate",
                "≥",
                0.3,
            ),
            (
                "overload_recovery_s",
                "then half of it: until handlers are ≤ 5 s behind, s",
                "≤",
                60,
            ),
            ("backlog_jobs", "jobs waiting with 100,000 messages behind", "≤", 200),
        ),
        "poison": (
            ("poison_jobs", "handler that always raises, 500/s: its jobs", "≤", 200),
            (
                "poison_cpu",
                "handler that always raises, 500/s: its CPU, % of a core",
                "≤",
                20,
            ),
            ("resumed_handled", "resumed: handled ÷ the usual rate", "≥", 0.8),
        ),
        "requeue": (
            ("requeue_10k_s", "10,000 failed messages requeued at once, s", "≤", 5),
        ),
        "windows": tuple(
            (
                f"window_{window}",
                f"window of {window:,} in flight: accepted ÷ a commit per window",
                "≥",
                0.5,
            )
            for window in WINDOWS
        ),
        "throughput": (
            ("accepted_limit", "accepted ÷ limit", "≥", 0.6),
            ("stored_classic", "stored ÷ classic", "≥", 25),
            ("stored_64k_classic", "stored at 64 KiB ÷ classic", "≥", 4),
            ("handled_naive", "handled ÷ naive", "≥", 6),
            ("handled_batch_naive", "handled by a batch handler ÷ naive", "≥", 50),
            ("listener_cpu", "processor time of the listener ÷ of the limit", "≤", 2.5),
        ),
        "handlers": (
            ("handled_loop", "handled, one worker ÷ a bare loop of calls", "≥", 0.8),
            ("dispatch_10k", "dispatch with 10,000 handlers ÷ with 10", "≥", 0.9),
        ),
        "mapping": (
            (
                "mapping_batch",
                "mapping, find by key and write ÷ the same batch handler in Python",
                "≥",
                0.8,
            ),
            (
                "mapping_unchanged",
                "mapping, 100,000 messages that change nothing, messages a second",
                "≥",
                5000,
            ),
            (
                "mapping_unchanged_writes",
                "mapping, 100,000 messages that change nothing: writes",
                "≤",
                0,
            ),
        ),
        "readings": (
            (
                "readings_stored",
                "readings of 3 metrics a message: messages a second ÷ stored alone",
                "≥",
                0.5,
            ),
            (
                "last_values_s",
                "last values of 10,000 devices × 5 metrics, s",
                "≤",
                0.05,
            ),
            ("graph_day_s", "chart by minute over a day, 1,000 metrics, s", "≤", 0.3),
            ("graph_year_s", "chart by hour over a year, 1,000 metrics, s", "≤", 0.3),
            ("drop_month_s", "a month of 10,000,000 readings dropped, s", "≤", 1),
        ),
        "history": (
            ("stored_5m", "stored with 5,000,000 messages ÷ with none", "≥", 0.95),
            ("list_5m", "first page of a topic, 5,000,000 ÷ 1,000 messages", "≤", 3),
            (
                "state_page_5m_s",
                "first page of a state at 5,000,000, the slowest, s",
                "≤",
                1,
            ),
            ("state_group_5m_s", "messages by state at 5,000,000, s", "≤", 3),
            (
                "cleanup_stored",
                "stored while old messages are removed ÷ before",
                "≥",
                0.8,
            ),
        ),
    }.items()
    for key, words, sign, goal in rows
}
