# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models

from ..common.wide_fields import BigInteger


class MqttConnection(models.Model):
    """What a service's connection is, as its listener sees it.

    A row of its own beside ``mqtt.service``, so that the listener, its only writer,
    never collides with somebody who edits the service. ``thread_identifier`` is a
    fencing token as well: a listener writes only while it stands here.
    """

    _name = "mqtt.connection"
    _description = "MQTT connection state"
    _rec_name = "service_id"
    _log_access = False

    service_id = fields.Many2one("mqtt.service", required=True, ondelete="cascade")
    thread_identifier = fields.Char()
    host_info = fields.Char()
    listening_since = fields.Datetime()
    state = fields.Selection(
        [
            ("connected", "Connected"),
            ("connecting", "Connecting"),
            ("disconnected", "Disconnected"),
        ],
        default="disconnected",
        required=True,
    )
    problem = fields.Char(help="Code of the last problem. Empty while there is none.")
    problem_detail = fields.Char(
        help="Words of the system or the broker about the problem."
    )
    problem_date = fields.Datetime()
    last_activity = fields.Datetime(help="Time of the last packet from the broker.")
    session_broker = fields.Char(
        help="Host and port of the broker that keeps the session."
    )
    session_client_id = fields.Char(help="Client ID of the session at the broker.")
    session_lost_date = fields.Datetime(
        help="Time when the broker last did not know a session that it should have "
        "kept."
    )
    session_filters = fields.Json(
        help="Subscriptions in the broker's session: identifier by topic filter."
    )
    session_renumbers = fields.Boolean(
        help="Whether the broker was seen to give redelivered messages other packet "
        "identifiers."
    )
    connected_to = fields.Char(
        help="Host and port of the server that the broker redirected the service to."
    )
    certificate_end = fields.Datetime(help="Time when the broker's certificate ends.")
    abilities = fields.Json(
        help="Limits that the broker announced at the last login, by name."
    )
    maximum_packet_size = BigInteger(
        help="Largest packet that the broker accepts, in bytes. 0: no limit."
    )
    sequence = BigInteger(
        default=0,
        required=True,
        help="Sequence number of the last message that was enqueued.",
    )
    enqueued = BigInteger(
        default=0,
        required=True,
        help="Number of messages that were handed over to be stored.",
    )
    received = BigInteger(default=0, required=True)
    dropped = BigInteger(default=0, required=True)
    reconnects = BigInteger(default=0, required=True)
    # What they were when the listener claimed the service: it counts from there.
    received_before = BigInteger(default=0, required=True)
    dropped_before = BigInteger(default=0, required=True)
    reconnects_before = BigInteger(default=0, required=True)

    _service_uniq = models.UniqueIndex("(service_id)")
