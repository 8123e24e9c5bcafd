# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json

from odoo import api, models

MODULES = {"mail", "queue_job", "mqtt_listener"}  # whose `create` writes but this row
OWN = ("id", "uuid", "date_created", "priority")  # of each job, whatever it is for


class QueueJob(models.Model):
    """Rows of jobs that differ in nothing but when they are made.

    ``with_delay`` takes 2 ms for a job, and PostgreSQL as much again, most of it for
    values that are the same each time.
    """

    _inherit = "queue.job"

    @api.model
    def _mqtt_template(self, make):
        """The row that jobs have in common.

        Two are made as ever, compared, and rolled back. So it has all columns that this
        version of queue_job and other modules fill, and where those differ from job to
        job, there is no template.

        :param make: makes such a job; called twice.
        :return: names of the columns, quoted, and the row as JSON; or ``None``.
        """
        if self._mqtt_is_create_extended():
            return None
        savepoint = self.env.cr.savepoint()
        try:
            uuids = [make().uuid for _ in range(2)]
            self.env.flush_all()
            # No ORM equivalent: it does not know of all columns.
            self.env.cr.execute(
                "SELECT to_jsonb(job) FROM queue_job AS job WHERE uuid = ANY(%s)",
                [uuids],
            )
            rows = [self._mqtt_common(row) for (row,) in self.env.cr.fetchall()]
        finally:
            savepoint.close(rollback=True)
        if rows[0] != rows[1] or self._mqtt_has_times(rows[0]):
            return None
        names = [f'"{name}"' for name in rows[0]]
        return names, json.dumps(rows[0])

    def _mqtt_is_create_extended(self):
        """Whether another module has a part in ``create``: it may write elsewhere."""
        return any(
            "create" in vars(kind) and vars(kind).get("_module") not in MODULES
            for kind in type(self).mro()
            if kind is not models.BaseModel
        )

    @staticmethod
    def _mqtt_common(row):
        return {name: value for name, value in row.items() if name not in OWN}

    def _mqtt_has_times(self, row):
        """Whether a time in it would be another one a moment later."""
        return any(
            value is not None
            and name in self._fields
            and self._fields[name].type in ("date", "datetime")
            for name, value in row.items()
        )
