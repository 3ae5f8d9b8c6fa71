"""What players type, carried out."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from attrs import evolve
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime

from mudserver.errors import Overloaded, PlayerError, Unavailable
from mudserver.game.answers import refusal_of
from mudserver.game.audit import AuditLog
from mudserver.game.fanout import FanOut
from mudserver.game.gateways import Gateways
from mudserver.game.journal import Journal
from mudserver.game.loop import GameLoop, Work
from mudserver.game.missing import MissingInputs
from mudserver.game.moderation import Moderation
from mudserver.game.presence import Presence
from mudserver.game.pressure import PressureGauge
from mudserver.game.recollection import Recollection
from mudserver.game.recorder import Recorder
from mudserver.game.refusals import ALL_AT_ONCE, GONE, SAVING_FAILS, UNAVAILABLE, refused, silenced
from mudserver.game.repeats import Repeats
from mudserver.game.replies import Replies
from mudserver.game.revocations import Revocations
from mudserver.game.sessions import Session, Sessions
from mudserver.game.stage import Stage
from mudserver.game.typed import Typed
from mudserver.game.verb_allowances import VerbAllowances
from mudserver.game.view_names import ViewNames
from mudserver.ids import CommandId
from mudserver.interfaces.authority import ChangePassword, Transport
from mudserver.interfaces.history import IHistoryStore
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.play import Input, OccupantsWanted, PasswordWanted
from mudserver.interfaces.stores import IWorldStore
from mudserver.wire.text import clean
from mudserver.world import commands
from mudserver.world.absent import resolved, unresolved
from mudserver.world.commands import Command, Known, changes_state, speaks_afar
from mudserver.world.events import Event, Hushed, PasswordAsked, Quitted
from mudserver.world.grammar import parse
from mudserver.world.history import HistoryWanted
from mudserver.world.names import name_key
from mudserver.world.rules import decide, wanted
from mudserver.world.world import World

#: Seconds that a command waits for what it needs of the database.
LOAD_SECONDS: Final = 10.0


class Commands:
    """
    Carries out what players type, and answers it.

    A command that fails by our fault costs nothing but itself: it is logged, and refused as
    ``internal_error``. What was typed never gets into a log.

    Args:
        world: What is played in.
        store: Where absent players are looked up.
        sessions: Who plays.
        loop: Where commands queue.
        stage: What lets their events happen.
        journal: What writes down what was said.
        allowances: How often characters may do what is expensive.
        pressure: What says whether anything may change.
        fan_out: What shows them.
        replies: What answers them.
        repeats: What says again what an earlier world has said.
        missing: What asks for inputs that did not come.
        recollection: What looks up what earlier worlds have answered.
        presence: What lets players out who quit.
        revocations: What changes passwords.
        moderation: What sends away who is banned.
        history: Where what was said can be read again.
        recorder: What makes it be written down.
        audit: What notes the deeds of staff.
        gateways: Where players are.
        clock: What waiting is measured by.
        utc_now: The wall clock, for what outlives the process.
        meter: Gets ``inputs_dropped`` by reason (counter).
    """

    def __init__(
        self,
        *,
        world: World,
        store: IWorldStore,
        sessions: Sessions,
        loop: GameLoop,
        stage: Stage,
        journal: Journal,
        allowances: VerbAllowances,
        pressure: PressureGauge,
        fan_out: FanOut,
        replies: Replies,
        repeats: Repeats,
        missing: MissingInputs,
        recollection: Recollection,
        presence: Presence,
        revocations: Revocations,
        moderation: Moderation,
        history: IHistoryStore,
        recorder: Recorder,
        audit: AuditLog,
        gateways: Gateways,
        clock: IReactorTime,
        utc_now: Callable[[], datetime],
        meter: IMeter,
    ) -> None:
        self._world = world
        self._store = store
        self._sessions = sessions
        self._loop = loop
        self._stage = stage
        self._journal = journal
        self._allowances = allowances
        self._pressure = pressure
        self._fan_out = fan_out
        self._replies = replies
        self._repeats = repeats
        self._missing = missing
        self._recollection = recollection
        self._presence = presence
        self._revocations = revocations
        self._moderation = moderation
        self._history = history
        self._recorder = recorder
        self._audit = audit
        self._gateways = gateways
        self._clock = clock
        self._utc_now = utc_now
        self._meter = meter

    # ------------------------------------------------------------ what comes in

    def received(self, message: Input) -> None:
        """
        Take an input: of a session that goes on, by its newest attachment, in order, and once.

        Whatever comes too early is asked for again.
        """
        session = self._sessions.current(message.session, message.generation)
        if session is None:
            self._meter.count("inputs_dropped", reason="stale")
            return
        if session.answers.misses(message.number, message.command):
            self._recall_first(session, message)
            return
        now = self._clock.seconds()
        admission = session.answers.admit(message.number, message.command, now)
        if message.number <= session.answers.inherited:
            answer = partial(self._replies.publish, session, admission.settled)
            self._repeats.repeat(session, message if admission.again else None, answer)
            return
        self._replies.publish(session, admission.settled)
        if admission.early:
            self._meter.count("inputs_dropped", reason="early")
            self._missing.ask(session)
            return
        if not admission.fresh:
            self._meter.count("inputs_dropped", reason="repeated")
            return
        names = ViewNames(session.id, message.number)
        again = message if message.answered else None
        typed = Typed(session, message.number, message.command, now, names, again)
        try:
            self._loop.submit(
                session.lane,
                partial(self._carry_out, typed, message.text),
                partial(self._replies.fail, typed),
            )
        except Overloaded as error:
            # Those before it are not done yet, so it is not noted that it is.
            self._replies.settle(typed, refused(error))

    def _recall_first(self, session: Session, message: Input) -> None:
        """Answer what an earlier world has done, once it is known how; else it comes again."""

        async def recall() -> Work:
            try:
                await self._recollection.recall(session, message.command)
            except (Unavailable, TimeoutError):
                return _nothing
            return partial(self._answer_again, session, message)

        try:
            self._loop.submit(
                session.lane, lambda: Deferred.fromCoroutine(recall()), lambda _: None
            )
        except Overloaded:
            self._meter.count("inputs_dropped", reason="overloaded")

    def _answer_again(self, session: Session, message: Input) -> None:
        now = self._clock.seconds()
        admission = session.answers.admit(message.number, message.command, now)
        if admission.again and self._sessions.goes_on(session):
            self._repeats.say(session, message)
        self._replies.publish(session, admission.settled)

    def occupants_wanted(self, message: OccupantsWanted) -> None:
        """Show the next page of who is in the room; dropped where too much waits already."""
        session = self._sessions.current(message.session, message.generation)
        if session is None:
            return

        def work() -> None:
            if self._sessions.goes_on(session):
                self._fan_out.occupants(session, message.after)

        try:
            self._loop.submit(session.lane, work, lambda _: None)
        except Overloaded:
            self._meter.count("inputs_dropped", reason="overloaded")

    # ------------------------------------------------------------ within the loop

    def _carry_out(self, typed: Typed, text: str) -> Deferred[Work] | None:
        if typed.command is not None and typed.session.answers.doubts(typed.number):
            return Deferred.fromCoroutine(self._look_up(typed, typed.command, text))
        return self._begin(typed, text)

    def _begin(self, typed: Typed, text: str) -> Deferred[Work] | None:
        """Carry out what no earlier world has."""
        if not self._sessions.goes_on(typed.session):
            self._replies.answer(typed, GONE)
            return None
        try:
            command = parse(clean(text), self._world.lexicon)
            if typed.again is not None and speaks_afar(command):
                self._repeats.say(typed.session, typed.again)
                self._replies.answer(typed, None)
                return None
            self._allowances.charge(typed.session.character, command, self._clock.seconds())
        except PlayerError as error:
            self._replies.answer(typed, refused(error))
            return None
        if changes_state(command) and not self._pressure.takes_changes:
            self._replies.answer(typed, SAVING_FAILS)
            return None
        if isinstance(command, commands.ChangePassword):
            if command.old and command.new:
                change = self._change_password(typed, command.old, command.new)
                return Deferred.fromCoroutine(change)
            if typed.session.transport is Transport.WEBSOCKET:
                self._replies.answer(typed, ALL_AT_ONCE)
                return None
        name = unresolved(command, self._world)
        if name is not None:
            return Deferred.fromCoroutine(self._resolve(typed, command, name))
        if isinstance(command, commands.ReadHistory):
            return self._look_back(typed, command)
        self._do(typed, command)
        return None

    def _do(self, typed: Typed, command: Command) -> None:
        if not self._sessions.goes_on(typed.session):
            self._replies.answer(typed, GONE)
            return
        try:
            events = decide(self._world, typed.session.character, command, self._utc_now())
            self._moderation.check(events)
        except PlayerError as error:
            self._replies.answer(typed, refused(error))
            return
        refusal = next((silenced(event) for event in events if isinstance(event, Hushed)), None)
        receipt = self._replies.receipt(typed, refusal, events)
        notes = self._audit.of_staff(typed.session, typed.number, events)
        changed = self._stage.perform(events, receipt, notes=notes)
        for event in events:
            self._follow(typed.session, event)
        if not changed:
            self._journal.note(receipt, self._recorder.lines(receipt.input, events))
            self._replies.settle(typed, refusal)

    def _follow(self, session: Session, event: Event) -> None:
        """Do what an event means beyond the world."""
        match event:
            case Quitted():
                self._presence.quit(session)
            case PasswordAsked():
                self._gateways.tell(session.gateway, PasswordWanted(session.id))
            case _:
                self._moderation.follow(event)

    # ------------------------------------------------------------ commands that wait

    async def _look_up(self, typed: Typed, id: CommandId, text: str) -> Work:
        """Carry it out, unless an earlier world has, by another input of that id."""
        try:
            row = await self._recollection.look_up(typed.session, id)
        except (Unavailable, TimeoutError):
            return partial(self._replies.answer, typed, UNAVAILABLE)
        if row is None:
            return partial(self._begin, typed, text)
        return partial(self._replies.settle, typed, refusal_of(row))

    async def _resolve(self, typed: Typed, command: Command, name: str) -> Work:
        try:
            identified = self._store.identify((name,)).addTimeout(LOAD_SECONDS, self._clock)
            found = (await identified).get(name_key(name))
        except (Unavailable, TimeoutError):
            return partial(self._replies.answer, typed, UNAVAILABLE)
        if found is not None:
            player = Known(found.character, found.account, found.name, found.role)
            command = resolved(command, player)
        return partial(self._do, typed, command)

    def _look_back(self, typed: Typed, command: commands.ReadHistory) -> Deferred[Work] | None:
        character = self._world.character(typed.session.character)
        try:
            look = wanted(self._world, character, command, self._utc_now())
        except PlayerError as error:
            self._replies.answer(typed, refused(error))
            return None
        return Deferred.fromCoroutine(self._recall(typed, command, look))

    async def _recall(
        self, typed: Typed, command: commands.ReadHistory, look: HistoryWanted
    ) -> Work:
        try:
            # So that what was just said is found, too.
            await self._journal.catch_up().addTimeout(LOAD_SECONDS, self._clock)
            lines = await self._history.recent(look).addTimeout(LOAD_SECONDS, self._clock)
        except (Unavailable, TimeoutError):
            return partial(self._replies.answer, typed, UNAVAILABLE)
        return partial(self._do, typed, evolve(command, lines=lines))

    async def _change_password(self, typed: Typed, old: str, new: str) -> Work:
        session = typed.session
        request = ChangePassword(
            token=session.attended.token,
            old=old,
            new=new,
            origin=session.origin,
            transport=session.transport,
            session=session.id,
        )
        try:
            await self._revocations.change_password(request)
        except (PlayerError, Unavailable) as error:
            return partial(self._replies.answer, typed, refused(error))
        return partial(self._password_changed, typed)

    def _password_changed(self, typed: Typed) -> None:
        if self._sessions.goes_on(typed.session):
            words = "Your password is changed."
            self._fan_out.notice(typed.session, words, names=typed.names)
        self._replies.answer(typed, None)


def _nothing() -> None:
    """Do nothing."""
