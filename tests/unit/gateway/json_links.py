"""WebSocket clients, as the gateway has them, without their sockets."""

import json
from typing import Any

from mudserver.gateway.json_link import JsonLink
from mudserver.gateway.seat import Seat
from mudserver.gateway.shared import LinkLimits
from mudserver.ids import SessionId
from mudserver.interfaces.play import Attach
from tests.unit.gateway.bench import HOME, FakeWire, GatewayTestCase

LIMITS = LinkLimits()
HELLO = {"type": "hello", "ticket": "t", "csrf": "c"}


class JsonLinkTestCase(GatewayTestCase):
    """Links that speak ``mud.v1.json``, and their wires."""

    def connect(self, opened: bool = True) -> tuple[JsonLink, FakeWire]:
        wire = FakeWire()
        link = JsonLink(self.shared, wire, HOME, self.shared.admission.admit(HOME.address))
        self.links.append(link)
        link.accepted()
        if opened:
            link.opened()
        return link, wire

    def send(self, link: JsonLink, message: dict[str, Any] | str | bytes, **fields: object) -> None:
        if isinstance(message, dict):
            message = json.dumps(message | fields)
        data = message.encode() if isinstance(message, str) else message
        link.received(data, binary=False)

    def command(self, link: JsonLink, text: str, id: str | None = None) -> None:
        fields = {} if id is None else {"id": id}
        self.send(link, {"type": "command", "text": text} | fields)

    def enter(self) -> tuple[JsonLink, FakeWire, SessionId, dict[str, Any]]:
        """Bring a player in; returns the welcome, too."""
        link, wire = self.connect()
        self.send(link, HELLO)
        session = self.world.admit().session
        (welcome,) = wire.messages()
        return link, wire, session, welcome

    def come_back(
        self, welcome: dict[str, Any], seq: int, secret: str | None = None
    ) -> tuple[JsonLink, FakeWire]:
        """Connect again and ask to resume."""
        link, wire = self.connect()
        resume = {
            "session": welcome["session"],
            "secret": welcome["resume"] if secret is None else secret,
            "seq": seq,
        }
        self.send(link, HELLO, resume=resume)
        return link, wire

    def asked(self) -> Attach:
        """The newest request to be let in."""
        request = self.world.requests[-1]
        assert isinstance(request, Attach)
        return request

    def seat(self, session: SessionId) -> Seat:
        seat = self.shared.switchboard.seat(session)
        assert seat is not None
        return seat
