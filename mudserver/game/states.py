"""Full states, for those who may have missed something."""

from collections.abc import Iterable, Set
from itertools import islice
from typing import Final

from mudserver.game.fanout import FanOut
from mudserver.game.loop import GameLoop, Lane
from mudserver.game.sessions import Session, Sessions
from mudserver.ids import CharacterId, SessionId
from mudserver.interfaces.continuity import StatesWanted
from mudserver.world.world import World

#: Sessions that are shown their state in one piece of work, some milliseconds of it; the others
#: have theirs in the next ones.
PORTION: Final = 50

#: Where that queues.
STATES: Final = Lane("states")


class States:
    """
    Shows sessions the whole of their characters and rooms, some at a time.

    Who is asked for twice before it is shown is shown once, so that no more wait than there are.
    Those who are in one room come one after the other: what it looks like is made for all of them.

    Args:
        world: Where they are.
        sessions: Who plays.
        loop: Where it happens.
        fan_out: What shows it.
        portion: How many in one piece of work.
    """

    def __init__(
        self,
        *,
        world: World,
        sessions: Sessions,
        loop: GameLoop,
        fan_out: FanOut,
        portion: int = PORTION,
    ) -> None:
        self._world = world
        self._sessions = sessions
        self._loop = loop
        self._fan_out = fan_out
        self._portion = portion
        self._due: dict[SessionId, Session] = {}
        self._by_room = True
        self._characters: set[CharacterId] = set()
        self._held = False
        self._at_work = False

    @property
    def due(self) -> Set[CharacterId]:
        """Whose players are still to be shown theirs: deltas are of no use to them."""
        return self._characters

    def wanted(self, message: StatesWanted) -> None:
        """Show the states of those of a gateway's sessions that it names."""
        found = (self._sessions.get(id) for id in message.sessions)
        self.show(each for each in found if each is not None and each.gateway == message.gateway)

    def expect(self, session: Session) -> None:
        """Note that a session will be shown its state; to be followed by `show`."""
        self._characters.add(session.character)

    def show(self, sessions: Iterable[Session]) -> None:
        """Show some theirs soon."""
        for session in sessions:
            self._due[session.id] = session
            self._characters.add(session.character)
        self._by_room = False
        self._go_on()

    def hold(self) -> None:
        """Show nothing for now."""
        self._held = True

    def release(self) -> None:
        """Show what is due, and no longer hold anything."""
        self._held = False
        self._go_on()

    def _go_on(self) -> None:
        if self._due and not self._held and not self._at_work:
            self._at_work = True
            self._loop.require(STATES, self._work, lambda _: None)

    def _work(self) -> None:
        self._at_work = False
        if not self._by_room:
            self._due = {each.id: each for each in sorted(self._due.values(), key=self._room)}
            self._by_room = True
        portion = list(islice(self._due.values(), self._portion))
        for session in portion:
            del self._due[session.id]
            self._characters.discard(session.character)
        try:
            self._fan_out.states(each for each in portion if self._sessions.goes_on(each))
        finally:
            self._go_on()

    def _room(self, session: Session) -> int:
        """Return where a session's character is; 0 where that is nowhere any more."""
        character = self._world.characters.get(session.character)
        return 0 if character is None or character.room is None else character.room
