# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo.exceptions import UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .access_case import AccessCase

READERS = ("user", "operator", "manager")
TEXT = (
    ("=", "x"),
    ("in", ["x", False]),
    ("like", "x"),
    ("not ilike", "x"),
    ("=like", "x%"),
    ("=ilike", "x%"),
    (">", "x"),
)
NUMBER = (("=", 1), ("<", 1), (">=", 1), ("in", [1, False]))
LINK = (("=", 1), ("in", [1, False]), ("ilike", "x"))
TIME = (("=", "2026-01-01 00:00:00"), ("<", "2026-01-01 00:00:00"))
ASKED = {  # by the type of a field, what a client may ask of it
    "char": TEXT,
    "text": TEXT,
    "selection": TEXT[:4],
    "integer": NUMBER,
    "float": NUMBER,
    "many2one": LINK,
    "one2many": LINK[1:],
    "many2many": LINK[1:],
    "datetime": TIME,
    "boolean": (("=", True), ("in", [True, False])),
}
OF_EACH = (("=", False), ("!=", False), ("in", [False]), ("not in", [False]))
TIMED = (":month", ":hour")


@tagged("post_install", "-at_install")
class TestReading(AccessCase):
    """What a reader or a script asks, over every model: an answer, or words."""

    def setUp(self):
        super().setUp()
        self.records.pop("queue.job")  # its model is queue_job's
        export = self.env.ref("base.group_allow_export")
        for role in READERS:
            self.users[role].group_ids |= export

    def each(self):
        """``(role, record)``, of each model that the role may read."""
        for role in READERS:
            for record in self.records.values():
                own = record.with_user(self.users[role])
                if own.has_access("read"):
                    yield role, own

    def assert_answered(self, ask, **what):
        """Nothing but an answer, or a refusal in words."""
        with self.subTest(**what), self.env.cr.savepoint(flush=False):
            try:
                return ask()
            except UserError as error:
                self.assertTrue(str(error))
        return None

    def test_reading(self):
        """Without naming fields, as scripts do, and all of them."""
        for role, record in self.each():
            names = list(record.fields_get())
            for what, ask in {
                "read": lambda record=record: record.read(),
                "web_read": lambda record=record, names=names: record.web_read(
                    {name: {} for name in names}
                ),
                "default_get": lambda record=record, names=names: record.default_get(
                    names
                ),
                "name_search": lambda record=record: record.name_search("x"),
                "search_read": lambda record=record: record.search_read([], limit=1),
                # Odoo exports the identifiers of tables, not those of queries.
                "export": lambda record=record, names=names: record.export_data(
                    ["id", *names] if record._auto else [*set(names) - {"id"}]
                ),
            }.items():
                if what == "export":  # names of records that others may not read
                    self.assert_answered(ask, what=what, model=record._name, role=role)
                    continue
                with self.subTest(what, model=record._name, role=role):
                    ask()

    @mute_logger("odoo.sql_db", "odoo.domains", "odoo.orm.domains")
    def test_grouping(self):
        for role, record in self.each():
            for name, field in record.fields_get().items():
                for suffix in TIMED if field["type"] == "datetime" else ("",):
                    group = f"{name}{suffix}"
                    if not field.get("groupable", True):
                        continue
                    self.assert_answered(
                        lambda record=record, group=group: record.formatted_read_group(
                            [], [group], ["__count"]
                        ),
                        model=record._name,
                        role=role,
                        group=group,
                    )

    @mute_logger("odoo.sql_db", "odoo.domains", "odoo.orm.domains")
    def test_ordering(self):
        for role, record in self.each():
            for name, field in record.fields_get().items():
                if field.get("sortable"):
                    self.assert_answered(
                        lambda record=record, name=name: record.search([], order=name),
                        model=record._name,
                        role=role,
                        order=name,
                    )

    @mute_logger("odoo.sql_db", "odoo.domains", "odoo.orm.domains")
    def test_searching(self):
        """By each field that a client may search by, with each operator."""
        for role, record in self.each():
            if (
                role == "operator"
            ):  # who reads what a user does, and less than a manager
                continue
            for name, field in record.fields_get().items():
                if not field.get("searchable"):
                    continue
                for asked in (*OF_EACH, *ASKED.get(field["type"], ())):
                    self.assert_answered(
                        lambda record=record, asked=(name, *asked): record.search(
                            [asked], limit=1
                        ),
                        model=record._name,
                        role=role,
                        domain=str((name, *asked)),
                    )

    def test_searching_by_what_is_computed(self):
        """No message is without a state; what is no text is no hour and no filter."""
        history = self.env["mqtt.signal.history"].with_user(self.users["user"])
        every = history.search_count([])
        for name in ("state", "hour", "topic_filter"):
            for value in (False, None, 5, 1.5, True):
                for operator in ("=", "in"):
                    searched = [value] if operator == "in" else value
                    found = history.search_count([(name, operator, searched)])
                    self.assertEqual(found, 0, (name, operator, value))
        self.assertEqual(history.search_count([("state", "!=", False)]), every)
        done = history.search_count([("state", "=", "done")])
        found = history.search_count([("state", "in", [False, "done"])])
        self.assertEqual(found, done)

    def test_caches(self):
        """Who asks first decides nothing for who asks next."""
        self.env["res.lang"]._activate_lang("fr_FR")
        other = new_test_user(
            self.env,
            "reading_elsewhere",
            groups="mqtt_listener.group_user",
            lang="fr_FR",
            tz="Asia/Tokyo",
        )
        askers = [
            self.env(
                user=self.users["manager"], context={"lang": "en_US", "tz": "UTC"}
            ),
            self.env(user=other, context={"lang": "fr_FR", "tz": "Asia/Tokyo"}),
        ]
        self.service.connection_ids.write(
            {"session_lost_date": "2026-01-01 12:00:00", "problem": "refused"}
        )
        for record in self.records.values():
            names = [
                name
                for name, field in record.with_env(askers[1]).fields_get().items()
                if record._fields[name].compute and not record._fields[name].store
            ]
            self.env.flush_all()
            for first, second in (askers, askers[::-1]):
                if not (record.with_env(first).has_access("read")):
                    continue
                if not (record.with_env(second).has_access("read")):
                    continue
                self.env.invalidate_all()
                expected = record.with_env(second).read(names)
                self.env.invalidate_all()
                record.with_env(first).read(names)
                self.assertEqual(record.with_env(second).read(names), expected)

    def test_the_index_of_handlers(self):
        """Is the same, whoever has it made."""
        handlers = self.env["mqtt.handler"]
        archived = self.handler.copy({"pattern": "plant/archived", "active": False})
        named = self.handler.copy({"pattern": "plant/named", "service_id": False})
        self.env.cr.execute(
            "UPDATE mqtt_handler SET service_ref = 'Plant' WHERE id = %s", [named.id]
        )
        contexts = (
            {},
            {"active_test": False},
            {"lang": "fr_FR"},
            {"allowed_company_ids": []},
            {"default_active": False, "bin_size": True},
        )
        users = [*self.users.values(), self.elsewhere, self.env.user]
        for context in contexts:
            for user in users:
                with self.subTest(user=user.login, **context):
                    self.env.invalidate_all()
                    self.env.registry.clear_cache()
                    asker = handlers.with_user(user).with_context(**context)
                    index = asker._index(self.service.id, "receive")
                    for topic, found in (
                        ("plant/1", self.handler),
                        ("plant/named", named),
                        ("plant/archived", handlers),
                    ):
                        ids = [entry[0] for entry in index.match(topic)]
                        self.assertEqual(ids, found.ids)
        self.assertFalse(archived.active)

    def test_subscriptions_of_handlers(self):
        """A service has them, whoever created it."""
        self.handler.write({"subscribe": True, "service_id": False})
        for user in (self.elsewhere, self.users["manager"]):
            for context in ({}, {"active_test": False}):
                service = (
                    self.env["mqtt.service"]
                    .with_user(user)
                    .with_context(context, allowed_company_ids=user.company_ids.ids)
                    .create({"name": "New", "company_id": user.company_id.id})
                )
                self.assertIn(
                    "plant/1", service.sudo().subscription_ids.mapped("topic_filter")
                )
