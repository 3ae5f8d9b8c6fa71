"""Which words are under way, and who is told when they are no longer."""

from mudserver.game.deliveries import MAX_DELIVERED
from mudserver.ids import InputNumber, SessionId
from mudserver.interfaces.play import Delivered
from tests.unit.game.theatre import GameTestCase


class DeliveriesTest(GameTestCase):
    """Ann speaks; how many gateways hear her is said by the tests."""

    def setUp(self) -> None:
        super().setUp()
        self.ann = self.enter("Ann")
        self.deliveries = self.game.deliveries
        self.gateway.forget()

    def told(self) -> list[tuple[tuple[SessionId, InputNumber], ...]]:
        return [each.inputs for each in self.gateway.messages if isinstance(each, Delivered)]

    def test_all_gateways(self) -> None:
        """The speaker's gateway is told when all gateways have the words, not before."""
        arrived = [self.deliveries.begin(self.ann, InputNumber(1)) for _ in range(2)]
        self.assertTrue(self.deliveries.keeps(self.ann, InputNumber(1)))
        self.assertFalse(self.deliveries.keeps(self.ann, InputNumber(2)))
        arrived[0]()
        self.advance()
        self.assertEqual(self.told(), [])
        self.assertTrue(self.deliveries.keeps(self.ann, InputNumber(1)))
        arrived[1]()
        self.advance()
        self.assertEqual(self.told(), [((self.ann, InputNumber(1)),)])
        self.assertFalse(self.deliveries.keeps(self.ann, InputNumber(1)))
        self.assertEqual(len(self.deliveries), 0)

    def test_at_once(self) -> None:
        """What is delivered before it is answered isn't kept by anyone: nobody is told."""
        self.deliveries.begin(self.ann, InputNumber(1))()
        self.assertFalse(self.deliveries.keeps(self.ann, InputNumber(1)))
        self.type(self.ann, "tell Ann hello", "c1")
        self.type(self.ann, "chat hello", "c2")
        self.assertEqual([each.under_way for each in self.gateway.settled(self.ann)], [False] * 2)
        self.assertEqual(self.told(), [])

    def test_many(self) -> None:
        """What was delivered in one turn is told in one message, of a bounded size."""
        arrived = []
        for number in range(1, MAX_DELIVERED + 2):
            arrived.append(self.deliveries.begin(self.ann, InputNumber(number)))
            self.deliveries.keeps(self.ann, InputNumber(number))
        for each in arrived:
            each()
        self.advance()
        self.assertEqual([len(inputs) for inputs in self.told()], [MAX_DELIVERED, 1])

    def test_gone(self) -> None:
        """Nobody is told of what a session said that is over by then."""
        arrived = self.deliveries.begin(self.ann, InputNumber(1))
        self.deliveries.keeps(self.ann, InputNumber(1))
        self.type(self.ann, "quit")
        arrived()
        self.advance()
        self.assertEqual(self.told(), [])

    def test_stopped(self) -> None:
        """A world that has ended tells nobody, whatever is confirmed then."""
        arrived = [self.deliveries.begin(self.ann, InputNumber(number)) for number in (1, 2)]
        for number in (1, 2):
            self.deliveries.keeps(self.ann, InputNumber(number))
        arrived[0]()
        self.deliveries.stop()
        arrived[1]()
        self.advance()
        self.assertEqual(self.told(), [])
