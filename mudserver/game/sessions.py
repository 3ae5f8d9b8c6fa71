"""The table of sessions: who is in the world by which session, through which gateway."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall

from mudserver.game.answers import Answers
from mudserver.game.loop import Lane
from mudserver.ids import (
    AccountId,
    CharacterId,
    GatewayId,
    Generation,
    SessionId,
    TokenHash,
)
from mudserver.interfaces.authority import Attended, Origin, Transport
from mudserver.interfaces.operations import SessionSummary
from mudserver.interfaces.play import Ended
from mudserver.session.deadlines import DeadlineQueue
from mudserver.session.moment import Moment

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
        warnings: How many warnings of its token's end are over, given or missed.
        brought_back: By which `Reattach` last, counted in the order in which they came; 0 for none.
        began: When it did, in whichever world; None where that isn't known.
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
    warnings: int = 0
    brought_back: int = 0
    began: Moment | None = None

    @property
    def lane(self) -> Lane:
        """Where its work queues."""
        return Lane(self.id)

    def began_by(self, moment: Moment) -> bool:
        """Tell whether it was there at a moment; where that isn't known, it was."""
        return self.began is None or self.began <= moment

    @property
    def linkdead(self) -> bool:
        """Whether its connection is lost."""
        return self.grace is not None

    def cancel_grace(self) -> None:
        """End the grace, if one runs: the connection is back, or the session is over."""
        if self.grace is not None and self.grace.active():
            self.grace.cancel()
        self.grace = None

    @property
    def context(self) -> Mapping[str, Any]:
        """Whom it is about, as keywords for a line of the log, whose own ones have other types."""
        return {
            "session": self.id,
            "character": self.name,
            "address": self.origin.address,
            "transport": self.transport.value,
        }

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
    """
    The sessions of this moment, by all that they are looked for by.

    Attributes:
        warn_ahead: Seconds before the end of a session's token at which it is to be warned, the
            longest first.
    """

    warn_ahead: tuple[float, ...] = ()
    _by_id: dict[SessionId, Session] = field(factory=dict, init=False)
    _by_character: dict[CharacterId, Session] = field(factory=dict, init=False)
    # No sets: each takes 170 bytes more, and hardly anybody plays several characters at once.
    _by_token: dict[TokenHash, tuple[SessionId, ...]] = field(factory=dict, init=False)
    _by_account: dict[AccountId, tuple[SessionId, ...]] = field(factory=dict, init=False)
    _expiring: DeadlineQueue[Session] = field(factory=DeadlineQueue, init=False)

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
        _add(self._by_token, session.attended.token, session.id)
        _add(self._by_account, session.attended.account, session.id)
        self._plan(session)

    def remove(self, session: Session) -> None:
        """
        Remove a session.

        Raises:
            KeyError: It isn't there.
        """
        del self._by_id[session.id]
        del self._by_character[session.character]
        _discard(self._by_token, session.attended.token, session.id)
        _discard(self._by_account, session.attended.account, session.id)
        self._expiring.forget(session)

    def attend(self, session: Session, attended: Attended) -> None:
        """Let a session act on another token of its account, or on one with another end."""
        _discard(self._by_token, session.attended.token, session.id)
        if attended.expires != session.attended.expires:
            session.warnings = 0
        session.attended = attended
        _add(self._by_token, attended.token, session.id)
        self._plan(session)

    # ------------------------------------------------------------ whose token nears its end

    def take_expiring(self, now: float) -> Session | None:
        """
        Take one that is to be warned, or whose token has ended; to be followed by `warned` or
        `postpone`.

        Args:
            now: The wall clock, in seconds since 1970: the end of a token outlives this process.
        """
        return self._expiring.take(now)

    def warned(self, session: Session, remaining: float) -> None:
        """Note that a session is warned, so many seconds before its token's end."""
        session.warnings = sum(remaining <= seconds for seconds in self.warn_ahead)
        self._plan(session)

    def postpone(self, session: Session, moment: float) -> None:
        """Have `take_expiring` give a session again at a moment, unless it has another token."""
        if self.goes_on(session):
            self._expiring.put(session, moment)

    def _plan(self, session: Session) -> None:
        """Note when a session is to be looked at; who came by telnet needs no valid token."""
        if session.transport is Transport.TELNET:
            self._expiring.forget(session)
            return
        end = session.attended.expires.timestamp()
        ahead = (
            self.warn_ahead[session.warnings] if session.warnings < len(self.warn_ahead) else 0.0
        )
        self._expiring.put(session, end - ahead)

    # ------------------------------------------------------------ finding

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

    def played_since(
        self, characters: Iterable[CharacterId], moment: Moment
    ) -> tuple[CharacterId, ...]:
        """Return those of the characters whose sessions had begun by a moment."""
        return tuple(
            each
            for each in characters
            if (session := self._by_character.get(each)) is not None and session.began_by(moment)
        )

    def on_tokens(self, tokens: Iterable[TokenHash]) -> tuple[Session, ...]:
        """Find the sessions that act on those tokens."""
        return tuple(
            self._by_id[id] for token in tokens for id in sorted(self._by_token.get(token, ()))
        )

    def of_account(self, account: AccountId) -> tuple[Session, ...]:
        """Find the sessions of an account."""
        return tuple(self._by_id[id] for id in sorted(self._by_account.get(account, ())))

    def by_gateway(self, characters: Iterable[CharacterId]) -> dict[GatewayId, list[SessionId]]:
        """Return the sessions that play those characters, by gateway; the unplayed are left out."""
        found: dict[GatewayId, list[SessionId]] = {}
        there: list[SessionId] | None = None
        gateway: GatewayId | None = None
        for session in map(self._by_character.get, characters):
            if session is None:
                continue
            if there is None or session.gateway != gateway:
                gateway = session.gateway
                there = found.setdefault(gateway, [])
            there.append(session.id)
        return found


def _add(index: dict[K, tuple[V, ...]], key: K, value: V) -> None:
    index[key] = (*index.get(key, ()), value)


def _discard(index: dict[K, tuple[V, ...]], key: K, value: V) -> None:
    left = tuple(each for each in index.get(key, ()) if each != value)
    if left:
        index[key] = left
    else:
        index.pop(key, None)
