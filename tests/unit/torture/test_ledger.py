"""What the torture's oracle finds wrong."""

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from tests.torture.ledger import (
    LONGEST_UNDER_WAY,
    MISSED_FOR,
    NOT_HERE,
    TOO_MUCH,
    UNDER_WAY,
    UNDER_WAY_AFTER_END,
    Absence,
    Answer,
    Ledger,
    Means,
    Page,
    Shown,
    Spoken,
)


class LedgerTest(SynchronousTestCase):
    """Ann speaks; Bob, and on channels she, too, is to be shown it."""

    def setUp(self) -> None:
        self.ann, self.bob = Page("Ann"), Page("Bob")
        self.ends: list[float] = []
        self.hub_ends: list[float] = []
        self.overs: list[float] = []

    def say(self, means: Means, error: str = "", *, id: str = "c1", at: float = 1.0) -> Shown:
        """Have Ann say something, which is answered."""
        to = "Bob" if means is Means.TELL else ""
        line = Spoken(means, "Ann", len(self.ann.spoken) + 1, to, 0.0)
        self.ann.spoken.append((id, line))
        if id:
            self.ann.answers[id] = [Answer(at, error)]
        return Shown(means, "Ann", line.text)

    @property
    def ledger(self) -> Ledger:
        return Ledger([self.ann, self.bob], self.ends, self.hub_ends, self.overs)

    @property
    def problems(self) -> tuple[int, int]:
        """How much is missing, and how much is wrong."""
        return len(self.ledger.missing()), len(self.ledger.wrong())

    def away(
        self, page: Page, since: float, until: float, *, recovered: bool, bare: bool = False
    ) -> None:
        """Have a player lose the connection, and be back."""
        page.back(Absence(since, until, recovered, bare))

    def test_shown_once(self) -> None:
        """What was acknowledged is owed, once, to each who is entitled to it."""
        told, chatted = self.say(Means.TELL), self.say(Means.CHANNEL, id="c2")
        self.assertEqual((self.ledger.owed, len(self.ledger.missing())), (3, 3))
        self.bob.shown += [told, chatted]
        self.assertEqual(len(self.ledger.missing()), 1)
        self.ann.shown.append(chatted)
        self.assertEqual((self.ledger.missing(), self.ledger.wrong()), ([], []))
        self.bob.shown.append(told)
        self.assertEqual(len(self.ledger.wrong()), 1)

    def test_unanswered(self) -> None:
        """Each command has one answer."""
        shown = self.say(Means.TELL)
        self.bob.shown.append(shown)
        self.ann.answers["c1"].append(Answer(2.0))
        self.assertEqual(len(self.ledger.wrong()), 1)
        self.ann.answers.clear()
        self.assertEqual(len(self.ledger.missing()), 1)

    def test_by_telnet(self) -> None:
        """Of a line that nobody has acknowledged all are owed what one was shown."""
        shown = self.say(Means.CHANNEL, id="")
        self.assertEqual(self.ledger.missing(), [])
        self.bob.shown.append(shown)
        self.assertEqual(len(self.ledger.missing()), 1)

    def test_refused(self) -> None:
        """A tell, sent at 0, may be refused where a world ended shortly before, or until it was
        answered: its hearer isn't back.
        """
        self.say(Means.TELL, NOT_HERE, at=20.0)
        for end, problems in ((-MISSED_FOR, 2), (20.5, 2), (0.5 - MISSED_FOR, 0), (19.0, 0)):
            self.ends = [end]
            self.assertEqual(len(self.ledger.wrong()) + len(self.ledger.missing()), problems)
        self.say(Means.SAY, NOT_HERE, id="c2", at=20.0)
        self.assertEqual(len(self.ledger.wrong()), 1)

    def test_in_vain(self) -> None:
        """What is put down can't be taken where the deed before was refused, and then only."""
        self.ann.deeds = {"c1": True, "c2": False, "c3": True}
        for second, problems in (("", 1), (TOO_MUCH, 0)):
            errors = {"c1": "", "c2": second, "c3": NOT_HERE}
            self.ann.answers = {id: [Answer(1.0, error)] for id, error in errors.items()}
            self.assertEqual(len(self.ledger.wrong()), problems)
        self.ann.deeds = {"c1": True}
        self.ann.answers = {"c1": [Answer(1.0, NOT_HERE)]}
        self.assertEqual(len(self.ledger.wrong()), 1)

    def test_too_much(self) -> None:
        """Anything may be refused where too much waits, and then changes nothing."""
        self.say(Means.CHANNEL, TOO_MUCH)
        self.bob.deeds["d1"] = True
        self.bob.answers["d1"] = [Answer(1.0, TOO_MUCH)]
        self.assertEqual((self.ledger.wrong(), self.ledger.missing()), ([], []))
        self.assertEqual((self.ledger.refused, self.bob.holds), (2, None))

    def test_order(self) -> None:
        """What is said in a room comes in its order, as far as it comes."""
        said = [self.say(Means.SAY, id=f"c{number}") for number in range(3)]
        self.bob.shown += [said[0], said[2]]
        self.assertEqual(self.ledger.wrong(), [])
        self.bob.shown.append(said[1])
        self.assertEqual(len(self.ledger.wrong()), 1)

    def test_lost(self) -> None:
        """Nobody loses the connection."""
        self.bob.lost = "code 1006"
        self.assertEqual(len(self.ledger.wrong()), 1)

    def test_recovered(self) -> None:
        """Whose session is recovered is owed as much as if nothing had happened, once."""
        told = self.say(Means.TELL)
        self.away(self.bob, 0.5, 2.0, recovered=True)
        self.assertEqual(self.problems, (1, 0))
        self.bob.shown.append(told)
        self.away(self.bob, 3.0, 4.0, recovered=True)
        self.assertEqual(self.problems, (0, 0))
        self.bob.shown.append(told)
        self.assertEqual(self.problems, (0, 1))

    def test_not_recovered(self) -> None:
        """Otherwise what was under way when the connection broke, or was said before the welcome,
        is not owed; all else is owed. What was shown is not shown again, but where the session
        goes on without what was missed.
        """
        told = self.say(Means.TELL)  # sent at 0, answered at 1
        late = 1.0 + UNDER_WAY
        for since, until, missing in ((late + 1.0, late + 2.0, 1), (late, late + 2.0, 0)):
            self.bob.absences.clear()
            self.bob.starts.clear()
            self.bob.shown.clear()
            self.away(self.bob, since, until, recovered=False)
            self.assertEqual(self.problems, (missing, 0))
            self.bob.shown.append(told)
            self.assertEqual(self.problems, (0, 0))
            self.bob.shown.append(told)
            self.assertEqual(self.problems, (0, 1))

    def test_shown_before(self) -> None:
        """What was shown is not shown again to a session that began later, whoever ended meanwhile,
        where its speaker had the answer, or no world had ended; not more often in one session; and
        not for ever.
        """
        told = self.say(Means.TELL)  # sent at 0, answered at 1
        over = 1.0 + LONGEST_UNDER_WAY
        for ends, overs, since, more, wrong in (
            ([], [], 2.0, 1, 1),
            ([-0.5], [], 2.0, 1, 1),
            ([1.5], [], 2.0, 1, 1),
            ([0.0], [], 2.0, 1, 0),
            ([1.0], [], 2.0, 1, 0),
            ([1.0], [], 2.0, 2, 1),
            ([1.0], [], over, 1, 0),
            ([1.0], [], over + 1.0, 1, 1),
            ([-5.0, -2.0], [-4.0, 0.0], 2.0, 1, 0),
            ([-5.0, -2.0], [-4.0, -1.0], 2.0, 1, 1),
            ([-5.0, 0.5], [-4.0], 2.0, 1, 0),
            ([-5.0, 1.5], [-4.0, 2.0], 2.0, 1, 1),
        ):
            self.ends, self.overs = ends, overs
            self.bob.absences.clear()
            self.bob.starts.clear()
            self.bob.shown[:] = [told]
            self.away(self.bob, since, 99.0, recovered=False)
            self.bob.shown += [told] * more
            self.assertEqual(self.problems, (0, wrong), (ends, overs, since, more))

    def test_shown_before_by_telnet(self) -> None:
        """A line by telnet is taken for answered when all that can be said of it has come, as which
        it counts from when it was shown.
        """
        told = self.say(Means.TELL, id="")  # sent at 0
        for at in (1.0, 20.0):
            self.bob.shown[:] = [evolve(told, at=at)]
            self.bob.absences.clear()
            self.bob.starts.clear()
            self.away(self.bob, at + 2.0, at + 3.0, recovered=False)
            self.bob.shown.append(evolve(told, at=at + 4.0))
            over = at + UNDER_WAY_AFTER_END
            for end, wrong in ((over, 0), (over + 1.0, 1)):
                self.ends = [end]
                self.assertEqual(self.problems, (0, wrong), (at, end))

    def test_shown_before_in_a_room(self) -> None:
        """What is said in a room may be shown again where any world has ended meanwhile, whether or
        not its speaker had the answer; once for each new session.
        """
        said = self.say(Means.SAY)  # sent at 0, answered at 1
        over = 1.0 + LONGEST_UNDER_WAY
        self.bob.shown.append(said)
        self.away(self.bob, 2.0, 3.0, recovered=False)
        self.bob.shown.append(said)
        for ends, wrong in (([], 1), ([-1.0], 1), ([1.5], 0), ([over], 0), ([over + 1.0], 1)):
            self.ends = ends
            self.assertEqual(self.problems, (0, wrong), ends)
        self.ends = [1.5]
        self.bob.shown.append(said)
        self.assertEqual(self.problems, (0, 1))

    def test_shown_before_elsewhere(self) -> None:
        """Only the session counts that began between."""
        told = self.say(Means.TELL)
        self.ends = [0.5]
        self.away(self.bob, 0.0, 0.5, recovered=False)
        self.bob.shown.append(told)
        self.away(self.bob, 99.0, 99.5, recovered=False)
        self.bob.shown.append(told)
        self.assertEqual(self.problems, (0, 1))

    def test_once_more(self) -> None:
        """A session that goes on without what was missed may be shown once more what can be said
        again; no other one, and nothing later.
        """
        told = self.say(Means.TELL)  # sent at 0, answered at 1
        over = 1.0 + LONGEST_UNDER_WAY
        for since, until, wrong in ((over, 99.0, 0), (over + 1.0, 99.0, 1), (-2.0, -1.0, 1)):
            self.bob.absences.clear()
            self.bob.starts.clear()
            self.bob.shown[:] = [told]
            self.away(self.bob, since, until, recovered=False, bare=True)
            self.bob.shown.append(told)
            self.assertEqual(self.problems, (0, wrong))

    def test_longer_under_way(self) -> None:
        """Behind the end of a world or of the hub it may take longer; and behind the next one."""
        self.say(Means.TELL)
        first = 1.0 + UNDER_WAY
        second = first + UNDER_WAY_AFTER_END
        self.away(self.bob, second + UNDER_WAY_AFTER_END, 99.0, recovered=False)
        for ends, hub_ends, missing in (
            ([], [], 1),
            ([first], [], 1),
            ([first], [second], 0),
            ([second], [first], 0),
            ([second], [first + 0.5], 1),
        ):
            self.ends, self.hub_ends = ends, hub_ends
            self.assertEqual(self.problems, (missing, 0))

    def test_forgotten(self) -> None:
        """A new session knows nothing of the commands of the last one: of a line all are owed what
        one was shown; of a thing nobody knows where it is.
        """
        told = self.say(Means.TELL)
        self.ann.answers.clear()
        self.ann.deeds["d1"] = True
        self.away(self.ann, 2.0, 3.0, recovered=True)
        self.assertEqual(self.problems, (3, 0))
        self.away(self.ann, 4.0, 5.0, recovered=False)
        self.assertEqual(self.problems, (0, 0))
        self.assertIsNone(self.ann.holds)
        self.ann.deeds["d2"] = False
        self.ann.answers["d2"] = [Answer(6.0, NOT_HERE)]
        self.assertEqual(self.problems, (0, 0))
        self.ann.answers["d2"] = [Answer(6.0)]
        self.assertFalse(self.ann.holds)
        both = self.say(Means.CHANNEL, id="c2")
        self.ann.answers.pop("c2")
        self.ann.forgotten.add("c2")
        self.bob.shown.append(told)
        self.assertEqual(self.problems, (0, 0))
        self.ann.shown.append(both)
        self.assertEqual(self.problems, (1, 0))

    def test_said_anew(self) -> None:
        """What is sent again may be said twice where a world ended before the first time was
        committed, and then only.
        """
        told = self.say(Means.TELL)
        self.ann.answers.clear()
        for at, end, wrong in ((5.0, 7.0, 0), (5.0, 7.5, 1), (0.0, 2.0, 0), (0.0, 2.5, 1)):
            self.bob.shown[:] = [evolve(told, at=at), told]
            self.ends = [end]
            self.ann.resent.clear()
            self.assertEqual(len(self.ledger.wrong()), 1)
            self.away(self.ann, 2.0, 3.0, recovered=True)
            self.assertEqual(len(self.ledger.wrong()), wrong)

    def test_said_anew_in_a_room(self) -> None:
        """So it comes behind what was said after it."""
        first, second = (self.say(Means.SAY, id=f"c{number}") for number in (1, 2))
        self.ann.answers.clear()
        self.ends = [1.0]
        self.bob.shown += [first, second, first]
        self.assertEqual(len(self.ledger.wrong()), 2)
        self.away(self.ann, 2.0, 3.0, recovered=True)
        self.assertEqual(self.ledger.wrong(), [])

    def test_speaker_gone(self) -> None:
        """What a world had not delivered at its end is owed to nobody whose speaker has left the
        session then: no gateway has it said again.
        """
        self.say(Means.TELL)
        late = 1.0 + UNDER_WAY
        for end, since, missing in ((3.0, 2.0, 0), (3.0, 30.0, 1), (late + 1.0, 2.0, 1)):
            self.ann.absences.clear()
            self.ends = [end]
            self.away(self.ann, since, since + 1.0, recovered=False)
            self.assertEqual(self.problems, (missing, 0))

    def test_hearer_gone(self) -> None:
        """Who had left the session while a tell was sent need not have been there for it."""
        self.say(Means.TELL, NOT_HERE)
        self.assertEqual(self.problems, (1, 1))
        self.away(self.bob, -1.0, 0.5, recovered=False)
        self.assertEqual(self.problems, (0, 0))

    def test_order_of_a_session(self) -> None:
        """A new session has seen nothing yet that others could come too late for."""
        said = [self.say(Means.SAY, id=f"c{number}") for number in range(2)]
        self.bob.shown.append(said[1])
        self.away(self.bob, 1.0, 2.0, recovered=False)
        self.bob.shown.append(said[0])
        self.assertEqual(self.problems, (0, 0))

    def test_miscounted(self) -> None:
        """Server and player count the same messages."""
        self.bob.miscounted.append("3 messages, by a mark of 4")
        self.assertEqual(self.problems, (0, 1))
