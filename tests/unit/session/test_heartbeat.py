"""Deadlines of silence."""

from twisted.trial.unittest import SynchronousTestCase

from mudserver.session.heartbeat import Beat, Heartbeat, Pulse


class HeartbeatTests(SynchronousTestCase):
    """`Heartbeat` probes the silent and expires those who don't answer."""

    def setUp(self) -> None:
        self.heart = Heartbeat(Pulse(silence=25.0, patience=10.0, longest=125.0), 100.0)

    def test_quiet_at_first(self) -> None:
        """Nothing is due before the silence is long enough."""
        self.assertIsNone(self.heart.due(124.9))
        self.assertEqual(125.0, self.heart.deadline)

    def test_probe_once(self) -> None:
        """A silent peer is probed, once."""
        self.assertIs(Beat.PROBE, self.heart.due(125.0))
        self.assertIsNone(self.heart.due(125.1))
        self.assertEqual(135.0, self.heart.deadline)

    def test_expires(self) -> None:
        """A probe without an answer expires."""
        self.heart.due(125.0)
        self.assertIs(Beat.EXPIRED, self.heart.due(135.0))

    def test_words_put_off_the_probe(self) -> None:
        """A peer that speaks is not probed."""
        self.heart.heard(120.0)
        self.assertIsNone(self.heart.due(125.0))
        self.assertEqual(145.0, self.heart.deadline)

    def test_not_for_ever(self) -> None:
        """A peer that never stops speaking is probed all the same, now and then."""
        for second in range(100, 225, 5):
            self.heart.heard(float(second))
            self.assertIsNone(self.heart.due(float(second)))
        self.heart.heard(225.0)
        self.assertIs(Beat.PROBE, self.heart.due(225.0))

    def test_words_are_no_answer(self) -> None:
        """A peer that sends, and never reads what it is sent, expires all the same."""
        self.heart.due(125.0)
        self.heart.heard(130.0)
        self.assertIs(Beat.EXPIRED, self.heart.due(135.0))

    def test_answer(self) -> None:
        """An answer begins a new silence."""
        self.heart.due(125.0)
        self.assertEqual(1.0, self.heart.answered(126.0))
        self.assertIsNone(self.heart.answered(126.0))
        self.assertIsNone(self.heart.due(150.9))
        self.assertIs(Beat.PROBE, self.heart.due(151.0))
