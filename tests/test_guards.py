# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from contextlib import contextmanager

from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import MqttCase


@contextmanager
def in_words():
    """What PostgreSQL refuses a client is told in words."""
    try:
        yield
    except IntegrityError as error:
        raise UserError(str(error)) from error


@tagged("post_install", "-at_install")
class TestGuards(MqttCase):
    """Every guard, by every door: values come from more places than ``vals``."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.env["res.company"].create({"name": "Other"})
        cls.manager = cls.new_manager("guards_here")
        cls.admin = cls.new_manager("guards_admin", ",base.group_system")
        cls.service.company_id = cls.env.company
        cls.theirs = cls.env["mqtt.service"].create(
            {"name": "Theirs", "host": "theirs.invalid", "company_id": cls.other.id}
        )
        cls.action = cls.env["ir.actions.server"].create(
            {
                "name": "Act",
                "model_id": cls.env["ir.model"]._get_id("mqtt.signal.history"),
                "state": "code",
                "code": "pass",
            }
        )
        cls.handler = cls.env["mqtt.handler"].create(
            {**cls.handler_values(), "service_id": cls.service.id}
        )
        cls.everywhere = cls.env["mqtt.handler"].create(cls.handler_values())

    @classmethod
    def new_manager(cls, login, more=""):
        groups = f"mqtt_listener.group_manager{more}"
        return new_test_user(cls.env, login, groups=groups)

    @classmethod
    def handler_values(cls):
        return {"name": "H", "pattern": "h", "action_server_id": cls.action.id}

    def model(self, name, user=None):
        user = user or self.manager
        return (
            self.env[name]
            .with_user(user)
            .with_context(allowed_company_ids=user.company_ids.ids)
        )

    def doors(self, record, values, base):
        """Ways in which a client gives a record values, as functions.

        :param values: what must not be, ``base``: what else a new one needs.
        """
        model = record.browse()
        defaults = {f"default_{name}": value for name, value in values.items()}
        specification = {"id": {}}
        yield "create", lambda: model.create({**base, **values})
        yield "default", lambda: model.with_context(**defaults).create(base)
        yield "web_save", lambda: model.web_save({**base, **values}, specification)
        yield (
            "web_save default",
            lambda: model.with_context(**defaults).web_save(base, specification),
        )
        yield (
            "name_create",
            lambda: model.with_context(
                **{
                    f"default_{name}": value
                    for name, value in {**base, **values}.items()
                }
            ).name_create("x"),
        )
        if record:
            yield "write", lambda: record.write(values)
            yield "web_save write", lambda: record.web_save(values, specification)
            yield "copy", lambda: record.copy(values)
            yield "copy default", lambda: record.with_context(**defaults).copy()

    @mute_logger("odoo.sql_db")
    def assert_refused(self, record, values, base=None, except_for=()):
        for door, enter in self.doors(record, values, base or {}):
            if door in except_for:
                continue
            with self.subTest(model=record._name, door=door, **values):
                savepoint = self.env.cr.savepoint()
                try:
                    with self.assertRaises(UserError), in_words():
                        result = enter()
                        self.env.flush_all()
                        if (
                            door == "copy default"
                        ):  # which counts where nothing is copied
                            self.assert_not(result.sudo(), values)
                finally:
                    self.env.invalidate_all(flush=False)
                    savepoint.close(rollback=True)
                    self.env.registry.clear_cache()

    def assert_not(self, record, values):
        for name, value in values.items():
            found = record._fields[name].convert_to_write(record[name], record)
            self.assertNotEqual(found, value, name)
        said = "it does not count"
        raise UserError(said)

    def test_services_of_other_companies(self):
        own = self.model("mqtt.service").browse(self.service.id)
        self.assert_refused(own, {"company_id": self.other.id}, {"name": "New"})
        fields, rows = ["id", "company_id/.id"], [[self.xml_id(own), self.other.id]]
        result = own.load(fields, [[str(cell) for cell in row] for row in rows])
        self.assertFalse(result["ids"])
        self.assertEqual(self.service.company_id, self.env.company)

    def xml_id(self, record):
        values = {"module": "test", "name": "x", "model": record._name}
        self.env["ir.model.data"].create({**values, "res_id": record.id})
        return "test.x"

    def test_what_belongs_to_services_of_other_companies(self):
        for name, base in (
            ("mqtt.subscription", {"topic_filter": "new"}),
            ("mqtt.announcement", {"kind": "birth", "topic": "new"}),
        ):
            own = self.env[name].create({**base, "service_id": self.service.id})
            own = self.model(name).browse(own.id)
            self.assert_refused(own, {"service_id": self.theirs.id}, base)
        service = self.model("mqtt.service").browse(self.service.id)
        theirs = self.theirs.subscription_ids.create(
            {"service_id": self.theirs.id, "topic_filter": "theirs"}
        )
        for command in (
            Command.link(theirs.id),
            Command.update(theirs.id, {"active": False}),
            Command.update(self.subscription.id, {"service_id": self.theirs.id}),
            Command.delete(theirs.id),
        ):
            with self.subTest(command=command), self.assertRaises(AccessError):
                service.write({"subscription_ids": [command]})
                service.env.flush_all()

    def test_handlers_of_others(self):
        own = self.model("mqtt.handler", self.admin).browse(self.handler.id)
        base = self.handler_values()
        self.assert_refused(own, {"service_id": self.theirs.id}, base)
        self.assert_refused(
            own, {"service_id": False}, base, except_for=("default", "copy default")
        )
        everywhere = self.model("mqtt.handler", self.admin).browse(self.everywhere.id)
        for values in ({"enabled": False}, {"pattern": "#"}, {"sequence": 5}):
            with self.subTest(**values), self.assertRaises(AccessError):
                everywhere.write(values)
        with self.assertRaises(AccessError):
            everywhere.unlink()
        self.admin.company_ids |= self.other
        everywhere.write({"enabled": False})

    def test_what_a_handler_runs(self):
        """Who may not write the code that runs does not choose it either."""
        own = self.model("mqtt.handler").browse(self.handler.id)
        base = {"name": "N", "pattern": "n", "service_id": self.service.id}
        action = self.action.copy()
        self.assert_refused(own, {"action_server_id": action.id}, base)
        self.assert_refused(
            own, {"record_domain": "[]"}, {**base, "action_server_id": action.id}
        )
        self.handler.record_domain = "[]"
        with self.assertRaises(AccessError):
            own.record_domain = False

    def test_rows_for_methods(self):
        own = self.model("mqtt.handler", self.admin).browse(self.handler.id)
        base = {**self.handler_values(), "service_id": self.service.id}
        for values in (
            {"kind": "code"},
            {"model_name": "res.users"},
            {"method_name": "unlink"},
            {"position": 1},
            {"kind": "code", "model_name": "res.users", "method_name": "unlink"},
        ):
            self.assert_refused(own, values, base)

    def test_a_row_for_no_method_can_be_deleted(self):
        """One that is there all the same: only what code declares stays."""
        self.env.cr.execute(
            "UPDATE mqtt_handler SET kind = 'code', model_name = 'res.users',"
            " method_name = 'unlink', position = 0 WHERE id = %s",
            [self.handler.id],
        )
        self.handler.invalidate_recordset()
        self.model("mqtt.handler").browse(self.handler.id).unlink()

    def test_replays(self):
        """Jobs go by it, which run as superuser."""
        replay = self.env["mqtt.replay"].with_user(self.manager).create({})
        replay = self.model("mqtt.replay").browse(replay.id)
        for values in (
            {"state": "running"},
            {"done": 5},
            {"last_id": 5},
            {"end_id": 5},
            {"allowed_service_ids": [self.theirs.id]},
            {"company_id": self.other.id},
        ):
            # A copy leaves them out, whatever they are.
            self.assert_refused(replay, values)
        self.assert_refused(replay, {"service_id": self.theirs.id})
        for selected in ("x", {"a": 1}, [True], ["1"]):
            self.assert_refused(replay, {"selected_ids": selected})

    def test_dialogs(self):
        """Of another company's they do nothing, whoever opened them."""
        publish = self.model("mqtt.publish").create(
            {"service_id": self.service.id, "topic": "x"}
        )
        publish.service_id = self.theirs.id
        with self.assertRaises(AccessError):
            publish.action_publish()
        message = self.env["mqtt.signal.history"].create(
            {
                "service_id": self.theirs.id,
                "topic": "x",
                "correlation_data": b"theirs",
            }
        )
        publish = self.model("mqtt.publish").create(
            {"service_id": self.service.id, "topic": "x", "answered_id": message.id}
        )
        with self.assertRaises(AccessError):
            publish.action_publish()
        trial = self.model("mqtt.handler.trial").create(
            {"handler_id": self.handler.id, "message_id": message.id}
        )
        with self.assertRaises(AccessError):
            trial.action_run()

    def test_only_what_can_work_is_started(self):
        own = self.model("mqtt.service").browse(self.service.id)
        self.service.host = False
        self.assert_refused(
            own, {"status": "start"}, {"name": "x"}, ("copy default", "copy")
        )
