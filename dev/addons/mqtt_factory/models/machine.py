from odoo import fields, models

from odoo.addons.mqtt_listener import mqtt_handler


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

    def _values(self, telemetry):
        return {name: telemetry[name] for name in ("temperature", "pressure", "pieces")}

    def _named(self, names):
        """The machines of these names; those that are new are created."""
        found = self.search([("name", "in", names)])
        new = sorted(set(names) - set(found.mapped("name")))
        return found + self.create([{"name": name} for name in new])
