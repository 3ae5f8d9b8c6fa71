"""What must arrive reaches those who go on at another gateway meanwhile."""

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.loopback import LoopbackBus
from mudserver.game.unconfirmed_shows import UnconfirmedShows
from mudserver.ids import GatewayId, InputNumber, SessionId
from mudserver.interfaces.authority import PasswordCredential
from mudserver.interfaces.bus import WORLD
from mudserver.interfaces.continuity import Held, Moved, Reattach
from mudserver.interfaces.play import Show
from mudserver.view.line import View
from tests.unit.game.held_up_bus import HeldUpBus
from tests.unit.game.theatre import PASSWORD, FakeGateway, GameTestCase, Opened

OTHER = GatewayId("other")


class MovesTest(GameTestCase):
    """Ann comes to another gateway; Bob has told her something that hers has not confirmed."""

    def make_bus(self) -> LoopbackBus:
        self.held_up = HeldUpBus(self.clock)
        return self.held_up

    def setUp(self) -> None:
        super().setUp()
        self.ann, self.bob = self.enter("Ann"), self.enter("Bob")
        self.other = FakeGateway(self.bus, OTHER)
        for text in ("tell Ann one", "chat two", "say three"):
            self.type(self.bob, text)

    def follow(self) -> None:
        attaching = self.other.attach(PasswordCredential("Ann", PASSWORD), resume=self.ann)
        self.advance()
        self.assertTrue(self.successResultOf(attaching).recovered)

    def durable(self) -> list[Show]:
        there = [each for each in self.gateway.of(self.ann) if isinstance(each, Show)]
        return [each for each in there if each.durable]

    def test_unconfirmed(self) -> None:
        """She is shown it there again, by its name, to her alone, after she was let in; what need
        not arrive she isn't.
        """
        self.follow()
        again = [evolve(each, sessions=(self.ann,), again=True) for each in self.durable()]
        self.assertEqual(len(again), 2)
        messages = self.other.of(self.ann)
        self.assertEqual(messages[: 1 + len(again)], [Opened(self.ann), *again])
        self.assertNotIn('Bob says, "three"', self.other.lines(self.ann))

    def test_confirmed(self) -> None:
        """What her gateway has confirmed, that one tells the other of."""
        self.held_up.confirm()
        self.follow()
        self.assertEqual([m for m in self.other.of(self.ann) if getattr(m, "again", False)], [])

    def test_speaker_is_kept(self) -> None:
        """It is under way, for the speaker's gateway, until the other has it, too."""
        self.held_up.unconfirmed, first = [], self.held_up.unconfirmed
        self.follow()
        for each in first:
            each()
        self.assertTrue(self.game.deliveries.keeps(self.bob, InputNumber(1)))
        self.held_up.confirm()
        self.assertFalse(self.game.deliveries.keeps(self.bob, InputNumber(1)))

    def test_named_by_another_gateway(self) -> None:
        """So it is where another gateway names her session as its own."""
        session = self.game.sessions.get(self.ann)
        assert session is not None
        held = Held(
            session.id,
            session.generation,
            session.attended,
            session.name,
            session.transport,
            session.origin,
            linkdead=False,
            settled=InputNumber(0),
        )
        self.bus.request(WORLD, Reattach(OTHER, (held,)))
        self.advance()
        shown = [m for m in self.other.of(self.ann) if isinstance(m, Show) and m.again]
        self.assertEqual([m.event for m in shown], [m.event for m in self.durable()])
        self.assertIsInstance(self.gateway.of(self.ann)[-1], Moved)

    def test_stays(self) -> None:
        """Who comes back by the same gateway is shown nothing again."""
        before = len(self.durable())
        attaching = self.gateway.attach(PasswordCredential("Ann", PASSWORD), resume=self.ann)
        self.advance()
        self.assertTrue(self.successResultOf(attaching).recovered)
        self.assertEqual(len(self.durable()), before)


class UnconfirmedShowsTest(SynchronousTestCase):
    def test_forgotten(self) -> None:
        """What is confirmed is forgotten, each by itself."""
        g, h, ann = GatewayId("g"), GatewayId("h"), SessionId("ann")
        one = Show(View("chat", b"1"), (SessionId("bob"), ann), durable=True)
        two = Show(View("chat", b"2"), (ann,), durable=True)
        shows = UnconfirmedShows()
        over = [shows.begin(*each) for each in ((g, one), (g, one), (g, two), (h, two))]
        self.assertEqual(shows.of(g, ann), (one, one, two))
        self.assertEqual(shows.of(g, SessionId("bob")), (one, one))
        self.assertEqual(shows.of(GatewayId("i"), ann), ())
        over[1]()
        self.assertEqual(shows.of(g, ann), (one, two))
        self.assertEqual(len(shows), 3)
        for each in (over[0], *over[2:]):
            each()
        self.assertEqual((len(shows), shows.of(g, ann)), (0, ()))
