# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged

from .mapping_case import MappingCase


@tagged("post_install", "-at_install")
class TestMapping(MappingCase):
    def test_a_record_is_found_and_written(self):
        partner = self.partner("press")
        self.mapping(values=[self.path("street", "$.a[0].street")])
        message = self.mqtt_receive("plant/press", {"a": [{"street": "Elm"}]})
        self.assert_done(message)
        self.assertEqual(partner.street, "Elm")

    def test_sources(self):
        partner = self.partner("press")
        self.mapping(
            values=[
                {"field_name": "street", "source": "text", "word": 1},
                {"field_name": "street2", "source": "text"},
                {"field_name": "city", "source": "level", "value": "ref"},
                {"field_name": "zip", "source": "time"},
                {"field_name": "function", "source": "constant", "value": "Machine"},
            ]
        )
        message = self.mqtt_receive("plant/press", "running since 8:00")
        self.assert_done(message)
        self.assertEqual(partner.street, "running")
        self.assertEqual(partner.street2, "running since 8:00")
        self.assertEqual(partner.city, "press")
        self.assertEqual(partner.zip, message.timestamp.isoformat(" "))
        self.assertEqual(partner.function, "Machine")

    def test_conversions(self):
        partner = self.partner("press")
        austria = self.env.ref("base.at")
        self.mapping(
            values=[
                self.path("color", "$.t", factor=0.1, offset=1),
                self.path("partner_latitude", "$.t", factor=0.1),
                self.path("employee", "$.on"),
                self.path("type", "$.kind", choices="1 = invoice\n2 = other"),
                self.path("country_id", "$.country", lookup_field="code"),
            ]
        )
        message = self.mqtt_receive(
            "plant/press", {"t": 210, "on": 1, "kind": 2, "country": "AT"}
        )
        self.assert_done(message)
        self.assertEqual(partner.color, 22)
        self.assertEqual(partner.partner_latitude, 21)
        self.assertTrue(partner.employee)
        self.assertEqual(partner.type, "other")
        self.assertEqual(partner.country_id, austria)

    def test_times(self):
        self.env["mail.message"].create({"subject": "press", "date": "2020-01-01"})
        key = {"field_name": "subject", "source": "level", "value": "ref"}
        self.mapping(
            keys=[key],
            res_model="mail.message",
            values=[
                self.path(
                    "date",
                    "$.at",
                    time_format="own",
                    time_pattern="%d.%m.%Y %H:%M",
                    tz="Europe/Vienna",
                    is_newer=True,
                ),
                self.path("email_from", "$.name"),
            ],
        )
        for at, name in (
            ("01.07.2026 14:00", "first"),
            ("01.07.2026 14:00", "same"),
            ("01.07.2026 13:59", "older"),
        ):
            self.assert_done(self.mqtt_receive("plant/press", {"at": at, "name": name}))
        found = self.env["mail.message"].search([("subject", "=", "press")])
        self.assertEqual(str(found.date), "2026-07-01 12:00:00")
        self.assertEqual(
            found.email_from, "same", "the older one is ignored as a whole"
        )

    def test_missing_null_empty_and_zero(self):
        partner = self.partner("press")
        values = {"street": "Elm", "city": "Linz", "zip": "1", "color": 5}
        partner.write(values)
        self.mapping(
            values=[
                self.path("street", "$.street", if_missing="skip"),
                self.path("city", "$.city", if_missing="empty", if_null="skip"),
                self.path("zip", "$.zip", if_missing="skip"),
                self.path("color", "$.color", if_missing="skip"),
            ]
        )
        self.assert_done(self.mqtt_receive("plant/press", {"city": None}))
        self.assertEqual(partner.read(list(values))[0] | {"id": 0}, values | {"id": 0})
        self.assert_done(
            self.mqtt_receive("plant/press", {"street": None, "zip": "", "color": 0})
        )
        self.assertFalse(partner.street)
        self.assertFalse(partner.city)
        self.assertEqual(partner.zip, "")
        self.assertEqual(partner.color, 0)

    def test_none_found(self):
        count = self.env["res.partner"].search_count([])
        for not_found, state in (("ignore", "done"), ("fail", "failed")):
            mapping = self.mapping(not_found=not_found)
            message = self.mqtt_receive("plant/press", {})
            self.assertEqual(message.state, state)
            mapping.unlink()
        self.assertEqual(self.env["res.partner"].search_count([]), count)

    def test_a_new_record_has_defaults(self):
        name = {"field_name": "name", "source": "level", "value": "ref"}
        street = {"field_name": "street", "source": "constant", "value": "Elm"}
        self.mapping(
            values=[self.path("city", "$.city")],
            defaults=[name, street],
            not_found="create",
        )
        for city in ("Linz", "Graz"):
            self.assert_done(self.mqtt_receive("plant/press", {"city": city}))
        partner = self.env["res.partner"].search([("ref", "=", "press")])
        self.assertEqual(len(partner), 1)
        self.assertEqual((partner.name, partner.street), ("press", "Elm"))
        self.assertEqual(partner.city, "Graz")
        partner.street = "Oak"
        self.assert_done(self.mqtt_receive("plant/press", {"city": "Wien"}))
        self.assertEqual(partner.street, "Oak", "a default is set once")

    def test_several_found(self):
        self.partner("press")
        archived = self.partner("press")
        self.mapping(values=[self.path("city", "$.city")])
        message = self.mqtt_receive("plant/press", {"city": "Linz"})
        self.assert_failed(message, "plant/press", "2 records match", '"press"')
        archived.active = False
        self.assert_done(self.mqtt_receive("plant/press", {"city": "Linz"}))
        self.assertFalse(archived.city)

    def test_an_archived_record_is_not_created_again(self):
        partner = self.partner("press")
        partner.active = False
        self.mapping(values=[self.path("city", "$.city")], not_found="create")
        self.assert_done(self.mqtt_receive("plant/press", {"city": "Linz"}))
        self.assertEqual(partner.city, "Linz")

    def test_several_keys(self):
        partner = self.partner("press")
        partner.country_id = self.env.ref("base.at")
        other = self.partner("press")
        country = self.path("country_id", "$.country", lookup_field="code")
        ref = {"field_name": "ref", "source": "level", "value": "ref"}
        self.mapping(keys=[ref, country], values=[self.path("city", "$.city")])
        message = self.mqtt_receive("plant/press", {"country": "AT", "city": "Linz"})
        self.assert_done(message)
        self.assertEqual((partner.city, other.city), ("Linz", False))

    def test_each_element_of_a_list(self):
        partners = self.partner("a") + self.partner("b")
        self.mapping(
            pattern="plant/list",
            keys=[self.path("ref", "$.ref")],
            values=[
                self.path("city", "$.city"),
                {"field_name": "zip", "source": "outer", "value": "$.zip"},
            ],
            each_path="$.list",
        )
        elements = [{"ref": "a", "city": "Linz"}, {"ref": "b", "city": "Graz"}]
        message = self.mqtt_receive("plant/list", {"list": elements, "zip": 4020})
        self.assert_done(message)
        self.assertEqual(partners.mapped("city"), ["Linz", "Graz"])
        self.assertEqual(partners.mapped("zip"), ["4020", "4020"])
        self.assert_done(self.mqtt_receive("plant/list", {"list": []}))
        message = self.mqtt_receive("plant/list", {"list": {"a": 1}})
        self.assert_failed(message, "$.list is an object of 1, not a list")
        elements[1].pop("city")
        message = self.mqtt_receive("plant/list", {"list": elements, "zip": 1})
        self.assert_failed(message, "element 1", "$.city")

    def test_only_what_changed_is_written(self):
        partner = self.partner("press")
        partner.write({"city": "Linz", "partner_latitude": 1.2345678})
        mapping = self.mapping(
            values=[
                self.path("city", "$.city"),
                self.path("color", "$.color"),
                self.path("partner_latitude", "$.latitude"),
            ]
        )
        payload = {"city": "Linz", "color": 3, "latitude": 1.23456784}
        with self.writes() as written:
            self.assert_done(self.mqtt_receive("plant/press", payload))
            self.assert_done(self.mqtt_receive("plant/press", payload))
        self.assertEqual(written, [{"color": 3}])
        mapping.only_changed = False
        with self.writes() as written:
            self.assert_done(self.mqtt_receive("plant/press", payload))
        self.assertEqual(len(written[0]), 3)

    def test_a_band(self):
        partner = self.partner("press")
        partner.partner_latitude = 20
        self.mapping(values=[self.path("partner_latitude", "$.t", band=0.5)])
        for value, kept in ((20.5, 20), (19.5, 20), (20.6, 20.6), (20.2, 20.6)):
            self.assert_done(self.mqtt_receive("plant/press", {"t": value}))
            self.assertEqual(partner.partner_latitude, kept)

    def test_a_band_that_was_left_on_a_field_that_is_no_number(self):
        partner = self.partner("press")
        mapping = self.mapping(values=[self.path("city", "$.v")])
        mapping.value_ids.band = 5
        self.assert_done(self.mqtt_receive("plant/press", {"v": "Graz"}))
        self.assertEqual(partner.city, "Graz")

    def test_messages_of_one_record_apply_in_order(self):
        partner = self.partner("press")
        self.mapping(
            values=[
                self.path("city", "$.city", if_missing="skip"),
                self.path("zip", "$.zip", if_missing="skip"),
            ]
        )
        payloads = ({"city": "Linz"}, {"city": "Graz", "zip": 1}, {"city": "Wien"})
        with self.writes() as written:
            self.receive(*(self.message("plant/press", self.json(p)) for p in payloads))
        self.assertEqual(written, [{"city": "Wien", "zip": "1"}])
        self.assertEqual(partner.city, "Wien")

    def test_one_search_and_one_write_for_each_set_of_values(self):
        partners = [self.partner(f"p{number}") for number in range(20)]
        self.mapping(values=[self.path("city", "$.city")])
        messages = [
            self.message(f"plant/p{number}", self.json({"city": f"City {number % 2}"}))
            for number in range(20)
        ]
        with self.writes() as written:
            self.receive(*messages)
        self.assertEqual(len(written), 2)
        self.assertEqual(partners[3].city, "City 1")

    def test_actions_run_on_what_changed(self):
        partners = self.partner("a") + self.partner("b")
        partners[1].city = "Linz"
        action = self.action("records.write({'function': env.user.login})")
        self.mapping(values=[self.path("city", "$.city")], action_ids=[(4, action.id)])
        for ref in "ab":
            self.assert_done(self.mqtt_receive(f"plant/{ref}", {"city": "Linz"}))
        self.assertEqual(partners.mapped("function"), [self.env.user.login, False])

    def test_a_replay_changes_nothing(self):
        self.mapping(
            values=[self.path("city", "$.city")],
            defaults=[{"field_name": "name", "source": "level", "value": "ref"}],
            not_found="create",
        )
        message = self.mqtt_receive("plant/press", {"city": "Linz"})
        replay = self.env["mqtt.replay"].create(
            {"service_id": self.service.id, "topic_filter": "plant/#"}
        )
        with self.writes() as written:
            replay.action_start()
            self.mqtt_run_jobs()
        self.assertEqual(replay.state, "done")
        self.assertEqual(written, [])
        found = self.env["res.partner"].search([("ref", "=", "press")])
        self.assertEqual((len(found), found.city), (1, "Linz"))
        self.assert_done(message)

    def test_a_mapping_and_its_handler_are_one(self):
        mapping = self.mapping()
        handler = mapping.handler_id
        self.assertEqual((handler.kind, handler.batch), ("mapping", True))
        self.assertEqual(handler.runs_as, self.env.user.name)
        mapping.name = "Renamed"
        self.assertEqual(handler.name, "Renamed")
        handler.action_archive()
        self.assertFalse(mapping.active)
        self.assertNotIn(mapping, self.env["mqtt.mapping"].search([]))
        self.assertEqual(handler.action_open()["res_model"], "mqtt.mapping")
        self.assertEqual(mapping.action_open_handler()["res_model"], "mqtt.handler")
        copy = mapping.copy()
        self.assertNotEqual(copy.handler_id, handler)
        self.assertEqual(copy.key_ids.mapped("field_name"), ["ref"])
        mapping.unlink()
        self.assertFalse(handler.exists())
        copy.handler_id.unlink()
        self.assertFalse(copy.exists())

    def test_a_mapping_keeps_its_handler(self):
        mapping, handler = self.mapping(), self.mapping().handler_id
        with self.assertRaises(UserError):
            mapping.handler_id = handler
        with self.assertRaises(UserError):
            self.mapping(handler_id=handler.id)

    def test_what_cannot_work_is_refused_when_it_is_entered(self):
        for values, text in (
            ({"res_model": "ir.cron"}, "ir.cron"),
            ({"res_model": "res.users"}, "res.users"),
            ({"keys": []}, "Found By"),
            ({"values": [self.path("nothing", "$.a")]}, "no such field"),
            ({"values": [self.path("create_date", "$.a")]}, "cannot write"),
            ({"values": [self.path("child_ids", "$.a")]}, "one2many"),
            ({"keys": [self.path("comment", "$.a")]}, "cannot be found by"),
            ({"values": [self.path("city", "")]}, "Enter the path"),
            ({"values": [self.path("city", "a.b")]}, "must begin with"),
            ({"values": [self.path("city", "$..a")]}, "several values"),
            ({"values": [self.path("city", "$.a b")]}, "character"),
            ({"each_path": "$.a[*]"}, "several values"),
            ({"values": [self.path("country_id", "$.a")]}, "Found By"),
            ({"values": [self.path("city", "$.a", choices="1")]}, "value = result"),
            ({"values": [self.path("type", "$.a", choices="1=x")]}, "not one of"),
            ({"values": [self.path("color", "$.a", choices="1=x")]}, "not a number"),
            ({"values": [self.path("city", "$.a", time_format="own")]}, "format"),
            ({"values": [self.path("city", "$.a", is_newer=True)]}, "date"),
            ({"values": [self.path("color", "$.a", factor=float("inf"))]}, "number"),
            ({"pattern": "plant/{other}"}, "{ref}"),
        ):
            with (
                self.subTest(text),
                self.assertRaisesRegex(ValidationError, text),
                self.env.cr.savepoint(),
            ):
                self.mapping(**values)
        mapping = self.mapping()
        with self.assertRaises(ValidationError):
            mapping.pattern = "plant/+"
        with self.assertRaises(ValidationError):
            mapping.user_id = False
