"""What players sent and were shown, and what of it is wrong."""

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import pairwise, zip_longest
from typing import Final

from attrs import define, field, frozen

from mudserver.session.spoken import UNDER_WAY_SECONDS

#: Seconds after a world's end within which the players of a gateway whose link breaks just then may
#: be missing for others. Who tells them something is refused, and knows it.
MISSED_FOR: Final = 15.0

#: Seconds after which a line that was answered, or by telnet was sent, has come to all, where no
#: world and no hub ended meanwhile; and otherwise, after that.
UNDER_WAY: Final = 10.0
UNDER_WAY_AFTER_END: Final = 15.0

#: Seconds after which no world says it again, and in which the last one may have.
LONGEST_UNDER_WAY: Final = UNDER_WAY_SECONDS + UNDER_WAY_AFTER_END

#: Seconds for which a line that was shown may not be committed.
UNCOMMITTED: Final = 2.0

#: The codes of that refusal, and of what is refused since too much waits for the world already.
NOT_HERE: Final = "not_here"
TOO_MUCH: Final = "rate_limited"


class Means(Enum):
    """By what a line is said."""

    TELL = "tell"
    CHANNEL = "chat"
    SAY = "say"


@frozen
class Spoken:
    """
    One line.

    Attributes:
        means: By what it is said.
        speaker: The name of who says it.
        number: Its place among the lines of that one.
        to: Whom it is told; empty for all.
        at: When it was sent, in seconds of the clock.
    """

    means: Means
    speaker: str
    number: int
    to: str = ""
    at: float = 0.0

    @property
    def text(self) -> str:
        """The line, as no other one is."""
        return f"{self.speaker}-{self.number}"

    @property
    def typed(self) -> str:
        """What is typed to say it."""
        whom = f" {self.to}" if self.to else ""
        return f"{self.means.value}{whom} {self.text}"


@frozen
class Shown:
    """
    A line that a player was shown.

    Attributes:
        means: By what it was said.
        speaker: By whom.
        text: The words.
        at: When that was noted, in seconds of the clock; 0 where it wasn't.
    """

    means: Means
    speaker: str
    text: str
    at: float = field(default=0.0, eq=False)

    @property
    def number(self) -> int:
        """Its place among the lines of the speaker."""
        return int(self.text.rpartition("-")[2])


@frozen
class Answer:
    """
    What came of a command.

    Attributes:
        at: When that was known, in seconds of the clock.
        error: The code of the refusal; empty where the command was carried out.
        message: What it says.
    """

    at: float
    error: str = ""
    message: str = ""


@frozen
class Absence:
    """
    A player was not connected.

    Attributes:
        since: When the connection was gone, in seconds of the clock.
        until: When the next ``welcome`` came.
        recovered: Whether that said that the session goes on with all that was missed.
        bare: Whether it goes on without that, at another gateway.
    """

    since: float
    until: float
    recovered: bool
    bare: bool = False


@define(eq=False)
class Page:
    """
    One player's part.

    By ``docs/protocol.md``, whose session is recovered is owed as much as if nothing had happened.
    Otherwise the player has full state, and is not owed what was under way when the connection
    broke, or was said before the next ``welcome``. What became of commands without an answer can't
    be learned then. What was under way may be shown once more where the session goes on
    nevertheless; else what had no answer yet as a world ended (README.md).

    Where it is recovered, they are sent again. What was shown of one and not acknowledged may be
    gone after a crash (README.md), and then is done, and shown, as if for the first time.

    Attributes:
        player: Whose.
        spoken: The lines that were sent, each with the id of its command; empty by telnet.
        deeds: The other commands, by their ids: whether each had its thing taken, or put down.
        answers: The answers that came, by id.
        shown: The lines that were shown, in order.
        lost: How the connection ended, if it did and was not to.
        absences: When it was not there.
        starts: Behind how many lines that were shown each session began that is no continuation.
        forgotten: The ids of commands whose answers can't be learned.
        resent: The ids of commands that were sent again.
        miscounted: Where the server's count of messages was not that of the player.
    """

    player: str
    spoken: list[tuple[str, Spoken]] = field(factory=list)
    deeds: dict[str, bool] = field(factory=dict)
    answers: dict[str, list[Answer]] = field(factory=dict)
    shown: list[Shown] = field(factory=list)
    lost: str = ""
    absences: list[Absence] = field(factory=list)
    starts: list[int] = field(factory=list)
    forgotten: set[str] = field(factory=set)
    resent: set[str] = field(factory=set)
    miscounted: list[str] = field(factory=list)

    def back(self, absence: Absence) -> None:
        """Note that the player is back."""
        self.absences.append(absence)
        if absence.recovered:
            self.resent.update(self.unanswered)
        else:
            self.starts.append(len(self.shown))
            self.forgotten.update(self.unanswered)

    @property
    def back_whole(self) -> bool:
        """Whether the session was recovered the last time."""
        return bool(self.absences) and self.absences[-1].recovered

    @property
    def breaks(self) -> list[Absence]:
        """The absences after which the session was not recovered."""
        return [each for each in self.absences if not each.recovered]

    @property
    def ids(self) -> Iterator[str]:
        """Return all ids that wait for an answer, or have one."""
        yield from (id for id, _ in self.spoken if id)
        yield from self.deeds

    @property
    def unanswered(self) -> list[str]:
        """The ids without an answer."""
        return [id for id in self.ids if id not in self.answers and id not in self.forgotten]

    def carried_out(self, id: str) -> bool:
        """Tell whether a command has its one answer, and was carried out."""
        return [answer.error for answer in self.answers.get(id, ())] == [""]

    def in_vain(self, id: str) -> bool:
        """Tell whether a thing can't be taken, or put down, since the deed before was refused, or
        may have been.
        """
        deeds = list(self.deeds)
        place = deeds.index(id)
        before = deeds[place - 1] if place else None
        return before in self.forgotten or (before in self.answers and not self.carried_out(before))

    @property
    def holds(self) -> bool | None:
        """Whether the player has its thing after all that was acknowledged; None for unknown."""
        last = None
        for id, taken in self.deeds.items():
            if self.carried_out(id):
                last = taken
            elif id in self.forgotten:
                last = None
        return last


