"""What costs many others something is charged to the character, whatever connection it comes by."""

from attrs import frozen

from mudserver.game.limits import GameLimits
from mudserver.game.verb_allowances import CHARGED, Expensive, VerbLimits
from mudserver.ids import SessionId
from mudserver.interfaces.authority import Transport
from mudserver.interfaces.play import Refusal
from mudserver.session.bucket import Rate
from tests.unit.game.theatre import GameTestCase

RATE = Rate(per_second=1.0, burst=3.0)


@frozen
class Typing:
    """What to type, and what it is charged to."""

    text: str
    verb: Expensive


TYPED = (
    Typing("tell bob hello", Expensive.TELL),
    Typing("who", Expensive.WHO),
    Typing("history", Expensive.HISTORY),
    Typing("chat hello", Expensive.CHANNEL),
)


class VerbAllowancesTest(GameTestCase):
    limits = GameLimits(verbs=VerbLimits(RATE, RATE, RATE, RATE))

    def setUp(self) -> None:
        super().setUp()
        self.ann = self.enter("Ann")
        self.enter("Bob")
        self.allowances = self.game.commands._allowances

    def refusals(self, session: SessionId, text: str, times: int) -> list[Refusal | None]:
        """Type that so often, at one moment, and return the answers."""
        before = len(self.gateway.settled(session))
        for _ in range(times):
            self.gateway.type(session, text)
        self.clock.pump([0.0] * 8)
        self.advance(0.0)
        self.successful_commit()
        return [settled.refusal for settled in self.gateway.settled(session)[before:]]

    def successful_commit(self) -> None:
        """Let what is to be saved be saved, in hardly any time."""
        self.clock.pump([0.01] * 10)

    def test_table(self) -> None:
        """Each bucket has a verb, and each verb is tried here."""
        self.assertEqual(set(CHARGED.values()), set(Expensive))
        self.assertEqual({each.verb for each in TYPED}, set(Expensive))

    def test_burst(self) -> None:
        """So many pass at once; the next is refused, with when to try again, and counted."""
        for typing in TYPED:
            *passed, refused = self.refusals(self.ann, typing.text, 4)
            self.assertEqual(passed, [None] * 3, typing)
            assert refused is not None
            self.assertEqual(refused.code, "rate_limited")
            assert refused.retry_after is not None
            self.assertLessEqual(refused.retry_after, 1.0)
            self.assertGreater(refused.retry_after, 0.8)
            reason = f"refusals rate_limited_{typing.verb.value}"
            self.assertEqual(self.meter.counts[reason], 1)

    def test_refilled(self) -> None:
        """Who waits as long as is said may go on."""
        self.refusals(self.ann, "who", 3)
        self.clock.advance(1.0)
        self.assertEqual(self.refusals(self.ann, "who", 1), [None])

    def test_each_its_own(self) -> None:
        """One verb leaves the others alone, and one character the others; talk is not charged."""
        self.refusals(self.ann, "who", 10)
        self.assertEqual(self.refusals(self.ann, "tell bob hello", 1), [None])
        self.assertEqual(self.refusals(self.ann, "say hello", 10), [None] * 10)
        bob = self.enter("Bob")
        self.assertEqual(self.refusals(bob, "who", 1), [None])

    def test_reconnecting_fills_nothing(self) -> None:
        """Neither a new connection nor a new log-in, by whatever transport, fills a bucket."""
        self.refusals(self.ann, "who", 3)
        for quits in (False, True):
            self.gateway.detach(self.ann, by_choice=quits)
            self.clock.pump([0.0] * 8)
            attaching = self.gateway.attach(self.log_in("Ann"), transport=Transport.WEBSOCKET)
            self.clock.pump([0.0, 0.01, 0.01, 0.0])
            self.ann = self.successResultOf(attaching).session
            (refusal,) = self.refusals(self.ann, "who", 1)
            self.assertIsNotNone(refusal)

    def test_telnet_sees_words(self) -> None:
        """What is refused says so in words."""
        self.refusals(self.ann, "who", 3)
        (refusal,) = self.refusals(self.ann, "who", 1)
        assert refusal is not None
        self.assertIn("wait", refusal.message)

    def test_refused_may_be_repeated(self) -> None:
        """A command with an id that was refused so is carried out when it comes again in time."""
        self.refusals(self.ann, "who", 3)
        self.gateway.type(self.ann, "who", "w")
        self.successful_commit()
        self.clock.advance(1.0)
        self.gateway.forget()
        self.gateway.type(self.ann, "who", "w")
        self.successful_commit()
        (settled,) = self.gateway.settled(self.ann)
        self.assertIsNone(settled.refusal)

    def test_bounded(self) -> None:
        """Nothing is held of those whose buckets are full again."""
        for typing in TYPED:
            self.refusals(self.ann, typing.text, 3)
        self.assertEqual(len(self.allowances), 4)
        self.clock.advance(10.0)
        bob = self.enter("Bob")
        for typing in TYPED:
            self.refusals(bob, typing.text.replace("bob", "ann"), 1)
        self.assertEqual(len(self.allowances), 4)
