# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which rows a part of a transaction changes, as PostgreSQL says.

PostgreSQL counts what a transaction does to each table, whether the ORM, a statement of
a handler or a cascade does it. The counts name the tables in which to look. Rows that
the transaction has written are known by their ``xmin``; those that it has deleted, by
their absence. The state before is read in the same transaction and thus in the same
snapshot, after a rollback to a savepoint: what others commit is never seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from psycopg2.errors import QueryCanceled

from odoo.tools import SQL

MAX_ROWS = 200  # of a table whose values are read
MAX_SEARCHED = 100_000  # newest rows of a table in which the changed ones are searched
SEARCH_SECONDS = 3  # that a statement may take
MAX_CHARS = 1_000  # of a text that are read

NOISE_FIELDS = {"create_date", "create_uid", "write_date", "write_uid", "parent_path"}
NOISE_MODELS = {
    "bus.bus",
    "mail.followers",
    "mail.notification",
    "mail.tracking.value",
}
MODULE = "mqtt_listener"
OWN_MODELS = {  # of this addon, that a handler changes on purpose
    "mqtt.handler",
    "mqtt.service",
    "mqtt.signal.history",
    "mqtt.subscription",
}

# Partitions are counted one by one.
COUNTS = """
    SELECT root.relname, sum(n_tup_ins), sum(n_tup_upd), sum(n_tup_del)
      FROM pg_stat_xact_user_tables AS counted
      JOIN pg_class AS root
        ON root.oid = COALESCE(pg_partition_root(counted.relid), counted.relid)
     WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 AND root.relpersistence <> 't'
     GROUP BY root.relname
"""


def is_counting(cr) -> bool:
    """Whether PostgreSQL counts what transactions change (``track_counts``)."""
    cr.execute("SELECT current_setting('track_counts')::boolean")
    return cr.fetchone()[0]


def read_counts(cr) -> dict[str, tuple[int, int, int]]:
    """Rows inserted, updated and deleted up to now, by table.

    What was rolled back to a savepoint is counted too.
    """
    cr.execute(COUNTS)
    return {table: tuple(map(int, counts)) for table, *counts in cr.fetchall()}


@dataclass
class Table:
    """What the counters say of one table.

    :param counts: rows inserted, updated, deleted.
    :param model: name of its model, if any.
    :ivar floor: the lowest id that was searched; 0: the whole table was.
    :ivar found: changed rows that were found.
    :ivar is_slow: whether searching it took too long, so that nothing is known of it.
    """

    name: str
    counts: tuple[int, int, int]
    model: str | None = None
    fields: list = field(default_factory=list)  # many2many, where it is their relation
    floor: int = 0
    found: int = 0
    is_slow: bool = False

    @property
    def is_unknown(self) -> bool:
        """Whether only the counts are known, and no records."""
        return self.is_slow or not (self.model or self.fields)

    @property
    def is_cut(self) -> bool:
        """Whether changed rows may be missing: a row may have been counted twice."""
        return bool(self.floor) and sum(self.counts) > self.found


def find_tables(env, before: dict, after: dict) -> list[Table]:
    """The tables that were changed between two calls of :func:`read_counts`, without
    those that tell nobody anything.
    """
    models = {
        model._table: name
        for name, model in env.registry.items()
        if not model._abstract and name in env
    }
    relations: dict[str, list] = {}
    for (relation, *_columns), names in env.registry.many2many_relations.items():
        for model, name in sorted(names):
            relations.setdefault(relation, []).append(env[model]._fields[name])
    tables = []
    for name, counts in sorted(after.items()):
        earlier = before.get(name, (0, 0, 0))
        counts = tuple(now - then for now, then in zip(counts, earlier, strict=True))
        if not any(counts) or _is_noise(env, models.get(name)):
            continue
        found = relations.get(name, ())
        fields = [one for one in found if not _is_noise(env, one.model_name)]
        if found and not fields:
            continue
        tables.append(Table(name, counts, models.get(name), fields))
    return tables


def _is_noise(env, model_name: str | None) -> bool:
    if model_name is None:
        return False
    model = env[model_name]
    if model._original_module == MODULE and model_name not in OWN_MODELS:
        return True
    return model_name in NOISE_MODELS or model.is_transient()


@dataclass
class State:
    """What was found in the tables at one time.

    :ivar rows: ``{(model, id): {field: value}}``, at most ``MAX_ROWS`` of a table.
    :ivar versions: ``{(model, id): xmin}``.
    :ivar pairs: ``{table: {(id, id)}}`` of many2many relations.
    :ivar ids: ``{table: ids}``, of tables from which rows were deleted.
    :ivar more: rows that were changed, and not read.
    """

    rows: dict[tuple, dict] = field(default_factory=dict)
    versions: dict[tuple, str] = field(default_factory=dict)
    pairs: dict[str, set] = field(default_factory=dict)
    ids: dict[str, list] = field(default_factory=dict)
    more: int = 0

    def of(self, model: str) -> list[int]:
        return [id_ for name, id_ in self.rows if name == model]


