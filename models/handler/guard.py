# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from contextlib import contextmanager

from odoo import api, models
from odoo.exceptions import AccessError, UserError

# What the code says of a handler that is declared in it, and nobody else.
DECLARED_FIELDS = {
    "active",
    "kind",
    "name",
    "pattern",
    "batch",
    "ordered",
    "subscribe",
    "channel",
    "priority",
    "max_retries",
    "retry_pattern",
    "service_id",
    "service_ref",
    "direction",
    "action_server_id",
    "record_domain",
}
# What runs of these kinds is ours.
OWN_KINDS = ("mapping", "readings", "availability")
METHOD_FIELDS = {"model_name", "method_name", "position"}
NAMING_FIELDS = ("kind", *sorted(METHOD_FIELDS))
# What is run: for those only who may write server actions anyway.
SYSTEM_FIELDS = ("kind", "action_server_id", "record_domain")
# What a mapping does as its user, beside what the mapping itself says.
MAPPING_FIELDS = ("user_id", "pattern", "service_id", "direction")


class MqttHandler(models.Model):
    """Who may make a handler what it is.

    The record is judged, not the values that are written: they come from the context
    (``default_…``), from a copy and from an import as well.
    """

    _inherit = "mqtt.handler"

    def _check_created(self):
        """:raise AccessError: when the user may not create these handlers."""
        if not self._is_syncing():
            self._check_names_no_method()
            self._check_system(any(handler._runs_action() for handler in self))
            self._check_runs_as_own()
            self._check_companies()

    @contextmanager
    def _checked_write(self, vals):
        """:raise AccessError: when the user may not make these handlers what is
        written while this is entered.
        """
        if self._is_syncing():
            yield
            return
        if (DECLARED_FIELDS | METHOD_FIELDS) & set(vals):
            self._check_not_declared()
        self._check_companies()
        run, named = self._values_of(SYSTEM_FIELDS), self._values_of(NAMING_FIELDS)
        mapped = self._values_of(MAPPING_FIELDS)
        yield
        self._check_system(self._values_of(SYSTEM_FIELDS) != run)
        if self._values_of(NAMING_FIELDS) != named:
            self._check_names_no_method()
        if self._values_of(MAPPING_FIELDS) != mapped:
            self._check_runs_as_own()
        self._check_companies()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_declared(self):
        declared = self.filtered(lambda one: one.active and one._declared_method())
        declared._check_not_declared()
        self._check_companies()

    def _values_of(self, names):
        return [[handler[name] for name in names] for handler in self.sudo()]

    def _check_not_declared(self):
        if any(handler.kind == "code" for handler in self):
            raise UserError(
                self.env._("This handler is declared in code: change it there.")
            )

    def _check_names_no_method(self):
        """No row is made to stand for a method: its declaration makes that row."""
        for handler in self:
            if handler.kind == "code" or any(handler[one] for one in METHOD_FIELDS):
                raise UserError(self.env._("A method is declared in code."))

    def _runs_action(self):
        """Whether it runs, or may come to run, what somebody has chosen."""
        handler = self.sudo()
        return handler.kind not in OWN_KINDS or any(
            handler[name] for name in SYSTEM_FIELDS if name != "kind"
        )

    def _check_runs_as_own(self):
        """A mapping acts as its user: others do not decide what it does.

        :raise AccessError: when one of these runs as somebody else than the user.
        """
        if self.env.su or self.env.user.has_group("base.group_system"):
            return
        for handler in self.sudo():
            if handler.kind == "mapping" and handler.user_id != self.env.user:
                raise AccessError(
                    self.env._(
                        "“%(mapping)s” runs as %(user)s: only that user and a system "
                        "administrator may change what it does. To take it over, "
                        "choose yourself in Runs As.",
                        mapping=handler.name,
                        user=handler.user_id.name or self.env._("nobody"),
                    )
                )

    def _check_system(self, is_chosen):
        """Who chooses the code that runs has to be allowed to write it."""
        if (
            is_chosen
            and not self.env.su
            and not self.env.user.has_group("base.group_system")
        ):
            raise AccessError(
                self.env._(
                    "Only a system administrator may choose what a handler runs, and "
                    "on which records."
                )
            )

    def _check_companies(self):
        """A handler of all services decides about the messages of each company."""
        if self.env.su or all(handler.service_id for handler in self):
            return
        services = self.env["mqtt.service"].sudo().with_context(active_test=False)
        own = self.env.user.sudo().company_ids
        if services.search_count(
            [("company_id", "not in", [False, *own.ids])], limit=1
        ):
            raise AccessError(
                self.env._(
                    "A handler without a service is called for messages of all "
                    "companies. Changing it requires access to each company that has "
                    "an MQTT service. Choose a service of your own company instead."
                )
            )
