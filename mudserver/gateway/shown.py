"""What the sessions of a gateway were shown, so that no world shows it to them again."""

from collections.abc import Iterable
from itertools import islice
from typing import Final

from attrs import evolve

from mudserver.ids import InputNumber, SessionId
from mudserver.interfaces.continuity import MAX_TOLD
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.play import EventId, Show
from mudserver.session.showings import Showings

#: Only the second world that is heard of can show again what was shown.
_SECOND: Final = 2

#: What must arrive is remembered for longer than the rest: how many showings of it, and how many
#: sessions in all of them together.
MAX_SAID: Final = 20_000
MAX_HEARERS: Final = 1_000_000

#: Of how many players one has seen the doings at another gateway, for all who come from there; of
#: more, those of the first player are forgotten.
MAX_LATEST: Final = 50_000


class Shown:
    """
    Leaves out of what worlds show whoever has seen it.

    What need not arrive is in its order, too, for all but the one whose doing it is: who has seen
    what somebody did later, by an earlier world, is not shown what it is too late for. A session
    that comes from another gateway brings along what it was shown there.

    Args:
        meter: Gets ``showings_repeated`` (counter).
    """

    def __init__(self, meter: IMeter) -> None:
        self._meter = meter
        self._worlds = 0
        self._said: Showings[EventId] = Showings(MAX_SAID, MAX_HEARERS)
        self._rest: Showings[EventId] = Showings()
        # The highest input of each whose doings were shown by earlier worlds, by who saw it.
        self._latest: dict[SessionId, dict[SessionId, InputNumber]] = {}
        # The same of other gateways, and how much of it.
        self._latest_elsewhere: dict[SessionId, dict[SessionId, InputNumber]] = {}
        self._elsewhere = 0

    def another_world(self) -> None:
        """From now on a later world shows what there is."""
        self._worlds += 1
        self._said.freeze()
        self._rest.freeze()
        self._latest = {}
        for event, sessions in sorted(self._rest.noted, key=lambda noted: noted[0].number):
            seen = self._latest.setdefault(event.session, {})
            seen.update(dict.fromkeys(sessions, event.number))

    def of(self, session: SessionId) -> tuple[tuple[EventId, ...], tuple[EventId, ...]]:
        """Return what a session was shown that must arrive, and what else, of late and in order."""
        return self._said.shown_to(session, MAX_TOLD), self._rest.shown_to(session, MAX_TOLD)

    def bring(self, session: SessionId, said: Iterable[EventId], seen: Iterable[EventId]) -> None:
        """
        A session comes from another gateway.

        Args:
            session: Which.
            said: What it was shown there that must arrive; at most `MAX_TOLD`.
            seen: What else; the same.
        """
        seen = tuple(islice(seen, MAX_TOLD))
        self._said.bring(islice(said, MAX_TOLD), session)
        self._rest.bring(seen, session)
        for event in seen:
            self._note_elsewhere(event, session)
        self._worlds = max(self._worlds, _SECOND)

    def unseen(self, show: Show, event: EventId) -> Show:
        """
        Leave out those who were shown that by an earlier world, or before it was said again.

        Args:
            show: What the world of now shows.
            event: Its name.
        """
        showings = self._said if show.durable else self._rest
        if show.again:
            unseen = showings.lately(event, show.sessions)
            # The first showing may come later yet, by the same world.
            showings.note_out_of_turn(event, unseen)
            self._worlds = max(self._worlds, _SECOND)
        else:
            showings.note(event, show.sessions)
            if self._worlds < _SECOND:
                return show
            unseen = showings.unseen(event, show.sessions)
            if not show.durable:
                unseen = self._in_order(event, unseen)
        return self._narrowed(show, unseen)

    def late(self, show: Show, event: EventId) -> Show:
        """Leave out those who were shown what an earlier world shows, by whichever one."""
        unseen = self._said.lately(event, show.sessions)
        self._said.note_out_of_turn(event, unseen)
        self._worlds = max(self._worlds, _SECOND)
        return self._narrowed(show, unseen)

    def _note_elsewhere(self, event: EventId, session: SessionId) -> None:
        latest = self._latest_elsewhere
        seen = latest.setdefault(event.session, {})
        self._elsewhere += session not in seen
        seen[session] = max(event.number, seen.get(session, event.number))
        while self._elsewhere > MAX_LATEST:
            self._elsewhere -= len(latest.pop(next(iter(latest))))

    def _in_order(self, event: EventId, sessions: tuple[SessionId, ...]) -> tuple[SessionId, ...]:
        own, number = event.session, event.number
        for latest in (self._latest, self._latest_elsewhere):
            seen = latest.get(own)
            if seen is not None:
                sessions = tuple(
                    each for each in sessions if each == own or seen.get(each, number) <= number
                )
        return sessions

    def _narrowed(self, show: Show, unseen: tuple[SessionId, ...]) -> Show:
        if len(unseen) == len(show.sessions):
            return show
        self._meter.count("showings_repeated", len(show.sessions) - len(unseen))
        return evolve(show, sessions=unseen)
