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

    service_id = fields.Many2one("mqtt.service", required=True, ondelete="cascade")
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
        settings = ServiceSettings.from_values(service._listener_settings())
        try:
            settings.resolved()
        except ValueError as error:  # secrets elsewhere
            problem = Problem.from_exception(error)
            raise UserError(
                service._describe_problem(problem.code, problem.detail)
            ) from None
        steps = list(run_connection_test(settings))
        test = self.env["mqtt.connection.test"].create(
            {
                "service_id": self.id,
                "is_successful": not any(step.is_failed for step in steps),
                "line_ids": [
                    fields.Command.create(
                        {
                            "step": step.name,
                            "subject": step.subject,
                            "milliseconds": step.seconds * 1000,
                            "is_successful": not step.is_failed,
                            "result": service._describe_step(step),
                        }
                    )
                    for step in steps
                ],
            }
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Test of %s", self.name),
            "res_model": test._name,
            "res_id": test.id,
            "view_mode": "form",
            "target": "new",
        }

    def _describe_step(self, step):
        if not step.problem:
            result = self.env._("OK")
        elif step.problem.code == "subscription_refused":
            result = describe_reason(self.env, step.problem.detail)
        else:
            result = self.with_context(mqtt_server=step.server)._describe_problem(
                step.problem.code, step.problem.detail
            )
        if not step.certificate:
            return result
        return self.env._(
            "%(result)s Certificate for %(names)s, from %(issuer)s, until %(end)s.",
            result=result if result.endswith(".") else f"{result}.",
            names=short_line(", ".join(step.certificate.names)),
            issuer=short_line(step.certificate.issuer, ISSUER_CHARS),
            end=format_datetime(self.env, step.certificate.end),
        )
