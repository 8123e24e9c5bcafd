# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import ast
import math
import random

from odoo import api, fields, models

from ...mqtt.handler import (
    DEFAULT_CHANNEL,
)
from ...mqtt.log import get_logger
from ...mqtt.pattern import TopicPattern
from ..common.actions import open_records
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

    name = fields.Char(
        required=True, help="Name of the handler in lists and notifications."
    )
    summary = fields.Char(
        compute="_compute_summary",
        help="What the handler does: the first line of its method's docstring, else "
        "its name.",
    )
    sequence = fields.Integer(default=10)
    active = fields.Boolean(
        default=True,
        help="A handler is archived when the module that declares its method "
        "is uninstalled.",
    )
    enabled = fields.Boolean(
        string="On",
        default=True,
        help="When switched off, new messages are not dispatched to this handler.",
    )
    kind = fields.Selection(
        [("code", "Method"), ("action", "Server action"), ("mapping", "Mapping")],
        default="action",
        required=True,
        readonly=True,
        help="Method: declared in code with @mqtt_handler. Server action: chosen here. "
        "Mapping: writes values of messages to records, without code.",
    )
    pattern = fields.Char(
        string="Topic Pattern",
        required=True,
        help="Topics that this handler is called for. + matches one level and # "
        "all that follow. Write {name} for a + and {name#} for a # whose "
        "level the handler gets by name.",
    )
    service_id = fields.Many2one(
        "mqtt.service",
        ondelete="cascade",
        help="The handler is called only for messages of this service. Empty: "
        "for messages of all services.",
    )
    service_ref = fields.Char(
        string="Only Service",
        readonly=True,
        help="Name or XML ID of the service, as the code declares it.",
    )
    direction = fields.Selection(
        [("receive", "Received"), ("send", "Sent"), ("both", "Both")],
        default="receive",
        required=True,
        help="Whether the handler is called for received messages, sent messages "
        "or both.",
    )
    batch = fields.Boolean(
        help="The handler is called once with many messages instead of once for "
        "each message."
    )
    ordered = fields.Boolean(
        help="Messages of one topic are handled one by one in the order of "
        "reception. A failed message holds back the later ones of its topic "
        "until it is done or cancelled."
    )
    subscribe = fields.Boolean(
        help="Services subscribe to the topics of this handler by themselves."
    )
    channel = fields.Char(
        default=DEFAULT_CHANNEL,
        required=True,
        help="Channel of queue_job that limits how many jobs of this handler run "
        "at the same time.",
    )
    priority = fields.Integer(
        default=10, required=True, help="Jobs with a smaller number run earlier."
    )
    max_retries = fields.Integer(
        string="Tries",
        default=5,
        required=True,
        help="Number of times that a message is tried before it counts as failed. "
        "0: no limit.",
    )
    retry_pattern = fields.Char(
        default=str(DEFAULT_RETRY_PATTERN),
        required=True,
        help="Seconds to wait before the next try, by the number of tries so far: "
        "{1: 10, 3: 60}",
    )

    model_name = fields.Char(string="Model", readonly=True, copy=False)
    method_name = fields.Char(string="Method", readonly=True, copy=False)
    position = fields.Integer(readonly=True, copy=False)
    source = fields.Char(
        compute="_compute_source", help="Module, file and line of the method."
    )
    action_server_id = fields.Many2one(
        "ir.actions.server",
        string="Server Action",
        ondelete="restrict",
        help="Server action that is run for each message.",
    )
    action_model_name = fields.Char(related="action_server_id.model_name")
    record_domain = fields.Char(
        string="Records",
        help="Domain of the records of the action's model that the action runs on, "
        "with the names of its evaluation context: [('serial_no', '=', "
        "mqtt_params['serial'])]. Empty: the action runs on the message, or "
        "without a record.",
    )
    user_id = fields.Many2one(
        "res.users",
        string="Runs as",
        ondelete="restrict",
        help="User that the handler runs as. Empty: the user of the service.",
    )
    runs_as = fields.Char(
        compute="_compute_runs_as", help="User that the handler runs as."
    )

    subscription_ids = fields.One2many("mqtt.subscription", "handler_id")
    statistics_ids = fields.One2many(
        "mqtt.handler.statistics", "handler_id", groups=MANAGER
    )

    _declared_uniq = models.UniqueIndex(
        "(model_name, method_name, position) WHERE kind = 'code'"
    )
    _action_required = models.Constraint(
        "CHECK(kind <> 'action' OR action_server_id IS NOT NULL)",
        "Choose the server action that the handler runs.",
    )
    _numbers = models.Constraint(
        "CHECK(max_retries >= 0 AND priority >= 0)",
        "Tries and priority are whole numbers, 0 or more.",
    )

    # Computes

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
        domain = [("mqtt_handler_id", "in", self.ids), ("state", "=", "failed")]
        return open_records(self.env, "mqtt_dead_letter_action", domain)

    def action_open_messages(self):
        """Open the messages whose topics match."""
        self.ensure_one()
        self.check_access("read")
        topic_filter = TopicPattern(self.pattern).filter.text
        domain = [("topic_filter", "=", topic_filter), ("has_handlers", "=", True)]
        return open_records(self.env, "mqtt_signal_history_action", domain)

    # Declared methods

    # Matching

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

    # Subscriptions
