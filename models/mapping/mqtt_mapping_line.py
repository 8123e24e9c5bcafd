# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models

from ..common.intervals import time_zones

EPOCHS = {"s": "s", "ms": "ms", "us": "µs", "ns": "ns"}


class MqttMappingLine(models.Model):
    """One field of the record, and the value of a message that belongs into it."""

    _name = "mqtt.mapping.line"
    _description = "MQTT Mapping Line"
    _order = "sequence, id"
    _rec_name = "field_name"

    mapping_id = fields.Many2one(
        "mqtt.mapping", required=True, ondelete="cascade", index=True
    )
    sequence = fields.Integer(default=10)
    part = fields.Selection(
        [("key", "Found by"), ("value", "Value"), ("default", "New record")],
        required=True,
        default="value",
        help="Whether the field finds the record, is written, or is set on new "
        "records.",
    )
    res_model = fields.Selection(related="mapping_id.res_model")
    field_name = fields.Char(
        string="Field",
        required=True,
        help="Field of the record, for example Serial No.",
    )
    field_label = fields.Char(compute="_compute_field", string="Into")
    field_type = fields.Char(compute="_compute_field")
    related_model = fields.Char(compute="_compute_field")

    source = fields.Selection(
        [
            ("path", "Payload"),
            ("outer", "Payload around the list"),
            ("text", "Payload as text"),
            ("level", "Topic level"),
            ("time", "Time of the message"),
            ("constant", "Constant"),
        ],
        string="From",
        default="path",
        required=True,
        help="Where the value comes from: a place in the JSON of the payload, the "
        "payload as it is, a named level of the topic, the time of reception, or a "
        "value that is always the same.",
    )
    value = fields.Char(
        help="For a payload, the path of the value, such as $.motor.temp. For a topic "
        "level, the name that the topic pattern gives it. For a constant, the value. "
        "Click a value of the message to fill it in.",
    )
    source_text = fields.Char(
        compute="_compute_source_text", string="Value of the Message"
    )
    conversion_text = fields.Char(
        compute="_compute_conversion_text", string="Conversion"
    )

    # What if there is none

    if_missing = fields.Selection(
        [
            ("fail", "Report the message as failed"),
            ("skip", "Leave the field as it is"),
            ("empty", "Empty the field"),
        ],
        default="fail",
        required=True,
        help="What happens if the payload has nothing at the path.",
    )
    if_null = fields.Selection(
        [
            ("empty", "Empty the field"),
            ("skip", "Leave the field as it is"),
            ("fail", "Report the message as failed"),
        ],
        default="empty",
        required=True,
        help="What happens if the payload says that there is no value (null).",
    )

    # Conversion

    word = fields.Integer(
        string="Only Word",
        help="Number of the word that counts, if the text has several: 1 takes "
        "“running” out of “running since 8:00”. 0: the whole text.",
    )
    choices = fields.Text(
        string="Table",
        help="One line for each value of the message and what it becomes: 1 = running. "
        "A message with another value fails. Empty: the value is used as it is.",
    )
    factor = fields.Float(
        default=1.0, digits=0, help="The number is multiplied by this: 0.1 for tenths."
    )
    offset = fields.Float(digits=0, help="This is added to the number afterwards.")
    lookup_field = fields.Char(
        string="Found By",
        help="Field of the related record that has the value, for example Name or "
        "Code.",
    )
    if_not_found = fields.Selection(
        [
            ("fail", "Report the message as failed"),
            ("skip", "Leave the field as it is"),
        ],
        string="If None Is Found",
        default="fail",
        required=True,
        help="What happens if there is no such related record.",
    )
    time_format = fields.Selection(
        [
            ("iso", "ISO 8601 (2026-07-01T12:00:00Z)"),
            ("s", "Seconds since 1970"),
            ("ms", "Milliseconds since 1970"),
            ("us", "Microseconds since 1970"),
            ("ns", "Nanoseconds since 1970"),
            ("own", "Own format"),
        ],
        default="iso",
        required=True,
        help="How the message writes the time.",
    )
    time_pattern = fields.Char(
        string="Own Format",
        help="%d day, %m month, %Y year, %H hour, %M minute, %S second: "
        "%d.%m.%Y %H:%M:%S reads 31.12.2026 23:59:00.",
    )
    tz = fields.Selection(
        lambda self: time_zones(),
        string="Time Zone",
        default="UTC",
        required=True,
        help="Time zone of a time that does not name its own, and of dates.",
    )

    # Guards

    band = fields.Float(
        string="Ignore Within",
        digits=0,
        help="A number is not written if it differs by no more than this from the one "
        "in the record. 0: each difference is written.",
    )
    is_newer = fields.Boolean(
        string="Only If Newer",
        help="A message with an earlier time than the one in this field of the record "
        "is ignored as a whole.",
    )

    _numbers = models.Constraint(
        "CHECK(word >= 0 AND band >= 0)",
        "Only Word and Ignore Within are 0 or more.",
    )

    @api.depends("res_model", "field_name")
    @api.depends_context("lang")
    def _compute_field(self):
        for line in self:
            field = line._field()
            line.field_type = field is not None and field.type
            line.related_model = field is not None and field.comodel_name
            line.field_label = line.field_name
            if field is not None:
                described = field.get_description(self.env, ["string"])
                line.field_label = described["string"]

    @api.depends("source", "value")
    @api.depends_context("lang")
    def _compute_source_text(self):
        labels = dict(self._fields["source"]._description_selection(self.env))
        for line in self:
            if line.source in ("time", "text"):
                line.source_text = labels[line.source]
            else:
                line.source_text = f"{labels.get(line.source, '')}: {line.value or ''}"

    @api.depends(
        "field_type",
        "source",
        "word",
        "choices",
        "factor",
        "offset",
        "lookup_field",
        "time_format",
        "tz",
        "band",
        "is_newer",
    )
    @api.depends_context("lang")
    def _compute_conversion_text(self):
        for line in self:
            line.conversion_text = ", ".join(filter(None, line._describe_conversion()))

    def _describe_conversion(self):
        env = self.env
        yield self.word and env._("word %s", self.word)
        yield self.choices and env._("by a table")
        if self.field_type in ("integer", "float", "monetary"):
            yield self.factor != 1 and f"× {self.factor:g}"
            yield self.offset and f"{self.offset:+g}"
            yield self.band and env._("ignored within ± %s", f"{self.band:g}")
        elif self.field_type == "many2one":
            yield self.lookup_field and env._("found by %s", self.lookup_field)
        elif self.field_type in ("date", "datetime") and self.source != "time":
            yield self.time_format in EPOCHS and env._(
                "%s since 1970", EPOCHS[self.time_format]
            )
            yield self.tz != "UTC" and self.tz
        yield self.is_newer and env._("only if newer")

    @api.onchange("field_name")
    def _onchange_field_name(self):
        if self.field_type == "many2one" and not self.lookup_field:
            self.lookup_field = self.env[self.related_model]._rec_name

    def _field(self):
        """The field of the record, or ``None``: its module may not be installed."""
        model = self.env.get(self.res_model or "")
        return None if model is None else model._fields.get(self.field_name or "")

    # CRUD: what a line says is part of what its mapping is.

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines.mapping_id._check_may_decide()
        return lines

    def write(self, vals):
        self.mapping_id._check_may_decide()
        result = super().write(vals)
        self.mapping_id._check_may_decide()
        return result

    def unlink(self):
        self.mapping_id._check_may_decide()
        return super().unlink()
