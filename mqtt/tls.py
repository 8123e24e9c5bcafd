# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""TLS as a service is set up for it: PEM texts in, an SSL context out. No sockets."""

from __future__ import annotations

import os
import re
import secrets
import ssl
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization as pem
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import (
        PrivateKeyTypes,
        PublicKeyTypes,
    )

_CERTIFICATE = re.compile(
    "-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL
)
_KEY = re.compile("-----BEGIN [A-Z ]*PRIVATE KEY-----")


class TlsError(ValueError):
    """What is wrong with the certificates and the key of a service.

    :ivar code: ``authorities``, ``certificate``, ``certificate_missing``,
        ``certificate_ended``, ``key``, ``key_missing``, ``key_password`` or
        ``key_mismatch``.
    """

    def __init__(self, code: str):
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Certificate:
    """What people want to know of a certificate.

    :param end: naive UTC, as Odoo keeps times.
    """

    names: tuple[str, ...]
    issuer: str
    end: datetime

    @classmethod
    def from_der(cls, content: bytes) -> Certificate:
        """:raise ValueError: when it is none."""
        return cls._from_x509(x509.load_der_x509_certificate(content))

    @classmethod
    def from_pem(cls, text: str) -> Certificate:
        """The first of a chain.

        :raise ValueError: when there is none.
        """
        return cls._from_x509(_certificates(text)[0])

    @classmethod
    def _from_x509(cls, certificate: x509.Certificate) -> Certificate:
        return cls(
            names=_names(certificate),
            issuer=_common_name(certificate.issuer),
            end=_end(certificate),
        )


@dataclass(frozen=True)
class Tls:
    """How a service's connection is secured.

    :param authorities: PEM of those that may have signed the broker's certificate;
        empty: those that the system trusts.
    :param certificate: PEM of the client's certificate, and of what leads from it to
        its authority; empty: none.
    :param key: PEM of its private key.
    :param key_password: with which that is encrypted, if it is.
    :param unchecked: whether the broker's certificate does not matter.
    :param alpn: protocol names offered to the broker (RFC 7301).
    """

    authorities: str = ""
    certificate: str = ""
    key: str = field(default="", repr=False)
    key_password: str = field(default="", repr=False)
    unchecked: bool = False
    alpn: tuple[str, ...] = ()

    def context(self) -> ssl.SSLContext:
        """For a connection: TLS 1.2 at least, the host's name checked.

        :raise TlsError: when it cannot be.
        """
        context = ssl.create_default_context(cadata=self._checked_authorities())
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.unchecked:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.alpn:
            context.set_alpn_protocols(list(self.alpn))
        if self.certificate or self.key:
            _load_chain(context, *self._client_chain())
        return context

    def check(self) -> None:
        """:raise TlsError: when no context can be made, or the certificate ended."""
        self.context()
        if self.certificate:
            end = Certificate.from_pem(self.certificate).end
            if end < datetime.now(timezone.utc).replace(tzinfo=None):
                raise TlsError("certificate_ended")

    def _checked_authorities(self) -> str | None:
        if not self.authorities:
            return None
        try:
            found = _certificates(self.authorities)
        except ValueError as error:
            raise TlsError("authorities") from error
        return "".join(one.public_bytes(pem.Encoding.PEM).decode() for one in found)

    def _client_chain(self) -> tuple[PrivateKeyTypes, bytes]:
        """The key, and as PEM the certificate with what leads to its authority."""
        if not self.certificate:
            raise TlsError("certificate_missing")
        if not self.key:
            raise TlsError("key_missing")
        try:
            chain = _certificates(self.certificate)
        except ValueError as error:
            raise TlsError("certificate") from error
        key = self._private_key()
        if _public_pem(key.public_key()) != _public_pem(chain[0].public_key()):
            raise TlsError("key_mismatch")
        return key, b"".join(one.public_bytes(pem.Encoding.PEM) for one in chain)

    def _private_key(self) -> PrivateKeyTypes:
        content, password = self.key.encode(), self.key_password.encode()
        # From None: what the library says may quote what it was given.
        try:
            return pem.load_pem_private_key(content, None)
        except TypeError:
            is_encrypted = True
        except (ValueError, UnsupportedAlgorithm):
            is_encrypted = False
        try:
            return pem.load_pem_private_key(content, password or b"\0")
        except (TypeError, ValueError, UnsupportedAlgorithm):
            raise TlsError("key_password" if is_encrypted else "key") from None


def has_private_key(text: str) -> bool:
    """Whether there is one among these PEM blocks."""
    return _KEY.search(text) is not None


def _certificates(text: str) -> list[x509.Certificate]:
    """:raise ValueError: when there is none, or one cannot be read."""
    blocks = _CERTIFICATE.findall(text)
    if not blocks:
        raise ValueError("no certificate")
    try:
        return [x509.load_pem_x509_certificate(one.encode()) for one in blocks]
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error


def _end(certificate: x509.Certificate) -> datetime:
    # Odoo 19 allows versions of the library that do not know the first.
    with_zone = getattr(certificate, "not_valid_after_utc", None)
    return with_zone.replace(tzinfo=None) if with_zone else certificate.not_valid_after


def _load_chain(context: ssl.SSLContext, key: PrivateKeyTypes, chain: bytes) -> None:
    """Give a context its certificate and key, which Python takes from files only: one
    in memory, that no other process can open by a name. Where the system has none, one
    that is gone at once, with the key encrypted by a password that nobody else knows.

    :param key: of the certificate.
    :param chain: PEM of the certificate and of what leads to its authority.
    """
    try:
        if has_memory_files():
            descriptor = os.memfd_create("mqtt-client-certificate", os.MFD_CLOEXEC)
            with open(descriptor, "wb") as file:
                file.write(_key_pem(key, pem.NoEncryption()) + chain)
                file.flush()
                context.load_cert_chain(f"/proc/self/fd/{descriptor}")
            return
        password = secrets.token_hex(32).encode()
        with tempfile.TemporaryDirectory() as folder:  # for its owner only
            path = Path(folder) / "client.pem"
            path.write_bytes(
                _key_pem(key, pem.BestAvailableEncryption(password)) + chain
            )
            context.load_cert_chain(path, password=password)
    except ssl.SSLError:
        raise TlsError("certificate") from None


def has_memory_files() -> bool:
    """Whether the system has files in memory that can be opened again: Linux."""
    return hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd")


def _key_pem(key: PrivateKeyTypes, encryption: pem.KeySerializationEncryption) -> bytes:
    return key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, encryption)


def _public_pem(key: PublicKeyTypes) -> bytes:
    """What tells two public keys apart: only from 40 on are they compared by ``==``."""
    return key.public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Those that a host is compared with, else the common name."""
    try:
        names = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except (x509.ExtensionNotFound, ValueError):
        return (_common_name(certificate.subject),)
    return tuple(str(name.value) for name in names)


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()
