# Copyright 2026 mqtt_listener contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Authorities and certificates, good and bad, made while a test runs."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


class Identity:
    """A certificate and its key.

    :param name: common name, and the name of a host (or its address) for a server.
    :param issuer: the :class:`Identity` that signs it; none: it signs itself.
    :param days: for which it is valid; below 0, since so many it is not.
    :param is_authority: whether it may sign others.
    """

    def __init__(self, name, issuer=None, days=365, is_authority=False):
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.timezone.utc)
        self.end = (now + days * DAY).replace(microsecond=0)
        try:
            alternative = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            alternative = x509.DNSName(name)
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(issuer.name if issuer else self.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(min(now, self.end) - DAY)
            .not_valid_after(self.end)
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        )
        if not is_authority:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([alternative]), critical=False
            )
        self.x509 = builder.sign(issuer.key if issuer else self.key, hashes.SHA256())

    @property
    def certificate(self):
        """As PEM."""
        return self.x509.public_bytes(serialization.Encoding.PEM).decode()

    def private_key(self, password=None):
        """As PEM, encrypted if there is a password."""
        encryption = (
            serialization.BestAvailableEncryption(password.encode())
            if password
            else serialization.NoEncryption()
        )
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        ).decode()

    def write(self, folder):  # pylint: disable=method-required-super
        """Into files, for a broker: (certificate, key)."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = folder / "certificate.pem", folder / "key.pem"
        for path, text in zip(
            paths, (self.certificate, self.private_key()), strict=True
        ):
            path.write_text(text)
        return paths