@frozen
class Ledger:
    """
    The pages of all players, who all are there from the first line to the last.

    Attributes:
        pages: One for each.
        ends: When worlds ended, or began to, in seconds of the clock.
        hub_ends: When the hub did, without which nothing arrives.
        overs: When each of the worlds had ended at the latest, in the same order; nothing for those
            that ended at once.
    """

    pages: Sequence[Page]
    ends: Sequence[float] = ()
    hub_ends: Sequence[float] = ()
    overs: Sequence[float] = ()

    @property
    def owed(self) -> int:
        """How many showings there must be."""
        return sum(1 for _ in self._durable())

    def missing(self) -> list[str]:
        """
        Tell what isn't there yet: answers, and lines to those who are entitled to them.

        A tell is for the one it names, a channel line for all. Of a line by telnet, which has no
        id, nobody says whether it was carried out, nor of one whose answer was forgotten; if one
        was shown it, all must be.
        """
        found = [
            f"{page.player} has no answer to {id}" for page in self.pages for id in page.unanswered
        ]
        shown = {page.player: Counter(page.shown) for page in self.pages}
        for line, page in self._durable():
            wanted = Shown(line.means, line.speaker, line.text)
            if not shown[page.player][wanted]:
                found.append(f"{page.player} was not shown {line}")
        return found

    def wrong(self) -> list[str]:
        """Tell what should not have come."""
        found: list[str] = []
        for page in self.pages:
            if page.lost:
                found.append(f"{page.player} lost the connection: {page.lost}")
            said = dict(page.spoken)
            for id, answers in page.answers.items():
                if not page.carried_out(id) and not self._refused(id, said.get(id), page):
                    found.append(f"{page.player} was answered {answers} to {id}")
            found += self._doubled(page)
            found += [f"{page.player}: {each}" for each in page.miscounted]
            found += self._order(page)
        return found

    def _doubled(self, page: Page) -> Iterator[str]:
        """Tell what a player was shown more often than once, where that may not be."""
        sent = self._sent()
        places: dict[Shown, list[int]] = {}
        for place, shown in enumerate(page.shown):
            places.setdefault(shown, []).append(place)
        for shown, there in places.items():
            for before, after in pairwise(there):
                between = [
                    each
                    for start, each in zip(page.starts, page.breaks, strict=True)
                    if before < start <= after
                ]
                if not (
                    any(self._repeatable(each, *sent[shown]) for each in between)
                    or self._redone(*sent[shown])
                ):
                    yield f"{page.player} was shown {shown} {len(there)} times"
                    break

    def _sent(self) -> dict[Shown, tuple[str, Spoken, Page]]:
        """Return of each line, as it is shown, its id, itself, and its speaker's page."""
        return {
            Shown(line.means, line.speaker, line.text): (id, line, speaker)
            for speaker in self.pages
            for id, line in speaker.spoken
        }

    @staticmethod
    def _answered(id: str, line: Spoken, speaker: Page) -> float:
        """Return when a line was answered, or is by telnet, at the latest."""
        answers = [answer.at for answer in speaker.answers.get(id, ())]
        return max(answers, default=line.at + UNDER_WAY_AFTER_END)

    def _repeatable(self, absence: Absence, id: str, line: Spoken, speaker: Page) -> bool:
        """
        Tell whether a player may be shown after an absence what was shown before it, as long as it
        may be said again at all: where nobody knows any more what that session was shown, or no
        gateway when the line was said, since a world had ended by the time of its answer. What is
        said in a room is not said again, but may be carried out again by a world that follows,
        behind an earlier command whose answer was lost.
        """
        answered = self._answered(id, line, speaker)
        if not id:  # nobody says how long the line itself was on its way
            answered = max(answered, self._first_shown(line) + UNDER_WAY_AFTER_END)
        over = answered + LONGEST_UNDER_WAY
        within = line.at <= absence.until and absence.since <= over
        ended_by = over if line.means is Means.SAY else answered
        return within and (absence.bare or self._ended(line.at, ended_by))

    def _ended(self, since: float, until: float) -> bool:
        """Tell whether a world may have ended meanwhile."""
        endings = zip_longest(self.ends, self.overs)
        return any(
            since <= (end if over is None else over) and end <= until for end, over in endings
        )

    def _redone(self, id: str, line: Spoken, speaker: Page) -> bool:
        """Tell whether a line may have been said twice: it was sent again since it was not
        acknowledged, and a world had ended before it was committed.
        """
        first = self._first_shown(line)
        return id in speaker.resent and any(
            line.at <= end <= first + UNCOMMITTED for end in self.ends
        )

    def _first_shown(self, line: Spoken) -> float:
        """Return when somebody was shown a line first; where that isn't noted, when it was sent."""
        shown = Shown(line.means, line.speaker, line.text)
        noted = [each.at for page in self.pages for each in page.shown if each == shown and each.at]
        return min(noted, default=line.at)

    def _over(self, id: str, line: Spoken, speaker: Page) -> float:
        """Return when a line has come to all, at the latest."""
        answered = self._answered(id, line, speaker)
        over = answered + UNDER_WAY
        for end in sorted((*self.ends, *self.hub_ends)):
            if line.at <= end <= over:
                over = max(over, end + UNDER_WAY_AFTER_END)
        return min(over, answered + LONGEST_UNDER_WAY)

    def _lapsed(self, page: Page, id: str, line: Spoken, speaker: Page) -> bool:
        """Tell whether a line need not be shown to a player whose session went on as another."""
        over = self._over(id, line, speaker)
        return any(line.at <= each.until and each.since <= over for each in page.breaks)

    def _unkept(self, id: str, line: Spoken, speaker: Page) -> bool:
        """Tell whether a line need not have come to all: a world that had not delivered it ended
        while its speaker was leaving the session, whose gateway would have had it said again.
        """
        over = self._over(id, line, speaker)
        return any(
            line.at <= end <= over
            and line.at <= each.until
            and each.since <= end + UNDER_WAY_AFTER_END
            for end in self.ends
            for each in speaker.breaks
        )

    def _durable(self) -> Iterator[tuple[Spoken, Page]]:
        """Return each line that must arrive, with the pages of those entitled to it."""
        seen = {shown for page in self.pages for shown in page.shown}
        for speaker in self.pages:
            for id, line in speaker.spoken:
                uncertain = not id or id in speaker.forgotten
                if uncertain and Shown(line.means, line.speaker, line.text) not in seen:
                    continue
                if self._refused(id, line, speaker) or self._unkept(id, line, speaker):
                    continue
                for page in self.pages:
                    entitled = line.means is Means.CHANNEL or (
                        line.means is Means.TELL and line.to == page.player
                    )
                    if entitled and not self._lapsed(page, id, line, speaker):
                        yield line, page

    @property
    def refused(self) -> int:
        """How many commands were rightly refused."""
        return sum(
            self._refused(id, dict(page.spoken).get(id), page)
            for page in self.pages
            for id in page.answers
        )

    def _refused(self, id: str, line: Spoken | None, page: Page) -> bool:
        """Tell whether a command was refused, and might be."""
        match page.answers.get(id):
            case [Answer(error=error)] if error == TOO_MUCH:
                return True
            case [Answer(at=at, error=error)] if error == NOT_HERE:
                if line is None:
                    return page.in_vain(id)
                return line.means is Means.TELL and (
                    any(line.at - MISSED_FOR < end <= at for end in self.ends)
                    or self._was_away(line.to, line.at, at)
                )
            case _:
                return False

    def _was_away(self, player: str, since: float, until: float) -> bool:
        """Tell whether somebody was not connected meanwhile, and the session was not recovered."""
        return any(
            each.since <= until and since <= each.until
            for page in self.pages
            if page.player == player
            for each in page.breaks
        )

    def _order(self, page: Page) -> Iterator[str]:
        """Tell where what is said in a room comes in another order than it was said."""
        sent = self._sent()
        last: dict[str, int] = {}
        for place, shown in enumerate(page.shown):
            if place in page.starts:  # this session has seen nothing yet
                last = {}
            if shown.means is Means.SAY:
                before = last.get(shown.speaker, 0)
                if shown.number < before and not self._redone(*sent[shown]):
                    yield f"{page.player} was shown {shown} after {before}"
                last[shown.speaker] = shown.number
