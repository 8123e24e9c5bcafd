# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The messages of a topic as a file, written while they are read."""

import csv
import io
import json

from werkzeug.exceptions import BadRequest

from odoo import api, http
from odoo.http import content_disposition, request

from ..mqtt.wording import file_name
from .spreadsheet import plain

COLUMNS = (
    "time",
    "topic",
    "direction",
    "qos",
    "retain",
    "size",
    "payload",
    "payload_hex",
)
MIME_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}


class TopicDownload(http.Controller):
    @http.route(
        "/mqtt_listener/topic/<int:service_id>/messages.<any(csv,jsonl):kind>",
        type="http",
        auth="user",
        readonly=True,
    )
    def messages(self, service_id, kind, topic="", begin="", end=""):
        """Stream the messages of a topic in a span.

        :param begin: seconds since 1970; :param end: the same.
        :raise AccessError: for a user who may not read the service.
        :raise BadRequest: where a bound is no number.
        """
        service = request.env["mqtt.service"].browse(service_id)
        try:
            span = [float(begin), float(end)]
        except ValueError as error:
            raise BadRequest(f"begin or end: {error}") from error
        service._domain_of_topic(topic)  # refuses before anything is sent
        name = file_name(topic)
        headers = {
            "Content-Type": MIME_TYPES[kind],
            "Content-Disposition": content_disposition(f"{name}.{kind}"),
            "X-Content-Type-Options": "nosniff",
        }
        write = {"csv": _csv, "jsonl": _json_lines}[kind]
        pieces = _read(service, topic, span)
        return request.make_response(write(pieces), list(headers.items()))


def _read(service, topic, span):
    """Messages as dicts, a list of them at a time.

    The cursor of the request is closed when the first of them is asked for.
    """
    env = service.env
    registry, uid, context = env.registry, env.uid, dict(env.context)
    with registry.cursor(readonly=True) as cr:
        own = service.with_env(api.Environment(cr, uid, context))
        for messages in own._topic_messages(topic, span):
            yield [message._downloaded() for message in messages]


def _csv(pieces):
    yield _csv_text([COLUMNS])
    for values in pieces:
        yield _csv_text(
            [plain(one.get(name, "")) for name in COLUMNS] for one in values
        )


def _csv_text(rows):
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()


def _json_lines(pieces):
    for values in pieces:
        yield "".join(f"{json.dumps(one)}\n" for one in values).encode()
