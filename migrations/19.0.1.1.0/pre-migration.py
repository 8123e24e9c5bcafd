# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
def migrate(cr, version):
    """The state of a message is asked of its jobs now, and is no column any more."""
    cr.execute("ALTER TABLE mqtt_signal_history DROP COLUMN IF EXISTS state")
