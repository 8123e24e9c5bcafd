# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The wheel: installed beside Odoo and queue_job, used, uninstalled without a trace."""

import ast
import email
import importlib.metadata
import sys
import zipfile

import catalogue
import pytest
from packaging.requirements import Requirement
from service import Service, publish

from dev import paths, wheel
from dev.servers import Odoo, Postgres, wait_until
from dev.test import read_report

DEPENDS = ("queue_job", "bus", "mail")  # and what these depend on
WITHOUT_ADDON = "base,rpc,web,queue_job"


@pytest.fixture(scope="module")
def package(folder):
    """The wheel of this checkout."""
    return wheel.build(folder / "dist")


@pytest.fixture(scope="module")
def databases(folder):
    """A private PostgreSQL without the addon in a template."""
    with Postgres(folder / "wheel-postgresql", port=25532) as postgres:
        yield postgres


@pytest.fixture
def new_server(package, folder, databases, request):
    """Makes servers that have the addon from the wheel, not from the checkout."""
    python = wheel.install(package, folder / "environment")
    servers = []

    def make(workers=2, **options):
        place = folder / f"odoo-{request.node.name}-{len(servers)}"
        odoo = Odoo(place, databases, "wheel", workers=workers, python=python)
        addons = odoo.tree.addons or (odoo.tree.library / "odoo/addons",)
        odoo.options = {"addons_path": ",".join(map(str, addons)), **options}
        servers.append(odoo)
        return odoo

    with databases.fresh("wheel"):
        yield make
        for odoo in servers:
            odoo.stop()


def test_wheel_has_the_addon_and_nothing_else(package):
    """Named as Odoo's packages are, from a checkout of any name."""
    assert package.name.startswith(f"odoo_addon_{paths.ADDON}-19.0.")
    assert package.name.endswith("-py3-none-any.whl")
    names = zipfile.ZipFile(package).namelist()
    root = f"odoo/addons/{paths.ADDON}/"
    files = {name.removeprefix(root) for name in names if name.startswith(root)}
    assert len(files) + 4 == len(names), "only metadata is outside of the addon"
    assert {"__manifest__.py", "README.md", "LICENSE", "tests/common.py"} <= files
    manifests = [file for file in files if file.endswith("__manifest__.py")]
    assert manifests == ["__manifest__.py"], "no addon within the addon"
    tops = {file.split("/")[0] for file in files}
    assert not tops & {"dev", "docs", "Makefile", "pyproject.toml"}
    assert not [file for file in files if file.startswith((".", "tests/e2e"))]


