# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How a handler is called: as whom, with what."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from odoo import SUPERUSER_ID, api, models

from ..mqtt.pattern import TopicPattern
from .guard import Guard, HandlerError, HandlerGoneError

SWITCHED_ON = ("1", "true", "yes", "on")


class MqttHandler(models.Model):
    _inherit = "mqtt.handler"

    def _bind(self, service, **context) -> Callable:
        """What gives messages of a service to this handler, in :meth:`_env_of`.

        :param context: keys for the environment of the handler and of the message.
        :return: a function of a recordset of one message (many, where ``batch``).
        :raise HandlerError: when the handler's method is not there any more.
        """
        self.ensure_one()
        env = self._env_of(service, **context)
        pattern = TopicPattern(self.pattern)
        is_batch = self.batch and self.kind != "action"
        run = getattr(self, f"_bind_{self.kind}")(env)

        def call(messages) -> None:
            # sudo: whom the handler runs as need not be an MQTT user
            messages = messages.with_env(env).sudo()
            params = [pattern.params(message.topic) for message in messages]
            if is_batch:
                named = {name: [one[name] for one in params] for name in pattern.names}
            else:
                (named,) = params
            result = run(messages, named)
            if inspect.isawaitable(result) or inspect.isgenerator(result):
                raise HandlerError(
                    f"It returned a {type(result).__name__}: its body has not run"
                )

        return call

    def _env_of(self, service, **context) -> api.Environment:
        """The environment in which this handler runs: as the user set on the handler,
        else on the service, else as superuser, in the service's company.

        :param context: keys for it.
        :raise HandlerError: when that user has no access to that company.
        """
        user = self.user_id or service.user_id
        user = user or self.env["res.users"].browse(SUPERUSER_ID)
        company = service.company_id
        if company and user.id != SUPERUSER_ID and company not in user.company_ids:
            raise HandlerError(
                f"It runs as {user.name}, who has no access to {company.name}: choose "
                "another user and requeue"
            )
        env = self.env(user=user.id, su=user.id == SUPERUSER_ID, context={})
        context = {**env["res.users"].context_get(), **context}
        if service.company_id:
            context["allowed_company_ids"] = service.company_id.ids
        return env(context=context)

    @api.model
    def _guard(self, limit: str) -> Guard:
        """What calls of handlers are made in.

        :param limit: name of the system parameter with the seconds that one may take.
        """
        parameters = self.env["ir.config_parameter"].sudo()
        value = parameters.get_param("mqtt_listener.interrupt_calls") or ""
        return Guard(self.env.cr, self._seconds(limit), value.lower() in SWITCHED_ON)

    def _bind_code(self, env) -> Callable[..., Any]:
        """As each ``_bind_<kind>``: what a handler of this kind runs.

        :param env: with the user and the company that it runs as.
        :return: a function of messages and of the named levels of their topics
            (a value a name; a list of values a name where ``batch``).
        :raise HandlerError: when it cannot run now.
        """
        if not self._declared_method():
            raise HandlerGoneError(self._describe_gone())
        method = getattr(env[self.model_name], self.method_name)
        return lambda messages, named: method(messages, **named)

    def _bind_action(self, env) -> Callable[..., Any]:
        action = env["ir.actions.server"].browse(self.action_server_id.id)
        return lambda message, params: action._run_for_message(
            message, params, self.record_domain
        )
