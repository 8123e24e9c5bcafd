# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Listens to a broker for some seconds, to see which topics there are."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..mqtt.payload import decode_text
from ..mqtt.publish_packet import Publish
from ..mqtt.topic import TopicError, TopicFilter
from .endpoint import Endpoint
from .problem import Problem
from .settings import ServiceSettings, SubscriptionSettings
from .visit import Visit, VisitFailed

LOOK_SECONDS = 10.0
MAX_TOPICS = 1_000
MAX_TOPIC_BYTES = 1024 * 1024  # of all topics together
KEEP_BYTES = 16 * 1024  # of a larger payload, only the size is known


@dataclass
class SeenTopic:
    """What came on one topic.

    :ivar payload: the last one; ``None`` where it was too large to be kept.
    :ivar size: of the last payload, in bytes.
    """

    count: int = 0
    size: int = 0
    payload: bytes | None = None


@dataclass
class Look:
    """What was seen of a broker.

    :ivar topic_filter: that was subscribed to.
    :ivar topics: as they are on the wire, in the order in which they first came.
    :ivar is_full: whether it ended early, because there were too many.
    :ivar problem: why it ended early, ``None`` when it did not.
    """

    topic_filter: TopicFilter
    topics: dict[bytes, SeenTopic] = field(default_factory=dict)
    is_full: bool = False
    problem: Problem | None = None
    _topic_bytes: int = 0

    def add(self, publish: Publish) -> bool:
        """Count a message in.

        :return: whether there is no room for another topic.
        """
        seen = self.topics.get(publish.topic)
        if seen is None:
            if not self._is_wanted(publish.topic):
                return False
            self._topic_bytes += len(publish.topic)
            if len(self.topics) == MAX_TOPICS or self._topic_bytes > MAX_TOPIC_BYTES:
                self.is_full = True
                return True
            seen = self.topics[publish.topic] = SeenTopic()
        seen.count += 1
        left_out = publish.left_out
        seen.size = left_out.size if left_out else len(publish.payload)
        seen.payload = None if left_out else bytes(publish.payload)
        return False

    def _is_wanted(self, topic: bytes) -> bool:
        """Whether the broker may send it: it offers what is subscribed to next."""
        text = decode_text(topic)
        if text is None or set(text) & set("+#"):
            return False
        try:
            return self.topic_filter.covers(TopicFilter(text))
        except TopicError:
            return False


def look(
    settings: ServiceSettings,
    topic_filter: TopicFilter,
    *,
    seconds: float = LOOK_SECONDS,
) -> Look:
    """Subscribe with QoS 0 over a connection of its own, and see what comes.

    Time and memory are bounded, and nothing is acknowledged or left at the broker.

    :param seconds: after which it ends.
    """
    found = Look(topic_filter)
    subscription = SubscriptionSettings(
        id=0,
        topic_filter=topic_filter,
        qos=0,
        no_local=False,
        retain_as_published=True,
        retain_handling=0,
        store=False,
        at_once=False,
        identifier=0,
    )
    try:
        visit = Visit(settings, Endpoint(settings))
        try:
            visit.log_in()
            visit.listen(
                subscription, found.add, seconds=seconds, keep_bytes=KEEP_BYTES
            )
        finally:
            visit.close()
    except VisitFailed as failure:
        found.problem = failure.problem
    except (OSError, ValueError) as error:
        found.problem = Problem.from_exception(error)
    return found
