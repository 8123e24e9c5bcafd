"""A secret that is kept outside of the database, named by where it is.

``env:MQTT_PLANT_PASSWORD`` is a variable of the environment, ``conf:secret_plant`` an
option of the server's configuration. Only names that begin so can be referred to: who
configures a service could have anything else sent to a broker.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

OPTION_PREFIX = "secret_"
_REFERENCE = re.compile(rf"env:(MQTT_\w+)|conf:({OPTION_PREFIX}\w+)", re.ASCII)


class SecretMissing(ValueError):
    """There is nothing where a secret should be.

    :ivar reference: where that is.
    """

    def __init__(self, reference: str):
        super().__init__(reference)
        self.reference = reference


class OptionsUnreadable(ValueError):
    """The configuration that a secret should be in cannot be read.

    :ivar path: of its file; nothing of what stands there.
    """

    def __init__(self, path: str):
        super().__init__(f"{path} cannot be read")
        self.path = path


def is_reference(text: str) -> bool:
    """Whether this is the name of a place where a secret may be."""
    return _REFERENCE.fullmatch(text) is not None


def look_up(
    reference: str,
    environment: Mapping[str, str],
    read_options: Callable[[], Mapping[str, str]],
) -> str:
    """The secret that a reference names.

    :param read_options: reads those of the configuration, in lower case.
    :raise SecretMissing: when it is not there, or empty.
    :raise OptionsUnreadable: when that cannot be known, by ``read_options``.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise SecretMissing(reference)
    if match[1]:
        found = environment.get(match[1])
    else:
        found = read_options().get(match[2].lower())
    if not found:
        raise SecretMissing(reference)
    return found
