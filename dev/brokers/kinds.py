# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The brokers that are tried."""

from .activemq import ActiveMQ
from .broker import Broker
from .mosquitto import Mosquitto20, Mosquitto21, MosquittoSqlite
from .nats import Nats
from .rabbitmq import RabbitMQ

KINDS: "tuple[type[Broker], ...]" = (
    Mosquitto20,
    Mosquitto21,
    MosquittoSqlite,
    RabbitMQ,
    Nats,
    ActiveMQ,
)
