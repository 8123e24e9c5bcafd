# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models
from odoo.fields import Domain

MOST = 100  # that are counted: a page says "99+"


class MqttSignalHistory(models.Model):
    """What a list of messages asks to stay up to date."""

    _inherit = "mqtt.signal.history"

    def count_newer(self, domain, known_id):
        """How many messages came that a list does not show yet.

        :param domain: of the list.
        :param known_id: of the newest message that it knows of, 0 for none. Ids are
            given in the order of storing, but jobs side by side end in any order.
        :return: ``count`` (at most :data:`MOST`), and ``newest_id``, to ask with next.
        :raise AccessError: for a user who may not read messages.
        """
        self.check_access("read")
        # sudo: an id and no message; the rules would have it looked for in all rows of
        # other companies
        newest = self.sudo().search(Domain.TRUE, order="id desc", limit=1)
        count = 0
        if newest.id > known_id:
            newer = Domain(domain) & Domain("id", ">", known_id)
            count = self.search_count(newer, limit=MOST)
        return {"count": count, "newest_id": newest.id or 0}
