"""A small crowd for a minute; `make soak` has more players, and takes longer."""

from twisted.trial.unittest import TestCase

from tests.soak.play import Plan, soak

PLAN = Plan(websockets=180, telnets=20, warm_up=10.0, seconds=40.0)


class SoakTest(TestCase):
    timeout = 300

    async def test_minute(self) -> None:
        """All stay, all are answered, and neither memory nor descriptors grow."""
        lines: list[str] = []
        outcome = await soak(self, PLAN, lines.append)
        self.assertEqual(outcome.faults, [], "\n".join((*lines, *outcome.describe())))
