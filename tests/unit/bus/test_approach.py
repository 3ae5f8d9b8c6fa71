"""The way to a hub, and what is in the way."""

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError, DNSLookupError
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from mudserver.bus.approach import Approach


@implementer(IStreamClientEndpoint)
@define(eq=False)
class FakeEndpoint:
    """
    Attributes:
        outcomes: What connecting comes to, one time after the other.
    """

    outcomes: list["Deferred[IProtocol]"] = field(factory=list)

    def connect(self, protocolFactory: IProtocolFactory) -> "Deferred[IProtocol]":  # noqa: N803
        return self.outcomes.pop(0)


class ApproachTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.endpoint = FakeEndpoint()
        self.approach = Approach(self.endpoint, "tcp:north:4010")

    def connect(self, outcome: "Deferred[IProtocol]") -> tuple["Deferred[IProtocol]", list[str]]:
        """Connect once; returns what comes of it, and the lines in the log."""
        self.endpoint.outcomes.append(outcome)
        with capturedLogs() as logs:
            connecting = self.approach.connect(Factory.forProtocol(Protocol))
        return connecting, [formatEvent(each) for each in logs]

    def refuse(self, error: Exception) -> list[str]:
        connecting, lines = self.connect(fail(error))
        self.failureResultOf(connecting, type(error))
        return lines

    def test_interface(self) -> None:
        """It is an endpoint like any other."""
        verifyObject(IStreamClientEndpoint, self.approach)

    def test_told_once(self) -> None:
        """The log says where the hub is not reached and why, each reason once in a row."""
        (line,) = self.refuse(ConnectionRefusedError())
        self.assertIn("tcp:north:4010", line)
        self.assertIn("Connection was refused by other side", line)
        self.assertEqual(self.refuse(ConnectionRefusedError()), [])
        self.assertEqual(len(self.refuse(DNSLookupError("no such host"))), 1)
        self.assertEqual(len(self.refuse(ConnectionRefusedError())), 1)

    def test_reached(self) -> None:
        """Who has reached it is told anew when it is gone."""
        self.refuse(ConnectionRefusedError())
        protocol = Protocol()
        connecting, lines = self.connect(succeed(protocol))
        self.assertEqual((self.successResultOf(connecting), lines), (protocol, []))
        self.assertEqual(len(self.refuse(ConnectionRefusedError())), 1)

    def test_given_up(self) -> None:
        """Who doesn't want to be there any more needs no reason."""
        self.assertEqual(self.refuse(CancelledError()), [])
