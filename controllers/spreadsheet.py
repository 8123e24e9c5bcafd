# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Text stays text in a spreadsheet: topics and payloads are written by devices.

Odoo defuses ``=``, ``+`` and ``-`` in CSV, with an apostrophe in front, and nothing in
XLSX. What devices send is in the rows of any model that a handler writes to, so this is
for the exports of all.
"""

import json
import re

from werkzeug.datastructures import FileStorage

from odoo import http

from odoo.addons.web.controllers.export import CSVExport, ExcelExport
from odoo.addons.web.controllers.pivot import TableExporter

FORMULA = ("=", "+", "-", "@")
# Calculated, or made a link that opens a file; all else is a text by its type.
XLSX_FORMULA = ("=", "{=", "external:", "internal:", "file://")
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


def plain(value, begins=FORMULA):
    """A cell's value; text that a spreadsheet would calculate has an apostrophe."""
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return value
    if isinstance(value, str) and (
        value.lstrip().startswith(begins) or value.startswith(("\t", "\r"))
    ):
        return f"'{value}"
    return value


def _plain_cell(value):
    if isinstance(value, bytes):
        value = value.decode(errors="backslashreplace")
    return plain(value, XLSX_FORMULA)


def _plain_rows(rows):
    return [[_plain_cell(value) for value in row] for row in rows]


def _plain_group(group):
    """A node of the tree of groups that is exported, with all below it."""
    group.data = _plain_rows(group.data)
    group.children = {
        _plain_name(name): _plain_group(child) for name, child in group.children.items()
    }
    return group


def _plain_name(name):
    if isinstance(name, tuple):  # identifier and display name
        return tuple(map(_plain_cell, name))
    return _plain_cell(name)


class PlainCsvExport(CSVExport):
    def from_data(self, fields, columns_headers, rows):
        rows = [[plain(value) for value in row] for row in rows]
        return super().from_data(fields, columns_headers, rows)


class PlainExcelExport(ExcelExport):
    def from_data(self, fields, columns_headers, rows):
        return super().from_data(fields, columns_headers, _plain_rows(rows))

    def from_group_data(self, fields, columns_headers, groups):
        return super().from_group_data(fields, columns_headers, _plain_group(groups))


class PlainTableExporter(TableExporter):
    @http.route()
    def export_xlsx(self, data, **kw):
        """The spreadsheet of a pivot, whose headers are values of records."""
        table = json.load(data) if isinstance(data, FileStorage) else json.loads(data)
        return super().export_xlsx(json.dumps(_plain_titles(table)), **kw)


def _plain_titles(value):
    if isinstance(value, dict):
        return {
            name: _plain_cell(one) if name in ("title", "value") else _plain_titles(one)
            for name, one in value.items()
        }
    return [_plain_titles(one) for one in value] if isinstance(value, list) else value
