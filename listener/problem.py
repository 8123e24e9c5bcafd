"""What went wrong with a connection, as a code that the database can word."""

from __future__ import annotations

import socket
from dataclasses import dataclass

# MQTT 5.0 section 2.4; paho translates the return codes of 3.1.1 into these.
_REASONS = {
    0x81: "protocol",
    0x82: "protocol",
    0x84: "protocol",
    0x85: "client_id",
    0x86: "credentials",
    0x87: "not_authorized",
    0x88: "busy",
    0x89: "busy",
    0x8A: "not_authorized",
    0x8B: "busy",
    0x8C: "credentials",
    0x8D: "silent",
    0x8E: "taken_over",
    0x97: "busy",
    0x9C: "moved",
    0x9D: "moved",
    0x9F: "busy",
}


@dataclass(frozen=True)
class Problem:
    """A code that ``mqtt.service._describe_problem`` words, and what is known more."""

    code: str
    detail: str = ""

    @classmethod
    def from_reason(cls, value: int, text: str) -> Problem:
        """:param value: reason code of CONNACK or DISCONNECT; :param text: its name."""
        return cls(_REASONS.get(value, "other"), text)

    @classmethod
    def from_exception(cls, error: Exception) -> Problem:
        """From what connecting raised."""
        match error:
            case socket.gaierror() | UnicodeError():
                return cls("name_unknown", str(error))
            case ConnectionRefusedError():
                return cls("refused", str(error))
            case TimeoutError():
                return cls("timeout", str(error))
            case ConnectionError():
                return cls("lost", str(error))
            case OSError():
                return cls("unreachable", error.strerror or str(error))
        return cls("other", f"{type(error).__name__}: {error}")
