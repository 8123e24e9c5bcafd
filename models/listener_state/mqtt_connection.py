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
    problem = fields.Char(help="Code of the last error, empty when all is well.")
    problem_detail = fields.Char(help="What the system or the broker said about it.")
    problem_date = fields.Datetime()
    last_activity = fields.Datetime(help="When the broker was last heard.")
    session_broker = fields.Char(help="host:port of the broker that has the session.")
    session_client_id = fields.Char(help="The client ID under which it has it.")
    session_lost_date = fields.Datetime(
        help="When the broker last did not know the session, although it should have."
    )
    session_filters = fields.Json(
        help="Subscriptions in the broker's session: identifier by topic filter."
    )
    connected_to = fields.Char(
        help="host:port of the server that it was sent to, if it was."
    )
    certificate_end = fields.Datetime(help="Of the broker's certificate, with TLS.")
    abilities = fields.Json(
        help="What the broker cannot do, or does otherwise than was asked, as it said "
        "last."
    )
    maximum_packet_size = BigInteger(
        help="Bytes that the broker takes in a packet, as it said last; 0: any."
    )
    sequence = BigInteger(
        default=0, required=True, help="Sequence of the last message enqueued."
    )
    enqueued = BigInteger(default=0, required=True, help="Messages handed to history.")
    received = BigInteger(default=0, required=True)
    dropped = BigInteger(default=0, required=True)
    reconnects = BigInteger(default=0, required=True)
    # What they were when the listener claimed the service: it counts from there.
    received_before = BigInteger(default=0, required=True)
    dropped_before = BigInteger(default=0, required=True)
    reconnects_before = BigInteger(default=0, required=True)

    _service_uniq = models.UniqueIndex("(service_id)")
