# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the benchmark makes of its figures; it measures on real servers itself."""

from dev.bench import overload, report
from dev.bench.cost_chart import cost_chart
from dev.bench.found import Found, quantile
from dev.bench.goals import FIGURES
from dev.bench.parts import LONG, PARTS


def test_each_figure_is_of_a_part_that_can_be_run():
    """And each part measures at least one figure of the table."""
    assert {figure.part for figure in FIGURES.values()} == set(PARTS)
    assert set(LONG) <= set(PARTS)


def test_a_goal_is_reached_in_its_direction():
    """A cost is to be small, a rate is to be large."""
    cost, rate = FIGURES["cpu_10_stored_classic"], FIGURES["stored_5m"]
    assert cost.is_reached(1.2)
    assert not cost.is_reached(1.21)
    assert rate.is_reached(0.95)
    assert not rate.is_reached(0.94)


def test_parts_add_to_the_same_section():
    """Sections of two parts are merged, not replaced."""
    found = Found({"a": 1}, {"others": {"x": 1}})
    found.add(Found({"b": 2}, {"others": {"y": 2}, "windows": {"1": {}}}))
    assert found.ratios == {"a": 1, "b": 2}
    assert found.sections == {"others": {"x": 1, "y": 2}, "windows": {"1": {}}}


def test_the_table_has_each_figure_with_its_goal():
    """One that was not measured has a dash."""
    table = report.table({"stored_5m": 0.962}).splitlines()
    assert len(table) == 2 + len(FIGURES)
    assert "| stored with 5,000,000 messages ÷ with none | ≥ 0.95 | 0.96 |" in table
    assert sum(row.endswith("| – |") for row in table) == len(FIGURES) - 1


def test_the_page_has_the_place_of_the_table():
    """A whole run replaces what is between the marks."""
    page = report.PAGE.read_text()
    assert page.count(report.BEGIN) == page.count(report.END) == 1
    head, _, rest = page.partition(report.BEGIN)
    assert head
    assert report.END in rest


def test_recovery_takes_twice_the_overload():
    """A minute of twice the rate leaves a minute's work; half the rate goes on."""
    assert overload._least_recovery(120_000, 60, 1000) == 115
    assert overload._least_recovery(60_000, 60, 1000) == 0


def test_a_quantile_is_a_figure_that_was_measured():
    """The highest one at most."""
    assert quantile([1, 2, 3, 4], 0.5) == 3
    assert quantile([1, 2, 3, 4], 1) == 4


def test_labels_of_the_chart_do_not_cover_each_other():
    """Designs whose curves end at the same place have their names in two lines."""
    cost = {"messages a second": 100.0, "ms a message": 2.0}
    chart = cost_chart(
        {
            "steady rates": {"classic": {"100": cost}, "sidecar": {"100": cost}},
            "versions": {"Odoo": "19.0"},
            "machine": "a machine",
            "date": "2026-01-31",
        }
    )
    lines = [line for line in chart.splitlines() if "in on_message" in line]
    lines += [line for line in chart.splitlines() if "XML-RPC each" in line]
    heights = [line.partition(' y="')[2].partition('"')[0] for line in lines]
    assert len(set(heights)) == 2
