# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Column types Odoo has no field for, made the way its own fields are."""

import base64

import psycopg2

from odoo import fields


class BigInteger(fields.Integer):
    """An integer of 64 bits: a counter of messages outgrows 32 within months."""

    _column_type = ("int8", "int8")


class BigMany2one(fields.Many2one):
    """A reference to a row of a table whose ``id`` has 64 bits."""

    _column_type = ("int8", "int8")

    def update_db_foreign_key(self, model, column):
        # Of a table that is partitioned by inheritance, PostgreSQL's foreign keys see
        # the newest part only: they would refuse older messages.
        model.env.cr.execute(
            "SELECT FROM pg_inherits WHERE inhparent = %s::regclass",
            [model.env[self.comodel_name]._table],
        )
        if not model.env.cr.rowcount:
            super().update_db_foreign_key(model, column)


class Bytes(fields.Binary):
    """Bytes kept as they are, in a ``bytea`` column and in Python.

    Odoo's own ``Binary`` keeps base64, in the column too: a third more to write, to
    store and to read. Through RPC and exports this one speaks base64 as well.

    With ``bin_size`` in the context, Odoo's ORM fetches the size instead, as text.
    """

    attachment = False

    def convert_to_column(self, value, record, values=None, validate=True):
        value = self.convert_to_cache(value, record, validate)
        return None if value is None else psycopg2.Binary(value)

    def convert_to_cache(self, value, record, validate=True):
        if value is None or value is False:
            return None
        if isinstance(value, str):
            return base64.b64decode(value)
        return bytes(value)

    def convert_to_record(self, value, record):
        if isinstance(value, str):
            return value
        return False if value is None else bytes(value)

    def convert_to_read(self, value, record, use_display_name=True):
        if isinstance(value, str):
            return value
        return base64.b64encode(value).decode() if value else False

    def convert_to_export(self, value, record):
        return self.convert_to_read(value, record) or ""
