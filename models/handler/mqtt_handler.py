import ast
import inspect
import math
import random
from pathlib import Path

import psycopg2

from odoo import SUPERUSER_ID, api, fields, models, tools
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import mute_logger

from ...mqtt.handler import (
    DECLARING,
    DEFAULT_CHANNEL,
    DeclarationError,
    check,
    check_retry_pattern,
    declared,
)
from ...mqtt.log import get_logger
from ...mqtt.pattern import TopicPattern
from ...mqtt.topic import FilterIndex, TopicError
from ...mqtt.wording import short_line
from ..common.groups import MANAGER

_logger = get_logger(__name__)

DEFAULT_RETRY_PATTERN = {1: 10, 2: 60, 3: 300}
# Odoo ends a worker after 60 seconds of CPU time. The worst case of a job for many
# messages: its time, a statement that is canceled, and the time to come as far again.
SECONDS = {
    "job_seconds": 20.0,  # after which a job for many messages begins no call
    "call_seconds": 10.0,  # a statement in it; canceled ones get a job of their own
    "own_call_seconds": 45.0,  # a statement there, at most
    # In the job that stores the messages; 0: handlers always have jobs of their own.
    "storing_job_seconds": 1.0,
    "storing_call_seconds": 1.0,
}
MAX_SECONDS = 86_400.0  # of these limits
# What decides which messages a handler gets: cached, see _index.
MATCHING_FIELDS = {
    "active",
    "enabled",
    "pattern",
    "service_id",
    "service_ref",
    "direction",
    "channel",
    "priority",
    "ordered",
}


