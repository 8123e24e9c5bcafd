# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_datetime

from ..broker.connection_test import run_connection_test
from ..broker.problem import Problem
from ..broker.settings import ServiceSettings
from ..models.service.reason_codes import describe_reason
from ..mqtt.wording import short_line

ISSUER_CHARS = 120  # of a certificate's


class MqttConnectionTest(models.TransientModel):
    """What a test of a service's connection found, step by step."""

    _name = "mqtt.connection.test"
    _description = "MQTT Connection Test"

    service_id = fields.Many2one(
        "mqtt.service",
        ondelete="cascade",
        help="Service that was tested. Empty: it was not saved yet.",
    )
    line_ids = fields.One2many(
        "mqtt.connection.test.line",
        "test_id",
        help="Steps of the test and their results.",
    )
    is_successful = fields.Boolean(help="All steps succeeded.")


class MqttConnectionTestLine(models.TransientModel):
    _name = "mqtt.connection.test.line"
    _description = "Step of an MQTT Connection Test"
    _order = "id"

    test_id = fields.Many2one("mqtt.connection.test", required=True, ondelete="cascade")
    step = fields.Selection(
        [
            ("name", "Host name"),
            ("tcp", "TCP connection"),
            ("tls", "TLS"),
            ("login", "MQTT login"),
            ("subscription", "Subscription"),
        ],
        required=True,
    )
    subject = fields.Text(string="What")
    milliseconds = fields.Float(digits=(10, 1), string="ms")
    is_successful = fields.Boolean()
    result = fields.Text()


class MqttService(models.Model):
    _inherit = "mqtt.service"

    def action_test_connection(self):
        """Try the broker with the configuration as it is, and show each step.

        :raise UserError: when there is nothing to try, naming the field.
        """
        self.ensure_one()
        service = self._for_operation()
        service._check_configuration()
        return service._show_test(service._test_settings())

    def action_test_typed(self, values):
        """Try the broker with what is typed into a form, before it is saved.

        :param values: of ``create`` for the empty model, else of ``write``.
        :raise AccessError: for a user who could not save them.
        :raise UserError: when there is nothing to try, naming the field.
        """
        return self._show_test(self._typed_settings(values))

    def _typed_settings(self, values):
        """The settings that this service would have if these values were saved.

        They are saved and rolled back, so that the same rules hold: who may do it, what
        is valid, and which secrets are not sent because the destination is another.
        """
        savepoint = self.env.cr.savepoint()
        try:
            service = self
            if self:
                self.ensure_one().write(values)
            else:
                service = self.create(values)
            service = service.sudo()  # who could save them may have them tried
            service._check_configuration()
            return service._test_settings()
        finally:
            savepoint.close(rollback=True)
            # What was filled from what is gone now
            self.env.registry.clear_cache()

    def _test_settings(self):
        """:raise UserError: when a secret that is kept elsewhere cannot be used."""
        settings = ServiceSettings.from_values(self._listener_settings())
        try:
            settings.resolved()
        except ValueError as error:
            problem = Problem.from_exception(error)
            raise UserError(
                self._describe_problem(problem.code, problem.detail)
            ) from None
        return settings

    def _show_test(self, settings):
        steps = list(run_connection_test(settings))
        test = self.env["mqtt.connection.test"].create(
            {
                "service_id": self.id,
                "is_successful": not any(step.is_failed for step in steps),
                "line_ids": [
                    fields.Command.create(values)
                    for values in self._step_values(settings, steps)
                ],
            }
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Test of %s", settings.name),
            "res_model": test._name,
            "res_id": test.id,
            "views": [(False, "form")],
            "target": "new",
        }

    def _step_values(self, settings, steps):
        """What a test found, as values of its lines.

        :param settings: that were tried; the service may have others.
        """
        tried = self.new({"host": settings.host, "port": settings.port})
        return [
            {
                "step": step.name,
                "subject": step.subject,
                "milliseconds": step.seconds * 1000,
                "is_successful": not step.is_failed,
                "result": tried._describe_step(step),
            }
            for step in steps
        ]

    def _describe_step(self, step):
        tried = self.with_context(mqtt_server=step.server)
        result = tried._describe_step_problem(step.problem) or self.env._("OK")
        if not step.certificate:
            return result
        return self.env._(
            "%(result)s Certificate for %(names)s, from %(issuer)s, until %(end)s.",
            result=result if result.endswith(".") else f"{result}.",
            names=short_line(", ".join(step.certificate.names)),
            issuer=short_line(step.certificate.issuer, ISSUER_CHARS),
            end=format_datetime(self.env, step.certificate.end),
        )

    def _describe_step_problem(self, problem):
        """The sentence for a problem of a connection that is not the listener's.

        :return: an empty text where there is none.
        """
        if not problem:
            return ""
        if problem.code == "subscription_refused":
            return describe_reason(self.env, problem.detail)
        return self._describe_problem(problem.code, problem.detail)
