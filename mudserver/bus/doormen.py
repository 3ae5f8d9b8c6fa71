"""Who may join the bus, and what they may do there."""

import socket
from collections.abc import Mapping
from typing import Protocol

from mudserver.bus.commands import JoinRefused, PeerInfo
from mudserver.bus.rights import Rights, rights_of
from mudserver.unix_sockets import SocketPeer


class Doorman(Protocol):
    """Stands at an entrance of a hub."""

    def admit(self, transport: object, claimed: PeerInfo) -> Rights:
        """
        Let a peer in.

        Args:
            transport: How it came; where that is encrypted, with the certificate that it showed.
            claimed: Who it says it is.

        Returns:
            What it may do.

        Raises:
            JoinRefused: It may not join; the message says why, to the peer.
        """


class Believer:
    """
    Takes peers for what they say they are.

    For entrances that none but those can reach who may be believed: Unix sockets, by their mode,
    and plain TCP on loopback.
    """

    def admit(self, transport: object, claimed: PeerInfo) -> Rights:
        """Implement `Doorman.admit`: every gateway and every world may join."""
        del transport
        rights = rights_of(claimed.role, claimed.name)
        if rights is None:
            raise JoinRefused(f"There is no role {claimed.role} on the bus.")
        return rights


class UserDoorman:
    """
    Lets in those processes that run as certain users; for Unix sockets.

    Args:
        users: As what the processes of each may join, by user id.
        then: Asked about those whom it lets in.
    """

    def __init__(self, users: Mapping[int, frozenset[str]], then: Doorman) -> None:
        self._users = users
        self._then = then

    def admit(self, transport: object, claimed: PeerInfo) -> Rights:
        """Implement `Doorman.admit`: the kernel says who the peer runs as."""
        user = _user_at(transport)
        roles = None if user is None else self._users.get(user)
        who = "a user whom we don't know" if user is None else f"uid {user}"
        if roles is None:
            raise JoinRefused(f"Processes of {who} may not join.")
        if claimed.role not in roles:
            raise JoinRefused(f"Processes of {who} may not join as {claimed.role}.")
        return self._then.admit(transport, claimed)


def _user_at(transport: object) -> int | None:
    """Return the user id at the other end of a Unix socket; None where nothing tells it."""
    handle = getattr(transport, "getHandle", lambda: None)()
    found = SocketPeer.of(handle) if isinstance(handle, socket.socket) else None
    return None if found is None else found.user
