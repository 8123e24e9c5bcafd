# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..jobs.mapping_decide import decide
from ..jobs.mapping_plan import MappingError, Plan
from ..models.common.wide_fields import BigMany2one
from ..models.message.payload_view import SHOWN_BYTES
from ..mqtt.convert import ConversionError
from ..mqtt.json_path import JsonPathError, compile_path
from ..mqtt.pattern import TopicPattern
from ..mqtt.payload import PayloadError
from ..mqtt.topic import FilterIndex, TopicError
from ..mqtt.wording import short_line

SEARCHED = 20_000  # newest messages of a service in which an example is searched
MAX_RECORDS = 20  # that are shown
MAX_CHARS = 100  # of a value


class MqttMapping(models.Model):
    """What a mapping makes of a real message, shown on its form while it is edited.

    It is decided as a job decides it (``jobs/mapping_decide.py``), with the rights of
    the user who looks; nothing is written. *Try It* runs it, and undoes that.
    """

    _inherit = "mqtt.mapping"

    topic_filter = fields.Char(compute="_compute_topic_filter")
    message_id = BigMany2one(
        "mqtt.signal.history",
        string="Message",
        compute="_compute_message_id",
        readonly=False,
        store=False,
        help="Message whose values are shown here: the last one whose topic matches, "
        "or another one that you choose. It is not changed.",
    )
    sample = fields.Json(
        compute="_compute_sample",
        help="Values of the message. Click one to map it to a field.",
    )
    preview = fields.Html(
        compute="_compute_preview",
        help="What this message would change now. Nothing is written.",
    )

    @api.depends("pattern")
    def _compute_topic_filter(self):
        for mapping in self:
            pattern = mapping._read_pattern()
            mapping.topic_filter = pattern and pattern.filter.text

    @api.depends("pattern", "service_id", "direction")
    def _compute_message_id(self):
        for mapping in self:
            mapping.message_id = mapping._last_message()

    @api.depends("message_id", "pattern", "each_path")
    def _compute_sample(self):
        for mapping in self:
            message = mapping.message_id
            mapping.sample = bool(message) and mapping._describe_message(message)

    @api.depends(
        "message_id",
        "pattern",
        "res_model",
        "not_found",
        "each_path",
        "only_changed",
        *(
            f"{part}.{name}"
            for part in ("key_ids", "value_ids", "default_ids")
            for name in (
                "field_name",
                "source",
                "value",
                "if_missing",
                "if_null",
                "word",
                "choices",
                "factor",
                "offset",
                "lookup_field",
                "if_not_found",
                "time_format",
                "time_pattern",
                "tz",
                "band",
                "is_newer",
            )
        ),
    )
    @api.depends_context("uid", "lang", "tz")
    def _compute_preview(self):
        for mapping in self:
            mapping.preview = mapping._render_preview()

    def _read_pattern(self):
        try:
            return TopicPattern(self.pattern or "")
        except TopicError:
            return None  # which is said when the mapping is saved

    def _last_message(self):
        """The last message of its topics, among the newest of its service."""
        messages = self.env["mqtt.signal.history"]
        pattern = self._read_pattern()
        if not pattern or not messages.has_access("read"):
            return messages
        domain = Domain.TRUE
        if self.service_id:
            domain &= Domain("service_id", "=", self.service_id._origin.id)
        if self.direction != "both":
            domain &= Domain("direction", "=", self.direction or "receive")
        # Not all: of a topic without messages a search would read millions.
        newest = messages._search(domain, order=messages._order, limit=SEARCHED)
        own = Domain("id", "in", newest) & Domain(
            "topic_filter", "=", pattern.filter.text
        )
        return messages.search(own, limit=1)

    def _describe_message(self, message):
        pattern = self._read_pattern()
        document, problem = self._document_of(message)
        if self.each_path and not problem:
            document, problem = self._first_element(document)
        return {
            "levels": pattern.params(message.topic) if self._matches(message) else {},
            "time": message.timestamp.isoformat(" ", "seconds"),
            "text": short_line(message.payload or "", 500),
            "is_json": not problem,
            "document": document,
            "problem": problem,
        }

    def _document_of(self, message):
        """The value of a payload, and why there is none."""
        if message.size > SHOWN_BYTES:  # not parsed: the form asks at each key
            return None, self.env._("The payload is too large to be shown.")
        try:
            return message.json(), ""
        except PayloadError as error:
            return None, str(error)

    def _first_element(self, document):
        """What the paths of the lines begin at: the first element of the list."""
        try:
            elements = compile_path(self.each_path).find(document)
        except JsonPathError as error:
            return None, str(error)
        if isinstance(elements, list) and elements:
            return elements[0], ""
        return None, self.env._("There is no list at %s.", self.each_path)

    def _matches(self, message):
        pattern = self._read_pattern()
        return bool(pattern) and any(
            FilterIndex([(pattern.filter, True)]).match(message.topic)
        )

    # Preview

    def _render_preview(self):
        message = self.message_id
        if not message or not self.res_model or not self.key_ids:
            return False
        if message.size > SHOWN_BYTES:
            return self._show(error=self.env._("The payload is too large to be shown."))
        if not self._matches(message):
            return self._show(
                error=self.env._("The topic of the message does not match the pattern.")
            )
        context = dict(self.env.context, active_test=True)
        company = message.service_id.company_id
        if company:
            context["allowed_company_ids"] = company.ids
        try:
            plan = Plan.of(self, self.env(context=context))
            plan.check_rights()
            params = self._read_pattern().params(message.topic)
            rows = plan.rows_of(message, {name: [one] for name, one in params.items()})
            targets = decide(plan, rows)
        except (MappingError, ConversionError, PayloadError, UserError) as error:
            return self._show(error=short_line(error))
        return self._show(
            records=[self._describe_target(one) for one in targets[:MAX_RECORDS]],
            more=max(len(targets) - MAX_RECORDS, 0),
            is_ignored=not targets,
        )

    def _show(self, **values):
        return self.env["ir.qweb"]._render("mqtt_listener.mapping_preview", values)

    def _describe_target(self, target):
        record, changes = target.record, target.changes()
        names = list(target.new)
        return {
            "is_new": not record,
            "name": short_line(record.display_name or "", MAX_CHARS)
            if record
            else record._description,
            "rows": [
                {
                    "label": record._fields[name].get_description(self.env, ["string"])[
                        "string"
                    ],
                    "old": self._say(record, name, record[name]) if record else "",
                    "new": self._say(record, name, target.new[name]),
                    "is_changed": name in changes,
                }
                for name in names
            ],
        }

    def _say(self, record, name, value):
        """A value of a field as views show it, in one short line."""
        field = record._fields[name]
        if field.type == "boolean":
            return self.env._("Yes") if value else self.env._("No")
        if field.type == "many2one":
            found = self.env[field.comodel_name].browse(value) if value else value
            if isinstance(value, models.BaseModel):
                found = value
            value = found and found.sudo().display_name
        elif field.type == "selection" and value:
            value = dict(field._description_selection(self.env)).get(value, value)
        elif field.type == "datetime" and value:
            moment = fields.Datetime.context_timestamp(self, value)
            value = moment.isoformat(" ", "seconds")[:19]
        if value is False or value is None or value == "":
            return "–"
        return short_line(
            f"{value:g}" if isinstance(value, float) else value, MAX_CHARS
        )
