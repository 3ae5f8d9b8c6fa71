"""Telnet clients, as the gateway has them, without their sockets."""

from mudserver.gateway.terminal_link import TerminalLink
from mudserver.ids import SessionId
from tests.unit.gateway.bench import HIDE, HOME, MARK, FakeWire, GatewayTestCase

BANNER = "Welcome.\nCome in."
NAME = b"Name: " + MARK
PASSWORD = HIDE + b"Password: " + MARK
PROMPT = b"> " + MARK
SLOW = b"Too many messages: slow down.\r\n"


class TerminalLinkTestCase(GatewayTestCase):
    """Telnet links, and their wires."""

    def connect(self) -> tuple[TerminalLink, FakeWire]:
        wire = FakeWire()
        place = self.shared.admission.admit(HOME.address)
        link = TerminalLink(self.shared, wire, HOME, place, BANNER)
        self.links.append(link)
        link.accepted()
        link.opened()
        return link, wire

    def enter(self) -> tuple[TerminalLink, FakeWire, SessionId]:
        """Bring a player in; the room was shown."""
        link, wire = self.connect()
        link.line("connect Ann a long sentence")
        session = self.world.admit().session
        self.world.show("The hall.", session)
        self.turn()
        wire.take()
        return link, wire, session
