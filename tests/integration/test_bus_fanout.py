"""From one line to what crosses the bus: a full room, and several gateways."""

from functools import partial
from typing import Final

from mudserver.game.limits import AccountLimits, GameLimits, PresenceLimits
from mudserver.ids import GatewayId
from mudserver.interfaces.authority import Origin, Register
from mudserver.interfaces.bus import WORLD, Message, gateway_subject
from mudserver.interfaces.continuity import FromWorld
from mudserver.interfaces.play import Show
from tests.unit.bus.network import Network
from tests.unit.game.theatre import PASSWORD, FakeGateway, GameTestCase

GATEWAYS: Final = ("g1", "g2", "g3", "g4")
SUBJECTS: Final = tuple(gateway_subject(GatewayId(name)) for name in GATEWAYS)
PLAYERS: Final = 1_000

LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


class BusFanOutTest(GameTestCase):
    """A thousand players in one room, at four gateways, and a bus between them and the world."""

    limits = GameLimits(AccountLimits(), PresenceLimits(sessions=PLAYERS + 1, grace=120.0))

    def setUp(self) -> None:
        super().setUp()
        self.speaker = self.enter("Ann")
        gateways = [FakeGateway(self.bus, GatewayId(name)) for name in GATEWAYS]
        for number in range(PLAYERS):
            name = "Guide" + "".join(LETTERS[number // 26**place % 26] for place in (2, 1, 0))
            home = Origin(f"10.0.{number // 250}.{number % 250}", secure=True)
            self.successResultOf(self.bus.request(WORLD, Register(name, PASSWORD, home)))
            self.enter(name, gateways[number % len(gateways)])

    def test_a_message_and_a_box_each(self) -> None:
        """What all of them hear is one message and one box for each gateway, none for a player."""
        published: list[tuple[str, Message]] = []
        for subject in SUBJECTS:
            self.bus.subscribe(subject, partial(_note, published, subject))
        self.type(self.speaker, "say hello there, all of you")
        self.assertEqual([subject for subject, _ in published], list(SUBJECTS))
        for _, message in published:
            assert isinstance(message, FromWorld)
            assert isinstance(message.message, Show)
            self.assertEqual(len(message.message.sessions), PLAYERS // len(GATEWAYS))

        network = Network()
        self.addCleanup(network.stop)
        world = network.peer("w1")
        received: list[tuple[str, Message]] = []
        for name, subject in zip(GATEWAYS, SUBJECTS, strict=True):
            network.peer(name).subscribe(subject, partial(_note, received, subject))
        network.settle()
        before = network.boxes()
        for subject, message in published:
            world.publish(subject, message)
        network.settle()
        self.assertEqual(sorted(subject for subject, _ in received), list(SUBJECTS))
        sent = {name: boxes - before[name] for name, boxes in network.boxes().items()}
        self.assertEqual(sent, {"w1": 0, **dict.fromkeys(GATEWAYS, 1)})


def _note(notes: list[tuple[str, Message]], subject: str, message: Message) -> None:
    notes.append((subject, message))
