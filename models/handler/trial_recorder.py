"""What a trial of a handler changes in the database, recorded record by record."""

from odoo.tools import SQL

MAX_RECORDED = 100  # records of which names and values are kept; more are counted

NOISE_FIELDS = {"create_date", "create_uid", "write_date", "write_uid", "parent_path"}
NOISE_MODELS = {
    "bus.bus",
    "mail.followers",
    "mail.notification",
    "mail.tracking.value",
}
OWN_MODELS = {  # of this addon, that a handler changes on purpose
    "mqtt.handler",
    "mqtt.service",
    "mqtt.signal.history",
    "mqtt.subscription",
}


class Recorder:
    """Keeps what was created, changed and deleted through the ORM.

    What PostgreSQL does by itself (cascades) and what a handler does in SQL is not
    seen.

    :param reader: environment of whom it is shown to, in the same transaction.
    :ivar created: ``{(model, id): names of the fields it was created with}``.
    :ivar before: ``{(model, id): {field: value in the database}}`` of what was written;
        no field where there was too much to keep.
    :ivar deleted: ``{(model, id): display name}``.
    :ivar logged: ``{(model, id): (model, id)}``: log entries in chatters, and whose.
    """

    def __init__(self, reader):
        self.reader = reader
        self.created: dict[tuple, list[str]] = {}
        self.before: dict[tuple, dict] = {}
        self.deleted: dict[tuple, str] = {}
        self.logged: dict[tuple, tuple] = {}

    # Told by the ORM

    def on_create(self, records, data_list):
        if _is_noise(records):
            return
        for record_id, data in zip(records._ids, data_list, strict=True):
            values = data["stored"]
            self.created[records._name, record_id] = list(values)
            if records._name == "mail.message" and not values.get("partner_ids"):
                whose = values.get("model"), values.get("res_id")
                self.logged[records._name, record_id] = whose

    def before_write(self, records, names):
        """Keep the values of fields before they are written for the first time."""
        fields = [records._fields[name] for name in names if name in records._fields]
        kept = [field.name for field in fields if _is_kept(field)]
        if not kept or _is_noise(records):
            return
        keys = [(records._name, id_) for id_ in records._ids if id_]
        missing = [key for key in keys if not self._knows(key, kept)]
        for (_model, id_), values in self._read(records, missing, kept).items():
            self.before[records._name, id_] = values | self.before.get(
                (records._name, id_), {}
            )

    def name_all(self, records):
        """The names of records that are about to be deleted."""
        if _is_noise(records):
            return {}
        if records._name == "mail.message":
            # sudo: only to leave them out
            for message in records.sudo():
                whose = message.model, message.res_id
                self.logged[message._name, message.id] = whose
        return {
            (record._name, record.id): self.name(record)
            if len(self.deleted) + index < MAX_RECORDED
            else ""
            for index, record in enumerate(records)
        }

    # What it amounts to

    def changes(self):
        """What is different now that all is flushed.

        :return: list of ``(kind, model, id, name, values)``, and how many there are in
            all. ``values``: ``{field: (before, after)}`` as they are in the database.
        """
        models_seen = {key[0] for key in (*self.created, *self.before, *self.deleted)}
        there = {key for name in models_seen for key in self._existing(name)}
        created = [
            key for key in self.created if key in there and not self._is_told(key)
        ]
        deleted = [
            key
            for key in self.deleted
            if key not in there and key not in self.created and not self._is_told(key)
        ]
        changed = self._differences(
            [key for key in self.before if key in there and key not in self.created]
        )
        total = len(created) + len(changed) + len(deleted)
        found = [
            *(("created", *key, None, None) for key in created),
            *(("changed", *key, None, values) for key, values in changed.items()),
            *(("deleted", *key, self.deleted[key], {}) for key in deleted),
        ]
        return [self._complete(*one) for one in found[:MAX_RECORDED]], total

    def _is_told(self, key):
        """Whether it is a log entry of what is created or deleted itself."""
        whose = self.logged.get(key)
        return whose in self.created or whose in self.deleted

    def _complete(self, kind, model, record_id, name, values):
        record = self.reader[model].browse(record_id)
        if values is None:
            names = [one for one in self.created[model, record_id] if one != "id"]
            kept = [one for one in names if _is_kept(record._fields[one])]
            key = model, record_id
            after = self._read(record, [key], kept).get(key, {})
            values = {name: (None, value) for name, value in after.items()}
        return (
            kind,
            model,
            record_id,
            self.name(record) if name is None else name,
            (values if kind == "deleted" or self.may_read(record) else {}),
        )

    def _differences(self, keys):
        """``{key: {field: (before, after)}}`` of those where something differs."""
        found = {}
        for key in keys:
            before = self.before[key]
            if not before:  # there was too much to keep
                found[key] = {}
                continue
            model = self.reader[key[0]]
            after = self._read(model, [key], list(before)).get(key, {})
            different = {
                name: (value, after.get(name))
                for name, value in before.items()
                if value != after.get(name)
            }
            if different:
                found[key] = different
        return found

    def _existing(self, model_name):
        ids = {
            id_
            for name, id_ in (*self.created, *self.before, *self.deleted)
            if name == model_name
        }
        # sudo: whether they are there, not whether they may be read
        existing = self.reader[model_name].sudo().browse(ids).exists()
        return [(model_name, id_) for id_ in existing._ids]

    def _knows(self, key, names):
        if key in self.created:
            return True
        if key not in self.before and len(self.before) >= MAX_RECORDED:
            self.before[key] = {}
        known = self.before.get(key)
        return known is not None and (not known or known.keys() >= set(names))

    def _read(self, model, keys, names):
        """What is in the database itself: the cache has the new values already."""
        values = {key: {} for key in keys}
        if not keys:
            return values
        ids = [id_ for _name, id_ in keys]
        fields = [model._fields[name] for name in names]
        columns = [field.name for field in fields if field.type != "many2many"]
        if columns:
            query = SQL(
                "SELECT id, %s FROM %s WHERE id = ANY(%s)",
                SQL(", ").join(map(SQL.identifier, columns)),
                SQL.identifier(model._table),
                ids,
            )
            for id_, *row in self._fetch(query):
                values[model._name, id_].update(
                    zip(columns, map(_comparable, row), strict=True)
                )
        for field in fields:
            if field.type == "many2many":
                self._read_many2many(model, field, ids, values)
        return values

    def _read_many2many(self, model, field, ids, values):
        for id_ in ids:
            values[model._name, id_][field.name] = ()
        query = SQL(
            "SELECT %(one)s, array_agg(%(other)s ORDER BY %(other)s) FROM %(table)s"
            " WHERE %(one)s = ANY(%(ids)s) GROUP BY 1",
            one=SQL.identifier(field.column1),
            other=SQL.identifier(field.column2),
            table=SQL.identifier(field.relation),
            ids=ids,
        )
        for id_, others in self._fetch(query):
            values[model._name, id_][field.name] = tuple(others)

    def _fetch(self, query):
        # No ORM equivalent: it would read its cache.
        self.reader.cr.execute(query)
        return self.reader.cr.fetchall()

    # For the reader

    def name(self, record):
        """The display name, where the reader may read it; else nothing."""
        if not self.may_read(record):
            return ""
        try:
            # sudo: what the name is made of may be more than the reader can read
            return self.reader[record._name].sudo().browse(record.id).display_name or ""
        except Exception:  # of a computation that is no business of the trial
            return ""

    def may_read(self, record):
        return self.reader[record._name].browse(record.id).has_access("read")


def _is_noise(records):
    name = records._name
    if name.startswith("mqtt.") and name not in OWN_MODELS:
        return True
    return name in NOISE_MODELS or records.is_transient()


def _is_kept(field):
    if field.name in NOISE_FIELDS or not field.store:
        return False
    return bool(field.column_type) or field.type == "many2many"


def _comparable(value):
    return bytes(value) if isinstance(value, memoryview) else value
