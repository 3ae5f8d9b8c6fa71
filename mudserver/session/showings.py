"""
What sessions were shown of late, by the name of the event.

A world that follows another one carries out again what the other had not committed. Its players
have seen that already.
"""

from collections import deque
from collections.abc import Hashable, Iterable
from itertools import islice
from typing import Final, Generic, TypeVar

from attrs import define, field

from mudserver.ids import SessionId

#: Showings that are remembered, and sessions in all of them together, where nobody says otherwise;
#: the oldest are forgotten.
MAX_SHOWINGS: Final = 4_000
MAX_RECIPIENTS: Final = 200_000

#: Sessions in the showings that are looked at for one session's: a millisecond of work.
MAX_LOOKED_AT: Final = 50_000

#: Sessions in all showings together that sessions bring along.
MAX_BRINGERS: Final = 200_000

E = TypeVar("E", bound=Hashable)


@define(eq=False)
class Showings(Generic[E]):
    """
    Remembers showings, and looks among those of earlier worlds.

    To note one is cheap, as that is done for each. Whoever asks for the first time after another
    world has begun has an index made of all that is remembered, which is kept up from then on.

    Attributes:
        most: How many are remembered.
        recipients: And of how many sessions in all of them together.
    """

    most: int = MAX_SHOWINGS
    recipients: int = MAX_RECIPIENTS
    _noted: deque[tuple[E, tuple[SessionId, ...]]] = field(factory=deque, init=False)
    _recipients: int = field(default=0, init=False)
    _index: dict[E, list[tuple[SessionId, ...]]] | None = field(default=None, init=False)
    _earlier: dict[E, tuple[SessionId, ...]] = field(factory=dict, init=False)
    # What sessions were shown before they came here, and how many sessions in all of it.
    _brought: dict[E, set[SessionId]] = field(factory=dict, init=False)
    _bringers: int = field(default=0, init=False)

    @property
    def noted(self) -> Iterable[tuple[E, tuple[SessionId, ...]]]:
        """All that is remembered of what was shown here, in order."""
        return self._noted

    def note(self, event: E, sessions: tuple[SessionId, ...]) -> None:
        """Those sessions are shown that event."""
        if not sessions:
            return
        self._noted.append((event, sessions))
        self._recipients += len(sessions)
        if self._index is not None:
            self._index.setdefault(event, []).append(sessions)
        while self._recipients > self.recipients or len(self._noted) > self.most:
            self._forget(*self._noted.popleft())

    def bring(self, events: Iterable[E], session: SessionId) -> None:
        """
        Those events were shown to a session elsewhere.

        Of what all have brought, the oldest is forgotten beyond `most` events, and `MAX_BRINGERS`
        sessions in all of them together.
        """
        for event in events:
            them = self._brought.pop(event, set())
            self._bringers += session not in them
            them.add(session)
            self._brought[event] = them
            while len(self._brought) > self.most or self._bringers > MAX_BRINGERS:
                self._bringers -= len(self._brought.pop(next(iter(self._brought))))

    def shown_to(self, session: SessionId, most: int) -> tuple[E, ...]:
        """
        Return what a session was shown, here or elsewhere, by whichever world, in order.

        Args:
            session: Which.
            most: How many at most: the newest, found among those of `MAX_LOOKED_AT` sessions in
                all showings together.
        """
        found: list[E] = []
        looked = 0
        for event, sessions in reversed(self._noted):
            looked += len(sessions)
            if looked > MAX_LOOKED_AT or len(found) == most:
                break
            if session in sessions:
                found.append(event)
        brought = (event for event, them in reversed(self._brought.items()) if session in them)
        found += islice(brought, most - len(found))
        found.reverse()
        return tuple(found)

    def _forget(self, event: E, sessions: tuple[SessionId, ...]) -> None:
        self._recipients -= len(sessions)
        if self._index is not None:
            del self._index[event][0]  # the oldest, as this is
            if not self._index[event]:
                del self._index[event]

    def lately(self, event: E, sessions: tuple[SessionId, ...]) -> tuple[SessionId, ...]:
        """Return those sessions that were not shown that event by any world."""
        if self._index is None:
            self._index = {}
            for noted, them in self._noted:
                self._index.setdefault(noted, []).append(them)
        seen = {session for them in self._index.get(event, ()) for session in them}
        return tuple(session for session in self.unseen(event, sessions) if session not in seen)

    def note_out_of_turn(self, event: E, sessions: tuple[SessionId, ...]) -> None:
        """
        Those sessions are shown that event, and the world of now may show it yet: from now on
        `unseen` leaves them out.

        Of what `unseen` leaves out, the oldest is forgotten beyond `most` events.
        """
        if not sessions:
            return
        self.note(event, sessions)
        self._earlier[event] = self._earlier.pop(event, ()) + sessions
        if len(self._earlier) > self.most:
            del self._earlier[next(iter(self._earlier))]

    def freeze(self) -> None:
        """Another world begins: from now on `unseen` leaves out what was shown until now."""
        self._index = None
        earlier: dict[E, tuple[SessionId, ...]] = {}
        for event, sessions in self._noted:
            earlier[event] = earlier.get(event, ()) + sessions
        self._earlier = earlier

    def unseen(self, event: E, sessions: tuple[SessionId, ...]) -> tuple[SessionId, ...]:
        """Return those sessions that were not shown that event by an earlier world."""
        earlier, brought = self._earlier.get(event), self._brought.get(event, ())
        if earlier is None and not brought:
            return sessions
        seen = frozenset(earlier or ())
        return tuple(each for each in sessions if each not in seen and each not in brought)
