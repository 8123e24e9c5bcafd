# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What went wrong with a connection, as a code that the database can word."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass

from ..mqtt.connect import HeaderError, UnsendableError
from ..mqtt.reference import OptionsUnreadable, SecretMissing, SecretNotBound
from ..mqtt.tls import TlsError
from ..mqtt.wording import name_error, short_line

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
    0x8E: "taken_over",
    0x97: "busy",
    0x9C: "moved",
    0x9D: "moved",
    0x9F: "busy",
}

# Of a DISCONNECT after a login that was good.
_LIVE_REASONS = {
    0x81: "ended_protocol",
    0x82: "ended_protocol",
    0x87: "ended_not_authorized",
    0x89: "busy",
    0x8B: "busy",
    0x8D: "ended_keepalive",
    0x8E: "taken_over",
    0x9C: "moved",
    0x9D: "moved",
    0x9F: "busy",
}
# Of CONNACK alone: the broker does not take the will that CONNECT had.
_WILL_REASONS = {0x9A: "will_retain", 0x9B: "will_qos"}
# OpenSSL's X509_V_ERR_…
_VERIFY_CODES = {
    9: "certificate_not_yet",
    10: "certificate_ended",
    18: "certificate_self_signed",
    2: "certificate_unknown",
    19: "certificate_unknown",
    20: "certificate_unknown",
    21: "certificate_unknown",
    62: "certificate_name",
    64: "certificate_name",
}
# OpenSSL's SSL_R_…, of the library itself and of alerts that the broker sent.
_TLS_REASONS = {
    "WRONG_VERSION_NUMBER": "no_tls",
    "HTTP_REQUEST": "no_tls",
    "UNEXPECTED_EOF_WHILE_READING": "tls_closed",
    "UNSUPPORTED_PROTOCOL": "tls_version",
    "TLSV1_ALERT_PROTOCOL_VERSION": "tls_version",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "client_certificate_missing",
    "TLSV1_ALERT_UNKNOWN_CA": "client_certificate_refused",
    "SSLV3_ALERT_BAD_CERTIFICATE": "client_certificate_refused",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "client_certificate_refused",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "client_certificate_refused",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "client_certificate_refused",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "client_certificate_refused",
    "TLSV1_ALERT_ACCESS_DENIED": "client_certificate_refused",
    "NO_APPLICATION_PROTOCOL": "alpn",
    "TLSV1_ALERT_NO_APPLICATION_PROTOCOL": "alpn",
}


class WebSocketRefused(ConnectionError):
    """What answered does not speak MQTT over WebSockets there."""


@dataclass(frozen=True)
class Problem:
    """A code that ``mqtt.service._describe_problem`` words, and what is known more."""

    code: str
    detail: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "detail", short_line(self.detail))

    @classmethod
    def from_reason(
        cls, value: int, text: str, *, has_will: bool = False, is_live: bool = False
    ) -> Problem:
        """:param value: reason code of CONNACK or DISCONNECT; :param text: its name.
        :param has_will: whether it is the answer to a CONNECT with a will.
        :param is_live: whether it ends a connection whose login was good.
        """
        if is_live:
            return cls(_LIVE_REASONS.get(value, "ended"), text)
        reasons = {**_REASONS, **_WILL_REASONS} if has_will else _REASONS
        return cls(reasons.get(value, "other"), text)

    @classmethod
    def from_exception(cls, error: Exception) -> Problem:
        """From what connecting raised."""
        match error:
            case ssl.SSLCertVerificationError():
                code = _VERIFY_CODES.get(error.verify_code, "certificate_other")
                return cls(code, error.verify_message)
            case ssl.SSLEOFError():
                return cls("tls_closed", str(error))
            case ssl.SSLError():
                return cls(_TLS_REASONS.get(error.reason, "tls_other"), str(error))
            case (
                TlsError()
                | SecretMissing()
                | SecretNotBound()
                | OptionsUnreadable()
                | HeaderError()
                | UnsendableError()
            ):
                return cls._from_settings(error)
            case WebSocketRefused():
                return cls("websocket", str(error))
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
        return cls("other", name_error(error))

    @classmethod
    def _from_settings(cls, error: ValueError) -> Problem:
        """What cannot even be tried."""
        match error:
            case TlsError():
                return cls("tls_setup", error.code)
            case SecretMissing():
                return cls("secret_missing", error.reference)
            case SecretNotBound():
                return cls("secret_unbound", f"{error.reference} {error.entry}")
            case UnsendableError():
                return cls("unsendable", error.field)
            case OptionsUnreadable():
                return cls("options_unreadable", error.path)
        return cls("headers")


class ConnectionEnded(Exception):
    """A connection is over, for the reason in ``problem``."""

    def __init__(self, problem: Problem | None):
        super().__init__(problem)
        self.problem = problem
