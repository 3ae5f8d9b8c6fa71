"""From an event to those who see it: each view made once, each gateway told once."""

from collections.abc import Callable, Iterable, Set
from datetime import datetime
from typing import Final

from attrs import evolve
from twisted.logger import Logger

from mudserver.game.deliveries import Deliveries
from mudserver.game.gateways import Gateways
from mudserver.game.late_words import LateWord, LateWords
from mudserver.game.sessions import Session, Sessions
from mudserver.game.timeline import Timeline
from mudserver.game.unconfirmed_shows import UnconfirmedShows
from mudserver.game.view_names import ViewNames
from mudserver.ids import CharacterId, CommandId, GatewayId, RoomId
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.play import EventId, Show
from mudserver.session.moment import Moment
from mudserver.view.line import Style, View
from mudserver.view.render import render
from mudserver.view.state import (
    char_delta,
    char_state,
    occupants_page,
    room_delta,
    room_state,
)
from mudserver.view.words import answering, system, text
from mudserver.wire.messages import Level
from mudserver.wire.moments import rfc3339
from mudserver.world.applied import CharacterDelta, Delta
from mudserver.world.audience import Viewer, resolve, watching
from mudserver.world.events import MUST_ARRIVE, Event, Looked
from mudserver.world.world import World

#: Bytes of JSON in one message. Whatever could be larger is paged, so one that is larger comes of a
#: fault of ours: it is shown all the same, and logged.
MAX_VIEW_BYTES: Final = 32 * 1024


