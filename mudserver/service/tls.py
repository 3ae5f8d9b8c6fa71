"""TLS for servers, from an operator's PEM files."""

from pathlib import Path

from OpenSSL import SSL
from twisted.internet.ssl import ContextFactory

from mudserver.errors import ConfigError


class CertificateFiles(ContextFactory):
    """
    Speaks TLS 1.2 and later by the certificate in a file.

    Args:
        certificate: PEM: the certificate, and the chain up to its root.
        private_key: PEM: its key.

    Raises:
        ConfigError: They can't be read, or don't belong together.
    """

    isClient = False

    def __init__(self, certificate: Path, private_key: Path) -> None:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        try:
            for file in (certificate, private_key):
                file.read_bytes()
        except OSError as error:
            raise ConfigError("certificate", str(error.filename), f"{error.strerror}") from None
        try:
            context.use_certificate_chain_file(str(certificate))
            context.use_privatekey_file(str(private_key))
            context.check_privatekey()
        except SSL.Error as error:
            reasons = [reason for *_, reason in error.args[0] if reason]
            words = "; ".join(dict.fromkeys(reasons)) or "not a PEM file"
            raise ConfigError(
                "certificate", f"{certificate}, {private_key}", f"can't be used: {words}"
            ) from None
        self._context = context

    def getContext(self) -> SSL.Context:
        """Return the context that all connections share."""
        return self._context
