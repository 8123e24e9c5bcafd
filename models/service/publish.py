# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import datetime, timezone

from odoo import SUPERUSER_ID, api, models
from odoo.exceptions import UserError

from ...mqtt.outgoing import MAX_REMAINING, Outgoing, PropertyError, check_properties
from ...mqtt.payload import PayloadError, encode_payload
from ...mqtt.topic import TopicError, check_topic_name
from ...mqtt.wording import TOPIC_CHARS, short_line
from ..common.groups import OPERATOR, check_group
from .reason_codes import describe_reason

COLLECTED = "mqtt_listener.publish"  # key of the cursor's precommit data


class MqttService(models.Model):
    """Publishing: what is asked for, checked and written. A job sends it."""

    _inherit = "mqtt.service"

    def mqtt_publish(self, topic, payload, qos=1, retain=False, properties=None):
        """Publish a message when this transaction commits.

        On records, each of them publishes it; on the empty model, the first active
        service does. A rollback publishes nothing. What one transaction publishes
        through a service goes over one connection, in this order.

        :param topic: topic name, without wildcards.
        :param payload: bytes; text, sent as UTF-8; or a value that becomes JSON.
        :param qos: 0, 1 or 2. Sent means acknowledged by the broker; with 0, written
            out.
        :param retain: whether the broker keeps it for who subscribes later.
        :param properties: of MQTT 5, by the names of ``message.properties``:
            ``content_type``, ``response_topic``, ``correlation_data`` (bytes),
            ``message_expiry`` (seconds from now), ``user_properties`` (pairs of name
            and value), ``payload_format`` ("bytes" or "text").
        :return: the messages, records of ``mqtt.signal.history``; their ``state`` says
            how far they have come.
        :raise AccessError: for a user who is no MQTT operator.
        :raise UserError: when no broker could take the message, saying why.
        """
        services = self._for_publishing()
        message = self._outgoing(topic, payload, qos, retain, properties or {})
        for service in services:
            service._check_outgoing(message)
        # sudo: nobody writes history but the addon itself
        history = self.env["mqtt.signal.history"].sudo()
        messages = history.create(
            [service._outgoing_values(message) for service in services]
        )
        messages._queue_publishing()
        return messages.with_env(self.env)

    def _for_publishing(self):
        """The services that a call publishes through, once the user may do that."""
        check_group(
            self.env, OPERATOR, self.env._("Only an MQTT operator may publish.")
        )
        self.check_access("read")
        # The context of the caller may be of a list that shows the archived, too.
        services = self or self.search([("active", "=", True)], order="id", limit=1)
        if not services:
            raise UserError(
                self.env._("There is no MQTT service to publish through: create one.")
            )
        return services.sudo()

    def _outgoing(self, topic, payload, qos, retain, properties):
        """:raise UserError: saying what MQTT does not allow."""
        env = self.env
        try:
            check_topic_name(topic if isinstance(topic, str) else "")
        except TopicError as error:
            raise UserError(self._describe_topic_name_error(error.code)) from error
        if type(qos) is not int or qos not in (0, 1, 2):
            raise UserError(env._("QoS is %s; it has to be 0, 1 or 2.", qos))
        try:
            payload = encode_payload(payload)
        except PayloadError as error:
            raise UserError(
                env._(
                    "The payload for %(topic)s is %(why)s",
                    topic=short_line(topic, TOPIC_CHARS),
                    why=error,
                )
            ) from error
        try:
            check_properties(properties, payload)
        except PropertyError as error:
            raise UserError(self._describe_property_error(error)) from error
        return Outgoing(0, topic, payload, qos, bool(retain), properties)

    def _check_outgoing(self, message):
        """:raise UserError: when this service's broker cannot take the message."""
        env = self.env
        if not self.active:
            raise UserError(env._("“%s” is archived: set Active first.", self.name))
        if not self.host or not self.host.strip():
            raise UserError(env._("“%s” has no Host: enter the broker's.", self.name))
        if message.properties and self.protocol != "5":
            raise UserError(
                env._(
                    "“%(service)s” speaks MQTT %(protocol)s, which has no properties: "
                    "leave them out, or set Protocol to MQTT 5.",
                    service=self.name,
                    protocol=self.protocol,
                )
            )
        self._check_payload_size(message.payload)
        size = message.packet_size(is_5=self.protocol == "5")
        limit = self.connection_ids.maximum_packet_size
        if message.is_too_long or (limit and size > limit):
            raise UserError(
                env._(
                    "The message for %(topic)s has %(size)s bytes; the broker of "
                    "“%(service)s” takes %(limit)s at most.",
                    topic=short_line(message.topic, TOPIC_CHARS),
                    size=size,
                    service=self.name,
                    limit=limit or MAX_REMAINING,
                )
            )

    def _outgoing_values(self, message):
        values = {
            **message.properties,
            "service_id": self.id,
            "topic": message.topic,
            **self._payload_values(message.payload),
            "qos": message.qos,
            "retain": message.retain,
            "direction": "send",
            "timestamp": datetime.now(timezone.utc).replace(tzinfo=None),
        }
        self._attach_payloads([values], [message.payload])
        return values

    def _describe_topic_name_error(self, code):
        env = self.env
        return {
            "empty": env._("A message needs a topic: text that is not empty."),
            "nul": env._("A topic may not hold a NUL character."),
            "not_utf8": env._("The topic is not valid text."),
            "too_long": env._("A topic may have 65,535 bytes at most."),
            "wildcard": env._(
                "A message goes to one topic: + and # belong in topic filters only."
            ),
        }[code]

    def _describe_property_error(self, error):
        env = self.env
        rule = {
            "unknown": env._(
                "is none that can be sent; these can: content_type, response_topic, "
                "correlation_data, message_expiry, user_properties, payload_format"
            ),
            "text": env._("has to be text without NUL, 65,535 bytes at most"),
            "topic": env._("has to be a topic without wildcards"),
            "bytes": env._("has to be bytes, 65,535 at most"),
            "seconds": env._("has to be seconds, a whole number from 1 to 4294967295"),
            "pairs": env._("has to be a list of pairs of text: name and value"),
            "format": env._("has to be “bytes” or “text”"),
            "utf8": env._("is “text”, and the payload is not UTF-8"),
        }[error.code]
        return env._("The property %(name)s %(rule)s.", name=error.name, rule=rule)

    def _describe_publish_problem(self, problem):
        """Why a message could not be published.

        :param problem: what the publisher found: a code and what is known more.
        """
        env, detail = self.env, problem.detail
        words = {
            "too_large": env._(
                "The message is larger than the %s bytes that the broker accepts",
                detail,
            ),
            "qos": env._("The broker does not accept a QoS above %s", detail),
            "retain": env._("The broker does not keep retained messages"),
            "publish_refused": env._(
                "The broker refused the message: %s", describe_reason(env, detail)
            ),
        }
        return words.get(problem.code) or self._describe_problem(problem.code, detail)

    # Putting the job into the transaction

    def _enqueue_collected(self):
        """Give what this transaction publishes one job for each service.

        Called before the commit. What waits without a job is of this transaction: no
        other commits such. A savepoint that was rolled back took its own with it.
        """
        self.env.cr.precommit.data.pop(COLLECTED, None)
        waiting = self.env["mqtt.outbox"].search([("job_uuid", "=", False)])
        for service, own in waiting.grouped("service_id").items():
            service._enqueue_publish(own)
        self.env.flush_all()


