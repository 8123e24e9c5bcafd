# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Command

from ..broker.connection_test import run_connection_test
from ..broker.look import LOOK_SECONDS, look
from ..models.common.groups import MANAGER, check_group
from ..mqtt.branch import EverythingError, branch_filter
from ..mqtt.payload import decode_text
from ..mqtt.topic import TopicError
from ..mqtt.wording import short_line

PREVIEW_CHARS = 200
LOGIN_PROBLEMS = ("credentials", "not_authorized")
OTHER_VERSION = ("protocol", "closed_early")  # as MQTT 3.1.1 brokers answer to MQTT 5


class MqttService(models.Model):
    """First steps: from the address of a broker to its first message.

    Nothing is stored before the last of them; each gets what was typed again.
    """

    _inherit = "mqtt.service"

    @api.model
    def first_steps_connect(self, address, username="", password=""):
        """Try a broker.

        :param address: a URL, or a host with or without its port.
        :param username: as ``password``, beside those of the address.
        :return: ``values`` (of fields, for the next steps; the login that was given is
            among them, for the user who gave it), ``is_successful``,
            ``asks_login`` (whether the broker refuses this login), and ``steps``
            (see ``_step_values``, each with its ``label``).
        :raise AccessError: for a user who is no MQTT manager.
        :raise UserError: when the address is none, or cannot be used.
        """
        self._check_first_steps()
        values = self._address_values(address)
        if username:
            values.update(username=username, password=password or "")
        values["name"] = values["host"]
        settings, steps = self._try_typed(values)
        if steps[-1].problem and steps[-1].problem.code in OTHER_VERSION:
            older, retried = self._try_typed({**values, "protocol": "3.1.1"})
            if not retried[-1].is_failed:
                values["protocol"] = "3.1.1"
                settings, steps = older, retried
        problem = steps[-1].problem
        lines = self.env["mqtt.connection.test.line"]
        labels = dict(lines._fields["step"]._description_selection(self.env))
        return {
            "values": values,
            "is_successful": not steps[-1].is_failed,
            "asks_login": bool(problem and problem.code in LOGIN_PROBLEMS),
            "steps": [
                {**line, "label": labels[line["step"]]}
                for line in self._step_values(settings, steps)
            ],
        }

    @api.model
    def first_steps_listen(self, values, prefix, everything=False):
        """See what comes from a broker for some seconds.

        :param values: as :meth:`first_steps_connect` returned them.
        :param prefix: the first levels of the topics, or a topic filter.
        :param everything: whether to listen to all topics of the broker instead.
        :return: ``filter``, ``topics`` (each with ``topic``, ``count``, ``size`` and
            ``preview`` of its last message, or none where that is no text or large),
            ``is_full`` (there were more), and ``problem``, a sentence or an empty text.
        :raise AccessError: for a user who is no MQTT manager.
        :raise UserError: when that is no topic filter, or for everything unasked.
        """
        self._check_first_steps()
        topic_filter = self._branch_filter(prefix, everything)
        settings = self.browse()._typed_settings(values)
        found = look(settings, topic_filter, seconds=LOOK_SECONDS)
        named = ((decode_text(topic), seen) for topic, seen in found.topics.items())
        tried = self.new({"host": settings.host, "port": settings.port})
        return {
            "filter": topic_filter.text,
            "topics": [
                {
                    "topic": topic,
                    "count": seen.count,
                    "size": seen.size,
                    "preview": _preview(seen.payload),
                }
                for topic, seen in sorted(one for one in named if one[0])
            ],
            "is_full": found.is_full,
            "problem": tried._describe_step_problem(found.problem),
        }

    @api.model
    def first_steps_receive(self, values, filters):
        """Create the service, subscribe, and start it.

        :param values: as :meth:`first_steps_connect` returned them.
        :param filters: topic filters.
        :return: id of the service.
        :raise AccessError: for a user who is no MQTT manager.
        :raise UserError: when the configuration cannot work, naming the field.
        """
        self._check_first_steps()
        subscriptions = [Command.create({"topic_filter": text}) for text in filters]
        service = self.create({**values, "subscription_ids": subscriptions})
        service.start_mqtt_service()
        return service.id

    def _check_first_steps(self):
        check_group(
            self.env,
            MANAGER,
            self.env._("Only an MQTT manager may set up a service."),
        )
        self.check_access("write")

    def _try_typed(self, values):
        settings = self.browse()._typed_settings(values)
        return settings, list(run_connection_test(settings))

    def _branch_filter(self, prefix, everything):
        try:
            return branch_filter(prefix or "", everything=everything)
        except EverythingError:
            raise UserError(
                self.env._(
                    "This would listen to all topics of the broker. Tick Everything if "
                    "that is what you want."
                )
            ) from None
        except TopicError as error:
            subscriptions = self.env["mqtt.subscription"]
            text = subscriptions._describe_topic_error(
                error.code, short_line(error.text)
            )
            raise UserError(text) from None


def _preview(payload):
    text = payload and decode_text(payload)
    return short_line(text, PREVIEW_CHARS) if text else ""
