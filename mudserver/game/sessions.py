"""The table of sessions: who is in the world by which session, through which gateway."""

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall

from mudserver.game.answers import Answers
from mudserver.game.loop import Lane
from mudserver.ids import (
    CharacterId,
    GatewayId,
    Generation,
    SessionId,
    TokenHash,
)
from mudserver.interfaces.authority import Attended, Origin, Transport
from mudserver.interfaces.operations import SessionSummary
from mudserver.interfaces.play import Ended

#: Sessions that one world takes.
MAX_SESSIONS: Final = 10_000

K = TypeVar("K")
V = TypeVar("V")


@define(eq=False)
class Session:
    """
    One character's play.

    Attributes:
        id: Given by the gateway.
        generation: Of its newest attachment.
        gateway: Where its player is, or was last.
        attended: On whose authority it acts.
        character: Who is played.
        name: The character's name.
        transport: How the player is connected.
        origin: From where.
        grace: Ends the session when it runs out; None while the player is connected.
        answers: What its inputs are answered.
        ending: What is sent once all its inputs are answered; None while it goes on.
        deadline: Sends `ending` at the latest.
    """

    id: SessionId
    generation: Generation
    gateway: GatewayId
    attended: Attended
    character: CharacterId
    name: str
    transport: Transport
    origin: Origin
    answers: Answers
    grace: IDelayedCall | None = None
    ending: Ended | None = None
    deadline: IDelayedCall | None = None

    @property
    def lane(self) -> Lane:
        """Where its work queues."""
        return Lane(self.id)

    @property
    def linkdead(self) -> bool:
        """Whether its connection is lost."""
        return self.grace is not None

    @property
    def summary(self) -> SessionSummary:
        """The session as operators see it."""
        return SessionSummary(
            session=self.id,
            character=self.name,
            account=self.attended.name,
            transport=self.transport.value,
            address=self.origin.address,
            linkdead=self.linkdead,
        )


@define(eq=False)
class Sessions:
    """The sessions of this moment, by all that they are looked for by."""

    _by_id: dict[SessionId, Session] = field(factory=dict, init=False)
    _by_character: dict[CharacterId, Session] = field(factory=dict, init=False)
    _by_token: dict[TokenHash, set[SessionId]] = field(factory=dict, init=False)

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._by_id.values()))

    def add(self, session: Session) -> None:
        """
        Add a session.

        Raises:
            ValueError: There is one of that id, or its character is played already.
        """
        if session.id in self._by_id or session.character in self._by_character:
            raise ValueError(f"session {session.id}, or its character, is there already")
        self._by_id[session.id] = session
        self._by_character[session.character] = session
        self._by_token.setdefault(session.attended.token, set()).add(session.id)

    def remove(self, session: Session) -> None:
        """
        Remove a session.

        Raises:
            KeyError: It isn't there.
        """
        del self._by_id[session.id]
        del self._by_character[session.character]
        _discard(self._by_token, session.attended.token, session.id)

    def attend(self, session: Session, attended: Attended) -> None:
        """Let a session act on another token of its account."""
        _discard(self._by_token, session.attended.token, session.id)
        session.attended = attended
        self._by_token.setdefault(attended.token, set()).add(session.id)

    def get(self, id: SessionId) -> Session | None:
        """Find a session."""
        return self._by_id.get(id)

    def current(self, id: SessionId, generation: Generation) -> Session | None:
        """Find a session, if that is its newest attachment."""
        session = self._by_id.get(id)
        return session if session is not None and session.generation == generation else None

    def goes_on(self, session: Session) -> bool:
        """Tell whether a session is still there."""
        return self._by_id.get(session.id) is session

    def playing(self, character: CharacterId) -> Session | None:
        """Find the session that plays a character."""
        return self._by_character.get(character)

    def on_tokens(self, tokens: Iterable[TokenHash]) -> tuple[Session, ...]:
        """Find the sessions that act on those tokens."""
        return tuple(
            self._by_id[id] for token in tokens for id in sorted(self._by_token.get(token, ()))
        )

    def by_gateway(self, characters: Iterable[CharacterId]) -> dict[GatewayId, list[SessionId]]:
        """Return the sessions that play those characters, by gateway; the unplayed are left out."""
        found: dict[GatewayId, list[SessionId]] = {}
        for character in characters:
            session = self._by_character.get(character)
            if session is not None:
                found.setdefault(session.gateway, []).append(session.id)
        return found


def _discard(index: dict[K, set[V]], key: K, value: V) -> None:
    values = index.get(key)
    if values is not None:
        values.discard(value)
        if not values:
            del index[key]
