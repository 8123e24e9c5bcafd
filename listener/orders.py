# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What other threads ask of the network thread of a service."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ..broker.settings import ServiceSettings
from .inbox import Delivery
from .observed import Prunable
from .reception import Reception

DRAIN_SECONDS = 3.5  # in which a stop commits and acknowledges what is here


@dataclass
class Orders:
    """Notes that other threads leave; each of them wakes the network thread.

    :param wake: wakes it.
    :ivar wanted: settings whose subscriptions and limits are to be applied.
    :ivar stop: set once the connection is to end.
    :ivar drain: seconds for what is here, from the stop on.
    :ivar may_connect: set while this process is known to have the service.
    """

    wake: Callable[[], None]
    wanted: ServiceSettings | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    drain: float = math.inf
    may_connect: threading.Event = field(default_factory=threading.Event)
    _durable: deque[Callable[[Reception], None]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.may_connect.set()

    @property
    def is_waiting(self) -> bool:
        """Whether the reception has still to learn of commits."""
        return bool(self._durable)

    @property
    def leaves_in_order(self) -> bool:
        """Whether the service stops, rather than this listener of it."""
        return self.stop.is_set() and self.drain > 0

    def committed(self, deliveries: list[Delivery], pruned: int) -> None:
        """Leave a note for :meth:`Reception.committed`."""
        self._durable.append(lambda of: of.committed(deliveries, pruned))
        self.wake()

    def pruned(self, prunable: Prunable) -> None:
        """Leave a note for :meth:`Reception.pruned`."""
        self._durable.append(lambda of: of.pruned(prunable))
        self.wake()

    def want(self, settings: ServiceSettings) -> None:
        """Have subscriptions and limits of these settings applied."""
        self.wanted = settings
        self.wake()

    def end(self, drain: float) -> None:
        """Have the thread end; call :attr:`wake` afterwards.

        :param drain: seconds for what is here; the least of several counts.
        """
        self.drain = min(self.drain, drain)
        self.stop.set()

    def hold(self, held: bool) -> None:
        """Whether a connection may be opened."""
        if held:
            self.may_connect.set()
        else:
            self.may_connect.clear()
        self.wake()

    def tell(self, reception: Reception) -> None:
        """Hand the notes of commits to the reception; by the network thread alone."""
        while self._durable:
            self._durable.popleft()(reception)

    def take_wanted(self) -> ServiceSettings | None:
        """The settings that were asked for since, once; by the network thread alone."""
        wanted, self.wanted = self.wanted, None
        return wanted
