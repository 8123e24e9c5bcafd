# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What ``make brokers`` reports, and which brokers it skips."""

import json

import pytest

from dev import debian
from dev.brokers import __main__ as brokers
from dev.brokers import report
from dev.brokers.flow import Flow
from dev.brokers.kinds import KINDS
from dev.brokers.trial import Row
from dev.chroot import Chroot
from dev.console import Problem

GOOD = Row("NATS", "2.15.1", "MQTT 3.1.1", "QoS 1", 2000, 2000)
DOUBLED = Row("NATS", "2.15.1", "MQTT 3.1.1", "TLS", 2000, 2040, doubled=40)
UNDONE = Row("NATS", "2.15.1", "MQTT 3.1.1", "3 MB", note="not done: it ended")
OTHER = Row("Mosquitto 2.1, sqlite", "2.1.2", "MQTT 5", "QoS 1", 20, 20)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Files of results and of the page, for the test alone."""
    for name in ("RESULTS", "PAGE"):
        monkeypatch.setattr(report, name, tmp_path / name)
    return tmp_path / "RESULTS", tmp_path / "PAGE"


def test_results_are_kept_and_shown(files):
    """What was tried before stays; the page changes between its marks only."""
    results, page = files
    page.write_text(f"before\n{report.BEGIN}old\n{report.END}after\n")
    report.write([GOOD])
    report.write([OTHER, DOUBLED])
    kept = json.loads(results.read_text())
    assert [one["broker"] for one in kept] == [OTHER.broker, "NATS", "NATS"]
    assert set(kept[0]) == set(vars(GOOD))
    before, _, after = page.read_text().partition(report.BEGIN)
    table, _, after = after.partition(report.END)
    assert (before, after) == ("before\n", "after\n")
    assert table.splitlines()[2:] == [
        "| Mosquitto 2.1.2, sqlite, MQTT 5 | 20 | – |",
        "| NATS 2.15.1, MQTT 3.1.1 | 2,000 | **40 doubled** of 2,000 |",
    ]


def test_a_page_without_marks_stays(files):
    """Nothing is written where nobody asked for it."""
    _results, page = files
    page.write_text("words\n")
    report.write([GOOD])
    assert page.read_text() == "words\n"


@pytest.mark.parametrize(("row", "good"), [(GOOD, 1), (DOUBLED, 0), (UNDONE, 0)])
def test_good_is_what_lost_and_doubled_nothing(row, good):
    """A check that came to no end is not good, though it lost nothing."""
    assert row.is_good == bool(good)


def test_a_broker_that_cannot_be_had_is_named_and_skipped(monkeypatch):
    """No server is started for brokers of which none can be had."""

    def get(self):
        raise Problem("the suite does not have it")

    said = []
    monkeypatch.setattr(Chroot, "get", get)
    monkeypatch.setattr(brokers, "say", lambda *words: said.append(words))
    assert not list(brokers.try_brokers(KINDS, list(brokers.CHECKS), 1))
    named = [f"{kind.title}: the suite does not have it" for kind in KINDS]
    assert said == [("skipped", words) for words in named]


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        # Of ten messages eight are numbers and two are equal.
        ((10, 8, 2), (0, 0)),
        ((9, 7, 2), (1, 0)),
        ((9, 8, 1), (1, 0)),
        ((11, 8, 2), (0, 1)),
        ((11, 8, 3), (0, 1)),
        ((10, 7, 3), (1, 1)),
    ],
)
def test_numbers_are_counted_by_content_and_equal_ones_by_number(counts, verdict):
    """What is lost does not hide what is doubled."""
    flow = Flow(broker=None, service=None, topic="")
    flow.published = 10
    assert flow.verdict(*counts) == verdict


def test_folders_of_a_release_that_has_not_merged_usr_become_links(tmp_path):
    """Debian 12's packages have /lib and /usr/lib, and programs look into both."""
    for folder, name in (("lib", "a.so"), ("usr/lib", "b.so")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / name).touch()
    debian.merge_usr(tmp_path)
    assert (tmp_path / "lib").is_symlink()
    assert {path.name for path in (tmp_path / "lib").iterdir()} == {"a.so", "b.so"}
    assert (tmp_path / "lib64").resolve() == tmp_path / "usr/lib64"