class Searcher:
    """Reads the states after and before, with the database's own values: the ORM would
    read its cache, and would not find what was written past it.

    :param known: ``{model: ids}`` of rows to look at in any case.
    """

    def __init__(self, env, tables: list[Table], known: dict[str, list[int]]):
        self._env = env
        self._tables = tables
        self._known = known

    def after(self) -> State:
        """The rows that this transaction has written, the last ones first."""
        return self._look(self._after_of)

    def before(self, after: State) -> State:
        """The same rows as they were, and those that were deleted."""
        return self._look(self._before_of, after)

    def _look(self, read, *arguments) -> State:
        state = State()
        cr = self._env.cr
        timeout = str(SEARCH_SECONDS * 1000)
        cr.execute("SELECT set_config('statement_timeout', %s, TRUE)", [timeout])
        for table in self._tables:
            if table.is_slow:
                continue
            try:
                with cr.savepoint(flush=False):
                    if table.model:
                        read(state, table, *arguments)
                    elif table.fields:
                        state.pairs[table.name] = self._read_pairs(table)
            except QueryCanceled:
                table.is_slow = True
        return state

    def _after_of(self, state: State, table: Table) -> None:
        newest = SQL(
            "SELECT id, xmin FROM %s ORDER BY id DESC LIMIT %s",
            SQL.identifier(table.name),
            MAX_SEARCHED,
        )
        count, floor = self._fetch(
            SQL("SELECT count(*), min(id) FROM (%s) AS newest", newest)
        )[0]
        if count == MAX_SEARCHED:
            table.floor = floor
        # Of the rows that are seen, only its own are not older than the transaction.
        own = self._fetch(
            SQL(
                "SELECT id, count(*) OVER () FROM (%s) AS newest"
                " WHERE age(xmin) <= 0 ORDER BY age(xmin), id LIMIT %s",
                newest,
                MAX_ROWS,
            )
        )
        self._count(state, table, own)
        ids = {id_ for id_, _count in own} | set(self._known.get(table.model, ()))
        self._read_rows(state, table, ids)
        if table.counts[2]:
            query = SQL("SELECT id FROM (%s) AS newest", newest)
            state.ids[table.name] = [id_ for (id_,) in self._fetch(query)]

    def _before_of(self, state: State, table: Table, after: State) -> None:
        ids = set(after.of(table.model))
        if table.counts[2]:
            gone = self._fetch(
                SQL(
                    "SELECT id, count(*) OVER () FROM (SELECT id FROM %s WHERE id >= %s"
                    " EXCEPT SELECT unnest(%s::bigint[])) AS gone ORDER BY id LIMIT %s",
                    SQL.identifier(table.name),
                    table.floor,
                    after.ids[table.name],
                    MAX_ROWS,
                )
            )
            self._count(state, table, gone)
            ids |= {id_ for id_, _count in gone}
        self._read_rows(state, table, ids)

    def _count(self, state: State, table: Table, found: list[tuple]) -> None:
        count = found[0][1] if found else 0
        table.found += count
        state.more += count - len(found)

    def _read_rows(self, state: State, table: Table, ids: Iterable[int]) -> None:
        ids = list(ids)
        if not ids:
            return
        model = self._env[table.model]
        kept = [one for one in model._fields.values() if _is_column(one)]
        query = SQL(
            "SELECT id, xmin::text, %s FROM %s WHERE id = ANY(%s) ORDER BY id",
            SQL(", ").join(map(_column, kept)) if kept else SQL("NULL"),
            SQL.identifier(table.name),
            ids,
        )
        for id_, version, *values in self._fetch(query):
            key = table.model, id_
            state.versions[key] = version
            names = (one.name for one in kept)
            state.rows[key] = dict(zip(names, values, strict=False))

    def _read_pairs(self, table: Table) -> set[tuple[int, int]]:
        first = table.fields[0]
        columns = SQL.identifier(first.column1), SQL.identifier(first.column2)
        pairs = self._fetch(
            SQL(
                "SELECT %s, %s FROM %s ORDER BY 1 DESC, 2 DESC LIMIT %s",
                *columns,
                SQL.identifier(table.name),
                MAX_SEARCHED,
            )
        )
        if len(pairs) == MAX_SEARCHED:
            # The lowest may be there in part only.
            table.floor = max(table.floor, pairs[-1][0] + 1)
        return set(pairs)

    def _fetch(self, query: SQL) -> list[tuple]:
        self._env.cr.execute(query, log_exceptions=False)
        return self._env.cr.fetchall()


def _is_column(one) -> bool:
    return bool(one.store and one.column_type and one.name not in {*NOISE_FIELDS, "id"})


def _column(one) -> SQL:
    """A field's column; of a long text, its beginning and what tells it from others."""
    column = SQL.identifier(one.name)
    if one.column_type[0] == "bytea":
        return SQL("octet_length(%s) || ' ' || md5(%s)", column, column)
    if one.column_type[0] in ("text", "varchar"):
        return SQL(
            "CASE WHEN length(%s) > %s THEN left(%s, %s) || md5(%s) ELSE %s END",
            column,
            MAX_CHARS,
            column,
            MAX_CHARS,
            column,
            column,
        )
    return column
