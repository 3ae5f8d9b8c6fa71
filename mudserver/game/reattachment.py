"""Sessions that gateways hold go on in a world that doesn't know them, or was cut off."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from functools import partial

from attrs import define, evolve
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.errors import (
    Banned,
    CloseCode,
    NoSuchCharacter,
    NotAuthenticated,
    StorageUnavailable,
    Unavailable,
)
from mudserver.game.answers import Answers
from mudserver.game.attachments import MAX_LOADS, SAVED_SECONDS
from mudserver.game.expected import Expected
from mudserver.game.journal import Journal
from mudserver.game.latecomers import Latecomers
from mudserver.game.links import Links
from mudserver.game.loop import GameLoop, Lane
from mudserver.game.objections import Objections
from mudserver.game.populate import admit
from mudserver.game.presence import ELSEWHERE, Presence
from mudserver.game.recollection import Recollection
from mudserver.game.sessions import Session, Sessions
from mudserver.game.stage import Stage
from mudserver.game.states import States
from mudserver.game.stored_sessions import Stored, StoredSessions
from mudserver.ids import Epoch, GatewayId, Generation
from mudserver.interfaces.continuity import (
    MAX_HELD,
    Held,
    Reattach,
    Reattached,
    Reattachment,
)
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.play import Ended
from mudserver.interfaces.rows import CharacterRow
from mudserver.view.line import Line, Span, Style
from mudserver.world.rules import enter, lose_link, regain_link
from mudserver.world.world import World

_BROKEN = "Something went wrong on our side."
_TOO_FAST = "Your character is coming and going too fast."


@define(eq=False)
class _Comeback:
    """
    A session on its way back.

    Attributes:
        held: As its gateway holds it.
        request: By which `Reattach` it was named, counted in the order in which they came.
        stored: What is stored of it and others; None before that is read.
        stale: Whether one of its account's characters has left since the reading began.
        outcome: What became of it; None where it must be read again.
    """

    held: Held
    request: int
    stored: Stored | None = None
    stale: bool = False
    outcome: Reattached | None = None


class Reattachments:
    """
    Lets sessions go on, many at a time: what is stored of them is read together, and then they come
    into the world one by one, each as one piece of work.

    They come as they were, and nobody is told a story: others see them stand where they stood.

    A gateway that names a session once more heeds the last answer only. So whichever request is
    read first, the generation of the last that came is the one that holds.

    Args:
        world: Where they go on.
        epoch: Of its lease.
        stored: Reads what is stored of them.
        journal: Whose changes must be saved before that.
        sessions: Who plays.
        expected: Who is on the way in.
        objections: Who may not come in.
        presence: Who has ended.
        links: What holds those whose connection is lost.
        stage: What lets the events be true.
        states: What shows them where they are.
        latecomers: What shows them what they have not heard.
        recollection: What reads later what they were answered.
        loop: Where it happens.
        clock: What waiting is measured by.
        utc_now: The wall clock, by which tokens end.
        meter: Gets ``attachments`` by outcome (counter).
    """

    _log = Logger()

    def __init__(
        self,
        *,
        world: World,
        epoch: Epoch,
        stored: StoredSessions,
        journal: Journal,
        sessions: Sessions,
        expected: Expected,
        objections: Objections,
        presence: Presence,
        links: Links,
        stage: Stage,
        states: States,
        latecomers: Latecomers,
        recollection: Recollection,
        loop: GameLoop,
        clock: IReactorTime,
        utc_now: Callable[[], datetime],
        meter: IMeter,
    ) -> None:
        self._world = world
        self._epoch = epoch
        self._stored = stored
        self._journal = journal
        self._sessions = sessions
        self._expected = expected
        self._objections = objections
        self._presence = presence
        self._links = links
        self._stage = stage
        self._states = states
        self._latecomers = latecomers
        self._recollection = recollection
        self._loop = loop
        self._clock = clock
        self._utc_now = utc_now
        self._meter = meter
        self._requests = 0

    async def reattach(self, request: Reattach) -> Reattachment:
        """
        Go on with sessions.

        The answer is given before they are shown their states.

        Raises:
            Unavailable: The database is away, or the world is closing.
        """
        if len(request.held) > MAX_HELD:
            raise ValueError(f"{len(request.held)} sessions at once")
        self._requests += 1
        number = self._requests
        comebacks = [_Comeback(held, number) for held in request.held]
        for _ in range(MAX_LOADS):
            left = [each for each in comebacks if each.outcome is None]
            if not left:
                break
            with ExitStack() as stack:
                await self._read(left, stack)
                await self._bring_back(left, request.gateway)
            if self._presence.closed:
                raise Unavailable("The world is closing.")
        outcomes = tuple(
            each.outcome or self._refuse(each.held, CloseCode.TRY_LATER, _TOO_FAST)
            for each in comebacks
        )
        self._presence.measure()
        # As work, and so after the answer.
        self._states.show(
            session
            for each in outcomes
            if (session := self._sessions.current(each.session, each.generation)) is not None
            and session.brought_back == number
        )
        return Reattachment(self._epoch, outcomes)

    # ------------------------------------------------------------ reading

    async def _read(self, comebacks: list[_Comeback], stack: ExitStack) -> None:
        """Read what is stored of those who are not here, and note whether it becomes another."""
        absent = [each for each in comebacks if self._sessions.get(each.held.session) is None]
        if not absent:
            return
        for each in absent:
            each.stale = False
            stack.enter_context(self._expected.awaiting(each.held.attended.account, each))
        await self._all_saved()
        stored = await self._stored.read([each.held for each in absent])
        for each in absent:
            each.stored = stored

    async def _all_saved(self) -> None:
        try:
            await self._journal.barrier().addTimeout(SAVED_SECONDS, self._clock)
        except TimeoutError:
            raise StorageUnavailable("What changed can't be saved just now.") from None

    # ------------------------------------------------------------ coming back

    def _bring_back(self, comebacks: list[_Comeback], gateway: GatewayId) -> Deferred[None]:
        """Have them come back, in the loop; fires with the last of them."""
        done: Deferred[None] = Deferred()
        left = len(comebacks)

        def one_less() -> None:
            nonlocal left
            left -= 1
            if not left:
                done.callback(None)

        def work(comeback: _Comeback) -> None:
            if not self._presence.closed:
                comeback.outcome = self._come_back(comeback, gateway)
            one_less()

        def failed(comeback: _Comeback, _: Failure) -> None:
            comeback.outcome = self._broken(comeback.held)
            one_less()

        for each in comebacks:
            # Not in the session's own lane: that may wait for the database.
            lane = Lane(f"reattachment of {each.held.session}")
            self._loop.require(lane, partial(work, each), partial(failed, each))
        return done

    def _come_back(self, comeback: _Comeback, gateway: GatewayId) -> Reattached | None:
        """Let a session go on, or end; returns None where it must be read (again)."""
        held = comeback.held
        session = self._sessions.get(held.session)
        if session is not None:
            return self._resume(session, comeback, gateway)
        ended = self._presence.ended(held.session)
        if ended is not None:
            return self._over(held, ended)
        if comeback.stored is None or comeback.stale:
            return None
        try:
            row = comeback.stored.character(held, self._utc_now())
            objection = self._objections.against(held.attended, row.name, held.origin.address)
            if objection is not None:
                raise objection
        except NotAuthenticated as error:
            return self._refuse(held, error.close_code, error.message)
        except Banned as error:
            return self._refuse(held, CloseCode.BANNED, error.message)
        except NoSuchCharacter as error:
            return self._refuse(held, CloseCode.REVOKED, error.message)
        playing = self._sessions.playing(row.id)
        if playing is not None:
            if not self._makes_way(playing, held):
                return self._refuse(held, CloseCode.PLAYING_ELSEWHERE, ELSEWHERE)
            self._presence.make_way(playing)
            session = self._begin(comeback, row, comeback.stored, gateway)
            return self._replace(playing, session, comeback.held)
        if self._presence.full:
            return self._refuse(held, CloseCode.TRY_LATER, "The world is full.")
        return self._enter(comeback, row, comeback.stored, gateway)

    def _enter(
        self, comeback: _Comeback, row: CharacterRow, stored: Stored, gateway: GatewayId
    ) -> Reattached:
        character, elsewhere = admit(self._world, row)
        for item in elsewhere:
            self._log.warn(
                "{item} isn't where it was stored; it stays where it is.",
                item=item.key,
                character=row.name,
            )
        session = self._begin(comeback, row, stored, gateway)
        arrived, _ = enter(self._world, character)
        self._stage.restore((arrived,), self._states.due)
        self._latecomers.entered(character.id)
        if comeback.held.linkdead:
            self._hold(session)
        return self._goes_on(session)

    def _replace(self, before: Session, session: Session, held: Held) -> Reattached:
        """Go on with a character that an earlier session has brought back."""
        session.generation = Generation(max(session.generation, before.generation + 1))
        self._latecomers.entered(session.character)
        if held.linkdead:
            self._hold(session)
        else:
            self._stage.restore(regain_link(self._world, session.character), self._states.due)
        return self._goes_on(session)

    def _begin(
        self, comeback: _Comeback, row: CharacterRow, stored: Stored, gateway: GatewayId
    ) -> Session:
        held = comeback.held
        committed = stored.committed.get(held.session)
        answers = Answers(held.session)
        answers.go_on(
            held.settled if committed is None else max(committed.number, held.settled),
            () if committed is None else committed.answers,
            self._clock.seconds(),
            held.settled,
            0 if committed is None else committed.named,
        )
        session = Session(
            id=held.session,
            generation=Generation(held.generation + 1),
            gateway=gateway,
            attended=evolve(held.attended, expires=stored.tokens[held.attended.token].expires),
            character=row.id,
            name=row.name,
            transport=held.transport,
            origin=held.origin,
            answers=answers,
            brought_back=comeback.request,
            began=held.began,
        )
        self._sessions.add(session)
        self._recollection.went_on(session)
        self._states.expect(session)
        return session

    def _hold(self, session: Session) -> None:
        self._links.hold(session)
        self._stage.restore(lose_link(self._world, session.character), self._states.due)

    def _resume(self, session: Session, comeback: _Comeback, gateway: GatewayId) -> Reattached:
        """Let a session go on that never ended here: its gateway was cut off, or named it again."""
        held = comeback.held
        if session.attended.account != held.attended.account:
            return self._refuse(held, CloseCode.REVOKED, "That session is another account's.")
        # Generations grow, too, as a gateway comes back which doesn't know that it has moved.
        alone = session.linkdead and not held.linkdead
        if session.gateway != gateway and held.generation < session.generation and not alone:
            return self._refuse(held, CloseCode.PLAYING_ELSEWHERE, ELSEWHERE)
        if session.gateway == gateway and session.brought_back > comeback.request:
            return _as_it_is(session)
        session.brought_back = comeback.request
        session.answers.done_before(held.settled)
        session.generation = Generation(max(session.generation, held.generation) + 1)
        before = self._presence.move(session, gateway)
        session.transport = held.transport
        session.origin = held.origin
        if not held.linkdead:
            self._links.regain(session)
        elif session.linkdead:
            self._links.hold(session)
        else:
            self._links.lose(session)
        self._presence.follow(session, before)
        return self._goes_on(session)

    def _goes_on(self, session: Session) -> Reattached:
        self._meter.count("attachments", outcome="reattached")
        return _as_it_is(session)

    def _makes_way(self, playing: Session, held: Held) -> bool:
        """
        Tell whether a session that plays is an earlier one of its character than one that comes
        back: so it may be where its gateway had not heard, when the world before ended, that the
        player was elsewhere by then.

        Where an older gateway doesn't say when they began the player is where a connection is; else
        by the later attachment.
        """
        if playing.began is not None:
            if held.began is not None:
                return held.began > playing.began
            if playing.began.epoch == self._epoch:
                return False
        if playing.linkdead != held.linkdead:
            return playing.linkdead
        return held.generation >= playing.generation

    # ------------------------------------------------------------ not coming back

    def _refuse(self, held: Held, code: CloseCode, reason: str) -> Reattached:
        farewell = Line((Span(reason, Style.SYSTEM),))
        return self._over(held, Ended(held.session, code, reason, farewell))

    def _over(self, held: Held, ended: Ended) -> Reattached:
        self._meter.count("attachments", outcome="refused")
        self._log.info(
            "{character} does not go on: {reason}",
            character=held.character,
            reason=ended.reason,
            code=ended.code,
            session=held.session,
        )
        return Reattached(held.session, held.generation, held.settled, ended)

    def _broken(self, held: Held) -> Reattached:
        session = self._sessions.get(held.session)
        if session is not None:
            self._presence.end(session, CloseCode.INTERNAL_ERROR, _BROKEN)
        return self._refuse(held, CloseCode.INTERNAL_ERROR, _BROKEN)


def _as_it_is(session: Session) -> Reattached:
    return Reattached(session.id, session.generation, session.answers.applied)