class MqttHandler(models.Model):
    """What is run for messages: a method that was declared, or a server action.

    Declared methods have a row too, so that they can be seen and switched off. It is
    written when the registry loads; what is run is looked up in the registry, never
    in the row.
    """

    _name = "mqtt.handler"
    _description = "MQTT Handler"
    _inherit = ["mail.thread"]
    _order = "sequence, id"

    name = fields.Char(required=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(
        default=True, help="A method whose module is not there any more is archived."
    )
    enabled = fields.Boolean(
        string="On", default=True, help="Off: messages that come are not given to it."
    )
    kind = fields.Selection(
        [("code", "Method"), ("action", "Server action")],
        default="action",
        required=True,
        readonly=True,
    )
    pattern = fields.Char(
        string="Topic Pattern",
        required=True,
        help="A topic filter; {name} is + with a name, {rest#} is # with a name.",
    )
    service_id = fields.Many2one(
        "mqtt.service", ondelete="cascade", help="Only its messages; empty: of all."
    )
    service_ref = fields.Char(
        string="Only Service", readonly=True, help="Name or XML ID, as declared."
    )
    direction = fields.Selection(
        [("receive", "Received"), ("send", "Sent"), ("both", "Both")],
        default="receive",
        required=True,
    )
    batch = fields.Boolean(help="Called once for many messages.")
    ordered = fields.Boolean(
        help="The messages of one topic one by one, in the order of reception; "
        "one that fails holds back those of its topic until it is done or cancelled."
    )
    subscribe = fields.Boolean(help="Services subscribe to the pattern's filter.")
    channel = fields.Char(default=DEFAULT_CHANNEL, required=True)
    priority = fields.Integer(default=10, required=True, help="Smaller is earlier.")
    max_retries = fields.Integer(
        string="Tries",
        default=5,
        required=True,
        help="Runs in all before a message counts as failed; 0: no limit.",
    )
    retry_pattern = fields.Char(
        default=str(DEFAULT_RETRY_PATTERN),
        required=True,
        help="Seconds to wait after so many runs: {1: 10, 3: 60}",
    )

    model_name = fields.Char(string="Model", readonly=True, copy=False)
    method_name = fields.Char(string="Method", readonly=True, copy=False)
    position = fields.Integer(readonly=True, copy=False)
    source = fields.Char(compute="_compute_source")
    action_server_id = fields.Many2one(
        "ir.actions.server", string="Server Action", ondelete="restrict"
    )
    action_model_name = fields.Char(related="action_server_id.model_name")
    record_domain = fields.Char(
        string="Records",
        help="Which records of the action's model it runs on, as a domain with the "
        "names of its evaluation context: "
        "[('serial_no', '=', mqtt_params['serial'])]. "
        "Empty: on the message, or on no record.",
    )
    user_id = fields.Many2one("res.users", string="Runs as", ondelete="restrict")
    runs_as = fields.Char(compute="_compute_runs_as")

    subscription_ids = fields.One2many("mqtt.subscription", "handler_id")
    tally_ids = fields.One2many("mqtt.handler.tally", "handler_id", groups=MANAGER)
    handled_count = fields.Integer(string="Handled", compute="_compute_tally")
    failed_count = fields.Integer(string="Failures", compute="_compute_tally")
    mean_time = fields.Float(
        compute="_compute_tally", digits=(16, 2), help="Milliseconds for a message."
    )
    slowest_time = fields.Float(
        compute="_compute_tally", digits=(16, 2), help="Milliseconds for a call."
    )
    last_error = fields.Text(compute="_compute_tally")
    last_error_date = fields.Datetime(compute="_compute_tally")
    last_handled = fields.Datetime(compute="_compute_tally")
    dead_letter_count = fields.Integer(
        string="Failed Messages", compute="_compute_dead_letter_count"
    )

    _declared_uniq = models.UniqueIndex(
        "(model_name, method_name, position) WHERE kind = 'code'"
    )
    _action_required = models.Constraint(
        "CHECK(kind = 'code' OR action_server_id IS NOT NULL)",
        "Choose the server action that the handler runs.",
    )
    _numbers = models.Constraint(
        "CHECK(max_retries >= 0 AND priority >= 0)",
        "Tries and priority are whole numbers, 0 or more.",
    )

    # Computes

    @api.depends("kind", "model_name", "method_name")
    def _compute_source(self):
        for handler in self:
            method = handler._declared_method()
            handler.source = method and _place(method)

    @api.depends("user_id", "service_id.user_id")
    @api.depends_context("lang", "uid", "allowed_company_ids")
    def _compute_runs_as(self):
        superuser = self.env._("Superuser")
        of_services = self.env["mqtt.service"].search_count(
            [("user_id", "!=", False)], limit=1
        )
        for handler in self:
            user = handler.user_id or handler.service_id.user_id
            if user:
                handler.runs_as = user.name
            elif handler.service_id or not of_services:
                handler.runs_as = superuser
            else:
                handler.runs_as = self.env._("The service's user, else Superuser")

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_tally(self):
        seen = self._of_services("service_id")
        found = {
            handler: sums
            for handler, *sums in self.env["mqtt.handler.tally"]
            .sudo()
            ._read_group(
                seen & Domain("handler_id", "in", self.ids),
                ["handler_id"],
                [
                    "handled:sum",
                    "failed:sum",
                    "seconds:sum",
                    "slowest:max",
                    "date:max",
                    "error_date:max",
                ],
            )
        }
        for handler in self:
            handled, failed, seconds, slowest, last, error_date = found.get(
                handler, (0, 0, 0, 0, False, False)
            )
            handler.handled_count = handled
            handler.failed_count = failed
            handler.mean_time = 1000 * seconds / handled if handled else 0
            handler.slowest_time = 1000 * slowest
            handler.last_handled = last
            handler.last_error_date = error_date
            handler.last_error = error_date and handler._last_error(seen)

    def _last_error(self, seen):
        """:param seen: domain of the counts that the user may see."""
        return (
            self.env["mqtt.handler.tally"]
            .sudo()
            .search(
                seen
                & Domain("handler_id", "=", self.id)
                & Domain("error_date", "!=", False),
                order="error_date desc, id desc",
                limit=1,
            )
            .error
        )

    def _of_services(self, field_name):
        """A domain: what is of services that the user may see, or of none. A handler
        may be for those of all companies.
        """
        services = self.env["mqtt.service"].with_context(active_test=False)
        return Domain(field_name, "=", False) | Domain(
            field_name, "in", services._search(Domain.TRUE)
        )

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_dead_letter_count(self):
        counts = dict(
            self.env["queue.job"]
            .sudo()
            ._read_group(
                Domain("mqtt_handler_id", "in", self.ids)
                & Domain("state", "=", "failed")
                & self._of_services("mqtt_service_id"),
                ["mqtt_handler_id"],
                ["__count"],
            )
        )
        for handler in self:
            handler.dead_letter_count = counts.get(handler, 0)

    # Constraints

    @api.constrains("pattern")
    def _check_pattern(self):
        for handler in self:
            try:
                TopicPattern(handler.pattern or "")
            except TopicError as error:
                raise ValidationError(
                    handler._describe_pattern_error(error.code, error.text)
                ) from error

    @api.constrains("action_server_id", "record_domain", "batch")
    def _check_action(self):
        for handler in self.filtered("action_server_id").sudo():
            action = handler.action_server_id
            # Odoo would take the message's id for the id of one of these records.
            if (
                not handler.record_domain
                and action.state != "code"
                and action.model_name != "mqtt.signal.history"
            ):
                raise ValidationError(
                    self.env._(
                        "“%(action)s” works on %(model)s: say in Records which ones, "
                        "for example [('name', '=', mqtt_topic)].",
                        action=action.name,
                        model=action.model_id.name,
                    )
                )

    @api.constrains("channel")
    def _check_channel(self):
        for handler in self.filtered(lambda one: one.kind == "action"):
            name = handler.channel
            if not self.env["queue.job.channel"].search_count(
                [("complete_name", "=", name)], limit=1
            ):
                raise ValidationError(
                    self.env._("There is no queue channel “%s”.", name)
                )

    @api.constrains("retry_pattern")
    def _check_retry_pattern(self):
        for handler in self:
            try:
                check_retry_pattern(ast.literal_eval(handler.retry_pattern))
            except (
                ValueError,
                SyntaxError,
                TypeError,
                MemoryError,
                RecursionError,
            ) as error:
                raise ValidationError(
                    self.env._(
                        "Retry Pattern has to look like %(one)s or %(other)s: runs, "
                        "and the seconds to wait after them.",
                        one="{1: 10, 3: 60}",
                        other="{1: (5, 15)}",
                    )
                ) from error

    # CRUD

    @api.model_create_multi
    def create(self, vals_list):
        handlers = super().create(vals_list)
        handlers._check_created()
        self.env.registry.clear_cache()
        handlers._sync_subscriptions()
        return handlers

    def write(self, vals):
        with self._checked_write(vals):
            result = super().write(vals)
        if MATCHING_FIELDS & set(vals):
            self.env.registry.clear_cache()
        if {*MATCHING_FIELDS, "subscribe"} & set(vals):
            self._sync_subscriptions()
        return result

    def unlink(self):
        self.check_access("unlink")
        self._cancel_jobs()
        # Not left to PostgreSQL's cascade: it would detach all messages that refer to
        # them at once. sudo: they come and go with their handlers.
        self.sudo().with_context(active_test=False).subscription_ids.unlink()
        result = super().unlink()
        self.env.registry.clear_cache()
        return result

    # Buttons

    def action_open_dead_letters(self):
        """Open the failed messages of this handler."""
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "mqtt_listener.mqtt_dead_letter_action"
        )
        domain = [("mqtt_handler_id", "in", self.ids), ("state", "=", "failed")]
        return {**action, "domain": domain, "context": {}}

    def action_open_messages(self):
        """Open the messages whose topics match."""
        self.ensure_one()
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "mqtt_listener.mqtt_signal_history_action"
        )
        topic_filter = TopicPattern(self.pattern).filter.text
        domain = [("topic_filter", "=", topic_filter), ("has_handlers", "=", True)]
        return {**action, "domain": domain, "context": {}}

    # Declared methods

    def _register_hook(self):
        """Bring the rows in line with the methods that this registry declares.

        One that cannot work is an error in the log, which names model, method and
        pattern; what came for it before waits until it can.
        """
        super()._register_hook()
        self._sync_declared()

    @api.model
    def _sync_declared(self):
        """Have a row for each declared method, and archive those of others.

        Every process that loads the registry comes here; usually there is nothing to
        write. When two have to, the second leaves it to the first.
        """
        wanted = self._read_declarations()
        self.env.registry.mqtt_declared = set(wanted)
        rows = {
            (row.model_name, row.method_name, row.position): row
            for row in self.sudo()
            .with_context(active_test=False)
            .search([("kind", "=", "code")])
        }
        new = [
            {**values, "model_name": key[0], "method_name": key[1], "position": key[2]}
            for key, values in wanted.items()
            if key not in rows
        ]
        changed = [
            (row, values)
            for key, values in wanted.items()
            if (row := rows.get(key))
            and any(row[name] != value for name, value in values.items())
        ]
        gone = self.browse(
            row.id for key, row in rows.items() if key not in wanted and row.active
        )
        if not (new or changed or gone):
            return
        try:
            with mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                self._write_declared(new, changed, gone.sudo())
        except (psycopg2.errors.UniqueViolation, psycopg2.errors.SerializationFailure):
            _logger.info("another process registers the MQTT handlers")
        except (ValidationError, psycopg2.Error):
            self._write_declared_apart(new, changed, gone.sudo())

    def _write_declared_apart(self, new, changed, gone):
        """One that cannot be written keeps no other from it."""
        parts = [([values], [], gone.browse()) for values in new]
        parts += [([], [pair], gone.browse()) for pair in changed]
        for part in [*parts, ([], [], gone)]:
            try:
                with self.env.cr.savepoint():
                    self._write_declared(*part)
            except (UserError, psycopg2.Error) as error:
                names = [values["name"] for values in part[0]]
                names += [row.name for row, _values in part[1]]
                _logger.error("%s cannot be registered: %s", ", ".join(names), error)

    def _write_declared(self, new, changed, gone):
        context = {"mqtt_declaring": DECLARING, "tracking_disable": True}
        self.sudo().with_context(**context).create(new)
        back = self.browse(row.id for row, _values in changed if not row.active)
        for row, values in changed:
            row.with_context(**context).write(values)
        back._release()
        gone.with_context(**context).write({"active": False})
        self.env.flush_all()

    def _read_declarations(self):
        """``{(model, method, position): values of the row}`` of this registry."""
        found = {}
        for model in self.env.values():
            cls = type(model)
            for method_name, decorators in declared(cls):
                if model._abstract and self._is_used_by_others(model, method_name):
                    continue  # a mixin: its users have the handler
                for position, options in enumerate(decorators):
                    try:
                        check(options, getattr(cls, method_name))
                    except DeclarationError as error:
                        # The others, and the registry, cannot help it.
                        _logger.error(
                            "@mqtt_handler(%r) on %s.%s cannot work: %s",
                            options.pattern,
                            model._name,
                            method_name,
                            error,
                        )
                        continue
                    found[model._name, method_name, position] = {
                        "active": True,
                        "kind": "code",
                        "name": f"{model._name}.{method_name}"
                        + (f" ({position + 1})" if position else ""),
                        "pattern": options.pattern,
                        "batch": options.batch,
                        "ordered": options.ordered,
                        "subscribe": options.subscribe,
                        "channel": options.channel or DEFAULT_CHANNEL,
                        "priority": 10
                        if options.priority is None
                        else options.priority,
                        "max_retries": 5
                        if options.max_retries is None
                        else options.max_retries,
                        "retry_pattern": str(
                            DEFAULT_RETRY_PATTERN
                            if options.retry_pattern is None
                            else options.retry_pattern
                        ),
                        "service_ref": options.service or False,
                        "direction": options.direction,
                    }
        return found

    def _is_used_by_others(self, mixin, method_name):
        return any(
            getattr(type(self.env[name]), method_name, None)
            for name in self.env.registry.descendants([mixin._name], "_inherit")
            if name != mixin._name
        )

    def _declared_method(self):
        """The method of a declared handler, or ``None``: rows are no proof of one."""
        key = (self.model_name, self.method_name, self.position)
        if self.kind != "code" or key not in getattr(
            self.env.registry, "mqtt_declared", ()
        ):
            return None
        return getattr(type(self.env[self.model_name]), self.method_name)

    # Matching

    @tools.ormcache("service_id", "direction")
    def _index(self, service_id, direction):
        """The handlers of a service's messages, found by topic.

        :param direction: ``receive`` or ``send``.
        :return: ``FilterIndex`` of ``(handler id, channel, priority, ordered)``, or
            ``None`` where there is no handler.
        """
        # It is for everybody: nothing of who happens to ask first may be in it.
        every = self.with_env(self.env(user=SUPERUSER_ID, su=True, context={}))
        service = every.env["mqtt.service"].browse(service_id)
        entries = [
            (
                TopicPattern(handler.pattern).filter,
                (handler.id, handler.channel, handler.priority, handler.ordered),
            )
            for handler in every.search(
                [
                    ("active", "=", True),
                    ("enabled", "=", True),
                    ("direction", "in", [direction, "both"]),
                ]
            )
            if handler._is_for(service)
        ]
        return FilterIndex(entries) if entries else None

    def _is_for(self, service):
        if self.service_id:
            return self.service_id == service
        if not self.service_ref:
            return True
        return service in self._named_service()

    def _named_service(self):
        services = self.env["mqtt.service"].sudo().with_context(active_test=False)
        if "." in self.service_ref and (
            found := self.env.ref(self.service_ref, raise_if_not_found=False)
        ):
            return found.sudo() if found._name == "mqtt.service" else services
        return services.search([("name", "=", self.service_ref)])

    # What its jobs ask

    @api.model
    def _seconds(self, name):
        """A time limit of ``SECONDS``, or what the system parameter says instead."""
        parameters = self.env["ir.config_parameter"].sudo()
        text = parameters.get_param(f"mqtt_listener.{name}", SECONDS[name])
        try:
            seconds = float(text)
        except ValueError:
            seconds = math.nan
        if not 0 <= seconds <= MAX_SECONDS:
            _logger.warning(
                "mqtt_listener.%s is not a number of seconds: %s", name, text
            )
            return SECONDS[name]
        return seconds

    def _retry_seconds(self, tries, seconds=None):
        """Seconds to wait after so many runs.

        :param seconds: what the exception said, which counts first.
        """
        if seconds:
            return int(seconds)
        pattern = ast.literal_eval(self.retry_pattern)
        reached = [runs for runs in pattern if runs <= max(tries, 1)]
        wait = pattern[max(reached) if reached else min(pattern)] if pattern else 0
        if isinstance(wait, list | tuple):
            wait = random.randint(*wait)
        wait = max(wait, self._probe_seconds())
        # Without an eta a retry would be taken for a job whose worker died.
        return max(wait, 1)

    def _count(
        self, service, handled=0, failed=0, seconds=0.0, slowest=0.0, error=None
    ):
        """Add to what this handler did for a service: messages, and the seconds of its
        calls.
        """
        now = self.env.cr.now()
        self.env["mqtt.handler.tally"].sudo().create(
            {
                "handler_id": self.id,
                "service_id": service.id,
                "date": now,
                "handled": handled,
                "failed": failed,
                "seconds": seconds,
                "slowest": slowest,
                "error": error and short_line(error),
                "error_date": error and now,
            }
        )

    # Subscriptions

    def _sync_subscriptions(self):
        """Have the services subscribe to the filters of the handlers that say so."""
        services = self.env["mqtt.service"].sudo().search([("active", "=", True)])
        for handler in self.sudo():
            try:
                with self.env.cr.savepoint():
                    handler._sync_own_subscriptions(services)
            except UserError as error:
                if not self._is_syncing():
                    raise
                # The registry has to load all the same.
                _logger.warning("%s is not subscribed: %s", handler.name, error)

    def _sync_own_subscriptions(self, services):
        wanted = services.browse()
        if self.subscribe and self.enabled and self.active:
            wanted = services.filtered(self._is_for)
        existing = self.with_context(active_test=False).subscription_ids
        if not wanted and not existing:
            return
        topic_filter = TopicPattern(self.pattern).filter.text
        kept = existing.filtered(
            lambda one: one.topic_filter == topic_filter and one.service_id in wanted
        )
        (existing - kept).unlink()
        all_of_services = wanted.with_context(active_test=False).subscription_ids
        has_it = all_of_services.filtered(lambda one: one.topic_filter == topic_filter)
        self.env["mqtt.subscription"].create(
            [
                {
                    "service_id": service.id,
                    "topic_filter": topic_filter,
                    "handler_id": self.id,
                }
                for service in wanted - has_it.service_id
            ]
        )

    def _describe_pattern_error(self, code, pattern):
        env = self.env
        own = {
            "shared": env._(
                "A pattern matches topics: leave $share out of “%s”.", pattern
            ),
            "braces": env._(
                "In “%s”, a name in braces has to stand alone between two slashes.",
                pattern,
            ),
            "name": env._(
                "In “%s”, a name in braces has to consist of letters, digits and "
                "underscores, and may not be message, messages or a word of Python.",
                pattern,
            ),
            "twice": env._("In “%s”, a name stands twice.", pattern),
            "tail": env._("In “%s”, {name#} has to be the last level.", pattern),
        }
        if code in own:
            return own[code]
        return self.env["mqtt.subscription"]._describe_topic_error(code, pattern)


def _place(method):
    """Module, file and line of a method, as a developer looks for them."""
    function = inspect.unwrap(method)
    path = Path(function.__code__.co_filename)
    parts = path.parts
    module = function.__module__.removeprefix("odoo.addons.").partition(".")[0]
    if module in parts:
        path = Path(*parts[len(parts) - parts[::-1].index(module) - 1 :])
    return f"{path}:{function.__code__.co_firstlineno}"
