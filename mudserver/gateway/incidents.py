"""
What is refused and what fails at connections, in the log: one line each, with whom it concerns.

Nothing that a peer sent stands in these lines, but for the name of a character that plays.
"""

from typing import Final

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from mudserver.gateway.origin import network_of
from mudserver.ids import SessionId
from mudserver.session.bucket import Bucket, Rate
from mudserver.session.keyed_buckets import KeyedBuckets

#: Lines about what one address (IPv6: one /64) is refused: some at once, then one in ten seconds.
#: The next line says how many were left out; the metric ``refusals`` counts them all.
ADDRESS_LINES: Final = Rate(per_second=0.1, burst=10.0)

#: Lines about what all addresses together are refused; a flood from many shall not fill the disk.
ALL_LINES: Final = Rate(per_second=10.0, burst=100.0)


@frozen
class Peer:
    """
    Whom a line of the log is about.

    Attributes:
        transport: How they are connected.
        address: From where.
        session: What the connection carries; None while it carries none.
        character: Who is played by it.
    """

    transport: str
    address: str
    session: SessionId | None = None
    character: str | None = None


class Incidents:
    """
    Logs what goes wrong at connections.

    Args:
        clock: What the lines about refusals are counted by.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._of_address: KeyedBuckets[str] = KeyedBuckets(ADDRESS_LINES)
        self._of_all = Bucket(ALL_LINES)
        self._left_out = 0

    def refused(self, peer: Peer, code: str, cause: str) -> None:
        """
        Something that a peer sent was refused.

        Args:
            peer: Who sent it.
            code: As the peer is told.
            cause: In words of ours; nothing of what was sent.
        """
        now = self._clock.seconds()
        place = network_of(peer.address)
        if not (self._of_address.take(place, now) and self._of_all.take(now)):
            self._left_out += 1
            return
        left_out, self._left_out = self._left_out, 0
        self._log.info(
            "Refused {code} to {address}: {cause}",
            code=code,
            cause=cause,
            left_out=left_out,
            transport=peer.transport,
            address=peer.address,
            session=peer.session,
            character=peer.character,
        )

    def failed(self, peer: Peer, doing: str) -> None:
        """
        We failed a peer; to be called where the failure is caught.

        Args:
            peer: Who bears it.
            doing: What failed.
        """
        self._log.failure(
            "{doing} failed for {address}.",
            doing=doing,
            transport=peer.transport,
            address=peer.address,
            session=peer.session,
            character=peer.character,
        )
