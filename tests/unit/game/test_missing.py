"""Worlds ask for inputs that did not come."""

from typing import cast

from attrs import define
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mudserver.game.answers import Answers
from mudserver.game.gateways import Gateways
from mudserver.game.missing import AGAIN_SECONDS, MissingInputs
from mudserver.game.sessions import Session, Sessions
from mudserver.ids import GatewayId, InputNumber, SessionId
from mudserver.interfaces.bus import Message
from mudserver.telemetry.metrics import NullMeter


@define(eq=False)
class FakeSession:
    """What is needed of a session."""

    id: SessionId
    gateway: GatewayId
    answers: Answers


class FakeSessions:
    """All go on."""

    def goes_on(self, session: Session) -> bool:
        return True


class MissingInputsTest(SynchronousTestCase):
    def test_another_hole_at_once(self) -> None:
        """What is asked for may come before the asking returns, and make another hole: that is
        asked for too, each hole by one timer.
        """
        clock = Clock()
        asked: list[Message] = []

        class Prompt:
            """Has an input come that fills the hole, and one behind the next, the first time."""

            def tell(self, gateway: GatewayId, message: Message) -> None:
                asked.append(message)
                if len(asked) == 1:
                    session.answers.admit(InputNumber(1), None, 0.0)
                    missing.ask(session)

        session = cast(
            Session, FakeSession(SessionId("s"), GatewayId("g"), Answers(SessionId("s")))
        )
        missing = MissingInputs(
            sessions=cast(Sessions, FakeSessions()),
            gateways=cast(Gateways, Prompt()),
            clock=clock,
            meter=NullMeter(),
        )
        missing.ask(session)
        self.assertEqual(len(asked), 2)
        self.assertEqual(len(clock.getDelayedCalls()), 1)
        clock.advance(AGAIN_SECONDS)
        self.assertEqual(len(asked), 3)
        missing.stop()
        self.assertEqual(clock.getDelayedCalls(), [])
