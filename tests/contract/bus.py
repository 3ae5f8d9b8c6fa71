"""What every bus must do, whether it joins two halves of one process or two machines."""

from collections.abc import Awaitable
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface.verify import verifyObject

from mudserver.errors import BusUnavailable, TooManyTries, Unavailable, WrongCredentials
from mudserver.ids import GatewayId, InputNumber, SessionId
from mudserver.interfaces.authority import LookUpName, NameState, Origin
from mudserver.interfaces.bus import WORLD, IBus, Message, R, Request, gateway_subject
from mudserver.interfaces.play import Detached, PasswordWanted, Settled

if TYPE_CHECKING:
    from twisted.trial.unittest import TestCase
else:
    TestCase = object  # so that a test module that imports a suite doesn't run it by itself

E = TypeVar("E", bound=Exception)

GATEWAY = gateway_subject(GatewayId("g"))
WHO = LookUpName("Ann", Origin("192.0.2.1", secure=True))


def message(name: str) -> PasswordWanted:
    return PasswordWanted(SessionId(name))


async def failing(asked: Awaitable[object], kind: type[E]) -> E:
    """Return the error that a request fails with."""
    try:
        result = await asked
    except kind as error:
        return error
    raise AssertionError(f"{result!r} where {kind.__name__} was expected")


