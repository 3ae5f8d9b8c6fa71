"""A telnet client that a test drives: it refuses every option, and plays all the same."""

import re

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from mudserver.wire.telnet import Command, Data, Event, Negotiation, Parser, Verb, negotiate
from tests.integration.transcript import DEADLINE, Transcript

_REFUSALS = {Verb.WILL: Verb.DONT, Verb.DO: Verb.WONT}


class TelnetClient(Protocol):
    """
    One connection.

    Args:
        name: What to call it.
        agreeing: Options that it lets the server switch on, by number.

    Attributes:
        said: What a player would read.
        raw: All bytes that came, telnet's own among them.
        lost: Whether the connection is gone.
    """

    transport: ITCPTransport

    def __init__(self, name: str, agreeing: frozenset[int] = frozenset()) -> None:
        self.said = Transcript(name, reactor)
        self.raw = b""
        self.lost = False
        self._agreeing = agreeing
        self._parser = Parser()
        self._ends: list[Deferred[None]] = []

    # ------------------------------------------------------------ from the transport

    def dataReceived(self, data: bytes) -> None:
        self.raw += data
        for event in self._parser.receive(data):
            self._take(event)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = True
        self.said.end(reason.getErrorMessage())
        for each in self._ends:
            each.callback(None)
        self._ends.clear()

    def _take(self, event: Event) -> None:
        match event:
            case Data(data):
                self.said.feed(data.decode(errors="replace"))
            case Negotiation(verb, option) if verb in _REFUSALS:
                agreed = option in self._agreeing and verb is Verb.WILL
                self.write(negotiate(Verb.DO if agreed else _REFUSALS[verb], option))
            case Command() | Negotiation():
                pass

    # ------------------------------------------------------------ from the test

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self.transport.write(data)

    def send(self, line: str) -> None:
        """Type a line."""
        self.write(line.encode() + b"\r\n")

    async def expect(self, wanted: str | re.Pattern[str]) -> re.Match[str]:
        """Wait for words; see `Transcript.expect`."""
        return await self.said.expect(wanted)

    async def ask(self, line: str, wanted: str | re.Pattern[str]) -> re.Match[str]:
        """Type a line, and wait for the words that it leads to."""
        self.send(line)
        return await self.expect(wanted)

    async def register(self, name: str, password: str) -> None:
        """Make an account, and come in by it."""
        await self.expect("Name: ")
        await self.ask(name, "? (y/n) ")
        await self.ask("y", "Password: ")
        await self.ask(password, "Again: ")
        await self.ask(password, "> ")

    async def log_in(self, name: str, password: str) -> None:
        """Come in by an account that is there."""
        await self.expect("Name: ")
        await self.ask(name, "Password: ")
        await self.ask(password, "> ")

    async def closed(self) -> None:
        """Wait until the server has closed the connection."""
        if not self.lost:
            await self._end()

    def hang_up(self) -> Deferred[None]:
        """Drop the connection, if there still is one; fires when it is gone."""
        if self.lost:
            return Deferred.fromCoroutine(self.closed())
        end = self._end()
        self.transport.abortConnection()
        return end

    def _end(self) -> Deferred[None]:
        end: Deferred[None] = Deferred()
        self._ends.append(end)
        end.addTimeout(DEADLINE, reactor)
        return end


async def connect(
    case: TestCase, port: int, name: str = "telnet", agreeing: frozenset[int] = frozenset()
) -> TelnetClient:
    """Connect to a port of this machine; the connection ends with the test."""
    endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
    client: TelnetClient = await connectProtocol(endpoint, TelnetClient(name, agreeing))
    case.addCleanup(client.hang_up)
    return client
