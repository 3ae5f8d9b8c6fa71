"""A port on which several listen."""

from collections import Counter
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol, serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorTCP
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from mudserver.listening import SharedPorts

REACTOR: Any = reactor

#: So many that it would be a wonder if all came to the same of two; the kernel chooses by the
#: addresses of each.
CONNECTIONS = 40


class Greeter(Protocol):
    """Says which one it is of."""

    def __init__(self, name: str) -> None:
        self._name = name

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(self._name.encode())
        self.transport.loseConnection()


class Visitor(Protocol):
    """Hears that."""

    def __init__(self) -> None:
        self.heard = b""
        self.over: Deferred[str] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: object = None) -> None:
        del reason
        self.over.callback(self.heard.decode())


class SharedPortsTests(TestCase):
    timeout = 60

    async def listen(self, name: str, port: int = 0, *, shared: bool = True) -> Any:
        text = f"tcp:{port}:interface=127.0.0.1:backlog=128"
        endpoint = serverFromString(SharedPorts(REACTOR) if shared else REACTOR, text)
        listening = await endpoint.listen(Factory.forProtocol(lambda: Greeter(name)))
        self.addCleanup(listening.stopListening)
        return listening

    async def visit(self, port: int) -> Counter[str]:
        """Connect many times; returns who answered how often."""

        async def once() -> str:
            endpoint = HostnameEndpoint(REACTOR, "127.0.0.1", port)
            visitor = await connectProtocol(endpoint, Visitor())
            answer: str = await visitor.over
            return answer

        return Counter(
            await gatherResults([Deferred.fromCoroutine(once()) for _ in range(CONNECTIONS)])
        )

    async def test_shared(self) -> None:
        """Several listen on one port, and each gets some; when one ends, the others get all."""
        first = await self.listen("a")
        port = first.getHost().port
        await self.listen("b", port)
        answers = await self.visit(port)
        self.assertEqual(set(answers), {"a", "b"})
        await first.stopListening()
        self.assertEqual(await self.visit(port), {"b": CONNECTIONS})

    async def test_only_where_both_want(self) -> None:
        """Whoever doesn't share a port gets none that others have, and keeps its own."""
        for first_shares in (True, False):
            first = await self.listen("a", shared=first_shares)
            with self.assertRaises(CannotListenError):
                await self.listen("b", first.getHost().port, shared=not first_shares)

    def test_interface(self) -> None:
        """It is as much of a reactor as endpoints need."""
        self.assertTrue(verifyObject(IReactorTCP, SharedPorts(REACTOR)))
