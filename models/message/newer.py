from odoo import api, models
from odoo.fields import Domain

MOST = 100  # that are counted: a page says "99+"


class MqttSignalHistory(models.Model):
    """What a list of messages asks to stay up to date."""

    _inherit = "mqtt.signal.history"

    @api.model
    def count_newer(self, domain, newest_id=None):
        """How many messages came that a list does not show yet.

        :param domain: of the list.
        :param newest_id: the largest id of a message that the list knows of; ``None``
            to learn it.
        :return: ``count`` (at most :data:`MOST`), and ``newest_id``, to ask with next;
            0 when there is no message that the user may see.
        :raise AccessError: for a user who may not read messages.
        """
        # By id: messages get it in the order in which they are stored.
        if newest_id is None:
            newest = self.search(Domain.TRUE, order="id desc", limit=1)
            return {"count": 0, "newest_id": newest.id or 0}
        newer = Domain(domain) & Domain("id", ">", newest_id)
        found = self.search(newer, order="id desc", limit=MOST)
        return {"count": len(found), "newest_id": max(found.ids, default=newest_id)}
