# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Publish what a transaction left to be published: one job, one connection."""

from __future__ import annotations

from typing import NoReturn

from odoo import SUPERUSER_ID, models
from odoo.tools import str2bool

from odoo.addons.queue_job.exception import FailedJobError, RetryableJobError
from odoo.addons.queue_job.job import Job

from ..broker.publisher import WINDOW, Publisher
from ..broker.settings import ServiceSettings
from ..mqtt.wording import TOPIC_CHARS, short_line

PRIORITY = 5  # before the default of 10: somebody waits for it
TRIES = 10
# What a job begins; the others are left to the next. Its end is when it knows for good
# what was confirmed, and Odoo kills what runs for longer than limit_time_real.
PART = 5_000  # messages
SECONDS = 20


class MqttService(models.Model):
    _inherit = "mqtt.service"

    def _enqueue_publish(self, waiting, tries=0, why=None) -> None:
        """Put a job that publishes into the current transaction.

        :param waiting: ``mqtt.outbox``, in the order in which they are to be sent.
        :param tries: how often they were tried before; then the job waits as its retry
            pattern says.
        :param why: what kept them from being sent, in words.
        """
        self.ensure_one()
        message = waiting[0].message_id
        job = Job(
            self.with_user(SUPERUSER_ID)._for_jobs()._job_publish,
            kwargs={"message_id": message.id},
            priority=PRIORITY,
            max_retries=TRIES,
            description=self.env._(
                "Publish through %(service)s: %(topic)s",
                topic=short_line(message.topic, TOPIC_CHARS),
                service=self.name,
            )
            if len(waiting) == 1
            else self.env._(
                "Publish through %(service)s: %(count)s messages",
                count=len(waiting),
                service=self.name,
            ),
        )
        job.result = why
        if tries:
            job.retry = tries
            job.eta = job._get_retry_seconds()
        job.store()
        waiting.job_uuid = job.uuid

    def _job_publish(self, message_id) -> str:
        """Publish the messages of this job.

        What the broker has confirmed is not published again, whatever becomes of the
        others: they leave as jobs of their own.

        :param message_id: of the first, which stands for all in the monitor.
        :return: what the job monitor shows as result.
        :raise RetryableJobError: when nothing could be published.
        :raise FailedJobError: when it never can be.
        """
        self.ensure_one()
        uuid = self.env.context.get("job_uuid")
        waiting = self.env["mqtt.outbox"].search([("job_uuid", "=", uuid)])
        waiting._lock()
        if not waiting:
            return self.env._("Nothing is left to publish.")
        self._check_may_publish()
        expired = waiting.filtered(lambda one: one.message_id._has_expired())
        expired.message_id.cancel_reason = self.env._("Expired before it was published")
        waiting -= expired
        expired.unlink()
        held = self._hold_back_requests(waiting)
        waiting -= held
        to_send, later = waiting[:PART], waiting[PART:]
        tries = Job.load(self.env, uuid).retry
        settings = ServiceSettings.from_values(self._listener_settings())
        # One at a time after a failure: it shows which message ends the connection.
        with Publisher(
            settings,
            f"{self.client_id}-{uuid[:8]}",
            window=1 if tries else WINDOW,
        ) as publisher:
            outgoing = (one.message_id._as_outgoing() for one in to_send)
            publisher.send(outgoing, SECONDS)
        return self._conclude_publishing(publisher, to_send, later, held, tries)

    def _hold_back_requests(self, waiting) -> models.BaseModel:
        """Leave requests whose answer nobody would hear to a job of their own, with
        what is not to overtake them.

        :return: these.
        :raise RetryableJobError: when it would be all.
        """
        held = waiting._of_same_topics(self._find_unheard(waiting.message_id))
        if held and held == waiting:
            self._come_back(
                self.env._("The broker has not granted %s yet.", self.response_topic)
            )
        if held:
            self._enqueue_publish(held)
        return held

    def _check_may_publish(self) -> None:
        if not self.active:
            raise FailedJobError(
                self.env._("“%s” is archived: set Active, then requeue.", self.name)
            )
        neutralized = self.env["ir.config_parameter"].get_param(
            "database.is_neutralized"
        )
        if neutralized and str2bool(neutralized, True):
            raise FailedJobError(
                self.env._("This database is a neutralized copy: it publishes nothing.")
            )

    def _conclude_publishing(self, publisher, sent, later, held, tries) -> str:
        """Keep what was confirmed, and give the rest the jobs that it needs.

        :param later: what was not to be sent yet; it may not overtake either.
        :param held: what has a job of its own since this one began.
        """

        def of(keys) -> models.BaseModel:
            return sent.filtered(lambda one: one.message_id.id in keys)

        confirmed = of(publisher.confirmed)
        hopeless, refused = of(publisher.hopeless), of(publisher.refused)
        unsent = sent - confirmed - hopeless
        # Without a problem its time was up, and only what is refused holds others up.
        stuck = unsent if publisher.problem else refused
        left = (unsent + later)._of_same_topics(stuck.message_id)
        later = unsent + later - left
        refused = left._of_same_topics(refused.message_id)
        culprit = left.browse()
        if publisher.problem and tries and len(publisher.under_way) == 1:
            culprit = left._of_same_topics(of(publisher.under_way).message_id)
        groups = [
            *hopeless,
            *refused.grouped(lambda one: one.message_id.topic).values(),
            culprit,
            left - refused - culprit,
        ]
        groups = [group for group in groups if group]
        # The same job tries again when there is nothing that need not wait for it.
        is_all = len(groups) == 1 and sent <= groups[0]
        if is_all and (publisher.problem or not (later or held)):
            self._raise_publishing(publisher, sent)
        self._hand_to_handlers(confirmed.message_id)
        confirmed.unlink()
        for group in groups:
            never_tried = group <= hopeless
            self._enqueue_publish(
                group,
                tries=0 if never_tried else 1,
                why=self._describe_unsent(publisher, group),
            )
        if later:
            self._enqueue_publish(later)
        return self.env._(
            "Published: %(count)s, left to other jobs: %(left)s",
            count=len(publisher.confirmed),
            left=len(sent) - len(confirmed),
        )

    def _raise_publishing(self, publisher, sent) -> NoReturn:
        """Nothing could be published: say why."""
        why = self._describe_unsent(publisher, sent)
        if sent[0].message_id.id in publisher.hopeless:
            raise FailedJobError(why)
        raise RetryableJobError(why)

    def _describe_unsent(self, publisher, group) -> str:
        """What kept messages that go together from being sent."""
        refused, hopeless = publisher.refused, publisher.hopeless
        own = (refused.get(key) or hopeless.get(key) for key in group.message_id.ids)
        return self._describe_publish_problem(
            next(filter(None, own), publisher.problem)
        )

    def _hand_to_handlers(self, messages) -> None:
        """Give messages that were sent to the handlers that ask for such."""
        handlers_of = self._matcher("send")
        for message in messages:
            for handler_id, *_others in handlers_of(message.topic):
                message.has_handlers = True
                message._enqueue_handle(self.env["mqtt.handler"].browse(handler_id))

    def _job_publish_failed(self, exc_info="", exc_name="", **_details) -> None:
        """Called by queue_job when a job that publishes failed."""
        self._after_outage(exc_name, exc_info, "_job_publish")
