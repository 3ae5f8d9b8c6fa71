"""What one end of a link shows to the other, of files that may be renewed while it runs."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

from attrs import frozen
from cryptography import x509
from OpenSSL import SSL, crypto
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import extract_patterns
from service_identity.hazmat import DNS_ID, verify_service_identity
from twisted.logger import Logger

from mudserver.bus.trust import judge, reasons
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
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, judge)
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
        try:
            # A key of another kind than the certificate's is taken up to here.
            context.check_privatekey()
        except SSL.Error as error:
            raise ConfigError(
                "bus_key", str(self.key), f"is not for {self.certificate}: {_reason(error)}"
            ) from None
        return context

    def shown(self) -> x509.Certificate:
        """
        Return our own certificate.

        Raises:
            ConfigError: It can't be used, or is not for one of the hosts.
        """
        shown = self._chain()[0]
        try:
            patterns = extract_patterns(shown)
        except (ValueError, CertificateError) as error:
            raise self._spoiled(f"can't be used: {error}") from None
        for host in self.hosts:
            try:
                verify_service_identity(patterns, [DNS_ID(host)], [])
            except VerificationError:
                raise self._spoiled(f"is not for {host}") from None
        return shown

    def verify(self, now: datetime) -> None:
        """
        Make sure that our own certificate is taken by those who trust whom we trust.

        Args:
            now: When (UTC).

        Raises:
            ConfigError: It has ended, or has not begun, or is not by our authority; or a file can't
                be used.
        """
        shown, *between = self._chain()
        if now < shown.not_valid_before_utc:
            raise self._spoiled(f"is good from {shown.not_valid_before_utc.isoformat()} on")
        if now > shown.not_valid_after_utc:
            raise self._spoiled(f"has ended at {shown.not_valid_after_utc.isoformat()}")
        store = crypto.X509Store()
        try:
            store.load_locations(str(self.authority))
            store.set_time(now)
            crypto.X509StoreContext(
                store,
                crypto.X509.from_cryptography(shown),
                [crypto.X509.from_cryptography(each) for each in between],
            ).verify_certificate()
        except crypto.X509StoreContextError as error:
            raise self._spoiled(f"is not good by {self.authority}: {error}") from None
        except crypto.Error as error:
            raise ConfigError(
                "bus_ca", str(self.authority), f"can't be used: {_reason(error)}"
            ) from None

    def _chain(self) -> list[x509.Certificate]:
        """Return our own certificate, and those between it and the authority's."""
        try:
            return x509.load_pem_x509_certificates(self.certificate.read_bytes())
        except (OSError, ValueError) as error:
            raise self._spoiled(f"can't be used: {error}") from None

    def _spoiled(self, problem: str) -> ConfigError:
        return ConfigError("bus_certificate", str(self.certificate), problem)


class Credentials:
    """
    What one end shows, as the files have it now.

    When they have changed they are read anew, for the connections from then on. New ones that can't
    be used, or that others would not take, are told to the log once, and the old ones stay. They
    are tried again each time, since what has not begun will.

    At the start there are no old ones: then what others would not take is used all the same.

    Args:
        identity: The files.
        utc_now: Says whether a certificate is good now.

    Attributes:
        expires: Until when what we show is good (UTC).
        spoiled: Whether the files as they are can't be used, or hold what others would not take.

    Raises:
        ConfigError: A file can't be used, or is not for us.
    """

    _log = Logger()

    def __init__(self, identity: Identity, utc_now: Callable[[], datetime]) -> None:
        self.identity = identity
        self.spoiled = False
        self._utc_now = utc_now
        self._stamps = self._look()
        self._read()
        try:
            identity.verify(utc_now())
        except ConfigError as error:
            self.spoiled = True
            self._log.error("Nobody on the bus will take our certificate: {error}", error=error)

    def context(self) -> SSL.Context:
        """Return what TLS needs for the next connection."""
        self.refresh()
        return self._context

    def refresh(self) -> None:
        """Read the files anew where they have changed, or could not be used."""
        stamps = self._look()
        changed = stamps != self._stamps
        if not changed and not self.spoiled:
            return
        self._stamps = stamps
        try:
            self.identity.verify(self._utc_now())
            self._read()
        except ConfigError as error:
            self.spoiled = True
            if changed:
                self._log.error(
                    "The new certificate for the bus can't be used, and the old one stays: {error}",
                    error=error,
                )
        else:
            self.spoiled = False
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


def _reason(error: SSL.Error | crypto.Error) -> str:
    return reasons(error) or "not a PEM file"
