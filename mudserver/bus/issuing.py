"""A small private authority for the bus: its certificate, and one for each peer."""

import os
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mudserver.bus.rights import GATEWAY_ROLE, WORLD_ROLE
from mudserver.bus.tls import HUB_HOST, peer_host
from mudserver.errors import StartupError

#: What a peer may be called in a certificate: a DNS label (RFC 1035 §2.3.1), or ``*`` for any.
_NAME: Final = re.compile(r"\*|[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

#: The role of a hub.
HUB: Final = "bus"

#: What stands behind a world that hosts the hub.
_HOSTING: Final = f"+{HUB}"

#: How long the authority lasts, and the certificates that it signs unless told otherwise.
AUTHORITY_LIFE: Final = timedelta(days=3_650)
LIFE: Final = timedelta(days=730)

#: For clocks that differ.
_EARLIER: Final = timedelta(minutes=5)

_AUTHORITY: Final = "ca.pem"
_AUTHORITY_KEY: Final = "ca-key.pem"

_SECRET: Final = 0o600
_PUBLIC: Final = 0o644


@frozen
class Subject:
    """
    Whom a certificate is for.

    Attributes:
        role: `HUB`, ``world`` or ``gateway``.
        name: The peer's name; ``*`` for all of that role. Of a hub it only names the file.
        hosts: Whether it is a world that hosts the hub, too.
    """

    role: str
    name: str = "*"
    hosts: bool = False

    @property
    def file(self) -> str:
        """The name of its file."""
        own = self.role if self.name == "*" else f"{self.role}-{self.name}"
        return f"{own}{_HOSTING if self.hosts else ''}.pem"

    @property
    def names(self) -> tuple[str, ...]:
        """What the certificate is for."""
        if self.role == HUB:
            return (HUB_HOST,)
        own = peer_host(self.role, self.name)
        return (own, HUB_HOST) if self.hosts else (own,)

    @property
    def purposes(self) -> tuple[x509.ObjectIdentifier, ...]:
        """What it may be shown as (RFC 5280 §4.2.1.12)."""
        as_peer = () if self.role == HUB else (ExtendedKeyUsageOID.CLIENT_AUTH,)
        as_hub = (ExtendedKeyUsageOID.SERVER_AUTH,) if self.role == HUB or self.hosts else ()
        return (*as_peer, *as_hub)

    @classmethod
    def parse(cls, text: str) -> "Subject":
        """
        Read ``ROLE`` or ``ROLE:NAME``; of a world with ``+bus`` behind it where it hosts the hub.

        Raises:
            ValueError: It is none of these; the message says what is wrong.
        """
        hosts = text.endswith(_HOSTING)
        role, _, name = text.removesuffix(_HOSTING).partition(":")
        if role not in (HUB, WORLD_ROLE, GATEWAY_ROLE):
            raise ValueError(f"{role!r} is no role: {HUB}, {WORLD_ROLE} or {GATEWAY_ROLE}")
        if not _NAME.fullmatch(name or "*"):
            raise ValueError(f"{name!r}: a name has small letters, digits and inner hyphens")
        if hosts and role != WORLD_ROLE:
            raise ValueError(f"{text!r}: only a {WORLD_ROLE} hosts the hub")
        return cls(role, name or "*", hosts)


#: Enough for a first set-up.
FIRST: Final = (Subject(HUB), Subject(WORLD_ROLE), Subject(GATEWAY_ROLE))


def issue(
    folder: Path, subjects: tuple[Subject, ...], now: datetime, life: timedelta = LIFE
) -> tuple[Path, ...]:
    """
    Sign a certificate for each, by the authority of that folder; where there is none, make it.

    Each is a file with the certificate and its key, which only its owner can read. Those that are
    there already stay as they are, unless they were to be issued again.

    Args:
        folder: Where all of it is; made where it isn't there.
        subjects: For whom.
        now: From when on (UTC).
        life: For how long.

    Returns:
        The files that were written.

    Raises:
        StartupError: A file is there already, or can't be read or written; nothing was replaced.
    """
    files = [folder / each.file for each in subjects]
    taken = [str(file) for file in files if file.exists()]
    if taken:
        raise StartupError(f"{', '.join(taken)}: there already; move it away to have another one")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        written, authority, key = _authority(folder, now)
        for subject, file in zip(subjects, files, strict=True):
            _write(file, _signed(subject, authority, key, now, life), _SECRET)
            written.append(file)
    except OSError as error:
        raise StartupError(f"{error.filename}: {error.strerror}") from None
    return tuple(written)


def _authority(
    folder: Path, now: datetime
) -> tuple[list[Path], x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Read the authority, or make it; returns what was written, its certificate and key."""
    public, secret = folder / _AUTHORITY, folder / _AUTHORITY_KEY
    if public.exists() or secret.exists():
        return [], *_read_authority(public, secret)
    key = ec.generate_private_key(ec.SECP256R1())
    name = _named("mudserver bus authority")
    certificate = (
        _begun(name, name, key, now, AUTHORITY_LIFE)
        .add_extension(_by(key), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .sign(key, SHA256())
    )
    _write(secret, _pem(key), _SECRET)
    _write(public, certificate.public_bytes(Encoding.PEM), _PUBLIC)
    return [public, secret], certificate, key


def _read_authority(
    public: Path, secret: Path
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        certificate = x509.load_pem_x509_certificate(public.read_bytes())
        key = load_pem_private_key(secret.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise StartupError(f"the authority in {public.parent} can't be read: {error}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != (
        certificate.public_key()
    ):
        raise StartupError(f"{secret} is not the key of {public}")
    return certificate, key


def _signed(
    subject: Subject,
    authority: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    life: timedelta,
) -> bytes:
    own = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName(name) for name in subject.names])
    certificate = (
        _begun(_named(subject.names[0]), authority.subject, own, now, life)
        .add_extension(_by(key), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(subject.purposes), critical=False)
        .add_extension(names, critical=False)
        .sign(key, SHA256())
    )
    return certificate.public_bytes(Encoding.PEM) + _pem(own)


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _by(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    """Say which of several authorities signs: all are called alike (RFC 5280 §4.2.1.1)."""
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(file: Path, data: bytes, mode: int) -> None:
    """Write a new file that nobody else can read meanwhile."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(data)
