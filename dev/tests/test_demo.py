# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The demo's live line stays on its line of the terminal."""

from dev import demo

WORDS = ["published 10000", "handled 10000", "failed 0", "rate 500/s"]


def test_a_line_that_fits_is_shown_whole():
    """It is padded, so that nothing of a longer one before it stays."""
    assert demo.fit(WORDS, 60).split() == " ".join(WORDS).split()
    assert len(demo.fit(WORDS, 60)) == 60


def test_what_does_not_fit_is_left_out_whole():
    """A number that is cut would be a wrong one."""
    line = demo.fit(WORDS, 45)
    assert line.split() == " ".join(WORDS[:3]).split()
    assert len(line) == 45
