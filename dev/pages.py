# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What tools write into the pages of ``docs/``: tables between two marks."""

from pathlib import Path


def replace_between(page: Path, begin: str, end: str, text: str) -> None:
    """Write ``text`` between two marks; a page without them stays as it is.

    :param page: a Markdown file.
    :param begin: the mark before the text, with its end of line.
    :param end: the mark after it.
    """
    before, is_begun, rest = page.read_text().partition(begin)
    _old, is_ended, after = rest.partition(end)
    if is_begun and is_ended:
        page.write_text(before + begin + text + end + after)
