"""What the world shows to sessions that are not quite here."""

from collections.abc import Iterable
from typing import Final

from attrs import define, evolve, field

from mudserver.ids import SessionId
from mudserver.interfaces.continuity import FromWorld
from mudserver.interfaces.play import Show

#: Sessions that are waited for at once; what others of them are shown too early, nobody sees.
MAX_EXPECTED: Final = 2_000

#: Views that wait for one session; of more, none: it is told of a gap.
MAX_EARLY: Final = 500

#: Sessions that have gone on elsewhere and are known as such, the latest.
MAX_GONE: Final = 1_000


@define(eq=False)
class Expected:
    """
    A session that is on its way in, until it is here or nobody is left who may bring it.

    Attributes:
        session: Which.
        times: By how many connections at once.
        waiting: What it is to be shown.
        whole: Whether that is all.
    """

    session: SessionId
    times: int = 0
    waiting: list[FromWorld] = field(factory=list)
    whole: bool = True


class Early:
    """
    Keeps what comes for sessions that are on their way in, until they are here with all their past.

    The world's answer that lets one in may come behind what the world shows it, and what another
    gateway has shown it says what of that it has seen. What comes for one that has gone on
    elsewhere is shown there.
    """

    def __init__(self) -> None:
        self._expected: dict[SessionId, Expected] = {}
        self._gone: dict[SessionId, None] = {}

    def __bool__(self) -> bool:
        """Return whether there is anything to look at."""
        return bool(self._expected or self._gone)

    def expect(self, session: SessionId) -> Expected:
        """
        A connection may come in by a session: keep what it is shown until `take` or `leave`.

        Returns:
            What is to be left, once. Of too many sessions what it is shown is not kept.
        """
        self._gone.pop(session, None)
        expected = self._expected.get(session)
        if expected is None:
            expected = Expected(session)
            if len(self._expected) < MAX_EXPECTED:
                self._expected[session] = expected
        expected.times += 1
        return expected

    def whole(self, session: SessionId) -> bool:
        """Tell whether all that came for a session is kept, or it isn't waited for."""
        expected = self._expected.get(session)
        return expected is None or expected.whole

    def take(self, session: SessionId) -> Iterable[FromWorld]:
        """A session came in: return what it is to be shown."""
        expected = self._expected.pop(session, None)
        return () if expected is None else expected.waiting

    def leave(self, expected: Expected) -> None:
        """
        A connection doesn't come in; where no other one does, what waits is forgotten.

        Where the session came in meanwhile, and went, that has nothing to do with those who expect
        it anew.
        """
        expected.times -= 1
        if not expected.times and self._expected.get(expected.session) is expected:
            del self._expected[expected.session]

    def gone(self, session: SessionId) -> None:
        """A session goes on elsewhere."""
        self._gone[session] = None
        if len(self._gone) > MAX_GONE:
            del self._gone[next(iter(self._gone))]

    def forget(self, session: SessionId) -> None:
        """Nothing comes any more for a session that has gone on elsewhere."""
        self._gone.pop(session, None)

    def sift(self, message: FromWorld) -> FromWorld | None:
        """Keep a message for those who are to come; return it for the others, if there are any."""
        show = message.message
        if not isinstance(show, Show) or (
            self._expected.keys().isdisjoint(show.sessions)
            and self._gone.keys().isdisjoint(show.sessions)
        ):
            return message
        others = []
        for session in show.sessions:
            expected = self._expected.get(session)
            if expected is None:
                if session not in self._gone:
                    others.append(session)
            elif len(expected.waiting) < MAX_EARLY:
                alone = evolve(show, sessions=(session,))
                expected.waiting.append(evolve(message, message=alone))
            else:
                expected.whole = False
        return evolve(message, message=evolve(show, sessions=tuple(others))) if others else None
