"""What tests of links have in common."""

from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.commands import JoinRefused
from mudserver.bus.envelopes import Envelope
from mudserver.bus.link import LinkLost
from mudserver.bus.link_limits import LinkLimits
from tests.unit.bus.links import RawEnd

LIMITS = LinkLimits()


def numbers(envelopes: Sequence[Envelope]) -> list[int]:
    """What counts the publications among them."""
    return [envelope.seq for envelope in envelopes]  # type: ignore[attr-defined]


def assert_over(test: SynchronousTestCase, end: RawEnd) -> None:
    """The connection is closed, the owner told once when it is gone, and no timer left."""
    end.clock.advance(0)
    test.assertTrue(end.transport.disconnecting)
    before = len(end.owner.envelopes)
    end.join()
    end.link.connectionLost()
    test.assertEqual(len(end.owner.ends), 1)
    test.assertIsInstance(end.owner.ends[0], (LinkLost, JoinRefused))
    test.assertEqual(len(end.owner.envelopes), before)
    test.assertEqual(end.clock.getDelayedCalls(), [])