class FanOut:
    """
    Shows events to those who see them.

    Sessions whose connection is lost are shown everything too: their gateway keeps it for
    when they come back.

    Args:
        world: Where it happens.
        sessions: Who is played by which session.
        timeline: What says when.
        gateways: Where players are.
        deliveries: Keeps count of what must arrive.
        late_words: Remembers it for those who come back late.
        utc_now: The wall clock, for the time that messages carry.
        meter: Gets ``fanout_recipients`` and ``view_bytes`` by type (histograms).
    """

    _log = Logger()

    def __init__(
        self,
        *,
        world: World,
        sessions: Sessions,
        timeline: Timeline,
        gateways: Gateways,
        deliveries: Deliveries,
        late_words: LateWords,
        utc_now: Callable[[], datetime],
        meter: IMeter,
    ) -> None:
        self._world = world
        self._sessions = sessions
        self._timeline = timeline
        self._gateways = gateways
        self._deliveries = deliveries
        self._late_words = late_words
        self._utc_now = utc_now
        self._meter = meter
        self._largest: dict[str, int] = {}
        self._unconfirmed = UnconfirmedShows()

    def tell(
        self,
        event: Event,
        deltas: Iterable[Delta],
        command: CommandId | None = None,
        names: ViewNames | None = None,
        *,
        said: Moment | None = None,
    ) -> None:
        """
        Show an event that was just applied, and then what it changed.

        Args:
            event: What happened.
            deltas: What applying it returned.
            command: The client's id of the command that it answers, if it has one.
            names: Names what is shown, where it comes of an input. States have no names: they
                may come any number of times.
            said: When an earlier world has said it, and may have shown it; sessions that began
                later are not shown it. None where it happens now.
        """
        now = self._utc_now()
        time = rfc3339(now)
        durable = isinstance(event, MUST_ARRIVE)
        if isinstance(event, Looked):
            names = None
        ordinal = 0 if names is None else names.begin()
        for viewer, characters in resolve(self._world, event, now):
            for place, view in enumerate(render(self._world, event, viewer, time)):
                shown = view
                if command is not None and viewer is Viewer.ACTOR:
                    shown = answering(view, command)
                name = None if names is None else names.name(ordinal, viewer, place)
                self._show(shown, characters, name, durable=durable, said=said)
        if durable and names is not None and self._late_words.remembers:
            self._remember(event, names, ordinal, time, said or self._timeline.now)
        for delta in deltas:
            watchers = watching(self._world, delta)
            if watchers:
                self._show(_delta_view(delta, time), watchers)

    def catch_up(self, word: LateWord, late: frozenset[CharacterId]) -> None:
        """
        Show something to those whom it is for and who were not there.

        Args:
            word: What was said.
            late: Who was not there.
        """
        for viewer, characters in resolve(self._world, word.event, self._utc_now()):
            if viewer is Viewer.OTHERS:
                for name, view in word.views:
                    some = late.intersection(characters)
                    self._show(view, some, name, durable=True, said=word.said)

    def _remember(
        self, event: Event, names: ViewNames, ordinal: int, time: str, said: Moment
    ) -> None:
        """Remember what was said to many, and not in one room, where all are who hear it."""
        if event.audience.channel is not None or event.audience.members:
            views = render(self._world, event, Viewer.OTHERS, time)
            named = (
                (names.name(ordinal, Viewer.OTHERS, place), view)
                for place, view in enumerate(views)
            )
            self._late_words.note(event, tuple(named), said)

    def update(self, deltas: Iterable[Delta], spared: Set[CharacterId]) -> None:
        """
        Show deltas alone.

        Args:
            deltas: What applying an event returned.
            spared: Whose copies are to be replaced anyway.
        """
        for delta in deltas:
            watchers = [each for each in watching(self._world, delta) if each not in spared]
            if watchers:
                self._show(_delta_view(delta, self._time()), watchers)

    def states(self, sessions: Iterable[Session]) -> None:
        """Show sessions the whole of their characters, and of the rooms where these are."""
        rooms: dict[RoomId, list[CharacterId]] = {}
        for session in sessions:
            self.char_state(session)
            room = self._world.character(session.character).room
            if room is not None:
                rooms.setdefault(room, []).append(session.character)
        for room, characters in rooms.items():
            self._show(room_state(self._world, room, self._time()), characters)

    def char_state(self, session: Session) -> None:
        """Show a session the whole of its character."""
        self._show(char_state(self._world, session.character, self._time()), (session.character,))

    def char_state_of(self, character: CharacterId) -> None:
        """Show a character's own player the whole of it, if it is in the world."""
        if character in self._world.characters:
            self._show(char_state(self._world, character, self._time()), (character,))

    def room_state(self, room: RoomId) -> None:
        """Show all who are in a room the whole of it."""
        there = self._world.occupants(room).characters
        if there:
            self._show(room_state(self._world, room, self._time()), tuple(there))

    def follow(self, session: Session, gateway: GatewayId) -> None:
        """
        Show a session, where it is now, what must arrive and may reach its old gateway too late.

        Args:
            session: One that has moved.
            gateway: The old one; it says what the session was shown there.
        """
        if session.gateway != gateway:
            for show in self._unconfirmed.of(gateway, session.id):
                self._send(session.gateway, evolve(show, sessions=(session.id,), again=True))

    def occupants(self, session: Session, after: int) -> None:
        """Show a session more of who is in its room."""
        room = self._world.character(session.character).room
        if room is not None:
            self._show(occupants_page(self._world, room, after), (session.character,))

    def notice(
        self,
        session: Session,
        words: str,
        style: Style = Style.SYSTEM,
        names: ViewNames | None = None,
    ) -> None:
        """Show a session some words, on account of an input or of none."""
        name = None if names is None else names.name(names.begin(), Viewer.ACTOR)
        self._show(text(words, style, self._time()), (session.character,), name)

    def announce(self, words: str, level: Level) -> None:
        """Show everyone a notice of the server."""
        everyone = tuple(session.character for session in self._sessions)
        self._show(system(words, level, self._time()), everyone)

    def _show(
        self,
        view: View,
        characters: Iterable[CharacterId],
        name: EventId | None = None,
        *,
        durable: bool = False,
        said: Moment | None = None,
    ) -> None:
        if said is not None:
            characters = self._sessions.played_since(characters, said)
        recipients = 0
        for gateway, sessions in self._sessions.by_gateway(characters).items():
            recipients += len(sessions)
            show = Show(view, tuple(sessions), name, durable, again=said is not None)
            self._send(gateway, show, said)
        self._meter.observe("fanout_recipients", float(recipients))
        self._weigh(view)

    def _send(self, gateway: GatewayId, show: Show, said: Moment | None = None) -> None:
        if not show.durable or show.event is None:
            self._gateways.tell(gateway, show)
            return
        arrived = self._deliveries.begin(show.event.session, show.event.number, said)
        confirmed = self._unconfirmed.begin(gateway, show)

        def delivered() -> None:
            confirmed()
            arrived()

        self._gateways.tell(gateway, show, delivered)

    def _weigh(self, view: View) -> None:
        """Log the first view of a type that takes half of what a message may, and larger ones."""
        size = len(view.body)
        self._meter.observe("view_bytes", float(size), type=view.type)
        if size <= self._largest.get(view.type, MAX_VIEW_BYTES // 2):
            return
        self._largest[view.type] = size
        log = self._log.error if size > MAX_VIEW_BYTES else self._log.warn
        log(
            "A message of type {type} has {size} bytes, of {limit}.",
            type=view.type,
            size=size,
            limit=MAX_VIEW_BYTES,
        )

    def _time(self) -> str:
        return rfc3339(self._utc_now())


def _delta_view(delta: Delta, time: str) -> View:
    if isinstance(delta, CharacterDelta):
        return char_delta(delta, time)
    return room_delta(delta, time)
