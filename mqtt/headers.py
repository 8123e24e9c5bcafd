"""Headers of a WebSocket's first request, as people write them: a line each."""

from __future__ import annotations

Headers = tuple[tuple[str, str], ...]


class HeaderError(ValueError):
    """A line is no header. It is not quoted: it may be a secret."""


def parse_headers(text: str) -> Headers:
    """Pairs of name and value.

    :raise HeaderError: when a line has no name that HTTP allows (RFC 9110 section 5.1),
        or a value that would not stay in its line.
    """
    lines = [line.partition(":") for line in text.splitlines() if line.strip()]
    headers = tuple((name.strip(), value.strip()) for name, _colon, value in lines)
    if not all(colon for _name, colon, _value in lines) or not all(
        _is_name(name) and value.isprintable() for name, value in headers
    ):
        raise HeaderError("no header")
    return headers


def _is_name(text: str) -> bool:
    return text.isascii() and text.replace("-", "").replace("_", "").isalnum()
