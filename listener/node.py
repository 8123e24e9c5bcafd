# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""All databases of one server: the listener behind each of its doors."""

from __future__ import annotations

import threading

from odoo.service.db import list_dbs
from odoo.tools import config

from ..mqtt.log import get_logger
from .bridge import has_addon
from .guarded import guarded
from .loss import Loss
from .node_settings import NodeSettings
from .supervisor import STOP_TIMEOUT, Supervisor

_logger = get_logger(__name__)

RESCAN = 10.0  # seconds between two looks for databases that have the addon


class Node:
    """Keeps a supervisor for each database that has the addon installed.

    :param settings: the ``[mqtt_listener]`` section.
    """

    def __init__(self, settings: NodeSettings):
        self._settings = settings
        self._supervisors: dict[str, Supervisor] = {}
        self._stopping = threading.Event()
        self._loss = Loss(_logger, "databases are not looked for")

    @guarded
    def run(self) -> None:
        """Scan until :meth:`stop`; then end all services in order."""
        while not self._stopping.is_set():
            try:
                self.scan()
                self._loss.end()
            except Exception as error:  # noqa: BLE001
                # A guard: what runs goes on; the next scan may find PostgreSQL back.
                self._loss.begin(error)
            self._stopping.wait(RESCAN)
        self._stop_supervisors()

    def stop(self) -> None:
        """Make :meth:`run` end. Returns at once, and may be called from a signal."""
        self._stopping.set()

    def scan(self) -> None:
        """Start supervisors for databases that need one and have none alive."""
        # Within the server, a database list of the configuration means just these.
        for dbname in config["db_name"] or list_dbs(force=True):
            supervisor = self._supervisors.get(dbname)
            if supervisor and supervisor.is_alive():
                continue
            if has_addon(dbname):
                self._supervisors[dbname] = Supervisor(dbname, self._settings)
                self._supervisors[dbname].start()

    def _stop_supervisors(self) -> None:
        for supervisor in self._supervisors.values():
            supervisor.stop()
        for supervisor in self._supervisors.values():
            supervisor.join(STOP_TIMEOUT)
