# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Services that are listened to, for as long as a test wants."""

from contextlib import closing, contextmanager

import psycopg2

from odoo.sql_db import connection_info_for

from ..mqtt.interface import LISTENER_LOCK_CLASS
from .common import MqttCase


class LiveCase(MqttCase):
    @contextmanager
    def listening(self, state="connected", service=None, **values):
        """Be a live listener of the service: hold its lock, on another connection."""
        service = service or self.service
        service._listener_claim("here-1", "this host")
        service._listener_report(
            "here-1", {"state": state, **values}, {}, prune_through=0
        )
        _name, info = connection_info_for(self.env.cr.dbname)
        with closing(psycopg2.connect(**info)) as connection:
            connection.autocommit = True
            connection.cursor().execute(
                "SELECT pg_advisory_lock(%s, %s)",
                [LISTENER_LOCK_CLASS, service.id],
            )
            try:
                yield
            finally:
                # The server notices a closed connection some time later.
                connection.cursor().execute("SELECT pg_advisory_unlock_all()")
