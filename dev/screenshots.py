# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Take the pictures of the README and of the addon's page from a running demo.

    make screenshots                # of a demo that is started for it
    python -m dev.screenshots URL [--login admin] [--password admin] [--database demo]

Writes them into static/description, where the addon's page in Odoo finds them too:
first_steps.png, overview.png, overview_phone.png, live.png, topic.png, device.png,
service_form.png, message_list.png and handlers.png.
Options: --login admin, --password admin, --database demo.
"""

import argparse
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from . import debian, paths
from .console import Problem, run, say

FOLDER = paths.CHECKOUT / "static" / "description"
VIEWPORT = {"width": 1200, "height": 820}
PHONE = {"width": 400, "height": 820}
TALL = {"width": 1200, "height": 1200}
READINGS = 70_000  # milliseconds in which the overview draws a line of its readings
LIMIT = 200_000  # bytes of a picture
LOOKED = 30_000  # milliseconds, of which first steps listen for 10
TOPIC = "telemetry"  # of a machine of the demo's factory
SETTLE = 1500  # milliseconds in which fonts, avatars and counters come


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m dev.screenshots")
    options.add_argument("url", nargs="?", help="of a demo; none: one is started")
    options.add_argument("--login", default="admin")
    options.add_argument("--password", default="admin")
    options.add_argument("--database", default="demo")
    chosen = options.parse_args()
    with nullcontext(chosen.url) if chosen.url else demo() as chosen.url:
        _take_all(chosen)
    return 0


@contextmanager
def demo() -> Iterator[str]:
    """Run a demo until the pictures are taken; its URL, once messages are stored."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dev.demo"],
        cwd=paths.CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        url = _await(process, r"(http://\S+) +login")
        _await(process, r"stored ([1-9]\d{3})")
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()


def _await(process: subprocess.Popen, pattern: str) -> str:
    for line in process.stdout:
        if found := re.search(pattern, line):
            return found[1]
    raise Problem("the demo has ended (its words are above)")


def _take_all(chosen: argparse.Namespace) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=debian.program("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport=VIEWPORT)
        _log_in(page, chosen)
        _overview(page, chosen.url)
        _first_steps(page, chosen.url)
        _live(page, chosen.url)
        _topic(page, chosen.url)
        _device(page, chosen.url)
        _service_form(page, chosen.url)
        _take(page, FOLDER / "service_form.png")
        page.goto(f"{chosen.url}/odoo/mqtt-messages")
        page.wait_for_selector(".o_data_row")
        _take(page, FOLDER / "message_list.png")
        page.goto(f"{chosen.url}/odoo/mqtt-handlers")
        page.wait_for_selector(".o_data_row")
        _take(page, FOLDER / "handlers.png")
        browser.close()


def _log_in(page: Page, chosen: argparse.Namespace) -> None:
    page.goto(f"{chosen.url}/web/login?db={chosen.database}")
    page.fill("input[name=login]", chosen.login)
    page.fill("input[name=password]", chosen.password)
    page.click("button[type=submit]")
    page.wait_for_selector(".o_main_navbar")


def _overview(page: Page, url: str) -> None:
    """Take the first page, wide and narrow."""
    _understand(page, url)
    page.goto(f"{url}/odoo/mqtt-overview")
    page.wait_for_selector(".o_mqtt_sparkline")
    page.wait_for_timeout(READINGS)
    _take(page, FOLDER / "overview.png")
    page.set_viewport_size(PHONE)
    _take(page, FOLDER / "overview_phone.png")
    page.set_viewport_size(VIEWPORT)


def _first_steps(page: Page, url: str) -> None:
    """Connect to the demo's broker and listen there; nothing is saved."""
    page.goto(f"{url}/odoo/mqtt-overview")
    broker = page.locator(".o_mqtt_broker").first.inner_text()
    page.goto(f"{url}/odoo/mqtt-first-steps")
    page.fill(".o_mqtt_step input[name=address]", f"mqtt://{broker}")
    page.get_by_role("button", name="Connect").click()
    page.fill(".o_mqtt_step input[name=prefix]", "factory")
    page.get_by_role("button", name="Listen").click()
    page.locator(".o_mqtt_found_topic").first.wait_for(timeout=LOOKED)
    _take(page, FOLDER / "first_steps.png")


def _live(page: Page, url: str) -> None:
    """The tree, unfolded to the topics of a machine, with one of them beside it."""
    page.goto(f"{url}/odoo/mqtt-live")
    lines = page.locator(".o_mqtt_live_line")
    for name in ("factory", "machine"):
        if not lines.filter(has_text=TOPIC).count():
            lines.filter(has_text=name).first.locator(".o_mqtt_live_fold").click()
            page.wait_for_timeout(SETTLE)
    lines.filter(has_text=TOPIC).first.click()
    page.wait_for_selector(".o_mqtt_live_pane canvas")
    _take(page, FOLDER / "live.png")


def _topic(page: Page, url: str) -> None:
    """The pane of a topic on a page of its own, from one of its messages."""
    page.goto(f"{url}/odoo/mqtt-messages")
    page.locator(".o_data_row", has_text=TOPIC).first.locator("td[name=topic]").click()
    page.locator("button[name=action_open_topic]").click()
    page.wait_for_selector(".o_mqtt_series_chart canvas")
    page.set_viewport_size(TALL)
    _take(page, FOLDER / "topic.png")
    page.set_viewport_size(VIEWPORT)


def _device(page: Page, url: str) -> None:
    """A machine of the factory, with its device."""
    page.goto(f"{url}/odoo/mqtt-machines")
    page.locator(".o_data_row").first.locator("td[name=name]").click()
    page.locator(".o_mqtt_chip", has_text="Temperature").first.click()
    page.wait_for_selector(".o_mqtt_device svg")
    _take(page, FOLDER / "device.png")


def _understand(page: Page, url: str) -> None:
    """A demo that ran before has the session of another broker, and says so."""
    _service_form(page, url)
    understood = page.get_by_role("button", name="Understood")
    if understood.is_visible():
        understood.click()
        understood.wait_for(state="hidden")


def _service_form(page: Page, url: str) -> None:
    """Open the first service that is connected."""
    page.goto(f"{url}/odoo/mqtt-services")
    page.wait_for_selector(".o_list_view")
    row = page.locator(".o_data_row", has_text="Connected").first
    row.locator("td[name=name]").click()
    page.wait_for_selector(".o_form_view")


def _take(page: Page, target: Path) -> None:
    page.wait_for_timeout(SETTLE)
    page.mouse.move(0, 0)
    page.screenshot(path=target)
    size = target.stat().st_size
    if size > LIMIT:
        raise Problem(f"{target.name} has {size} bytes, more than {LIMIT}")
    say("screenshots", f"{target.relative_to(paths.CHECKOUT)}, {size // 1000} kB")


if __name__ == "__main__":
    run(main)
