# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import inspect
import math
import secrets
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ...mqtt.handler import is_response
from ...mqtt.topic import TopicError, TopicFilter, check_topic_name

LONGEST_WAIT = 7 * 86_400  # seconds; queue_job's runner cannot wait for years
CORRELATION_BYTES = 16
OWN_PROPERTIES = {"response_topic", "correlation_data"}


class MqttService(models.Model):
    """Asking for an answer (MQTT 5.0 section 4.10)."""

    _inherit = "mqtt.service"

    response_topic = fields.Char(
        copy=False,
        help="Topic that responses are sent to. Empty: the first request chooses "
        "one. The service subscribes to it by itself.",
    )
    request_ids = fields.One2many("mqtt.request", "service_id")

    @api.constrains("response_topic")
    def _check_response_topic(self):
        for service in self.filtered("response_topic"):
            topic = service.response_topic
            try:
                check_topic_name(topic)
            except TopicError as error:
                raise ValidationError(
                    self._describe_topic_name_error(error.code)
                ) from error
            if topic.startswith("$"):
                raise ValidationError(
                    self.env._("A response topic may not begin with $.")
                )

    def mqtt_request(
        self, topic, payload, timeout=30, on_response=None, qos=1, properties=None
    ):
        """Publish a message when this transaction commits, and wait for its answer.

        It asks for the answer at the service's response topic, and knows it by its
        correlation data. The first that comes in time is given to ``on_response`` in a
        job; when none came, that is called with the empty recordset.

        :param timeout: seconds from now, 7 days at most. A request that could not be
            published by then is not published any more, and no broker delivers it
            (its message expiry, unless ``properties`` have another).
        :param on_response: a method, declared by ``@mqtt_response``: of some records,
            ``self._on_answer``; or the name of one of ``mqtt.service``. ``None``: the
            answer is only kept.
        :param properties: as ``mqtt_publish`` takes them; response topic and
            correlation data are the request's own.
        :return: records of ``mqtt.request``; ``state`` and ``answer_id`` say what has
            become of them.
        :raise AccessError: for a user who is no MQTT operator.
        :raise UserError: when it could not work, saying why.
        """
        services = self._for_publishing()
        self._check_timeout(timeout)
        properties = dict(properties or {})
        if OWN_PROPERTIES & set(properties):
            raise UserError(
                self.env._(
                    "A request makes its own response topic and correlation data."
                )
            )
        properties.setdefault("message_expiry", math.ceil(timeout))
        requests = self.env["mqtt.request"].sudo()
        for service in services:
            target = service._response_target(on_response, self.env)
            service._prepare_for_answers()
            correlation = secrets.token_bytes(CORRELATION_BYTES)
            message = service.mqtt_publish(
                topic,
                payload,
                qos=qos,
                properties={
                    **properties,
                    "response_topic": service.response_topic,
                    "correlation_data": correlation,
                },
            )
            now = fields.Datetime.now()
            requests += requests.create(
                {
                    "service_id": service.id,
                    "message_id": message.id,
                    "correlation": correlation.hex(),
                    "asked_at": now,
                    "deadline": now + timedelta(seconds=timeout),
                    **target,
                }
            )
        requests._enqueue_silence(timeout)
        return requests.with_env(self.env)

    def _check_timeout(self, timeout):
        is_number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
        if not is_number or not 0 < timeout <= LONGEST_WAIT:
            raise UserError(
                self.env._(
                    "The timeout is %(timeout)s; it has to be seconds, more than 0 and "
                    "%(longest)s at most.",
                    timeout=timeout,
                    longest=LONGEST_WAIT,
                )
            )

    def _response_target(self, on_response, env):
        """Which method is to be called on what, as ``mqtt.request`` stores it.

        :param env: of who asks.
        :raise UserError: when it is no declared method.
        """
        if on_response is None:
            return {"user_id": env.uid}
        if isinstance(on_response, str):
            records, name = self.with_env(env), on_response
        else:
            records = getattr(on_response, "__self__", None)
            name = getattr(on_response, "__name__", str(on_response))
        if not isinstance(records, models.BaseModel) or not is_response(
            type(records), name
        ):
            raise UserError(
                self.env._(
                    "%s cannot be called with responses: declare it with "
                    "@mqtt_response.",
                    name,
                )
            )
        try:
            inspect.signature(getattr(records, name)).bind(None)
        except TypeError as error:
            raise UserError(
                self.env._(
                    "%(name)s has to take a message: %(why)s", name=name, why=error
                )
            ) from error
        return {
            "model_name": records._name,
            "method_name": name,
            "record_ids": records.ids,
            "user_id": records.env.uid,
            "as_superuser": records.env.su,
            "context": records._job_prepare_context_before_enqueue(),
        }

    def _prepare_for_answers(self):
        """Have the listener hear what is answered.

        :raise UserError: when it cannot.
        """
        env = self.env
        if self.protocol != "5":
            raise UserError(
                env._(
                    "“%(service)s” speaks MQTT %(protocol)s, which knows no requests: "
                    "set Protocol to MQTT 5.",
                    service=self.name,
                    protocol=self.protocol,
                )
            )
        if self.status != "start":
            raise UserError(
                env._("“%s” is not started: nobody would hear the answer.", self.name)
            )
        if not self.response_topic:
            self.response_topic = f"odoo/{secrets.token_hex(8)}/response"
        if not self._answer_subscriptions():
            subscription = self.env["mqtt.subscription"].with_context(active_test=False)
            own = [
                ("service_id", "=", self.id),
                ("topic_filter", "=", self.response_topic),
            ]
            if found := subscription.search(own):
                found.write({"active": True, "store_history": True})
            else:
                subscription.create(
                    {"service_id": self.id, "topic_filter": self.response_topic}
                )

    def _answer_subscriptions(self):
        """Subscriptions that bring what is published to the response topic."""
        topic = TopicFilter(self.response_topic)
        return self.subscription_ids.filtered(
            lambda one: (
                one.store_history
                and one.state != "refused"
                and TopicFilter(one.topic_filter).covers(topic)
            )
        )
