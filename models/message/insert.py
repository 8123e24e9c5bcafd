# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json

import psycopg2

from odoo import models
from odoo.tools import SQL

from ..common.wide_fields import Bytes
from .binary_copy import can_copy, copy_rows

MODULE = __name__.split(".")[2]
COPY_BYTES = 8192  # of a message's payload, on average, from which COPY is faster


class MqttSignalHistory(models.Model):
    _inherit = "mqtt.signal.history"

    def _insert(self, values_list):
        """Create messages, in one statement where nobody would see a difference.

        Storing is what the addon does most, and ``create`` takes four times as long: it
        converts, caches and validates each value by itself. It is called all the same
        once another module has a part in it.

        :param values_list: dicts as ``create`` takes them, each with its ``service_id``
            and ``sequence``; values are of the columns' types, ``None`` where there is
            none.
        :return: the records, in this order.
        """
        if not values_list:
            return self.browse()
        if self._create_is_extended():
            return self.create(values_list)
        self.check_access("create")
        names = sorted(set().union(*values_list))
        ids = self._insert_rows(names, values_list)
        messages = self.browse(ids[_key(values)] for values in values_list)
        sequences = [values["sequence"] for values in values_list]
        self._fields["sequence"]._insert_cache(messages, sequences)
        for name in names:
            for inverse in self.pool.field_inverses[self._fields[name]]:
                self.env[inverse.model_name].invalidate_model(
                    [inverse.name], flush=False
                )
        messages.modified(names, create=True)
        return messages

    def _create_is_extended(self):
        """Whether another module would have its part in ``create``: by a method, a
        field with a column, or a constraint.
        """
        return (
            type(self).create is not models.BaseModel.create
            or bool(self._constraint_methods)
            or any(
                field.column_type and field.store and field._modules != (MODULE,)
                for name, field in self._fields.items()
                if name != "id"
            )
        )

    def _insert_rows(self, names, values_list):
        """Insert rows into these columns.

        :return: ``{(service id, sequence): id}``
        """
        types = {name: self._fields[name].column_type[0] for name in names}
        if can_copy(types.values()) and (
            sum(values.get("size") or 0 for values in values_list)
            >= COPY_BYTES * len(values_list)
        ):
            return self._copy_rows(types, values_list)
        long = [name for name in names if self._is_long(name)]
        short = [name for name in names if name not in long]
        # No ORM equivalent, see `_insert`. Few parameters: as many as there are values
        # take longer to quote than PostgreSQL takes to store them. What can be long is
        # an array, not JSON: that would be escaped and parsed once more.
        query = SQL(
            "INSERT INTO %(table)s (%(columns)s) SELECT * FROM ROWS FROM (%(sources)s)"
            " RETURNING service_id, sequence, id",
            table=SQL.identifier(self._table),
            columns=SQL(", ").join(map(SQL.identifier, short + long)),
            sources=SQL(", ").join(
                [
                    self._source_of_short(short, values_list),
                    *(self._source_of_long(name, values_list) for name in long),
                ]
            ),
        )
        self.env.cr.execute(query)
        return {tuple(key): id_ for *key, id_ in self.env.cr.fetchall()}

    def _copy_rows(self, types, values_list):
        """Insert rows whose payloads are long: these are most of the work.

        :param types: ``{column: its type}``
        :return: ``{(service id, sequence): id}``
        """
        # COPY returns no ids, so they are drawn before.
        self.env.cr.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id'))"
            " FROM generate_series(1, %s)",
            [self._table, len(values_list)],
        )
        ids = [row[0] for row in self.env.cr.fetchall()]
        copy_rows(
            self.env.cr,
            self._table,
            {"id": "int8", **types},
            (
                (id_, *(values.get(name) for name in types))
                for id_, values in zip(ids, values_list, strict=True)
            ),
        )
        return dict(zip(map(_key, values_list), ids, strict=True))

    def _is_long(self, name):
        field = self._fields[name]
        return field.type == "text" or isinstance(field, Bytes)

    def _source_of_short(self, names, values_list):
        return SQL(
            "json_to_recordset(%s) AS (%s)",
            json.dumps(
                [{name: one.get(name) for name in names} for one in values_list],
                default=lambda value: value.isoformat(),  # a time
            ),
            SQL(", ").join(
                SQL("%s %s", SQL.identifier(name), self._column_type(name))
                for name in names
            ),
        )

    def _source_of_long(self, name, values_list):
        values = [one.get(name) for one in values_list]
        if isinstance(self._fields[name], Bytes):
            values = [
                None if value is None else psycopg2.Binary(value) for value in values
            ]
        return SQL("unnest(%s::%s[])", values, self._column_type(name))

    def _column_type(self, name):
        return SQL(self._fields[name].column_type[1])


def _key(values):
    """What names a received message, from before it has an id."""
    return values["service_id"], values["sequence"]
