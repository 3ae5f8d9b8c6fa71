"""Who follows whom."""

from collections.abc import Iterator

from mudserver.ids import CharacterId
from mudserver.world import events
from mudserver.world.applied import Applied, FollowLifted, FollowMade


class Follows:
    """
    Who follows whom, absent ones too: each follows one other at most.

    It lasts until it is ended, whoever leaves the world meanwhile.
    """

    def __init__(self) -> None:
        self._made: dict[CharacterId, FollowMade] = {}
        self._followers: dict[CharacterId, set[CharacterId]] = {}

    def of(self, follower: CharacterId) -> FollowMade | None:
        """Return whom a character follows."""
        return self._made.get(follower)

    def followers(self, leader: CharacterId) -> list[CharacterId]:
        """Return who follows a character, in the order of their ids."""
        return sorted(self._followers.get(leader, ()))

    def leaders(self, follower: CharacterId) -> Iterator[CharacterId]:
        """Find whom a character follows, whom that one does, and so on; each once."""
        seen: set[CharacterId] = set()
        made = self._made.get(follower)
        while made is not None and made.leader not in seen:
            seen.add(made.leader)
            yield made.leader
            made = self._made.get(made.leader)

    def followed(self, event: events.Followed) -> Applied:
        """Apply that somebody follows another."""
        made = FollowMade(event.character, event.leader, event.leader_name)
        self.put(event.character, made)
        return Applied(changes=(made,))

    def unfollowed(self, event: events.Unfollowed) -> Applied:
        """Apply that somebody follows nobody any more."""
        self.put(event.character, None)
        return Applied(changes=(FollowLifted(event.character),))

    def put(self, follower: CharacterId, made: FollowMade | None) -> None:
        """Have a character follow another, or nobody (None)."""
        before = self._made.pop(follower, None)
        if before is not None:
            self._followers[before.leader].discard(follower)
            if not self._followers[before.leader]:
                del self._followers[before.leader]
        if made is not None:
            self._made[follower] = made
            self._followers.setdefault(made.leader, set()).add(follower)
