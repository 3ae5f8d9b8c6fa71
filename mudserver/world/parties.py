"""Who is in a party with whom, and who is invited."""

from datetime import datetime, timedelta
from typing import Final

from attrs import frozen

from mudserver.ids import CharacterId, PartyId
from mudserver.world import events
from mudserver.world.applied import Applied, MembershipEnded, MembershipMade

#: Members of a party.
MAX_MEMBERS: Final = 10

#: How long an invitation stands.
INVITATION_LASTS: Final = timedelta(minutes=5)

#: Invitations that one character has at once; beyond it the oldest is forgotten.
MAX_INVITATIONS: Final = 10


@frozen
class Invitation:
    """
    That somebody may join a party.

    Attributes:
        host: Who invited them,
        name: and what that one is called.
        until: When it ends (UTC).
    """

    host: CharacterId
    name: str
    until: datetime


class Parties:
    """
    Who is in which party, absent ones too: each in one at most, and led by who joined first.

    A membership lasts until it is ended, whoever leaves the world meanwhile. Invitations are kept
    here alone.
    """

    def __init__(self) -> None:
        self._made: dict[CharacterId, MembershipMade] = {}
        self._parties: dict[PartyId, set[CharacterId]] = {}
        self._newest = 0
        #: Who was invited last stands last.
        self._invited: dict[CharacterId, dict[CharacterId, Invitation]] = {}

    # ------------------------------------------------------------ queries

    def members(self, character: CharacterId) -> tuple[MembershipMade, ...]:
        """Return the party that a character is in, its leader first; empty for none."""
        own = self._made.get(character)
        if own is None:
            return ()
        members = (self._made[id] for id in self._parties[own.party])
        return tuple(sorted(members, key=lambda member: member.number))

    def others(self, character: CharacterId) -> frozenset[CharacterId]:
        """Return who is in the same party, without the character itself."""
        own = self._made.get(character)
        return frozenset() if own is None else frozenset(self._parties[own.party] - {character})

    def invitations(self, character: CharacterId, now: datetime) -> tuple[Invitation, ...]:
        """Return the invitations of a character that stand."""
        invited = self._invited.get(character, {}).values()
        return tuple(each for each in invited if now < each.until)

    # ------------------------------------------------------------ events

    def invited(self, event: events.InvitedToParty) -> None:
        """Note an invitation; those that have ended are forgotten."""
        now = event.until - INVITATION_LASTS
        for character in list(self._invited):
            if self.invitations(character, now):
                break
            del self._invited[character]
        own = self._invited.pop(event.target, {})
        own.pop(event.character, None)
        own[event.character] = Invitation(event.character, event.name, event.until)
        if len(own) > MAX_INVITATIONS:
            del own[next(iter(own))]
        self._invited[event.target] = own

    def joined(self, event: events.JoinedParty) -> Applied:
        """Apply that somebody joins a party; the first who does makes it one."""
        self._invited.pop(event.character, None)
        host = self._made.get(event.host)
        changes: tuple[MembershipMade, ...] = ()
        if host is None:
            number = self._newest + 1
            host = MembershipMade(event.host, PartyId(number), number, event.host_name)
            self.put(event.host, host)
            changes = (host,)
        own = MembershipMade(event.character, host.party, self._newest + 1, event.name)
        self.put(event.character, own)
        return Applied(changes=(*changes, own))

    def left(self, character: CharacterId) -> Applied:
        """Apply that somebody is no longer in their party; whoever remains alone isn't, either."""
        leaving = [character]
        remaining = self.others(character)
        if len(remaining) == 1:
            leaving += remaining
        for each in leaving:
            self.put(each, None)
        return Applied(changes=tuple(MembershipEnded(each) for each in leaving))

    # ------------------------------------------------------------ back to what is stored

    def put(self, character: CharacterId, made: MembershipMade | None) -> None:
        """Have a character be in a party, or in none (None)."""
        before = self._made.pop(character, None)
        if before is not None:
            self._parties[before.party].discard(character)
            if not self._parties[before.party]:
                del self._parties[before.party]
        if made is not None:
            self._newest = max(self._newest, made.number, made.party)
            self._made[character] = made
            self._parties.setdefault(made.party, set()).add(character)
