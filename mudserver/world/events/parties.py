"""Parties: who comes and goes, and what is said there."""

from datetime import datetime

from attrs import frozen

from mudserver.ids import CharacterId
from mudserver.world.events.audience import Audience


@frozen
class InvitedToParty:
    """
    Someone invited another into their party.

    Attributes:
        until: When the invitation ends (UTC).
    """

    character: CharacterId
    name: str
    target: CharacterId
    target_name: str
    until: datetime

    @property
    def audience(self) -> Audience:
        """The two."""
        return Audience(actor=self.character, target=self.target)


@frozen
class JoinedParty:
    """
    Someone joined the party of another who had invited them.

    Attributes:
        host: Who that is; by the first who joins, they lead a party.
        others: Who was in it before, the host too.
    """

    character: CharacterId
    name: str
    host: CharacterId
    host_name: str
    others: frozenset[CharacterId]

    @property
    def audience(self) -> Audience:
        """The party."""
        return Audience(actor=self.character, members=self.others)


@frozen
class LeftParty:
    """
    Someone left their party.

    Attributes:
        others: Who was in it with them.
        leader_name: Who leads it from now on, if that is another; else empty.
        ended: Whether there is no party any more, as only one would remain.
    """

    character: CharacterId
    name: str
    others: frozenset[CharacterId]
    leader_name: str = ""
    ended: bool = False

    @property
    def audience(self) -> Audience:
        """The party."""
        return Audience(actor=self.character, members=self.others)


@frozen
class KickedFromParty:
    """
    Someone sent another out of the party that they lead.

    Attributes:
        others: Who was in it with the one who is sent out.
        ended: Whether there is no party any more, as only one would remain.
    """

    character: CharacterId
    name: str
    target: CharacterId
    target_name: str
    others: frozenset[CharacterId]
    ended: bool = False

    @property
    def audience(self) -> Audience:
        """The party."""
        return Audience(actor=self.character, target=self.target, members=self.others)


@frozen
class PartyMember:
    """
    One who is in a party.

    Attributes:
        present: Whether they are in the world,
        linkdead: and whether their connection is lost.
    """

    name: str
    present: bool
    linkdead: bool = False


@frozen
class PartyListed:
    """
    Someone asked who is in their party.

    Attributes:
        members: The leader first, then in the order in which they joined; empty for no party.
    """

    character: CharacterId
    members: tuple[PartyMember, ...]

    @property
    def audience(self) -> Audience:
        """The one who asked."""
        return Audience(actor=self.character)


@frozen
class PartySaid:
    """
    Someone spoke to their party.

    Attributes:
        others: Who is in it besides the speaker.
    """

    speaker: CharacterId
    name: str
    text: str
    others: frozenset[CharacterId]

    @property
    def audience(self) -> Audience:
        """The speaker and the party."""
        return Audience(actor=self.speaker, members=self.others, mutable=True)
