# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Writes ``static/description/index.html``, the page that Odoo shows of the addon.

From the texts in ``readme/``, which are those of OCA's addons. README.md is the manual;
it opens with the same paragraph as the description.

    python -m dev.description           # write the page
    python -m dev.description --check   # say whether it has to be; status 1 if so
"""

import sys

from markdown import markdown

from . import paths
from .console import run

README = paths.CHECKOUT / "readme"
PAGE = paths.CHECKOUT / "static/description/index.html"
SECTIONS = {
    "DESCRIPTION": "MQTT Listener",
    "INSTALL": "Installation",
    "USAGE": "Usage",
    "CONTRIBUTORS": "Contributors",
}
IMAGES = "../static/description/"  # seen from readme/


def page() -> str:
    """The page, from the texts as they are."""
    return "\n".join(
        _section(heading, (README / f"{name}.md").read_text())
        for name, heading in SECTIONS.items()
    )


def _section(heading: str, text: str) -> str:
    body = markdown(f"## {heading}\n\n{text.replace(IMAGES, '')}")
    body = body.replace("<img ", '<img class="img-fluid border" ')
    return f'<section class="container my-5">\n{body}\n</section>\n'


def main() -> int:
    if "--check" not in sys.argv:
        PAGE.write_text(page())
        return 0
    opening = (README / "DESCRIPTION.md").read_text().split("\n\n")[0]
    if opening not in (paths.CHECKOUT / "README.md").read_text():
        print("README.md does not open with the first paragraph of the description")
        return 1
    if PAGE.read_text() != page():
        print(f"{PAGE.relative_to(paths.CHECKOUT)}: readme/ has changed: make format")
        return 1
    return 0


if __name__ == "__main__":
    run(main)
