# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
import hashlib
from datetime import datetime, timedelta

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import mute_logger, new_test_user, tagged

from ..models.message import large_payload, payload_view
from ..models.service import limits
from ..mqtt.payload import PayloadError
from .test_handler import HandlerCase

LOGGER = limits.__name__
TEXT = ("ü" * 60).encode()  # 120 bytes
RAW = bytes(range(120, 240))
TOO_LARGE = b"x" * 201


@tagged("post_install", "-at_install")
class TestPayloadLimits(HandlerCase):
    """Rows hold 100 bytes here, attachments 200."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service.write({"payload_limit": 100, "attachment_limit": 200})
        cls.roles = {
            role: new_test_user(cls.env, f"limits_{role}", groups=group)
            for role, group in (
                ("nobody", "base.group_user"),
                ("user", "mqtt_listener.group_user"),
                ("operator", "mqtt_listener.group_operator"),
                ("manager", "mqtt_listener.group_manager"),
            )
        }

    def setUp(self):
        super().setUp()
        self.seen = seen = []

        def on_message(self, message):
            seen.append((message.payload, message.payload_bytes))

        self.handler = self.declare("plant/#", on_message)

    def attachments(self):
        return self.env["ir.attachment"].search(large_payload.OWN_ATTACHMENTS)

    def test_up_to_the_limit(self):
        """The payload is in the row, as ever."""
        messages = self.receive(
            self.message(payload=b"x" * 100), self.message(payload=RAW[:100])
        )
        self.assertEqual(messages.mapped("payload"), ["x" * 100, False])
        self.assertEqual(messages[1].payload_raw, RAW[:100])
        self.assertEqual(messages.mapped("payload_digest"), [False, False])
        self.assertFalse(messages.payload_attachment_id)
        self.assertFalse(self.attachments())

    def test_kept_as_an_attachment(self):
        """Text and bytes; who reads the message notices no difference."""
        messages = self.receive(
            *(self.message(payload=one) for one in (TEXT, RAW, b"small", b""))
        )
        found = [message.payload_bytes for message in messages]
        self.assertEqual(found, [TEXT, RAW, b"small", b""])
        self.assertEqual(messages.mapped("size"), [120, 120, 5, 0])
        large = messages[:2]
        self.assertEqual(large.payload_attachment_id, self.attachments())
        self.assertEqual(large.payload_attachment_id.mapped("raw"), [TEXT, RAW])
        for message, payload in zip(large, (TEXT, RAW), strict=True):
            digest = hashlib.sha256(payload).hexdigest()
            self.assertEqual(message.payload_digest, digest)
            self.assertFalse(message.payload_warning)
        self.assertEqual(large.mapped("payload"), [TEXT.decode(), False])
        self.env.cr.execute(
            "SELECT payload, payload_raw FROM mqtt_signal_history WHERE id IN %s",
            [tuple(large.ids)],
        )
        self.assertEqual(self.env.cr.fetchall(), [(None, None)] * 2)
        self.assertEqual(self.service.oversized_count, 0)

    def test_handlers_get_the_whole_payload(self):
        messages = self.receive(
            *(self.message(payload=payload) for payload in (TEXT, RAW))
        )
        self.assertEqual(self.seen, [(TEXT.decode(), TEXT), (False, RAW)])
        self.assertMqttHandled(messages, "res.partner._on_mqtt", times=2)

    def test_actions_and_json(self):
        action = self.action(
            "model.create({'name': str(len(payload)), 'ref': mqtt_json[1]})"
        )
        self.env["mqtt.handler"].create(
            {"name": "Act", "pattern": "other", "action_server_id": action.id}
        )
        message = self.mqtt_receive("other", [0, "y" * 110])
        self.assertTrue(message.payload_attachment_id)
        self.assertMqttHandled(message, "Act", times=1)
        partner = self.env["res.partner"].search([("ref", "=", "y" * 110)])
        self.assertEqual(partner.name, str(message.size))

    def test_batches(self):
        """Handlers of many messages read payloads with ``mapped``."""
        seen = []

        def on_messages(self, messages):
            seen.extend(messages.mapped("payload"))

        self.declare("plant/#", on_messages, name="_on_many", batch=True)
        self.receive(*(self.message(payload=one) for one in (TEXT, b"small")))
        self.assertEqual(seen, [TEXT.decode(), "small"])

    def test_not_kept(self):
        """Stored, counted and told, and no handler takes it for empty."""
        with self.assertLogs(LOGGER, "WARNING") as logs:
            messages = self.receive(
                self.message(payload=TOO_LARGE),
                self.message(payload=b"small"),
                self.message(payload=TOO_LARGE),
            )
        self.assertEqual(len(logs.output), 1)
        self.assertIn("too large and not kept: 2", logs.output[0])
        self.assertEqual(self.seen, [("small", b"small")])
        self.assertEqual(messages.mapped("state"), ["stored", "done", "stored"])
        message = messages[0]
        self.assertEqual(message.size, 201)
        digest = hashlib.sha256(TOO_LARGE).hexdigest()
        self.assertEqual(message.payload_digest, digest)
        self.assertFalse(message.payload_attachment_id)
        self.assertIn("201 bytes was larger than “Plant”", message.payload_warning)
        with self.assertRaisesRegex(PayloadError, "was not kept"):
            message.payload_bytes  # noqa: B018
        with self.assertRaisesRegex(PayloadError, "was not kept"):
            message.json()
        self.assertEqual(self.service.oversized_count, 2)
        action = self.service.action_open_oversized()
        found = self.env["mqtt.signal.history"].search(action["domain"])
        self.assertEqual(found, messages[0] | messages[2])

    @mute_logger(LOGGER)
    def test_replay(self):
        """Whole payloads, and none that were not kept."""
        self.handler.enabled = False
        messages = self.receive(
            *(self.message(payload=payload) for payload in (TEXT, TOO_LARGE, RAW))
        )
        self.handler.enabled = True
        replay = self.env["mqtt.replay"].create({"selected_ids": messages.ids})
        replay.action_start()
        self.mqtt_run_jobs()
        self.assertEqual((replay.state, replay.total, replay.done), ("done", 2, 2))
        self.assertEqual(self.seen, [(TEXT.decode(), TEXT), (False, RAW)])
        self.assertEqual(messages.mapped("state"), ["done", "stored", "done"])

    @mute_logger(LOGGER)
    def test_an_answer_that_is_not_kept(self):
        """It is known as the answer all the same, and handled by nobody."""
        self.service.status = "start"
        request = self.service.mqtt_request("ask", "x")
        answer = self.mqtt_answer(request, TOO_LARGE)
        self.assertEqual((request.state, request.answer_id), ("answered", answer))
        self.assertEqual(answer.state, "stored")

    def test_correct(self):
        """A payload that is too long for a form is replaced by a file."""

        def on_message(self, message):
            raise PayloadError("no good")

        self.handler = self.declare("plant/#", on_message)
        message = self.mqtt_receive("plant/1", TEXT)
        self.assertEqual(message.state, "failed")
        action = message.job_ids.action_mqtt_correct()
        correction = self.dialog_of(action).save()
        self.assertFalse(correction.is_text)
        correction.payload_file = base64.b64encode(b"x" * 67)
        with self.assertRaisesRegex(UserError, "keeps 50 at most"):
            self.service.write({"payload_limit": 50, "attachment_limit": 50})
            correction.action_process()
        self.service.attachment_limit = 200
        correction.action_process()
        corrected = self.env["mqtt.signal.history"].search(
            [("corrected_from_id", "=", message.id)]
        )
        self.assertTrue(corrected.payload_attachment_id)
        self.assertEqual(corrected.payload_bytes, b"x" * 67)

    def test_publish(self):
        """What is sent is whole; what would not be kept is refused."""
        for payload in (b"small", TEXT, RAW):
            message = self.service.mqtt_publish("t", payload)
            message.invalidate_recordset()
            self.assertEqual(message._as_outgoing().payload, payload)
            self.assertEqual(bool(message.payload_attachment_id), len(payload) > 100)
        before = self.env["mqtt.signal.history"].search_count([])
        with self.assertRaisesRegex(UserError, "201 bytes; “Plant” keeps 200"):
            self.service.mqtt_publish("t", TOO_LARGE)
        self.assertEqual(self.env["mqtt.signal.history"].search_count([]), before)

    def test_retention(self):
        """Attachments go with the messages that are too old."""
        self.service.retention_days = 1
        now = int(datetime.now().timestamp() * 1e6)
        young = int(timedelta(minutes=1) / timedelta(microseconds=1))
        old, new = self.receive(
            self.message(topic="other", payload=TEXT),
            self.message(topic="other", payload=RAW, timestamp=now - young),
        )
        history = self.env["mqtt.signal.history"]
        self.assertEqual(history._gc_old_messages(), (1, 1))
        self.assertFalse(old.exists())
        self.assertEqual(self.attachments(), new.payload_attachment_id)
        self.assertEqual(new.payload_bytes, RAW)

    def test_deleted_messages(self):
        """Through the ORM at once; by SQL, as partitions go, with the next vacuum."""
        one, other, third = self.receive(
            *(self.message(topic="other", payload=one) for one in (TEXT, RAW, TEXT))
        )
        others = self.env["ir.attachment"].create(
            {"name": "x", "res_model": "mqtt.service", "res_id": self.service.id}
        )
        one.unlink()
        kept = other.payload_attachment_id | third.payload_attachment_id
        self.assertEqual(self.attachments(), kept)
        self.env.cr.execute("DELETE FROM mqtt_signal_history WHERE id = %s", [other.id])
        self.env.invalidate_all()
        self.env["mqtt.signal.history"]._gc_payloads()
        self.assertEqual(self.attachments(), third.payload_attachment_id)
        self.assertEqual(third.payload_bytes, TEXT)
        self.assertTrue(others.exists())

    def test_access(self):
        """Who may read the service may read its payloads; nobody changes them."""
        message = self.mqtt_receive("plant/1", TEXT)
        attachment = message.payload_attachment_id
        for role, user in self.roles.items():
            with self.subTest(role=role):
                self.env.invalidate_all()
                theirs = attachment.with_user(user)
                self.assertEqual(theirs.has_access("read"), role != "nobody")
                self.assertFalse(theirs.has_access("write"))
                self.assertFalse(theirs.has_access("unlink"))
        with self.assertRaises(AccessError):
            attachment.with_user(self.roles["nobody"]).raw  # noqa: B018
        user = self.roles["user"]
        self.assertEqual(attachment.with_user(user).raw, TEXT)
        self.assertEqual(message.with_user(user).payload_bytes, TEXT)
        self.service.company_id = self.env["res.company"].create({"name": "Other"})
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertFalse(attachment.with_user(user).has_access("read"))
        message.with_user(self.env.user).unlink()
        self.assertFalse(attachment.exists())

    def test_a_manager_deletes_messages(self):
        message = self.mqtt_receive("other", TEXT)
        message.with_user(self.roles["manager"]).unlink()
        self.assertFalse(self.attachments())

    def test_a_file_that_is_gone(self):
        """A handler is not told that the payload were empty."""
        message = self.mqtt_receive("other", TEXT)
        self.env.invalidate_all()
        self.patch(type(self.env["ir.attachment"]), "_file_read", lambda *_args: b"")
        with self.assertRaisesRegex(PayloadError, "has 0 bytes instead of 120"):
            message.payload_bytes  # noqa: B018

    @mute_logger(LOGGER)
    def test_forms_and_lists(self):
        """They show the beginning, or that there is none; lists read no attachment."""
        image = b"\x89PNG" + RAW
        messages = self.receive(
            *(
                self.message(topic="other", payload=payload)
                for payload in (TEXT, image, TOO_LARGE)
            )
        )
        self.assertEqual(
            messages.mapped("payload_kind"), ["text", "binary", "not_kept"]
        )
        self.assertEqual(messages[0].payload_view, TEXT.decode())
        self.assertIn("89 50 4e 47", messages[1].payload_view)
        self.assertFalse(messages[2].payload_view)
        self.assertEqual(messages.mapped("payload_file"), [False] * 3)
        url = f"/web/content/{messages[0].payload_attachment_id.id}?download=true"
        self.assertEqual(messages[0].action_download_payload()["url"], url)
        attachment = type(self.env["ir.attachment"])
        self.patch(attachment, "_file_read", None)
        self.env.invalidate_all()
        fields = {"topic": {}, "payload_preview": {}, "size": {}, "payload": {}}
        found = messages.with_context(bin_size=True).web_read(fields)
        self.assertEqual(
            [one["payload_preview"] for one in found],
            ["120 bytes, attachment", "124 bytes, attachment", "201 bytes, not kept"],
        )

    def test_the_beginning_of_text(self):
        """A form reads no more than it shows, and takes half a character for none."""
        self.patch(payload_view, "READ_BYTES", 131_072)
        self.service.attachment_limit = 1_000_000
        payload = b"x" + 200_000 * "ü".encode()
        message = self.mqtt_receive("other", payload)
        self.assertEqual((message.payload_kind, message.payload_is_cut), ("text", True))
        self.assertEqual(message.payload_view, payload.decode()[:65_536])
        message = self.mqtt_receive("other", [1] * 100)
        self.assertTrue(message.payload_attachment_id)
        self.assertEqual(message.payload_kind, "json")

    def test_quarantine(self):
        """It keeps what cannot be stored as it came, of any size."""
        trouble = self.message(payload=TOO_LARGE, trouble="no good")
        self.assertFalse(self.receive(trouble))
        quarantined = self.env["mqtt.quarantine"].search([])
        self.assertEqual(quarantined._message().payload, TOO_LARGE)
        self.service.attachment_limit = 300
        quarantined.action_retry()
        message = self.env["mqtt.signal.history"].search(
            [("service_id", "=", self.service.id)]
        )
        self.assertEqual(message.payload_bytes, TOO_LARGE)

    def test_limits_that_cannot_be(self):
        for values, words in (
            ({"payload_limit": 0}, "Payload Limit of “Plant” is 0"),
            ({"payload_limit": 201}, "has to be 201 or more"),
            ({"attachment_limit": 99}, "has to be 100 or more"),
        ):
            with (
                self.assertRaisesRegex(ValidationError, words),
                self.env.cr.savepoint(),
            ):
                self.service.write(values)
