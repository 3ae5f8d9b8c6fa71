"""What one end of a link shows to the other, of files that may be renewed while it runs."""

from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

from attrs import frozen
from cryptography import x509
from OpenSSL import SSL
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import extract_patterns
from service_identity.hazmat import DNS_ID, verify_service_identity
from twisted.logger import Logger

from mudserver.errors import ConfigError

#: By which one sees that a file is another one: its time in nanoseconds, its size, its number.
_Stamp: TypeAlias = tuple[int, int, int]

_MISSING: Final[_Stamp] = (0, 0, 0)


@frozen
class Identity:
    """
    What one end shows, and whom it trusts.

    Attributes:
        authority: PEM: the certificate of the authority.
        certificate: PEM: our own, signed by it.
        key: PEM: its key.
        hosts: What our own has to be for.
    """

    authority: Path
    certificate: Path
    key: Path
    hosts: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them."""
        return self.authority, self.certificate, self.key

    def context(self) -> SSL.Context:
        """
        Return what TLS needs, for either end: a certificate of ours, and one of theirs demanded.

        Raises:
            ConfigError: A file can't be used; says which and why.
        """
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_min_proto_version(SSL.TLS1_3_VERSION)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
        for key, file, use in (
            ("bus_ca", self.authority, context.load_verify_locations),
            ("bus_certificate", self.certificate, context.use_certificate_chain_file),
            ("bus_key", self.key, context.use_privatekey_file),
        ):
            try:
                file.read_bytes()
                use(str(file))
            except OSError as error:
                raise ConfigError(key, str(file), f"{error.strerror}") from None
            except SSL.Error as error:
                raise ConfigError(key, str(file), f"can't be used: {_reason(error)}") from None
        return context

    def shown(self) -> x509.Certificate:
        """
        Return our own certificate.

        Raises:
            ConfigError: It can't be used, or is not for one of the hosts.
        """
        try:
            shown = x509.load_pem_x509_certificate(self.certificate.read_bytes())
            patterns = extract_patterns(shown)
        except (OSError, ValueError, CertificateError) as error:
            raise ConfigError(
                "bus_certificate", str(self.certificate), f"can't be used: {error}"
            ) from None
        for host in self.hosts:
            try:
                verify_service_identity(patterns, [DNS_ID(host)], [])
            except VerificationError:
                raise ConfigError(
                    "bus_certificate", str(self.certificate), f"is not for {host}"
                ) from None
        return shown


class Credentials:
    """
    What one end shows, as the files have it now.

    When they have changed they are read anew, for the connections from then on. New ones that can't
    be used are told to the log, and the old ones stay.

    Args:
        identity: The files.

    Attributes:
        expires: Until when what we show is good (UTC).

    Raises:
        ConfigError: A file can't be used, or is not for us.
    """

    _log = Logger()

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self._stamps = self._look()
        self._read()

    def context(self) -> SSL.Context:
        """Return what TLS needs for the next connection."""
        self.refresh()
        return self._context

    def refresh(self) -> None:
        """Read the files anew where they have changed."""
        stamps = self._look()
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            self._read()
        except ConfigError as error:
            self._log.error(
                "The new certificate for the bus can't be used, and the old one stays: {error}",
                error=error,
            )
        else:
            self._log.info(
                "The certificate for the bus was read anew; it is good until {until}.",
                until=self.expires.isoformat(),
            )

    def _look(self) -> tuple[_Stamp, ...]:
        return tuple(map(_stamp, self.identity.files))

    def _read(self) -> None:
        context = self.identity.context()
        self.expires: datetime = self.identity.shown().not_valid_after_utc
        self._context = context


def _stamp(file: Path) -> _Stamp:
    try:
        found = file.stat()
    except OSError:
        return _MISSING
    return found.st_mtime_ns, found.st_size, found.st_ino


def _reason(error: SSL.Error) -> str:
    reasons = [reason for *_, reason in error.args[0] if reason]
    return "; ".join(dict.fromkeys(reasons)) or "not a PEM file"
