"""What every bus must do that joins processes by links, which can break."""

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, succeed

from mudserver.bus.peer import AmpBus
from mudserver.errors import BusUnavailable
from mudserver.ids import Generation, InputNumber, SessionId
from mudserver.interfaces.authority import NameState
from mudserver.interfaces.bus import EVERY_GATEWAY, GATEWAYS, WORLD, Message, Request
from mudserver.interfaces.play import Input, Settled
from tests.contract.bus import GATEWAY, WHO, BusContract, failing, message

if TYPE_CHECKING:
    from twisted.trial.unittest import TestCase
else:
    TestCase = object  # so that a test module that imports a suite doesn't run it by itself


def lossy(number: int) -> Settled:
    return Settled(SessionId("s"), InputNumber(number), None)


def typed(number: int) -> Input:
    return Input(SessionId("s"), Generation(1), InputNumber(number), "look")


class LinkedBusContract(BusContract, TestCase):
    """
    The promises of an `IBus` whose peers are processes of their own.

    Attributes:
        gateway: As in `BusContract`.
        world: The same.
        other: A third peer.
    """

    gateway: AmpBus
    world: AmpBus
    other: AmpBus

    def cut(self, bus: AmpBus) -> None:
        """Break a peer's link now: nothing more of what it sent goes out."""
        link = bus._link
        assert link is not None
        link._abort_transport()

    async def heal(self) -> None:
        """Wait until all peers have links again, and long enough for what is sent again."""
        await self.arrive()
        while not all(bus.linked for bus in (self.gateway, self.world, self.other)):
            await self.pass_time(self.patience / 10)
        for _ in range(100):
            await self.pass_time(self.patience / 10)
            if not any(bus.unconfirmed for bus in (self.gateway, self.world, self.other)):
                break
        await self.arrive()

    # ------------------------------------------------------------ durable messages

    async def test_durable_without_subscribers(self) -> None:
        """A durable message for which nobody is there comes when somebody subscribes."""
        got: list[Message] = []
        self.world.publish(GATEWAY, message("1"))
        await self.arrive()
        self.gateway.subscribe(GATEWAY, got.append)
        await self.heal()
        self.assertEqual(got, [message("1")])

    async def test_durable_of_a_receiver_that_breaks(self) -> None:
        """A message whose receiver's link breaks before it could confirm it is received once."""
        got: list[Message] = []

        def receive(received: Message) -> None:
            got.append(received)
            if len(got) == 1:
                self.cut(self.gateway)

        self.gateway.subscribe(GATEWAY, receive)
        await self.arrive()
        self.world.publish(GATEWAY, message("1"))
        await self.arrive()
        self.assertEqual((got, self.world.unconfirmed), ([message("1")], 1))
        await self.heal()
        self.assertEqual((got, self.world.unconfirmed), ([message("1")], 0))

    async def test_durable_of_a_publisher_that_breaks(self) -> None:
        """What a publisher could not send, or has no receipt of, is received once, in order."""
        got: list[Message] = []
        self.gateway.subscribe(GATEWAY, got.append)
        await self.arrive()
        sent = [message(str(number)) for number in range(20)]
        for each in sent[:10]:
            self.world.publish(GATEWAY, each)
        self.cut(self.world)
        for each in sent[10:]:
            self.world.publish(GATEWAY, each)
        await self.heal()
        self.assertEqual((got, self.world.unconfirmed), (sent, 0))

    async def test_durable_for_all(self) -> None:
        """A message for several is kept until the last of them has it, and each gets it once."""
        first: list[Message] = []
        second: list[Message] = []

        def receive(received: Message) -> None:
            second.append(received)
            if len(second) == 1:
                self.cut(self.other)

        self.gateway.subscribe(GATEWAYS, first.append)
        self.other.subscribe(GATEWAYS, receive)
        await self.arrive()
        self.world.publish(GATEWAYS, message("1"))
        await self.arrive()
        await self.heal()
        self.assertEqual((first, second), ([message("1")], [message("1")]))

    async def test_durable_and_lossy(self) -> None:
        """Both kinds come in the order in which they were sent."""
        got: list[Message] = []
        self.gateway.subscribe(GATEWAY, got.append)
        await self.arrive()
        sent = [lossy(n) if n % 3 else message(str(n)) for n in range(100)]
        for each in sent:
            self.world.publish(GATEWAY, each)
        await self.arrive()
        self.assertEqual(got, sent)

    async def test_to_oneself(self) -> None:
        """What a process publishes and subscribes to itself reaches it as it does others."""
        got: list[Message] = []
        self.world.subscribe(WORLD, got.append)
        self.world.respond(WORLD, lambda request: succeed(NameState.FREE))
        await self.arrive()
        self.world.publish(WORLD, typed(1))
        self.assertEqual(got, [])
        asked = self.world.request(WORLD, WHO)
        await self.arrive()
        self.assertEqual((got, await asked), ([typed(1)], NameState.FREE))

    # ------------------------------------------------------------ what is lost

    async def test_lost_with_the_link(self) -> None:
        """When a broken link is there again each receiver is told that something may be lost."""
        told: list[str] = []
        self.gateway.subscribe(GATEWAY, lambda received: None, lost=lambda: told.append("a"))
        self.gateway.subscribe(GATEWAYS, lambda received: None, lost=lambda: told.append("b"))
        end = self.gateway.subscribe(
            GATEWAYS, lambda received: None, lost=lambda: told.append("ended")
        )
        end()
        await self.arrive()
        self.world.publish(GATEWAY, lossy(1))
        await self.arrive()
        self.assertEqual(told, [])
        self.cut(self.gateway)
        self.world.publish(GATEWAY, lossy(2))
        await self.heal()
        self.world.publish(GATEWAY, lossy(3))
        await self.arrive()
        self.assertEqual(sorted(told), ["a", "b"])

    async def test_lost_at_the_publisher(self) -> None:
        """What a publisher could not send is told to its receivers, when the next one comes."""
        got: list[Message | str] = []
        self.gateway.subscribe(GATEWAY, got.append, lost=lambda: got.append("lost"))
        await self.arrive()
        self.world.publish(GATEWAY, lossy(1))
        await self.arrive()
        self.cut(self.world)
        await self.arrive()
        self.world.publish(GATEWAY, lossy(2))
        await self.heal()
        self.world.publish(GATEWAY, lossy(3))
        self.world.publish(GATEWAY, lossy(4))
        await self.arrive()
        self.assertEqual(got, [lossy(1), lossy(3), lossy(4), "lost"])

    # ------------------------------------------------------------ who answers

    async def test_rank(self) -> None:
        """Of several who respond the one of the highest rank is asked, of equals the latest."""

        async def asked() -> object:
            await self.arrive()
            reply = self.gateway.request(WORLD, WHO)
            await self.arrive()
            return await reply

        self.world.respond(WORLD, lambda request: succeed(NameState.FREE), rank=2)
        await self.arrive()
        withdraw = self.other.respond(WORLD, lambda request: succeed(NameState.KNOWN), rank=1)
        self.assertIs(await asked(), NameState.FREE)
        withdraw()
        withdraw = self.other.respond(WORLD, lambda request: succeed(NameState.KNOWN), rank=2)
        self.assertIs(await asked(), NameState.KNOWN)
        withdraw()
        self.assertIs(await asked(), NameState.FREE)

    async def test_responders_come_back(self) -> None:
        """Who responded does so again, with the same rank, when a broken link is there again."""
        self.world.respond(WORLD, lambda request: succeed(NameState.FREE), rank=2)
        self.other.respond(WORLD, lambda request: succeed(NameState.KNOWN), rank=1)
        await self.arrive()
        self.cut(self.world)
        await self.heal()
        self.assertIs(await self.ask(WHO), NameState.FREE)

    async def test_another_takes_over(self) -> None:
        """When the link of one who responds breaks another is asked, and those who watch know."""
        seen: list[frozenset[str]] = []
        self.gateway.watch(WORLD, seen.append)
        self.world.respond(WORLD, lambda request: succeed(NameState.FREE), rank=2)
        self.other.respond(WORLD, lambda request: succeed(NameState.KNOWN), rank=1)
        await self.arrive()
        before = len(seen)
        self.cut(self.world)
        await self.arrive()
        self.assertEqual(seen[before:][:1], [frozenset({WORLD})])
        if not self.world.linked:
            self.assertIs(await self.ask(WHO), NameState.KNOWN)

    async def test_watch_without_a_link(self) -> None:
        """Without a link nobody is seen; with the next one, whoever is there."""
        seen: list[frozenset[str]] = []
        self.gateway.respond(GATEWAY, lambda request: succeed(None))
        await self.arrive()
        self.world.watch(EVERY_GATEWAY, seen.append)
        await self.arrive()
        self.cut(self.world)
        await self.heal()
        self.assertEqual(
            seen, [frozenset({GATEWAY}), frozenset(), frozenset({GATEWAY})], "not told in turn"
        )

    async def test_request_without_a_link(self) -> None:
        """A request whose link breaks fails then; the next one fails at once, or goes through."""
        self.world.respond(WORLD, lambda request: Deferred())
        await self.arrive()
        asked = self.gateway.request(WORLD, WHO)
        await self.arrive()
        self.assertFalse(asked.called)
        self.cut(self.gateway)
        await self.arrive()
        await failing(asked, BusUnavailable)

    async def test_request_of_one_who_breaks(self) -> None:
        """A request fails as soon as the link of the one who was asked breaks."""
        asked: list[Request[object]] = []

        def respond(request: Request[object]) -> Deferred[object]:
            asked.append(request)
            return Deferred()

        self.world.respond(WORLD, respond)
        await self.arrive()
        reply = self.gateway.request(WORLD, WHO)
        await self.arrive()
        self.assertEqual(asked, [WHO])
        self.cut(self.world)
        await self.arrive()
        await failing(reply, BusUnavailable)
