# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Two models are named as the field names what they hold."""

from odoo.tools import SQL
from odoo.tools.sql import table_exists

MODELS = {
    "mqtt.handler.tally": "mqtt.handler.statistics",
    "mqtt.outgoing": "mqtt.outbox",
}


def migrate(cr, version):
    """Their rows and ids stay, and so do XML ids, but those that Odoo makes itself."""
    for old, new in MODELS.items():
        old_table, new_table = old.replace(".", "_"), new.replace(".", "_")
        if not table_exists(cr, old_table):
            continue
        _rename_relations(cr, old_table, new_table)
        cr.execute("UPDATE ir_model SET model = %s WHERE model = %s", [new, old])
        cr.execute("UPDATE ir_model_fields SET model = %s WHERE model = %s", [new, old])
        cr.execute(
            "UPDATE ir_model_fields SET relation = %s WHERE relation = %s", [new, old]
        )
        cr.execute(
            """
            UPDATE ir_model_data SET name = replace(name, %(old)s, %(new)s)
             WHERE module = 'mqtt_listener' AND model LIKE 'ir.model%%'
               AND model <> 'ir.model.access' AND strpos(name, %(old)s) > 0
            """,
            {"old": old_table, "new": new_table},
        )
    cr.execute(
        """
        UPDATE ir_model_fields SET name = 'statistics_ids'
         WHERE model = 'mqtt.handler' AND name = 'tally_ids'
        """
    )
    cr.execute(
        """
        UPDATE ir_model_data SET name = 'field_mqtt_handler__statistics_ids'
         WHERE module = 'mqtt_listener' AND name = 'field_mqtt_handler__tally_ids'
        """
    )


def _rename_relations(cr, old, new):
    """Rename a table, and its sequence, indexes and constraints with it."""
    cr.execute(
        """
        SELECT relkind, relname FROM pg_class
         WHERE relkind IN ('r', 'S', 'i')
           AND relnamespace = current_schema::regnamespace
           AND (relname = %(old)s OR relname LIKE %(old)s || '\\_%%')
        """,
        {"old": old},
    )
    kinds = {"r": SQL("TABLE"), "S": SQL("SEQUENCE"), "i": SQL("INDEX")}
    for kind, name in cr.fetchall():
        renamed = SQL.identifier(name.replace(old, new, 1))
        cr.execute(
            SQL("ALTER %s %s RENAME TO %s", kinds[kind], SQL.identifier(name), renamed)
        )
    cr.execute(
        """
        SELECT conname FROM pg_constraint
         WHERE conrelid = %s::regclass AND strpos(conname, %s) = 1
        """,
        [new, old],
    )
    for (name,) in cr.fetchall():
        cr.execute(
            SQL(
                "ALTER TABLE %s RENAME CONSTRAINT %s TO %s",
                SQL.identifier(new),
                SQL.identifier(name),
                SQL.identifier(name.replace(old, new, 1)),
            )
        )
    cr.execute(
        "UPDATE ir_model_constraint SET name = replace(name, %s, %s)"
        " WHERE strpos(name, %s) = 1",
        [old, new, old],
    )
