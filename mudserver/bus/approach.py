"""The way to a hub, which says what is in the way."""

from typing import Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

#: What is in the way where nothing is known to be.
_NOTHING: Final = ""


@implementer(IStreamClientEndpoint)
class Approach:
    """
    Connects as another endpoint does. Who tries again and again has each reason in the log once,
    until it is another one, or the hub was reached.

    Args:
        endpoint: Leads to the hub.
        address: The same, as the operator wrote it.
    """

    _log = Logger()

    def __init__(self, endpoint: IStreamClientEndpoint, address: str) -> None:
        self._endpoint = endpoint
        self._address = address
        self._reason = _NOTHING

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Implement `IStreamClientEndpoint.connect`; fails as the other endpoint does."""
        connecting: Deferred[IProtocol] = self._endpoint.connect(protocolFactory)
        return connecting.addCallbacks(self._reached, self._missed)

    def _reached(self, protocol: IProtocol) -> IProtocol:
        self._reason = _NOTHING
        return protocol

    def _missed(self, failure: Failure) -> Failure:
        reason = failure.getErrorMessage()
        if reason != self._reason and not failure.check(CancelledError):
            self._reason = reason
            self._log.warn(
                "The hub of the bus at {address} can't be reached, and is tried again: {reason}",
                address=self._address,
                reason=reason,
            )
        return failure
