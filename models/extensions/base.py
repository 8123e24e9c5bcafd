from odoo import models

RECORDER = "mqtt_recorder"  # attribute of a cursor: the Recorder of a trial


class Base(models.AbstractModel):
    """Tells the recorder of a trial, where there is one in this transaction."""

    _inherit = "base"

    def _create(self, data_list):
        records = super()._create(data_list)
        if recorder := self.env.cr.__dict__.get(RECORDER):
            recorder.on_create(records, data_list)
        return records

    def write(self, vals):
        # For many2many fields: they have no column, and are written at once.
        if recorder := self.env.cr.__dict__.get(RECORDER):
            names = [name for name in vals if name in self._fields]
            recorder.before_write(
                self, [one for one in names if self._fields[one].type == "many2many"]
            )
        return super().write(vals)

    def _write_multi(self, vals_list):
        if recorder := self.env.cr.__dict__.get(RECORDER):
            recorder.before_write(self, {name for vals in vals_list for name in vals})
        return super()._write_multi(vals_list)

    def unlink(self):
        recorder = self.env.cr.__dict__.get(RECORDER)
        if recorder is None:
            return super().unlink()
        names = recorder.name_all(self)
        result = super().unlink()
        recorder.deleted.update(names)
        return result
