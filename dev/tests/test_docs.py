# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The pages name what there is: links, paths, commands, rooms, and where things are."""

import ast
import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dev import manual, paths
from dev.faults import __main__ as faults
from dev.manual import Page

PAGES = manual.pages()
ROOMS = (
    "mqtt",
    "broker",
    "models",
    "controllers",
    "jobs",
    "wizards",
    "listener",
    "cli",
)
FOLDERS = "|".join(
    [*ROOMS, "data", "dev", "docs", "security", "static", "tests", "views"]
)
PATH = re.compile(rf"`((?:{FOLDERS})/[\w./+*-]*)`")
ENVIRONMENT = {"DEV_HOME", "ODOO_PATH", "PGHOST", "MQTT_BROKER", "RATE"}
MAKEFILE = (paths.CHECKOUT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
CONTRACTS = paths.CHECKOUT / ".importlinter"
ARCHITECTURE = Page("docs/architecture.md")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@each_page
def test_links_lead_somewhere(page):
    """Files and images exist, and so do the headings that anchors name."""
    for link in page.links:
        name, _, anchor = link.partition("#")
        target = (page.path.parent / name).resolve() if name else page.path
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            of = Page(target.relative_to(paths.CHECKOUT).as_posix())
            assert anchor in of.anchors, f"{page.name}: {link}"


@each_page
def test_paths_exist(page):
    """What is written as a path from the root is one; a name alone is unique there."""
    if page.name == "CHANGELOG.md":
        return  # what it names was there
    for name in PATH.findall(page.prose):
        assert any(paths.CHECKOUT.glob(name)), f"{page.name}: {name}"


@each_page
def test_make_has_the_targets(page):
    """And the variables that are given with them."""
    for target, rest in re.findall(r"make ([a-z]+)([^\n`]*)", _commands(page)):
        assert target in TARGETS, f"{page.name}: make {target}"
        for variable in re.findall(r"\b([A-Z_]+)=", rest):
            assert f"$({variable})" in MAKEFILE, f"{page.name}: {variable}"


def _commands(page):
    """Code blocks and inline code: what is typed."""
    blocks = [*page.blocks("console"), *page.blocks("sh")]
    return "\n".join([*blocks, *re.findall(r"`([^`]+)`", page.prose)])


@each_page
def test_variables_are_read(page):
    """Variables of the environment that are named alone are read by the tools."""
    given = re.findall(r"^([A-Z_]+)=", _commands(page), re.MULTILINE)
    known = set(re.findall(r"\$\((?:or |if )?\(?([A-Z_]+)", MAKEFILE)) | ENVIRONMENT
    assert set(given) <= known | {"S"}, page.name


@each_page
def test_python_blocks_compile(page):
    """Every one; those that are run are run by Odoo's tests."""
    for number, block in enumerate(page.blocks("python"), 1):
        compile(block, f"{page.name}, block {number}", "exec")


@each_page
def test_pages_have_one_title_and_unique_headings(page):
    """An anchor that two headings share leads to the first."""
    headings = manual.HEADING.findall(page.prose)
    if page.name in ("CHANGELOG.md",) or page.name.startswith("readme/"):
        return  # versions repeat their headings; fragments have none
    assert page.text.startswith("# "), page.name
    assert len(headings) == len(page.anchors), page.name


def test_the_readme_leads_to_every_page():
    """A page that nobody finds is not read."""
    links = set(Page("README.md").links)
    docs = {page.name for page in PAGES if page.name.startswith("docs/")}
    assert docs <= links, docs - links


@pytest.mark.parametrize(
    "command", Page("docs/scaling.md").blocks("console"), ids=lambda one: one[:60]
)
def test_scaling_prints_what_the_page_shows(command):
    """Its rows; the figures are those of the last benchmark."""
    line, *shown = command.splitlines()
    if not line.startswith("$ python3 "):
        assert line.startswith("$ psql "), line
        assert (paths.CHECKOUT / "dev/bench" / line.split()[-2]).exists()
        return
    call = [sys.executable, *line.removeprefix("$ python3 ").split()]
    done = subprocess.run(call, cwd=paths.CHECKOUT, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    assert _labels(done.stdout.splitlines()) == _labels(shown)


def _labels(lines):
    return [re.split(r"  +", line)[0] for line in lines]


def test_certificates_are_made_by_the_commands(tmp_path):
    """Broker and client are certified by the authority, under their names."""
    (commands,) = Page("docs/security.md").blocks("sh")
    subprocess.run(["bash", "-e"], input=commands, text=True, cwd=tmp_path, check=True)
    for name in ("broker", "odoo"):
        verify = ["openssl", "verify", "-CAfile", "ca.crt", f"{name}.crt"]
        subprocess.run(verify, cwd=tmp_path, check=True)
    show = ["openssl", "x509", "-in", "broker.crt", "-noout", "-ext", "subjectAltName"]
    shown = subprocess.run(show, cwd=tmp_path, check=True, capture_output=True)
    assert b"DNS:broker.example.com" in shown.stdout
    assert "ENCRYPTED" in (tmp_path / "odoo.key").read_text()


def test_the_faults_have_the_place_of_their_table():
    """``make faults`` writes between the marks, and knows each row."""
    text = faults.PAGE.read_text()
    assert text.count(faults.BEGIN) == text.count(faults.END) == 1
    rows = Page("docs/guarantees.md").rows("fault")
    assert [row[0] for row in rows] == [
        name for name in faults.FAULTS if name in {row[0] for row in rows}
    ]


# Where is …?

WHERE = ARCHITECTURE.rows("question")


def test_twenty_questions_or_more_in_ten_rooms():
    """As the page promises."""
    assert len(WHERE) >= 20
    assert len({row[1].strip("`").partition("/")[0] for row in WHERE}) == 10


@pytest.mark.parametrize("row", WHERE, ids=lambda row: row[0])
def test_the_answer_is_in_the_file(row):
    """The name is defined there."""
    _question, file, name = (cell.strip("`") for cell in row)
    tree = ast.parse((paths.CHECKOUT / file).read_text())
    assert name in {
        found
        for node in ast.walk(tree)
        for found in (
            getattr(node, "name", None),
            *(getattr(one, "id", None) for one in getattr(node, "targets", ())),
            getattr(getattr(node, "target", None), "id", None),
        )
    }


# Rooms


def _table():
    """Rooms that a room may import, by room, as the page has them."""
    return {
        room.strip("`/"): set(re.findall(r"`(\w+)`", cell))
        for room, _holds, cell in ARCHITECTURE.rows("room")
        if room.strip("`/") in ROOMS
    }


def _imports(room):
    """Rooms that a room imports, in functions as well."""
    found = set()
    for file in (paths.CHECKOUT / room).rglob("*.py"):
        package = ["odoo", "addons", paths.ADDON]
        package += file.relative_to(paths.CHECKOUT).parts[:-1]
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else []
                base += (node.module or "").split(".")
                names = [[*base, alias.name] for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name.split(".") for alias in node.names]
            else:
                continue
            found |= {
                name[3]
                for name in ([part for part in one if part] for one in names)
                if name[:3] == ["odoo", "addons", paths.ADDON] and len(name) > 3
            }
    return found & set(ROOMS) - {room}


def test_rooms_import_what_the_table_allows():
    """The page forbids nothing that the code does, and names each room."""
    table = _table()
    assert set(table) == set(ROOMS)
    for room in ROOMS:
        assert _imports(room) <= table[room], room


def forbidden(text):
    """Pairs of rooms, importing and imported, that import-linter's contracts refuse."""
    parser = configparser.ConfigParser()
    parser.read_string(text)
    pairs = set()
    for name in parser.sections():
        contract = parser[name]
        kind = contract.get("type")
        if kind == "forbidden":
            sources = _rooms(contract["source_modules"].split())
            targets = _rooms(contract["forbidden_modules"].split())
            pairs |= {(one, other) for one in sources for other in targets}
        elif kind == "layers":
            pairs |= set(_of_layers(contract["layers"].strip().splitlines()))
        elif kind == "independence":
            rooms = _rooms(contract["modules"].split())
            pairs |= {(one, other) for one in rooms for other in rooms}
    return {(one, other) for one, other in pairs if one != other}


def _rooms(names):
    own = (name.strip("() ").removeprefix("odoo.addons.") for name in names)
    return [
        name.removeprefix(f"{paths.ADDON}.")
        for name in own
        if name.removeprefix(f"{paths.ADDON}.") in ROOMS
    ]


def _of_layers(lines):
    """A layer imports those below it; its own rooms do, too, if divided by ``:``."""
    layers = [_rooms(re.split(r"[|:]", line)) for line in lines]
    for place, (line, rooms) in enumerate(zip(lines, layers, strict=True)):
        above = [room for layer in layers[:place] for room in layer]
        beside = rooms if "|" in line else []
        for room in rooms:
            yield from ((room, other) for other in (*above, *beside))


SAMPLE = """
[importlinter:contract:rooms]
type = layers
layers =
    (cli)
    listener | wizards
    mqtt
[importlinter:contract:jobs]
type = forbidden
source_modules = mqtt_listener.jobs
forbidden_modules =
    mqtt_listener.models
    odoo
"""


def test_contracts_are_read():
    """Layers, and what one room may not import of another."""
    assert forbidden(SAMPLE) == {
        ("listener", "cli"),
        ("wizards", "cli"),
        ("listener", "wizards"),
        ("wizards", "listener"),
        ("mqtt", "cli"),
        ("mqtt", "listener"),
        ("mqtt", "wizards"),
        ("jobs", "models"),
    }


@pytest.mark.skipif(not CONTRACTS.exists(), reason="there are no contracts")
def test_the_contracts_allow_what_the_table_allows():
    """The page promises nothing that ``make lint`` refuses."""
    refused = forbidden(Path(CONTRACTS).read_text())
    for room, allowed in _table().items():
        assert not {(room, other) for other in allowed} & refused, room
