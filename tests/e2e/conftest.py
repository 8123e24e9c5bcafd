# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Real servers for the end-to-end tests; each test gets a database of its own.

The addon is installed once, into a template; a test's database is a copy of it.
"""

import os
import shutil
from pathlib import Path

import pytest
from chrome import Browser
from playwright.sync_api import sync_playwright

from dev import debian, paths
from dev.servers import Mosquitto, Odoo, Postgres

TEMPLATE = "e2e_template"


@pytest.fixture(scope="session")
def folder():
    """Where the servers of this run live; that of an earlier run is removed."""
    runs = paths.OWN / "e2e"
    for run in runs.glob("*"):
        if not Path("/proc", run.name).exists():
            shutil.rmtree(run, ignore_errors=True)
    folder = runs / str(os.getpid())
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="session")
def postgres(folder):
    """A private PostgreSQL with the template database."""
    with Postgres(folder / "postgresql", port=25432) as postgres:
        postgres.create(TEMPLATE)
        Odoo(folder / "install", postgres, TEMPLATE, workers=0).install(
            "mqtt_listener", "mqtt_e2e"
        )
        yield postgres


@pytest.fixture(scope="module")
def broker(folder, request):
    """A private Mosquitto."""
    place = folder / f"mosquitto-{request.module.__name__}"
    with Mosquitto(place, autosave=100_000) as broker:
        yield broker


@pytest.fixture
def database(postgres, request):
    """A fresh database with the addon."""
    name = f"e2e_{request.node.name}".replace("[", "_").replace("]", "").lower()[:60]
    with postgres.fresh(name, template=TEMPLATE) as database:
        yield database


@pytest.fixture
def new_odoo(folder, postgres, database, request):
    """Makes Odoo servers on the test's database; stops what is still running."""
    made = []

    def make(workers=2, **options):
        place = folder / f"odoo-{request.node.name}-{len(made)}"
        made.append(Odoo(place, postgres, database, workers=workers, **options))
        return made[-1]

    yield make
    for odoo in made:
        odoo.stop()


@pytest.fixture
def odoo(new_odoo):
    """A running prefork server with two HTTP workers."""
    with new_odoo(workers=2) as odoo:
        yield odoo


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=debian.program("chromium"), args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture
def browser(chromium):
    """Opens a session at a server; what any of them wrote to the console fails."""
    sessions = []

    def login(odoo, login="admin"):
        sessions.append(Browser(chromium, odoo, login))
        return sessions[-1]

    yield login
    for session in sessions:
        session.close()
    errors = [error for session in sessions for error in session.errors]
    assert not errors, "\n".join(errors)
