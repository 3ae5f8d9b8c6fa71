"""What is remembered of what was said before all were back."""

from mudserver.game.late_words import KEPT_SECONDS, LATE_SECONDS, MAX_LATE, LateWords
from mudserver.ids import CharacterId, Epoch, InputNumber, SessionId
from mudserver.interfaces.play import EventId
from mudserver.session.moment import Moment
from mudserver.view.line import View
from mudserver.world.events import ChannelSaid
from tests.unit.game.theatre import GameTestCase

EVENT = ChannelSaid(CharacterId(1), "Ann", "chat", "hello")
VIEW = View("chat", b"{}")
SAID = Moment(Epoch(1), 1)


class LateWordsTest(GameTestCase):
    """Ann speaks on a channel."""

    def setUp(self) -> None:
        super().setUp()
        self.ann = self.enter("Ann")
        self.words = LateWords(self.game.deliveries, self.clock)
        self.words.begin()
        self.addCleanup(self.words.stop)

    def say(self, number: int) -> None:
        named = ((EventId(self.ann, InputNumber(number), 8), VIEW),)
        self.words.note(EVENT, named, SAID)

    def test_bounded(self) -> None:
        """Of too many the oldest are forgotten; each has its number."""
        for number in range(1, MAX_LATE + 3):
            self.say(number)
        self.assertEqual([each.number for each in self.words.words()], list(range(3, MAX_LATE + 3)))
        self.assertEqual(self.words.count, MAX_LATE + 2)

    def test_noted_again(self) -> None:
        """What was forgotten is kept no longer, and may be noted again."""
        for number in (*range(1, MAX_LATE + 2), 1):
            self.say(number)
        self.assertEqual(len(self.game.deliveries), MAX_LATE)
        self.advance(KEPT_SECONDS)
        self.assertEqual(len(self.game.deliveries), 0)

    def test_once(self) -> None:
        """What is said again is remembered once, and what nobody would perceive is not."""
        self.say(1)
        self.say(1)
        self.words.note(EVENT, (), SAID)
        self.assertEqual(len(self.words.words()), 1)

    def test_kept(self) -> None:
        """The speaker's gateway keeps it for a while, for a world that follows, with when it was
        said.
        """
        self.enter("Bob")
        self.say(1)
        self.advance(KEPT_SECONDS - 1.0)
        self.assertEqual(self.game.deliveries.keeps(SessionId(self.ann), InputNumber(1)), SAID)
        self.advance(1.0)
        self.assertFalse(self.game.deliveries.keeps(SessionId(self.ann), InputNumber(1)))

    def test_stopped(self) -> None:
        """A world that stops lets it be kept, and remembers nothing."""
        self.say(1)
        self.words.stop()
        self.advance(KEPT_SECONDS)
        self.assertTrue(self.game.deliveries.keeps(SessionId(self.ann), InputNumber(1)))
        self.assertEqual((self.words.words(), self.words.remembers), ((), False))

    def test_forgotten(self) -> None:
        """After a while all is forgotten, and nothing is noted any more."""
        self.say(1)
        self.advance(LATE_SECONDS)
        self.assertEqual((self.words.words(), self.words.remembers), ((), False))
