"""An exchange, and what peers say to it."""

from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.envelopes import Envelope, Publish
from mudserver.bus.exchange import Exchange
from mudserver.bus.members import ExchangeLimits, Member, Outgoing
from mudserver.bus.rights import ALL_RIGHTS, Rights

NOW = 1_000.0


class ExchangeTestCase(SynchronousTestCase):
    """Has an exchange, and says to it what its test says."""

    limits = ExchangeLimits()

    def setUp(self) -> None:
        self.exchange = Exchange(self.limits)

    def join(self, name: str, rights: Rights = ALL_RIGHTS) -> Member:
        return self.exchange.join(name, rights)

    def say(self, member: Member, *envelopes: Envelope, now: float = NOW) -> Outgoing:
        """Say some things, and return what comes of the last."""
        out: Outgoing = []
        for envelope in envelopes:
            out = self.exchange.received(member, envelope, now)
        return out


def lossy(subject: str, seq: int = 1, payload: bytes = b"x") -> Publish:
    return Publish(subject, seq, "", payload)


def durable(subject: str, name: str = "m1", seq: int = 1) -> Publish:
    return Publish(subject, seq, name, b"x")
