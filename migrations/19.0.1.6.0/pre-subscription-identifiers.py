# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
def migrate(cr, version):
    """Identifiers are unique in a service: of two that were made at once, the later
    subscription gets a new one, above all others.
    """
    cr.execute(
        """
        UPDATE mqtt_subscription AS one SET identifier = highest.number + again.number
          FROM (SELECT id, row_number() OVER (ORDER BY id) AS number
                  FROM mqtt_subscription AS later
                 WHERE EXISTS (SELECT FROM mqtt_subscription AS earlier
                                WHERE earlier.service_id = later.service_id
                                  AND earlier.identifier = later.identifier
                                  AND earlier.id < later.id)) AS again,
               (SELECT max(identifier) AS number FROM mqtt_subscription) AS highest
         WHERE one.id = again.id
        """
    )