class MqttSignalHistory(models.Model):
    _inherit = "mqtt.signal.history"

    def _queue_publishing(self):
        """Have these messages published when this transaction commits."""
        self.env["mqtt.outbox"].sudo().create(
            [
                {"service_id": message.service_id.id, "message_id": message.id}
                for message in self
            ]
        )
        precommit = self.env.cr.precommit
        if not precommit.data.get(COLLECTED):
            precommit.data[COLLECTED] = True
            # Not in the caller's context, which may say anything.
            env = api.Environment(self.env.cr, SUPERUSER_ID, {})
            precommit.add(env["mqtt.service"]._enqueue_collected)

    def _has_expired(self):
        """Whether its message expiry has run out while it waited here, which counts as
        waiting at the broker does (MQTT 5.0 section 3.3.2.3.3).
        """
        return bool(self.message_expiry) and self._seconds_left() <= 0

    def _seconds_left(self):
        waited = datetime.now(timezone.utc).replace(tzinfo=None) - self.timestamp
        return self.message_expiry - int(waited.total_seconds())

    def _as_outgoing(self):
        """The message as it is to be sent."""
        self.ensure_one()
        properties = dict(self.properties)
        if self.message_expiry:
            properties["message_expiry"] = max(1, self._seconds_left())
        return Outgoing(
            self.id, self.topic, self.payload_bytes, self.qos, self.retain, properties
        )
