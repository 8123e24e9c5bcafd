# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Find the records that devices belong to."""

from __future__ import annotations

import re
from typing import Any

from psycopg2.errors import UniqueViolation

from odoo import SUPERUSER_ID, api, models
from odoo.fields import Domain

from ..mqtt.log import get_logger
from .guard import HandlerError

_logger = get_logger(__name__)

INTEGER = re.compile(r"0|[1-9]\d{0,8}", re.ASCII)  # that a column of 32 bits takes


class MqttDeviceRule(models.Model):
    _inherit = "mqtt.device.rule"

    @api.model
    def _link_unlinked(self) -> None:
        """Called by cron: link devices whose records have come after them."""
        devices = self.env["mqtt.device"].sudo()
        for rule, service, unlinked in devices._read_group(
            [("res_id", "=", False), ("rule_id.record_model", "!=", False)],
            ["rule_id", "service_id"],
            ["id:recordset"],
        ):
            try:
                with self.env.cr.savepoint():
                    env = rule.handler_id._env_of(service)
                    rule.with_env(env).sudo()._link(service, unlinked.ids)
            except HandlerError:
                continue  # the job of its next message says so
            except Exception:
                # A guard: devices of other rules have to be linked all the same.
                _logger.exception("devices of rule %s could not be linked", rule.id)

    def _link(self, service, device_ids) -> None:
        """Link devices to the records whose field has their key, where there is one and
        no other device belongs to it.
        """
        if not self.record_model or self.record_model not in self.env:
            return
        devices = self.env["mqtt.device"].browse(device_ids)
        if not devices:
            return
        for device, record in self._records_of(devices, service.company_id):
            # No ORM equivalent: a job may have linked the record since this one began.
            # Then the device stays without one, which is no error to be logged.
            try:
                with self.env.cr.savepoint():
                    self.env.cr.execute(
                        "UPDATE mqtt_device SET res_model = %s, res_id = %s"
                        " WHERE id = %s",
                        [record._name, record.id, device.id],
                        log_exceptions=False,
                    )
            except UniqueViolation:
                continue
        devices.invalidate_recordset(["res_model", "res_id", "record"], flush=False)

    def _records_of(self, devices, company) -> list[tuple[Any, Any]]:
        """Pairs of a device and the record that it belongs to."""
        name = self.record_field
        # As whom the handler runs: another user's records are not for its devices.
        records = self.env[self.record_model].sudo(self.env.uid == SUPERUSER_ID)
        field = records._fields.get(name)
        if field is None or not records.has_access("read"):
            return []
        keys: list[Any] = devices.mapped("key")
        if field.type == "integer":
            keys = [int(key) for key in keys if INTEGER.fullmatch(key)]
        domain = Domain(name, "in", keys)
        if company and "company_id" in records._fields:
            domain &= Domain("company_id", "in", [company.id, False])
        found = {str(one[name]): one for one in records.search(domain)}
        claimed = self.env["mqtt.device"].with_context(active_test=False)
        taken = claimed.search(
            [
                ("res_model", "=", self.record_model),
                ("res_id", "in", [one.id for one in found.values()]),
            ]
        ).mapped("res_id")
        return [
            (device, found[device.key])
            for device in devices
            if device.key in found and found[device.key].id not in taken
        ]
