# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import math

from odoo import models
from odoo.exceptions import ValidationError

from ...mqtt.wording import is_storable

LIMITS = {"int4": 2**31, "int8": 2**63}
MODULE = "mqtt_listener"


class Base(models.AbstractModel):
    """Records of this addon are judged as they are afterwards, too: Odoo asks the
    record rules before a write only, and the write may be what a rule goes by.
    """

    _inherit = "base"

    def _prepare_create_values(self, vals_list):
        vals_list = super()._prepare_create_values(vals_list)
        if self._original_module == MODULE:
            for vals in vals_list:
                self._check_storable(vals)
        return vals_list

    def _check_storable(self, vals):
        """:raise ValidationError: for what a column cannot hold: NUL and halves of
        surrogate pairs, a number that is too large; and for NaN, which no client reads.
        """
        for name, value in vals.items():
            field = self._fields.get(name)
            if field is not None and isinstance(value, str) and not is_storable(value):
                raise ValidationError(
                    self.env._(
                        "%(field)s has a character that the database cannot store.",
                        field=field._description_string(self.env),
                    )
                )
            if field is None or not isinstance(value, int | float):
                continue
            is_integer = field.type == "integer" and field.column_type
            if is_integer and not abs(value) < LIMITS[field.column_type[0]]:
                raise ValidationError(
                    self.env._(
                        "%(field)s is %(value)s, which is too large.",
                        field=field._description_string(self.env),
                        value=value,
                    )
                )
            if field.type == "float" and not math.isfinite(value):
                raise ValidationError(
                    self.env._(
                        "%(field)s has to be a number.",
                        field=field._description_string(self.env),
                    )
                )

    def write(self, vals):
        if self._original_module != MODULE:
            return super().write(vals)
        self._check_storable(vals)
        result = super().write(vals)
        if not self.env.su:
            self.check_access("write")
        return result
