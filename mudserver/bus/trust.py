"""Whether the certificate at the other end of a link is good, and why not, in words."""

from typing import Final

from cryptography.x509.oid import NameOID
from OpenSSL import SSL, crypto
from service_identity import CertificateError, VerificationError
from service_identity.hazmat import DNS_ID, verify_service_identity
from service_identity.pyopenssl import extract_patterns
from twisted.python.failure import Failure

_STRANGE: Final = "is by an authority that we don't trust"

#: What OpenSSL's numbers mean (X509_STORE_CTX_get_error(3)), as far as operators see them.
_PROBLEMS: Final = {
    7: _STRANGE,
    9: "is not good yet: do the clocks agree?",
    10: "has ended",
    18: _STRANGE,
    19: _STRANGE,
    20: _STRANGE,
    21: _STRANGE,
    26: "is for another use",
}

#: How OpenSSL begins to tell that it is the other end that gave up (RFC 8446 §6).
_ALERT: Final = " alert "


class NotTrusted(SSL.Error):
    """
    A certificate is not good.

    Args:
        problem: Why not, in words.
    """

    def __init__(self, problem: str) -> None:
        # In the form of OpenSSL's own.
        super().__init__([("", "", problem)])


def judge(
    connection: SSL.Connection, shown: crypto.X509, error: int, depth: int, good: int
) -> bool:
    """
    Judge a certificate of the other end's chain within the handshake, as OpenSSL asks.

    Where the connection's application data name a host, the other end's own must be for it.

    Raises:
        NotTrusted: It is not good, which ends the handshake.
    """
    if not good:
        problem = _PROBLEMS.get(error, f"can't be trusted (OpenSSL's error {error})")
        raise NotTrusted(f"The certificate at the other end{_named(shown)} {problem}.")
    host = connection.get_app_data()
    if isinstance(host, str) and not depth:
        try:
            verify_service_identity(extract_patterns(shown), [DNS_ID(host)], [])
        except (VerificationError, CertificateError):
            raise NotTrusted(
                f"The certificate at the other end{_named(shown)} is not for {host}."
            ) from None
    return True


def why_lost(failure: Failure) -> str:
    """Return in words why a connection was lost, also where that was for its encryption."""
    error = failure.value
    if isinstance(error, NotTrusted):
        return reasons(error)
    if isinstance(error, SSL.Error) and error.args and isinstance(error.args[0], list):
        said = reasons(error)
        if _ALERT in said:
            _, _, alert = said.rpartition(_ALERT)
            return f"The other end refuses our certificate, or to speak TLS with us: {alert}."
        return f"There is no TLS with the other end: {said}."
    return f"The connection is lost: {failure.getErrorMessage()}"


def _named(shown: crypto.X509) -> str:
    try:
        subject = shown.to_cryptography().subject
        names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except ValueError:
        names = []
    return f", {names[0].value!s}," if names else ""


def reasons(error: SSL.Error | crypto.Error) -> str:
    """Return what OpenSSL says of an error; empty where that is nothing."""
    said = [reason for *_, reason in error.args[0] if reason]
    return "; ".join(dict.fromkeys(said))
