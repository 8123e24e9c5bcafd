import time
from contextlib import closing

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..jobs.failure import Failure
from ..models.groups import OPERATOR, check_group
from ..models.mqtt_signal_history import SHOWN_BYTES
from ..models.wide_fields import BigMany2one
from ..mqtt.pattern import TopicPattern
from ..mqtt.topic import FilterIndex, TopicError, check_topic_name
from ..mqtt.wording import TOPIC_CHARS, short_line
from .changed_rows import (
    Searcher,
    find_tables,
    is_counting,
    read_counts,
)
from .row_changes import compare
from .shown_changes import Words

MAX_SHOWN = 100  # records of which names and values are shown; more are counted
MAX_TEXT_CHARS = 20_000  # of a traceback


class MqttHandlerTrial(models.TransientModel):
    """What a handler would do with a message: what PostgreSQL says that it changed in a
    transaction that is rolled back.
    """

    _name = "mqtt.handler.trial"
    _description = "Trial of an MQTT Handler"

    handler_id = fields.Many2one(
        "mqtt.handler", required=True, readonly=True, ondelete="cascade"
    )
    pattern = fields.Char(related="handler_id.pattern", related_sudo=False)
    topic_filter = fields.Char(compute="_compute_topic_filter")
    message_id = BigMany2one(
        "mqtt.signal.history",
        string="Message",
        ondelete="set null",
        index="btree_not_null",
        help="One that came; empty: write one.",
    )
    # Not as superuser, who would copy messages that the user may not read.
    service_id = fields.Many2one(
        "mqtt.service",
        compute="_compute_service_id",
        compute_sudo=False,
        store=True,
        readonly=False,
        ondelete="cascade",
        help="Which service the message is taken to have come from.",
    )
    topic = fields.Char(
        compute="_compute_topic", compute_sudo=False, store=True, readonly=False
    )
    payload = fields.Text(
        compute="_compute_payload", compute_sudo=False, store=True, readonly=False
    )
    is_binary = fields.Boolean(compute="_compute_is_binary", compute_sudo=False)

    state = fields.Selection(
        [("draft", "Not Run"), ("done", "Done"), ("failed", "Failed")],
        default="draft",
        required=True,
        readonly=True,
    )
    summary = fields.Char(readonly=True)
    changes = fields.Html(readonly=True)
    error = fields.Text(readonly=True)
    trace = fields.Text(string="Traceback", readonly=True)
    duration = fields.Float(
        digits=(10, 1), readonly=True, aggregator=None, help="Milliseconds."
    )

    @api.depends("handler_id.pattern")
    def _compute_topic_filter(self):
        for trial in self:
            pattern = trial.handler_id.pattern
            trial.topic_filter = pattern and TopicPattern(pattern).filter.text

    @api.depends("message_id")
    def _compute_is_binary(self):
        for trial in self:
            trial.is_binary = trial.message_id.payload_kind == "binary"

    # One method each: a value given for one would keep the others from being computed.

    @api.depends("handler_id", "message_id")
    def _compute_service_id(self):
        for trial in self:
            service = trial.message_id.service_id or trial.service_id
            trial.service_id = service or trial._first_service()

    @api.depends("handler_id", "message_id")
    def _compute_topic(self):
        for trial in self:
            topic = trial.message_id.topic or trial.topic
            trial.topic = topic or trial._only_topic()

    @api.depends("message_id")
    def _compute_payload(self):
        for trial in self:
            payload = trial.payload
            if trial.message_id:
                payload = trial.message_id._shown()[1][:SHOWN_BYTES]
            trial.payload = payload

    def _first_service(self):
        services = self.env["mqtt.service"].search(Domain.TRUE)
        return services.filtered(self.handler_id._is_for)[:1]

    def _only_topic(self):
        """The pattern itself, where it matches one topic only."""
        text = self.topic_filter or ""
        return False if "+" in text or "#" in text else text

    # Input

    def action_run(self):
        """Give the message to the handler, show what it did, and undo it.

        :raise AccessError: for a user who is no MQTT operator.
        :raise UserError: when the handler would never get such a message.
        """
        self.ensure_one()
        self.handler_id._check_may_try()
        self._check_input()
        self.write(self._try())
        return self._open()

    def _open(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Try %s", self.handler_id.name),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "views": [(False, "form")],
            "target": "new",
            "context": {"dialog_size": "large"},
        }

    def _check_input(self):
        """
        :raise UserError: when the handler would never get such a message, saying what
            to do.
        """
        # The handler is given them as superuser, whom no rule keeps from them.
        for record in (self.handler_id, self.message_id, self.service_id):
            record.check_access("read")
        service = self.message_id.service_id or self.service_id
        if not service:
            raise UserError(
                self.env._("Choose the service that the message should be from.")
            )
        if not self.handler_id._is_for(service):
            raise UserError(
                self.env._(
                    "“%(handler)s” gets no messages of %(service)s: choose its own "
                    "service.",
                    handler=self.handler_id.name,
                    service=service.name,
                )
            )
        self._check_topic(self.message_id.topic or self.topic or "")

    def _check_topic(self, topic):
        try:
            check_topic_name(topic)
        except TopicError as error:
            raise UserError(self._describe_topic_error(error.code, topic)) from error
        pattern = self.handler_id.pattern
        if not any(FilterIndex([(TopicPattern(pattern).filter, True)]).match(topic)):
            raise UserError(
                self.env._(
                    "“%(topic)s” does not match the pattern %(pattern)s: the handler "
                    "would not get this message. Enter a topic that matches.",
                    topic=short_line(topic, TOPIC_CHARS),
                    pattern=pattern,
                )
            )

    def _describe_topic_error(self, code, topic):
        if code == "empty":
            return self.env._("Enter the topic that the message should have.")
        if code == "wildcard":
            return self.env._(
                "“%s” has + or #, which only patterns may have: enter a topic as a "
                "message has it.",
                short_line(topic, TOPIC_CHARS),
            )
        return self.env._(
            "“%s” is no topic that a message can have: shorten it to 65,535 bytes, and "
            "leave out characters that are no text.",
            short_line(topic, TOPIC_CHARS),
        )

    # Run

    def _try(self):
        """Run the handler in a transaction of its own, which is rolled back.

        Not under a savepoint alone: hooks, bus notifications and mails that wait for
        the commit have to go with it.

        :return: values of this record: the result.
        """
        registry = self.env.registry
        with registry.cursor() as cr:
            try:
                return self._try_in(api.Environment(cr, SUPERUSER_ID, {}))
            finally:
                cr.rollback()
                # Caches that were filled from what is gone now
                registry.reset_changes()

    def _try_in(self, env):
        message = self._message_in(env)
        counts = read_counts(env.cr)
        # What was before is read after a rollback to it.
        with closing(env.cr.savepoint()) as savepoint:
            failure = None
            begin = time.perf_counter()
            try:
                self._call(message)
            except Exception as error:
                failure = Failure.of(error)
            result = {
                "duration": (time.perf_counter() - begin) * 1000,
                "error": False,
                "trace": False,
                "changes": False,
            }
            if failure:
                return result | self._describe_failure(failure)
            tables = find_tables(env, counts, read_counts(env.cr))
            known = {message._name: message.ids}
            return result | self._find_changes(env, tables, known, savepoint)

    def _call(self, message):
        """Call the handler as its job would: as its user, in the same limits."""
        env = message.env
        handler = env["mqtt.handler"].browse(self.handler_id.id)
        function = handler._bind(message.service_id)
        with handler._guard("own_call_seconds") as guard:
            guard.call(function, message)
            env.flush_all()
        message._check_is_there()

    def _find_changes(self, env, tables, known, savepoint):
        """What is different in these tables, and everything as it was before.

        :return: values of this record.
        """
        searcher, words = Searcher(env, tables, known), Words(self._reader(env))
        after = searcher.after()
        names_after = words.names(after)
        savepoint.rollback()
        env.registry.reset_changes()
        before = searcher.before(after)
        names_before = words.names(before)
        changes = compare(tables, before, after)
        shown = changes[:MAX_SHOWN]
        words.learn(shown, names_before, names_after)
        others = [table for table in tables if table.is_unknown]
        total = len(changes) + before.more + after.more
        total += sum(sum(table.counts) for table in others)
        values = {
            "changes": [words.say(one, names_before, names_after) for one in shown],
            "more": len(changes) - len(shown) + before.more + after.more,
            "tables": others,
            "cut": [table for table in tables if table.is_cut],
        }
        return self._describe_changes(total, values, is_counting(env.cr))

    def _message_in(self, env):
        messages = env["mqtt.signal.history"]
        if self.message_id:
            message = messages.browse(self.message_id.id).exists()
            if not message:
                raise UserError(
                    self.env._("This message was deleted: choose another one.")
                )
            return message
        payload = self.payload or ""
        message = messages.create(
            {
                "service_id": self.service_id.id,
                "topic": self.topic,
                "payload": payload,
                "size": len(payload.encode()),
                "direction": "send"
                if self.handler_id.direction == "send"
                else "receive",
            }
        )
        env.flush_all()
        return message

    def _reader(self, env):
        """The user who sees the result, in the transaction of the trial."""
        names = ("lang", "tz", "allowed_company_ids")
        context = {
            name: self.env.context[name] for name in names if name in self.env.context
        }
        return env(user=self.env.uid, su=self.env.su, context=context)

    # Result

    def _describe_failure(self, failure):
        return {
            "state": "failed",
            "summary": self.env._("It raised an error. Nothing was kept."),
            "error": _storable(failure.text),
            "trace": failure.trace != failure.text and _storable(failure.trace),
        }

    def _describe_changes(self, total, values, is_counted):
        if not is_counted:
            summary = self.env._(
                "It ran, and nothing was kept. What it would have changed is not "
                "known, because PostgreSQL does not count changes (track_counts is "
                "off)."
            )
        elif not total:
            summary = self.env._("It ran, and would have changed nothing.")
        elif total == 1:
            summary = self.env._("It would have changed 1 record. Nothing was kept.")
        else:
            summary = self.env._(
                "It would have changed %s records. Nothing was kept.", total
            )
        changes = False
        if total or values["cut"]:
            changes = self.env["ir.qweb"]._render(
                "mqtt_listener.handler_trial_changes", values
            )
        return {"state": "done", "summary": summary, "changes": changes}


class MqttHandler(models.Model):
    _inherit = "mqtt.handler"

    def action_try(self):
        """Open the dialog in which this handler can be tried.

        :raise AccessError: for a user who is no MQTT operator.
        """
        self.ensure_one()
        self._check_may_try()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Try %s", self.name),
            "res_model": "mqtt.handler.trial",
            "view_mode": "form",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_handler_id": self.id, "dialog_size": "large"},
        }

    def _check_may_try(self):
        check_group(
            self.env, OPERATOR, self.env._("Only an MQTT operator may try a handler.")
        )


def _storable(text):
    """``text`` as PostgreSQL takes it: no NUL, no half characters, not too much."""
    text = text.replace("\0", "␀").encode("utf-8", "replace").decode()
    return text if len(text) <= MAX_TEXT_CHARS else text[:MAX_TEXT_CHARS] + "…"