class BusContract(TestCase):
    """
    The promises of `IBus`.

    One who tests a bus derives from this and a test case, and says in `make_buses` how to get one.

    Attributes:
        gateway: The bus as a gateway has it.
        world: The bus as a world has it; may be the same object.
        patience: Seconds to wait for a reply that doesn't come.
    """

    patience: ClassVar[float] = 5.0

    gateway: IBus
    world: IBus

    def make_buses(self) -> tuple[IBus, IBus]:
        """Return both ends of a bus: the gateway's and the world's."""
        raise NotImplementedError

    async def arrive(self) -> None:
        """Wait until all that was sent has arrived, and what came of it."""
        raise NotImplementedError

    async def ask(self, request: Request[R]) -> R:
        """Ask the world, as the gateway."""
        await self.arrive()
        asked = self.gateway.request(WORLD, request)
        await self.arrive()
        return await asked

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, as the bus measures it."""
        raise NotImplementedError

    def logged(self, error: type[Exception]) -> int:
        """How often an error was logged so far; they count as expected."""
        return len(self.flushLoggedErrors(error))

    def setUp(self) -> None:
        self.gateway, self.world = self.make_buses()

    # ------------------------------------------------------------ messages

    def test_interface(self) -> None:
        """Both ends provide the whole interface."""
        verifyObject(IBus, self.gateway)
        verifyObject(IBus, self.world)

    async def test_order(self) -> None:
        """What is sent to a subject arrives once, in the order sent."""
        got: list[Message] = []
        self.gateway.subscribe(GATEWAY, got.append)
        await self.arrive()
        sent = [message(str(number)) for number in range(100)]
        for each in sent:
            self.world.publish(GATEWAY, each)
        await self.arrive()
        self.assertEqual(got, sent)

    async def test_large(self) -> None:
        """A large message arrives whole, and in its turn."""
        got: list[Message] = []
        self.gateway.subscribe(GATEWAY, got.append)
        await self.arrive()
        sent = [message("1"), message("x" * 300_000), message("2")]
        for each in sent:
            self.world.publish(GATEWAY, each)
        await self.arrive()
        self.assertEqual(got, sent)

    async def test_both_ways(self) -> None:
        """Gateways send to worlds, and worlds to gateways."""
        got: list[Message] = []
        self.world.subscribe(WORLD, got.append)
        await self.arrive()
        gone = Detached(SessionId("s"), 1, quit=True)  # type: ignore[arg-type]
        self.gateway.publish(WORLD, gone)
        await self.arrive()
        self.assertEqual(got, [gone])

    async def test_subjects_are_apart(self) -> None:
        """Only those who subscribed to a subject get what is sent to it."""
        got: list[Message] = []
        self.gateway.subscribe(GATEWAY, got.append)
        await self.arrive()
        self.world.publish(gateway_subject(GatewayId("other")), message("s"))
        await self.arrive()
        self.assertEqual(got, [])

    async def test_all_subscribers(self) -> None:
        """All who subscribed get each message."""
        first: list[Message] = []
        second: list[Message] = []
        self.gateway.subscribe(GATEWAY, first.append)
        self.gateway.subscribe(GATEWAY, second.append)
        await self.arrive()
        self.world.publish(GATEWAY, message("s"))
        await self.arrive()
        self.assertEqual((first, second), ([message("s")], [message("s")]))

    async def test_nobody_there(self) -> None:
        """To send where nobody listens is no error."""
        self.world.publish(GATEWAY, message("s"))
        await self.arrive()

    async def test_delivered(self) -> None:
        """Who sends something durable is told once that it was received; nothing else is told."""
        got: list[Message] = []
        delivered: list[Message] = []
        self.gateway.subscribe(GATEWAY, got.append)
        await self.arrive()
        for sent in (message("1"), message("2")):
            self.world.publish(GATEWAY, sent, partial(delivered.append, sent))
        lossy = Settled(SessionId("3"), InputNumber(3), None)
        self.world.publish(GATEWAY, lossy, partial(delivered.append, lossy))
        await self.arrive()
        self.assertEqual(delivered, [message("1"), message("2")])
        self.assertEqual(got, [*delivered, lossy])

    async def test_redelivered(self) -> None:
        """Who sends something again that nobody could deliver is told that it was received."""
        got: list[Message] = []
        self.gateway.subscribe(GATEWAY, got.append)
        await self.arrive()
        confirmed = self.world.redeliver(GATEWAY, message("1"), "i:7")
        await self.arrive()
        await confirmed
        self.assertEqual(got, [message("1")])

    async def test_unsubscribe(self) -> None:
        """Who has ended a subscription gets nothing more; to end it twice changes nothing."""
        got: list[Message] = []
        end = self.gateway.subscribe(GATEWAY, got.append)
        await self.arrive()
        self.world.publish(GATEWAY, message("1"))
        await self.arrive()
        end()
        end()
        await self.arrive()
        self.world.publish(GATEWAY, message("2"))
        await self.arrive()
        self.assertEqual(got, [message("1")])

    async def test_subscriptions_end_one_by_one(self) -> None:
        """To end one of two subscriptions of the same receiver leaves the other."""
        got: list[Message] = []
        receive = got.append
        end = self.gateway.subscribe(GATEWAY, receive)
        self.gateway.subscribe(GATEWAY, receive)
        end()
        end()
        await self.arrive()
        self.world.publish(GATEWAY, message("s"))
        await self.arrive()
        self.assertEqual(got, [message("s")])

    async def test_unsubscribe_while_receiving(self) -> None:
        """A receiver may end its own subscription, and that of one who would come next."""
        got: list[Message] = []

        def once(received: Message) -> None:
            got.append(received)
            end_first()
            end_second()

        end_first = self.gateway.subscribe(GATEWAY, once)
        end_second = self.gateway.subscribe(GATEWAY, got.append)
        await self.arrive()
        for number in "12":
            self.world.publish(GATEWAY, message(number))
        await self.arrive()
        self.assertEqual(got, [message("1")])

    async def test_a_receiver_that_fails(self) -> None:
        """It is logged, and costs neither the sender nor other receivers anything."""
        got: list[Message] = []

        def fail_always(received: Message) -> None:
            raise ZeroDivisionError

        self.gateway.subscribe(GATEWAY, fail_always)
        self.gateway.subscribe(GATEWAY, got.append)
        await self.arrive()
        for number in "12":
            self.world.publish(GATEWAY, message(number))
        await self.arrive()
        self.assertEqual(got, [message("1"), message("2")])
        self.assertEqual(self.logged(ZeroDivisionError), 2)

    # ------------------------------------------------------------ requests

    async def test_request(self) -> None:
        """A request reaches the responder as it is, and its reply whoever asked."""
        asked: list[Request[object]] = []

        def respond(request: Request[object]) -> Deferred[object]:
            asked.append(request)
            return succeed(NameState.FREE)

        self.world.respond(WORLD, respond)
        self.assertIs(await self.ask(WHO), NameState.FREE)
        self.assertEqual(asked, [WHO])

    async def test_replies_find_their_requests(self) -> None:
        """Replies may come in any order."""
        answers: list[Deferred[object]] = []

        def respond(request: Request[object]) -> Deferred[object]:
            answers.append(Deferred())
            return answers[-1]

        self.world.respond(WORLD, respond)
        await self.arrive()
        first, second = self.gateway.request(WORLD, WHO), self.gateway.request(WORLD, WHO)
        await self.arrive()
        answers[1].callback(NameState.FREE)
        answers[0].callback(NameState.KNOWN)
        await self.arrive()
        self.assertEqual((await first, await second), (NameState.KNOWN, NameState.FREE))

    async def test_a_reply_comes_after_what_was_sent_before_it(self) -> None:
        """What a responder sends to the asker before it replies arrives before the reply."""
        got: list[object] = []
        self.gateway.subscribe(GATEWAY, got.append)

        def respond(request: Request[object]) -> Deferred[object]:
            self.world.publish(GATEWAY, message("before"))
            return succeed(NameState.FREE)

        self.world.respond(WORLD, respond)
        got.append(await self.ask(WHO))
        self.world.publish(GATEWAY, message("after"))
        await self.arrive()
        self.assertEqual(got, [message("before"), NameState.FREE, message("after")])

    async def test_refusal(self) -> None:
        """A refusal for the player arrives whole: type, code, message, when to try again."""
        refusal = TooManyTries("Wait.", code="slow_down", retry_after=7.5)
        self.world.respond(WORLD, lambda request: fail(refusal))
        error = await failing(self.ask(WHO), TooManyTries)
        self.assertEqual(
            (error.code, error.message, error.retry_after), ("slow_down", "Wait.", 7.5)
        )
        self.assertEqual(self.logged(TooManyTries), 0)

    async def test_unavailable(self) -> None:
        """So does a responder's word that something is away."""
        self.world.respond(WORLD, lambda request: fail(Unavailable("Away.", retry_after=3.0)))
        error = await failing(self.ask(WHO), Unavailable)
        self.assertEqual((str(error), error.retry_after), ("Away.", 3.0))

    async def test_fault(self) -> None:
        """A responder's own fault is logged there, and nothing of it told."""
        self.world.respond(WORLD, lambda request: fail(ZeroDivisionError("secret")))
        error = await failing(self.ask(WHO), Unavailable)
        self.assertNotIn("secret", str(error))
        self.assertEqual(self.logged(ZeroDivisionError), 1)

    async def test_fault_at_once(self) -> None:
        """So where it raises instead of failing."""

        def respond(request: Request[object]) -> Deferred[object]:
            raise ZeroDivisionError

        self.world.respond(WORLD, respond)
        await failing(self.ask(WHO), Unavailable)
        self.assertEqual(self.logged(ZeroDivisionError), 1)

    async def test_nobody_responds(self) -> None:
        """Where nobody responds, that is told at once."""
        await failing(self.ask(WHO), BusUnavailable)

    async def test_no_reply_in_time(self) -> None:
        """A reply that doesn't come in time is told; a late one is nobody's."""
        answer: Deferred[object] = Deferred()
        self.world.respond(WORLD, lambda request: answer)
        await self.arrive()
        asked = self.gateway.request(WORLD, WHO, timeout=self.patience)
        await self.arrive()
        self.assertFalse(asked.called)
        await self.pass_time(1.1 * self.patience)
        await failing(asked, BusUnavailable)
        answer.callback(NameState.FREE)

    async def test_given_up(self) -> None:
        """Who gives up waiting leaves nothing behind, and no fault in the log."""
        self.world.respond(WORLD, lambda request: Deferred())
        await self.arrive()
        asked = self.gateway.request(WORLD, WHO)
        await self.arrive()
        asked.addErrback(lambda failure: None)
        asked.cancel()
        await self.arrive()

    async def test_withdraw(self) -> None:
        """A responder that withdrew isn't asked any more; another may take its place."""
        withdraw = self.world.respond(WORLD, lambda request: succeed(NameState.FREE))
        withdraw()
        await failing(self.ask(WHO), BusUnavailable)
        self.world.respond(WORLD, lambda request: fail(WrongCredentials("No.")))
        withdraw()
        await failing(self.ask(WHO), WrongCredentials)

    def test_one_responder(self) -> None:
        """A subject has one responder."""
        self.world.respond(WORLD, lambda request: succeed(None))
        self.assertRaises(ValueError, self.world.respond, WORLD, lambda request: succeed(None))

    # ------------------------------------------------------------ patterns, groups, who is there

    async def test_pattern(self) -> None:
        """A star stands for one word, a last greater-than sign for the rest."""
        one: list[Message] = []
        rest: list[Message] = []
        self.gateway.subscribe("gateway.*", one.append)
        self.gateway.subscribe("gateway.>", rest.append)
        await self.arrive()
        for number, subject in enumerate(("gateway", "gateway.a", "gateway.a.b", "other.a")):
            self.world.publish(subject, message(str(number)))
        await self.arrive()
        self.assertEqual((one, rest), ([message("1")], [message("1"), message("2")]))

    async def test_group(self) -> None:
        """Of a group one gets each message; who is in none gets all of them."""
        groups: tuple[list[Message], list[Message]] = ([], [])
        alone: list[Message] = []
        for got in groups:
            self.gateway.subscribe(GATEWAY, got.append, group="workers")
        self.gateway.subscribe(GATEWAY, alone.append)
        await self.arrive()
        sent = [message(str(number)) for number in range(10)]
        for each in sent:
            self.world.publish(GATEWAY, each)
        await self.arrive()
        self.assertEqual(alone, sent)
        self.assertCountEqual([*groups[0], *groups[1]], sent)
        self.assertTrue(groups[0] and groups[1], "one did all the work")

    async def test_watch(self) -> None:
        """One who watches is told who responds: at first, and at each change."""
        seen: list[frozenset[str]] = []
        end = self.world.watch("gateway.*", seen.append)
        await self.arrive()
        self.assertEqual(seen[-1], frozenset())
        withdraw = self.gateway.respond(GATEWAY, lambda request: succeed(None))
        await self.arrive()
        self.assertEqual(seen[-1], frozenset({GATEWAY}))
        withdraw()
        await self.arrive()
        self.assertEqual(seen[-1], frozenset())
        end()
        await self.arrive()
        self.gateway.respond(GATEWAY, lambda request: succeed(None))
        await self.arrive()
        self.assertEqual(seen[-1], frozenset())

    async def test_watch_late(self) -> None:
        """One who begins to watch is told who responds already."""
        self.gateway.respond(GATEWAY, lambda request: succeed(None))
        await self.arrive()
        seen: list[frozenset[str]] = []
        self.world.watch("gateway.*", seen.append)
        await self.arrive()
        self.assertEqual(seen[-1], frozenset({GATEWAY}))
