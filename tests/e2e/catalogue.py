# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a database consists of, so that two moments of it can be compared.

No list of names: every relation, column, constraint, trigger, function and type of the
schema, and every row of every table.
"""

#: what PostgreSQL itself says that there is, one text each
SCHEMA = """
    SELECT concat_ws(' ', 'relation', relname, relkind) FROM pg_class
     WHERE relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', 'column', relname, attname,
                     format_type(atttypid, atttypmod), attnotnull, attstorage)
      FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
     WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
       AND attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname,
                     pg_get_constraintdef(oid))
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(oid))
      FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT concat_ws(' ', 'function', oid::regprocedure) FROM pg_proc
     WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', 'type', typname) FROM pg_type
     WHERE typnamespace = 'public'::regnamespace
    UNION ALL
    SELECT concat_ws(' ', 'extension', extname) FROM pg_extension
"""
TABLES = """
    SELECT relname FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
"""
#: tables that Odoo itself writes to while it runs
VOLATILE = {
    "bus_bus",  # what browsers are told; removed within a day
    "ir_cron_trigger",
    "orm_signaling_default",
    "orm_signaling_registry",
    "orm_signaling_stable",
    "res_users_log",  # logins
}
#: columns that Odoo itself changes
IGNORED = {
    "info",  # of ir_model: the docstring of whatever extended `base` last
    "write_date",
    "write_uid",
}


def schema(databases, name):
    """All objects of a database's schema, one text each."""
    return {text for (text,) in databases.query(name, SCHEMA)}


def rows(databases, name):
    """All rows of a database, one text each."""
    return {
        f"{table}: {values}"
        for (table,) in databases.query(name, TABLES)
        if table not in VOLATILE
        for (values,) in databases.query(
            name, f'SELECT to_jsonb(t) - %s FROM "{table}" AS t', list(IGNORED)
        )
    }
