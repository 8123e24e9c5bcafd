# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Markdown pages of the repository, as far as their tests have to read them."""

import re
from dataclasses import dataclass
from pathlib import Path

from . import paths

FENCE = re.compile(r"^( *)```(\S*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
ROW = re.compile(r"^\|(.+)\|$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """A page of the repository.

    :param name: path from the root of the checkout.
    """

    name: str

    @property
    def path(self) -> Path:
        return paths.CHECKOUT / self.name

    @property
    def text(self) -> str:
        return self.path.read_text()

    @property
    def prose(self) -> str:
        """The page without its code blocks."""
        return FENCE.sub("", self.text)

    def blocks(self, language: str) -> list[str]:
        """The code blocks of a language, without the indentation of a list."""
        return [
            re.sub(f"^{indent}", "", code, flags=re.MULTILINE)
            for indent, name, code in FENCE.findall(self.text)
            if name == language
        ]

    @property
    def links(self) -> list[str]:
        """Targets of links and images, without those that leave the repository."""
        return [target for target in LINK.findall(self.prose) if "://" not in target]

    @property
    def anchors(self) -> set[str]:
        """Names of the headings, as GitHub makes them."""
        return {anchor(heading) for heading in HEADING.findall(self.prose)}

    def rows(self, first: str) -> list[list[str]]:
        """Cells of the rows of the table whose first head cell is ``first``."""
        _, _, rest = self.text.partition(f"\n| {first} |")
        table = rest.partition("\n\n")[0]
        return [
            [cell.strip() for cell in row.split("|")] for row in ROW.findall(table)
        ][1:]


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return kept.strip().replace(" ", "-")


def pages() -> list[Page]:
    """The pages that people read."""
    files = [
        *paths.CHECKOUT.glob("*.md"),
        *paths.CHECKOUT.glob("docs/**/*.md"),
        *paths.CHECKOUT.glob("readme/*.md"),
    ]
    return [Page(file.relative_to(paths.CHECKOUT).as_posix()) for file in sorted(files)]
