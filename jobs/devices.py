# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Create the devices that messages are from, and note when they were seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from odoo import models

from ..mqtt.payload import PayloadError
from ..mqtt.wording import TOPIC_CHARS, is_storable, short_line
from .guard import HandlerGoneError


class MqttHandler(models.Model):
    _inherit = "mqtt.handler"

    def _bind_availability(self, env) -> Callable[..., Any]:
        rules = env["mqtt.device.rule"].sudo().with_context(active_test=False)
        rule = rules.search([("availability_handler_id", "=", self.id)])
        if not rule:
            raise HandlerGoneError("Its device rule does not exist")
        return rule._note_availability


class MqttDeviceRule(models.Model):
    _inherit = "mqtt.device.rule"

    def _devices_of(self, service, keys) -> dict[str, dict[str, Any]]:
        """Devices of a service by key; those that are new are created while the rule
        has room. Archived ones are left out.

        :param keys: a set.
        """
        known = self._known_devices(service, keys)
        new = sorted(keys - known.keys())
        if new:
            known.update(self._create_devices(service, new))
        return {key: device for key, device in known.items() if device["active"]}

    def _known_devices(self, service, keys) -> dict[str, dict[str, Any]]:
        devices = self.env["mqtt.device"].with_context(active_test=False)
        found = devices.search_fetch(
            [
                ("rule_id", "=", self.id),
                ("service_id", "=", service.id),
                ("key", "in", list(keys)),
            ],
            ["key", "accepted", "active"],
        )
        return {
            one.key: {"id": one.id, "accepted": one.accepted, "active": one.active}
            for one in found
        }

    def _create_devices(self, service, keys) -> dict[str, dict[str, Any]]:
        # A full rule is told by a look: jobs with keys that are ignored need not wait
        # for each other.
        room = self._room() and self._locked_room()
        if room < len(keys):
            self._say_limit(service)
        if not room:
            return {}
        # No ORM equivalent: of two jobs that meet the same key, the second waits here
        # for the first, and runs again when it finds the device there.
        self.env.cr.execute(
            """
            INSERT INTO mqtt_device (rule_id, service_id, company_id, key, name, active,
                        accepted, create_uid, create_date, write_uid, write_date)
            SELECT %(rule)s, %(service)s, %(company)s, key, key, TRUE, %(accepted)s,
                   %(user)s, now() AT TIME ZONE 'UTC', %(user)s,
                   now() AT TIME ZONE 'UTC'
              FROM unnest(%(keys)s) AS key
                ON CONFLICT (rule_id, service_id, key) DO NOTHING
            RETURNING id, key
            """,
            {
                "rule": self.id,
                "service": service.id,
                "company": service.company_id.id or None,
                "accepted": self.acceptance == "accept",
                "user": self.env.uid,
                "keys": keys[:room],
            },
        )
        created = self.env.cr.fetchall()
        self.env["mqtt.device"].invalidate_model(flush=False)
        self.invalidate_recordset(["device_ids"], flush=False)
        accepted = self.acceptance == "accept"
        return {
            key: {"id": id_, "accepted": accepted, "active": True, "is_new": True}
            for id_, key in created
        }

    def _locked_room(self) -> int:
        """How many devices this rule may create. Other jobs wait for this one, or the
        rule would have more devices than it may.
        """
        # Written, not only locked: whoever waited has to run again to count anew.
        self.env.cr.execute(
            "UPDATE mqtt_device_rule SET device_limit = device_limit WHERE id = %s",
            [self.id],
        )
        return self._room()

    def _room(self) -> int:
        devices = self.env["mqtt.device"].with_context(active_test=False)
        count = devices.search_count([("rule_id", "=", self.id)])
        return max(self.device_limit - count, 0)

    def _say_limit(self, service) -> None:
        """Notify, once, that devices are ignored."""
        if self.limit_reached:
            return
        self.limit_reached = self.env.cr.now()
        self.handler_id.message_post(
            body=self.env._(
                "“%(rule)s” has %(limit)s devices, as many as it may create. Messages "
                "of further devices are ignored. Delete devices, or allow more of them "
                "in the rule.",
                rule=self.name,
                limit=self.device_limit,
            ),
            partner_ids=self.handler_id._whom_to_tell().partner_id.ids,
            subtype_xmlid="mail.mt_comment",
        )

    def _save_seen(self, sent, devices) -> None:
        """Note when devices were seen, each once, if that is news."""
        seen: dict[int, Any] = {}
        for one in sent:
            if one.is_retained or one.key not in devices:
                continue
            first, last = seen.get(devices[one.key]["id"], (one, one))
            seen[devices[one.key]["id"]] = (
                min(first, one, key=_arrival),
                max(one, last, key=_arrival),
            )
        if not seen:
            return
        # No ORM equivalent: it writes one value to many records, not a value to each,
        # and would set who changed the device, which nobody did.
        self.env.cr.execute(
            """
            UPDATE mqtt_device AS device
               SET last_seen = GREATEST(last_seen, seen.last),
                   first_seen = LEAST(first_seen, seen.first),
                   topic = CASE WHEN last_seen IS NULL OR last_seen <= seen.last
                                THEN seen.topic ELSE device.topic END
              FROM (SELECT * FROM json_to_recordset(%s) AS seen (
                           id integer, first timestamp, last timestamp, topic varchar)
                  ORDER BY id) AS seen
             WHERE device.id = seen.id
               AND (last_seen IS NULL OR first_seen IS NULL
                    OR last_seen < seen.last OR first_seen > seen.first)
            """,
            [
                json.dumps(
                    [
                        {
                            "id": id_,
                            "first": first.arrival.isoformat(),
                            "last": last.arrival.isoformat(),
                            "topic": short_line(last.topic),
                        }
                        for id_, (first, last) in sorted(seen.items())
                    ]
                )
            ],
        )
        self.env["mqtt.device"].invalidate_model(flush=False)

    def _note_availability(self, messages, named) -> None:
        """Have devices be online or offline, as their availability topic says.

        A retained message counts: it is the state that the broker has kept. Payloads
        that are neither, and devices that are not known, are ignored.
        """
        messages.fetch(["topic", "payload", "payload_raw", "timestamp", "service_id"])
        states = {self.payload_online: "online", self.payload_offline: "offline"}
        newest: dict[str, tuple[str, str]] = {}
        for key, message in zip(
            named[self._availability_level()], messages, strict=True
        ):
            if not is_storable(key):
                topic = short_line(message.topic, TOPIC_CHARS)
                raise PayloadError(f"{topic}: the device key cannot be stored")
            state = states.get((message.payload or "").strip())
            if state:
                newest[key] = (state, message.timestamp.isoformat())
        known = self._known_devices(messages[:1].service_id, newest)
        rows = [
            {"id": device["id"], "state": newest[key][0], "time": newest[key][1]}
            for key, device in sorted(known.items(), key=lambda one: one[1]["id"])
        ]
        if not rows:
            return
        # No ORM equivalent, see `_save_seen`. An older message changes nothing.
        self.env.cr.execute(
            """
            UPDATE mqtt_device AS device
               SET availability = said.state, availability_time = said.time
              FROM json_to_recordset(%s) AS said (
                   id integer, state varchar, time timestamp)
             WHERE device.id = said.id
               AND (availability_time IS NULL OR availability_time < said.time)
            """,
            [json.dumps(rows)],
        )
        self.env["mqtt.device"].invalidate_model(flush=False)


def _arrival(sent) -> datetime:
    return sent.arrival
