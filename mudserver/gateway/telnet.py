"""Telnet: a protocol that feeds the sans-IO parser and hands its lines to a link."""

import re

from twisted.internet.interfaces import IAddress, IDelayedCall, IPushProducer
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from mudserver.errors import Banned, CloseCode, TooManyTries, Unavailable
from mudserver.gateway import sockets
from mudserver.gateway.admission import Place
from mudserver.gateway.incidents import Peer
from mudserver.gateway.origin import origin_of
from mudserver.gateway.shared import Shared
from mudserver.gateway.terminal_link import TerminalLink
from mudserver.interfaces.authority import Origin, Transport
from mudserver.wire.lines import Line, LineAssembler
from mudserver.wire.options import Marked, Option, OptionTable
from mudserver.wire.telnet import (
    Code,
    Command,
    Data,
    Event,
    Negotiation,
    Parser,
    Refused,
    Subnegotiation,
)

#: Seconds for which the banner waits, to see whether the peer takes us for a web server.
BANNER_DELAY = 0.15

_HTTP = re.compile(rb"(GET|HEAD|POST|PUT|DELETE|OPTIONS|CONNECT|PATCH|TRACE|PRI) \S+ HTTP/")

_NOT_HTTP = (
    b"HTTP/1.1 400 Bad Request\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"Connection: close\r\n"
    b"\r\n"
    b"This port speaks telnet, for MUD clients. The web client has a port of its own.\r\n"
)


@implementer(IPushProducer)
class TelnetConnection(Protocol):
    """
    One telnet connection.

    Args:
        shared: What all links of the gateway have in common.
        origin: Where the peer is.
        place: What the connection takes up.
        banner: What is shown first.
    """

    transport: sockets.IStream

    def __init__(self, shared: Shared, origin: Origin, place: Place, banner: str) -> None:
        self._shared = shared
        self._parser = Parser()
        self._options = OptionTable()
        self._lines = LineAssembler()
        self._link = TerminalLink(shared, self, origin, place, banner)
        self._greeting: IDelayedCall | None = None

    # ------------------------------------------------------------ from the transport

    def connectionMade(self) -> None:
        """Take the transport; whoever doesn't speak at once gets the banner."""
        sockets.prepare(self.transport)
        self.transport.registerProducer(self, True)
        self._link.accepted()
        self._greeting = self._shared.clock.callLater(BANNER_DELAY, self._greet)

    def dataReceived(self, data: bytes) -> None:
        """Take bytes; a failure of ours costs this connection only."""
        with self._link.guarded("input"):
            # Where it isn't looked at, we have said goodbye, and nothing more is read.
            if self._link.arrived(len(data)) and self._link.framed():
                self._received(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The transport is gone."""
        if self._greeting is not None:
            self._greeting.cancel()
            self._greeting = None
        self._link.lost(reason.getErrorMessage())

    def pauseProducing(self) -> None:
        """The transport's buffer is full: take nothing more that would be answered."""
        with self._link.guarded("a pause"):
            self.transport.pauseProducing()
            self._link.full()

    def resumeProducing(self) -> None:
        """The transport takes more."""
        with self._link.guarded("a resumption"):
            self.transport.resumeProducing()
            self._link.drained()

    def stopProducing(self) -> None:
        """The transport is gone: `connectionLost` says the same."""

    # ------------------------------------------------------------ from the link

    def write(self, data: bytes) -> None:
        """Implement `Wire.write`."""
        if data:
            sockets.send(self.transport, data)

    def probe(self) -> None:
        """Implement `Wire.probe`: any answer to a timing mark proves life (RFC 860)."""
        self.write(self._options.mark())

    def mark_prompt(self) -> bytes:
        """Implement `TerminalWire.mark_prompt`."""
        return self._options.prompt_mark()

    def hide_input(self, hidden: bool) -> bytes:
        """Implement `TerminalWire.hide_input`: whoever echoes, shows (RFC 857)."""
        return self._options.offer(Option.ECHO) if hidden else self._options.retract(Option.ECHO)

    def hang_up(self, code: CloseCode, reason: str) -> None:
        """Implement `Wire.hang_up`."""
        del code, reason
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def abort(self) -> None:
        """Implement `Wire.abort`."""
        self.transport.abortConnection()

    # ------------------------------------------------------------ the input

    def _greet(self) -> None:
        self._greeting = None
        with self._link.guarded("the greeting"):
            self._link.opened()

    def _received(self, data: bytes) -> None:
        if self._greeting is not None:
            if _HTTP.match(data):
                self._answer_http()
                return
            self._greeting.cancel()
            self._greet()
        self._link.heard()
        for event in self._parser.receive(data):
            self._take(event)

    def _answer_http(self) -> None:
        self._shared.meter.count("refusals", reason="http_on_telnet")
        self.write(_NOT_HTTP)
        self._link.close(CloseCode.BAD_REQUEST, "HTTP on the telnet port.")

    def _take(self, event: Event) -> None:
        match event:
            case Data(data):
                for line in self._lines.receive(data):
                    if isinstance(line, Line):
                        self._link.line(line.text)
                    else:
                        self._link.line_refused(line.limit)
            case Negotiation():
                self._negotiate(event)
            case Command(code):
                if self._link.asked() and code == Code.AYT:
                    self._link.are_you_there()
            case Refused(reason):
                self._shared.meter.count("refusals", reason=f"telnet_{reason.value}")
                self._link.asked()
            case Subnegotiation():
                self._link.asked()

    def _negotiate(self, negotiation: Negotiation) -> None:
        if self._link.asked():
            reaction = self._options.receive(negotiation)
            self._link.say(reaction.send)
            if isinstance(reaction.change, Marked):
                self._link.answered()


class TurnedAway(Protocol):
    """
    Says one line and hangs up.

    Args:
        reason: What to say.
    """

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def connectionMade(self) -> None:
        """Say it."""
        assert self.transport is not None
        self.transport.write(self._reason.encode() + b"\r\n")
        self.transport.loseConnection()


class TelnetFactory(Factory):
    """
    Makes telnet connections.

    Args:
        shared: What all links of the gateway have in common.
        banner: What is shown first.
        tls: Whether the transport below is TLS.
    """

    noisy = False

    def __init__(self, shared: Shared, banner: str, tls: bool = False) -> None:
        self._shared = shared
        self._banner = banner
        self._tls = tls

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Make the protocol for a peer: one that plays, or one that only says why not."""
        origin = origin_of(addr, self._tls)
        connection: Protocol
        try:
            self._shared.exclusion.check(origin.address)
            place = self._shared.admission.admit(origin.address)
        except Banned as error:
            self._shared.meter.count("refusals", reason=error.code)
            connection = TurnedAway(error.message)
        except (TooManyTries, Unavailable) as error:
            self._shared.meter.count("refusals", reason="too_many_connections")
            peer = Peer(Transport.TELNET.value, origin.address)
            self._shared.incidents.refused(peer, "too_many_connections", "not let in")
            connection = TurnedAway(str(error))
        else:
            connection = TelnetConnection(self._shared, origin, place, self._banner)
        connection.factory = self
        return connection
