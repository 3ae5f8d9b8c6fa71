"""What a connection may send."""

from twisted.trial.unittest import SynchronousTestCase

from mudserver.session.bucket import Bucket, Rate
from mudserver.session.intake import Intake, IntakeLimits

LIMITS = IntakeLimits(frames=Rate(1.0, 3.0), raw_bytes=Rate(10.0, 100.0))


class IntakeTests(SynchronousTestCase):
    """`Intake` charges bytes and frames, each from a bucket of its own."""

    def setUp(self) -> None:
        self.intake = Intake(Bucket(LIMITS.frames), Bucket(LIMITS.raw_bytes))

    def test_within(self) -> None:
        """What is within the limits passes, and comes back with time."""
        for second in range(0, 50, 10):
            self.assertTrue(self.intake.bytes_arrived(100, float(second)))
            for _ in range(3):
                self.assertTrue(self.intake.frame_arrived(float(second)))

    def test_bytes(self) -> None:
        """Once there are too many bytes, nothing passes any more, ever."""
        self.assertTrue(self.intake.bytes_arrived(60, 0.0))
        self.assertFalse(self.intake.bytes_arrived(60, 0.0))
        self.assertFalse(self.intake.bytes_arrived(1, 1_000.0))
        self.assertFalse(self.intake.frame_arrived(1_000.0))

    def test_frames(self) -> None:
        """Nor does anything after too many frames."""
        passed = [self.intake.frame_arrived(0.0) for _ in range(5)]
        self.assertEqual(passed, [True] * 3 + [False] * 2)
        self.intake.charge_to(Bucket(LIMITS.frames), Bucket(LIMITS.raw_bytes))
        self.assertFalse(self.intake.bytes_arrived(1, 1_000.0))
