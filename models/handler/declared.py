# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import inspect
from pathlib import Path

import psycopg2

from odoo import api, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import mute_logger

from ...mqtt.handler import (
    DECLARING,
    DEFAULT_CHANNEL,
    DeclarationError,
    check,
    declared,
)
from ...mqtt.log import get_logger
from .mqtt_handler import DEFAULT_RETRY_PATTERN

_logger = get_logger(__name__)


class MqttHandler(models.Model):
    """Rows of handlers that are methods: written when the registry loads."""

    _inherit = "mqtt.handler"

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

    @api.depends("kind", "model_name", "method_name")
    def _compute_source(self):
        for handler in self:
            method = handler._declared_method()
            handler.source = method and _place(method)

    @api.depends("name", "kind", "model_name", "method_name")
    def _compute_summary(self):
        for handler in self:
            said = inspect.getdoc(handler._declared_method()) or handler.name or ""
            handler.summary = said.partition("\n")[0].rstrip(".")

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

    def _is_syncing(self):
        return self.env.context.get("mqtt_declaring") is DECLARING


def _place(method):
    """Module, file and line of a method, as a developer looks for them."""
    function = inspect.unwrap(method)
    path = Path(function.__code__.co_filename)
    parts = path.parts
    module = function.__module__.removeprefix("odoo.addons.").partition(".")[0]
    if module in parts:
        path = Path(*parts[len(parts) - parts[::-1].index(module) - 1 :])
    return f"{path}:{function.__code__.co_firstlineno}"
