"""The listener's loggers: one line for each record, whatever a broker says in it."""

from ..mqtt.log import get_logger

__all__ = ["get_logger"]
