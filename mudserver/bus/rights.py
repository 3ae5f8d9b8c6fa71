"""Which subjects a peer of the bus may use, and how."""

from typing import Final

from attrs import frozen

from mudserver.bus.subjects import covers, is_subject, matches
from mudserver.ids import GatewayId
from mudserver.interfaces.bus import EVERY_GATEWAY, GATEWAYS, WORLD, gateway_subject
from mudserver.interfaces.standby import EVERY_STANDBY, standby_subject

#: The roles that peers have.
GATEWAY_ROLE: Final = "gateway"
WORLD_ROLE: Final = "world"

#: Characters of a peer's name.
MAX_NAME_CHARACTERS: Final = 64


@frozen
class Rights:
    """
    What one peer may do; what isn't here is refused.

    Attributes:
        publish: Patterns of the subjects that it may send to.
        subscribe: … that it may receive from.
        respond: … that it may answer on.
        ask: … that it may ask on.
        watch: … of which it may know who responds there.
    """

    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()
    respond: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    watch: tuple[str, ...] = ()

    def may_publish(self, subject: str) -> bool:
        """Tell whether the peer may send there."""
        return any(matches(pattern, subject) for pattern in self.publish)

    def may_subscribe(self, pattern: str) -> bool:
        """Tell whether the peer may receive all that this pattern matches."""
        return any(covers(allowed, pattern) for allowed in self.subscribe)

    def may_respond(self, subject: str) -> bool:
        """Tell whether the peer may answer there."""
        return any(matches(pattern, subject) for pattern in self.respond)

    def may_ask(self, subject: str) -> bool:
        """Tell whether the peer may ask there."""
        return any(matches(pattern, subject) for pattern in self.ask)

    def may_watch(self, pattern: str) -> bool:
        """Tell whether the peer may know who responds on all that this pattern matches."""
        return any(covers(allowed, pattern) for allowed in self.watch)


#: A peer that may do anything; no role has them.
ALL_RIGHTS: Final = Rights((">",), (">",), (">",), (">",), (">",))


def is_peer_name(name: str) -> bool:
    """Tell whether a peer may be called so: one word of a subject, without a slash."""
    return (
        0 < len(name) <= MAX_NAME_CHARACTERS
        and "." not in name
        and "/" not in name
        and is_subject(name)
    )


def rights_of(role: str, name: str) -> Rights | None:
    """
    Return what a peer may do by its role; None where there is no such role.

    Args:
        role: `GATEWAY_ROLE` or `WORLD_ROLE`.
        name: The peer's, which `is_peer_name` has accepted: what a gateway receives is for that
            gateway alone.
    """
    if role == GATEWAY_ROLE:
        own = gateway_subject(GatewayId(name))
        return Rights(
            publish=(WORLD,),
            subscribe=(own, GATEWAYS),
            respond=(own,),
            ask=(WORLD, EVERY_GATEWAY),
            watch=(WORLD, EVERY_GATEWAY),
        )
    if role == WORLD_ROLE:
        return Rights(
            publish=(EVERY_GATEWAY, GATEWAYS),
            subscribe=(WORLD,),
            respond=(WORLD, standby_subject(name)),
            ask=(WORLD, EVERY_GATEWAY, EVERY_STANDBY),
            watch=(WORLD, EVERY_GATEWAY, EVERY_STANDBY),
        )
    return None