def test_wheel_names_what_it_needs(package):
    """Its requirements are what the tests run with; Odoo itself is not on PyPI."""
    archive = zipfile.ZipFile(package)
    (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
    metadata = email.message_from_bytes(archive.read(name))
    requirements = map(Requirement, metadata.get_all("Requires-Dist"))
    needs = {requirement.name: requirement.specifier for requirement in requirements}
    assert str(needs.pop("odoo")) == "==19.0.*"
    libraries = {"cryptography", "paho-mqtt", "python-jsonpath"}
    assert {"odoo-addon-queue_job", *libraries} == set(needs)
    for name, specifier in needs.items():
        assert specifier.contains(importlib.metadata.version(name)), name


def test_shipped_tests_need_nothing_else(new_server):
    """Its tests are part of the addon: importing them takes no tool of ours."""
    run_tests(new_server(workers=0), "TestTopic")


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Odoo wants newer ones")
def test_oldest_versions(new_server, package):
    """The least versions in the manifest, with what Odoo 19 wants beside them."""
    odoo = new_server(workers=0)
    oldest = [
        f"{requirement.name}=={specifier.version}"
        for requirement in map(Requirement, dependencies(package))
        for specifier in requirement.specifier
        if specifier.operator == ">="
    ]
    assert len(oldest) == 3
    wheel.pip("--python", odoo.python, "install", *oldest, "pyOpenSSL==21.0.0")
    run_tests(odoo, "TestTls", "TestClient", "TestJsonPath")


def dependencies(package):
    """What the manifest asks of PyPI."""
    name = f"odoo/addons/{paths.ADDON}/__manifest__.py"
    manifest = ast.literal_eval(zipfile.ZipFile(package).read(name).decode())
    return manifest["external_dependencies"]["python"]


def run_tests(odoo, *classes):
    """Install the addon and run some of its tests."""
    tags = ",".join(f"/{paths.ADDON}:{name}" for name in classes)
    odoo.run("server", "-i", paths.ADDON, "--test-tags", tags, "--stop-after-init")
    result = read_report(odoo.log_text())
    assert result.passed
    assert not result.failed


def test_uninstalling_leaves_nothing(new_server, databases, broker):
    """Installed, used, uninstalled: the database is what it was before."""
    plain = new_server(server_wide_modules=WITHOUT_ADDON)
    plain.install(*DEPENDS)
    before = contents(databases)
    odoo = new_server()
    odoo.install(paths.ADDON)
    with odoo:
        use(odoo, broker)
    with plain:
        uninstall(plain)
        assert not listeners(databases), "the listener that ran meanwhile has ended"
    after = contents(databases)
    assert not after - before, "\n".join(sorted(after - before))
    assert not before - after, "\n".join(sorted(before - after))


def contents(databases):
    return catalogue.schema(databases, "wheel") | catalogue.rows(databases, "wheel")


def listeners(databases):
    """Connections and locks that a listener holds while it lives."""
    return databases.query(
        "wheel",
        "SELECT application_name FROM pg_stat_activity"
        " WHERE datname = 'wheel' AND application_name LIKE 'mqtt_listener%'"
        " UNION ALL SELECT locktype FROM pg_locks"
        " WHERE locktype = 'advisory' AND classid = x'4D515454'::int",
    )


def found(odoo, model_name, /, **values):
    """The id of the one record with these values."""
    domain = [[name, "=", value] for name, value in values.items()]
    (record,) = odoo.call(model_name, "search", domain)
    return record


def use(odoo, broker):
    """Have of everything that the addon makes something that waits or lies around."""
    service = Service(odoo, broker, "plant/#", payload_limit=1000)
    model = found(odoo, "ir.model", model="mqtt.signal.history")
    for topic, values in {
        "plant/retried": {"max_retries": 3, "retry_pattern": "{1: 3600}"},
        "plant/failed": {"max_retries": 1},
    }.items():
        code = "raise UserError(mqtt_payload)"
        action = {"name": topic, "model_id": model, "state": "code", "code": code}
        action = odoo.call("ir.actions.server", "create", action)
        values = {"name": topic, "pattern": topic, "action_server_id": action, **values}
        odoo.call("mqtt.handler", "create", values)
    odoo.call(
        "ir.actions.server",
        "create",
        {
            "name": "Publish",
            "model_id": found(odoo, "ir.model", model="res.partner"),
            "state": "mqtt_publish",
            "mqtt_service_id": service.id,
        },
    )
    metric = {"name": "Length", "path": "$"}
    rule = {"name": "Devices", "pattern": "plant/{device}", "record_field": False}
    odoo.call("mqtt.device.rule", "create", {**rule, "metric_ids": [(0, 0, metric)]})
    parameters = "ir.config_parameter", "set_param"
    odoo.call(*parameters, "mqtt_listener.job_seconds", "10")
    odoo.call("ir.default", "set", "mqtt.service", "keepalive", 30)
    odoo.call(
        "ir.filters", "create", {"name": "Mine", "model_id": "mqtt.signal.history"}
    )
    service.start()
    publish(broker, "plant/large", "x" * 5000)
    publish(broker, "plant/measured", "5")
    publish(broker, "plant/retried", "one")
    publish(broker, "plant/failed", "two")
    service.wait_stored(4)
    wait_until(
        lambda: odoo.call("mqtt.reading", "search_count", []), 60, "there is no reading"
    )
    service.call("mqtt_publish", "answers/1", "three")
    service.call("mqtt_request", "requests/1", "four")
    assert listeners(odoo.databases)
    waiting = {("plant/retried: plant/retried", "pending")}
    failed = {("plant/failed: plant/failed", "failed")}
    wait_until(
        lambda: waiting | failed <= set(jobs(odoo)), 60, "the handlers have not run"
    )
    large = "SELECT 1 FROM ir_attachment WHERE res_model = 'mqtt.service'"
    assert odoo.databases.query(odoo.database, large)


def jobs(odoo):
    return odoo.databases.query(odoo.database, "SELECT name, state FROM queue_job")


def uninstall(odoo):
    """As an administrator does it, on a server that no longer loads it by itself."""
    module = found(odoo, "ir.module.module", name=paths.ADDON)
    odoo.call("ir.module.module", "button_immediate_uninstall", [module])
