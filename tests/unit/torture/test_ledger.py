"""What the torture's oracle finds wrong."""

from twisted.trial.unittest import SynchronousTestCase

from tests.torture.ledger import (
    MISSED_FOR,
    NOT_HERE,
    TOO_MUCH,
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
        return Ledger([self.ann, self.bob], self.ends)

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
