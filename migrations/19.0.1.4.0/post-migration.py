# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
def migrate(cr, version):
    """A handler's counts say of which service they are: company's errors are shown to
    that company alone. Of whose service an older error was is not known for a handler
    of all services: it is forgotten.
    """
    cr.execute(
        "UPDATE mqtt_handler_statistics AS own SET service_id = handler.service_id"
        " FROM mqtt_handler AS handler WHERE handler.id = own.handler_id"
    )
    cr.execute(
        "UPDATE mqtt_handler_statistics SET error = NULL, error_date = NULL"
        " WHERE service_id IS NULL"
    )
