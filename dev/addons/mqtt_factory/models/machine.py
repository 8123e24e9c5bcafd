# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models

from odoo.addons.mqtt_listener import mqtt_handler, mqtt_response


class Machine(models.Model):
    """A machine, as its messages tell. It appears with the first of them."""

    _name = "mqtt.factory.machine"
    _description = "Machine"
    _order = "name"

    name = fields.Char(required=True, help="As it stands in its topics.")
    state = fields.Selection(
        [
            ("running", "Running"),
            ("idle", "Idle"),
            ("setup", "Setup"),
            ("fault", "Fault"),
        ]
    )
    alarm = fields.Boolean(help="Set by a handler without code, see data/handler.xml.")
    last_seen = fields.Datetime()
    temperature = fields.Float(help="°C")
    pressure = fields.Float(help="bar")
    pieces = fields.Integer(help="Counted by the machine.")
    last_command = fields.Char(
        readonly=True, help="What was asked of it, and came of it."
    )
    reading_ids = fields.One2many("mqtt.factory.reading", "machine_id")

    _name_uniq = models.Constraint("UNIQUE(name)", "There is a machine of this name.")

    @mqtt_handler("factory/{machine}/state")
    def _on_state(self, message, machine):
        """One message, one call: the first word of the payload is the state."""
        self._named([machine]).write(
            {"state": message.payload.split()[0], "last_seen": message.timestamp}
        )

    @mqtt_handler("factory/{machine}/telemetry", batch=True)
    def _on_telemetry(self, messages, machine):
        """Many messages, one call: all readings at once, each machine once."""
        machines = {one.name: one for one in self._named(machine)}
        readings = self.env["mqtt.factory.reading"].create(
            [
                {
                    "machine_id": machines[name].id,
                    "timestamp": message.timestamp,
                    **self._values(message.json()),
                }
                for message, name in zip(messages, machine, strict=True)
            ]
        )
        for one, own in readings.grouped("machine_id").items():
            last = own[-1]
            one.write(
                {name: last[name] for name in ("temperature", "pressure", "pieces")}
            )
            one.last_seen = last.timestamp

    def action_reset(self):
        """Ask each machine to set its counter back, and say what it had counted."""
        for machine in self:
            # sudo: an operator commands a machine, its record is not his to write
            machine = machine.sudo()
            self.env["mqtt.service"].mqtt_request(
                f"factory/{machine.name}/command",
                {"command": "reset"},
                timeout=30,
                on_response=machine._on_reset,
            )
            machine.last_command = self.env._("Reset Counter: waiting for the answer")
        return True

    @mqtt_response
    def _on_reset(self, message):
        """The machine's answer; the empty recordset when none came in time."""
        if message:
            counted = message.json()["counted"]
            said = self.env._("Reset Counter: it had counted %s pieces", counted)
        else:
            said = self.env._("Reset Counter: no answer within 30 seconds")
        self.last_command = said

    def _values(self, telemetry):
        return {name: telemetry[name] for name in ("temperature", "pressure", "pieces")}

    def _named(self, names):
        """The machines of these names; those that are new are created."""
        found = self.search([("name", "in", names)])
        new = sorted(set(names) - set(found.mapped("name")))
        return found + self.create([{"name": name} for name in new])
