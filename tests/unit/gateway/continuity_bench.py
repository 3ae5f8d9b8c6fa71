"""A gateway whose world may die and come back."""

import json
from typing import Any

from mudserver.gateway.json_link import JsonLink
from mudserver.gateway.seat import Seat
from mudserver.gateway.terminal_link import TerminalLink
from mudserver.ids import Epoch, Generation, InputNumber, SessionId
from mudserver.interfaces.bus import GATEWAYS, WORLD, Message
from mudserver.interfaces.continuity import (
    AllReattached,
    FromWorld,
    Reattach,
    Reattached,
    Reattachment,
)
from mudserver.interfaces.play import Ended
from tests.unit.gateway.bench import HOME, FakeWire, GatewayTestCase

AWAY = "The world is away for a moment. What you type waits for it."
BACK = "The world is back."


class ContinuityTestCase(GatewayTestCase):
    """A gateway that watches its world, with players by WebSocket and by telnet."""

    def setUp(self) -> None:
        super().setUp()
        self.shared.repairs.start()
        self.shared.worldwatch.start()
        self.turn()

    def tearDown(self) -> None:
        self.shared.worldwatch.stop()
        self.shared.repairs.stop()
        super().tearDown()

    # ------------------------------------------------------------ players

    def browser(self, name: str = "Ann") -> tuple[JsonLink, FakeWire, SessionId]:
        """Bring a player in by WebSocket."""
        wire = FakeWire()
        link = JsonLink(self.shared, wire, HOME, self.shared.admission.admit(HOME.address))
        self.links.append(link)
        link.accepted()
        link.opened()
        self.send(link, {"type": "hello", "ticket": "t", "csrf": "c"})
        session = self.world.admit(name=name).session
        self.turn()
        return link, wire, session

    def terminal(self, name: str = "Bob") -> tuple[TerminalLink, FakeWire, SessionId]:
        """Bring a player in by telnet."""
        wire = FakeWire()
        link = TerminalLink(self.shared, wire, HOME, self.shared.admission.admit(HOME.address), "")
        self.links.append(link)
        link.accepted()
        link.opened()
        link.line(f"connect {name} a long sentence")
        session = self.world.admit(name=name).session
        self.turn()
        wire.take()
        return link, wire, session

    def send(self, link: JsonLink, message: dict[str, Any]) -> None:
        link.received(json.dumps(message).encode(), binary=False)

    def command(self, link: JsonLink, text: str, id: str | None = None) -> None:
        fields = {} if id is None else {"id": id}
        self.send(link, {"type": "command", "text": text} | fields)

    def seat(self, session: SessionId) -> Seat:
        seat = self.shared.switchboard.seat(session)
        assert seat is not None
        return seat

    # ------------------------------------------------------------ the world

    def die(self) -> None:
        """The world is gone; whoever is to be told is."""
        self.world.withdraw()
        self.world.asked.clear()
        self.turn()

    def come_back(self, epoch: int = 2) -> None:
        """Another world responds, or the same one again."""
        self.world.messages.clear()
        self.world.epoch = epoch
        self.world.withdraw = self.bus.respond(WORLD, self.world._respond)

    def tell_all(self, message: Message) -> None:
        """The world tells all gateways."""
        self.bus.publish(GATEWAYS, FromWorld(Epoch(self.world.epoch), message))

    def reattach(self, *ended: Ended, generation: int = 10, applied: int = 0) -> Reattach:
        """Answer the oldest request to go on; those that are ended don't."""
        request = self.world.asked[0][0]
        assert isinstance(request, Reattach)
        over = {each.session: each for each in ended}
        self.world.answer(
            Reattachment(
                Epoch(self.world.epoch),
                tuple(
                    Reattached(
                        held.session,
                        Generation(generation),
                        InputNumber(applied),
                        over.get(held.session),
                    )
                    for held in request.held
                ),
            )
        )
        return request

    @property
    def all_reattached(self) -> list[AllReattached]:
        return [message for message in self.world.messages if isinstance(message, AllReattached)]

    def types(self, wire: FakeWire) -> list[str]:
        """The types of all messages since the last time, but for marks."""
        return [message["type"] for message in wire.messages() if message["type"] != "mark"]
