# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, models
from odoo.exceptions import ValidationError

from ...mqtt.convert import ConversionError, read_choices, to_boolean, to_number
from ...mqtt.json_path import MAX_CHARS, MAX_STEPS, JsonPathError, compile_path
from ...mqtt.pattern import TopicPattern
from ...mqtt.topic import TopicError
from .mqtt_mapping import PARTS


class MqttMapping(models.Model):
    """What a mapping may be set to, said when it is entered."""

    _inherit = "mqtt.mapping"

    @api.constrains("res_model", "key_ids")
    def _check_model(self):
        for mapping in self:
            if not mapping._is_target(mapping.res_model):
                raise ValidationError(
                    self.env._(
                        "A mapping cannot write %s. Choose another kind of record.",
                        mapping.res_model,
                    )
                )
            if not mapping.key_ids:
                raise ValidationError(
                    self.env._(
                        "Enter in Found By at least one field by which the record of a "
                        "message is found."
                    )
                )
            for part in PARTS:
                mapping[part]._check_line()

    @api.constrains("each_path", "handler_id")
    def _check_paths(self):
        for mapping in self.filtered("each_path"):
            mapping._check_path(mapping.each_path)

    def _check_path(self, text):
        """:raise ValidationError: when ``text`` is not a path to one value."""
        try:
            compile_path(text or "")
        except JsonPathError as error:
            raise ValidationError(self._describe_path_error(error)) from error

    def _describe_path_error(self, error):
        env = self.env
        texts = {
            "empty": env._("Enter the path of the value, for example $.motor.temp."),
            "long": env._(
                "The path “%(path)s” is too long: at most %(chars)s characters and "
                "%(steps)s levels.",
                path=error.text,
                chars=MAX_CHARS,
                steps=MAX_STEPS,
            ),
            "root": env._(
                "The path “%s” must begin with $, which is the whole payload: "
                "$.motor.temp.",
                error.text,
            ),
            "many": env._(
                "The path “%s” may find several values. A path must name one, such as "
                "$.values[0].",
                error.text,
            ),
        }
        return texts.get(error.code) or env._(
            "The path “%(path)s” is not valid: %(reason)s.",
            path=error.text,
            reason=error.reason,
        )


class MqttMappingLine(models.Model):
    _inherit = "mqtt.mapping.line"

    @api.constrains(
        "mapping_id",
        "part",
        "field_name",
        "source",
        "value",
        "choices",
        "lookup_field",
        "time_format",
        "time_pattern",
        "is_newer",
    )
    def _check_line(self):
        for line in self:
            line._check_target()
            line._check_source()
            line._check_conversion()

    def _refuse(self, text):
        raise ValidationError(
            self.env._(
                "%(field)s: %(text)s",
                field=self.field_label or self.field_name,
                text=text,
            )
        )

    def _check_target(self):
        env, field = self.env, self._field()
        model = self.mapping_id.res_model
        if field is None:
            self._refuse(env._("%s has no such field.", model))
        if not self.mapping_id._is_writable(field, self.part):
            if self.part == "key":
                self._refuse(
                    env._(
                        "records cannot be found by this field. Choose a text, an "
                        "integer, a choice or a link to one record."
                    )
                )
            self._refuse(
                env._("a mapping cannot write this field of type %s.", field.type)
            )
        if field.type == "many2one":
            self._check_lookup(field)
        if self.is_newer and field.type not in ("date", "datetime"):
            self._refuse(env._("Only If Newer needs a field that is a date or a time."))

    def _check_lookup(self, field):
        found = self.env[field.comodel_name]._fields.get(self.lookup_field or "")
        if found is None or found.type not in ("char", "integer"):
            self._refuse(
                self.env._(
                    "choose in Found By the field of the related record that has the "
                    "value: a text or an integer."
                )
            )
        if not found._description_searchable:
            self._refuse(self.env._("records cannot be found by %s.", found.name))

    def _check_source(self):
        if self.source in ("path", "outer"):
            self.mapping_id._check_path(self.value)
        elif self.source == "level":
            self._check_level()
        elif self.source == "constant" and not self.value:
            self._refuse(self.env._("enter the value that is always written."))

    def _check_level(self):
        try:
            names = TopicPattern(self.mapping_id.pattern or "").names
        except TopicError:
            return  # the handler says so
        if self.value not in names:
            self._refuse(
                self.env._(
                    "the topic pattern %(pattern)s has no level with the name "
                    "“%(name)s”. Write the level as {%(name)s} in the pattern.",
                    pattern=self.mapping_id.pattern,
                    name=self.value or "name",
                )
            )

    def _check_conversion(self):
        env, field = self.env, self._field()
        if self.time_format == "own" and not self.time_pattern:
            self._refuse(
                env._(
                    "enter the format of the time, such as %(example)s.",
                    example="%d.%m.%Y %H:%M",
                )
            )
        try:
            results = read_choices(self.choices or "").values()
        except ConversionError as error:
            self._refuse(env._("Table: %s.", error))
        if self.source == "constant" and not results:
            results = [self.value]
        for result in results:
            self._check_result(field, result)

    def _check_result(self, field, text):
        """:raise ValidationError: when a text does not fit the field."""
        try:
            if field.type in ("integer", "float", "monetary"):
                to_number(text)
            elif field.type == "boolean":
                to_boolean(text)
        except ConversionError as error:
            self._refuse(f"{error}.")
        if field.type == "selection":
            known = field._description_selection(self.env)
            if text not in dict(known):
                choices = ", ".join(f"{key} ({label})" for key, label in known[:20])
                self._refuse(
                    self.env._(
                        "“%(value)s” is not one of its values: %(choices)s.",
                        value=text,
                        choices=choices,
                    )
                )


class MqttHandler(models.Model):
    _inherit = "mqtt.handler"

    @api.constrains("kind", "user_id")
    def _check_mapping_user(self):
        if any(one.kind == "mapping" and not one.user_id for one in self):
            raise ValidationError(
                self.env._("Choose the user that the mapping runs as.")
            )

    @api.constrains("pattern")
    def _check_mapping_levels(self):
        for part in PARTS:
            lines = self.mapping_ids[part]
            lines.filtered(lambda line: line.source == "level")._check_line()
