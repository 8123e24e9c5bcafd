# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models
from odoo.exceptions import ValidationError

from ..handler.mqtt_handler import MAX_SECONDS, SECONDS

LIMITS = {f"mqtt_{name}": name for name in SECONDS}  # parameters by field


def _limit(name, **attributes):
    """A field for a time limit of ``SECONDS``.

    Not with ``config_parameter``, for which 0 is no value but the default; and with
    methods of its own, or a value given for one would keep the others from being read.
    """
    return fields.Float(
        compute=lambda settings: settings._read_mqtt_limit(name),
        inverse=lambda settings: settings._write_mqtt_limit(name),
        readonly=False,
        **attributes,
    )


class ResConfigSettings(models.TransientModel):
    """The system parameters of MQTT, with units and words."""

    _inherit = "res.config.settings"

    mqtt_storing_job_seconds = _limit(
        "storing_job_seconds",
        string="Handlers in the Storing Job",
        help="Time that quick handlers may take in the job that stores their messages. "
        "0: all handlers run in jobs of their own.",
    )
    mqtt_storing_call_seconds = _limit(
        "storing_call_seconds",
        string="Slow Call in the Storing Job",
        help="Time after which a handler in the job that stores is slow. Its statement "
        "is cancelled, and its message continues in a job of its own.",
    )
    mqtt_job_seconds = _limit(
        "job_seconds",
        string="Job for Many Messages",
        help="Time after which a job for many messages calls no further handler. A new "
        "job continues.",
    )
    mqtt_call_seconds = _limit(
        "call_seconds",
        string="Slow Call",
        help="Time after which a handler in such a job is slow. It is logged, its "
        "statement is cancelled, and its message continues in a job of its own.",
    )
    mqtt_own_call_seconds = _limit(
        "own_call_seconds",
        string="Slow Call in a Job of Its Own",
        help="Time after which a handler in a job for one message is slow. Its "
        "statement is cancelled, and the call fails. Odoo ends a worker after 60 "
        "seconds of processor time.",
    )
    mqtt_interrupt_calls = fields.Boolean(
        string="Interrupt Slow Calls",
        config_parameter="mqtt_listener.interrupt_calls",
        help="Interrupt Python code of slow handlers, too. The exception can arrive "
        "anywhere, also just after the code took a lock of the whole process, which "
        "then stays locked.",
    )

    def _read_mqtt_limit(self, name):
        for settings in self:
            settings[f"mqtt_{name}"] = self.env["mqtt.handler"]._seconds(name)

    def _write_mqtt_limit(self, name):
        for settings in self:
            seconds = settings[f"mqtt_{name}"]
            if not 0 <= seconds <= MAX_SECONDS:
                raise ValidationError(
                    self.env._(
                        "%(field)s must be from 0 to %(most)s seconds.",
                        field=self._fields[f"mqtt_{name}"]._description_string(
                            self.env
                        ),
                        most=int(MAX_SECONDS),
                    )
                )
            if seconds != self.env["mqtt.handler"]._seconds(name):
                # The default is no parameter, so that a later one takes effect.
                self.env["ir.config_parameter"].set_param(
                    f"mqtt_listener.{name}", seconds != SECONDS[name] and str(seconds)
                )
