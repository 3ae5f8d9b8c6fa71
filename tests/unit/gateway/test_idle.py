"""What connections cost that say nothing."""

from itertools import count

from mudserver.gateway.admission import AdmissionLimits
from mudserver.gateway.json_link import JsonLink
from mudserver.gateway.reaper import SWEEP_SECONDS
from mudserver.gateway.terminal_link import TerminalLink
from tests.unit.gateway.bench import HOME, FakeWire, GatewayTestCase

#: Of each kind.
MANY = 500


class Looked:
    """Counts how often the reaper looks at any of them."""

    looks = 0


class Browser(JsonLink):
    @property
    def deadline(self) -> float | None:
        Looked.looks += 1
        return super().deadline


class Terminal(TerminalLink):
    @property
    def deadline(self) -> float | None:
        Looked.looks += 1
        return super().deadline


class IdleTest(GatewayTestCase):
    """One sweep for all, of both kinds."""

    admission = AdmissionLimits(
        connections=3 * MANY, unauthenticated=3 * MANY, total=3 * MANY, pending=3 * MANY
    )

    def setUp(self) -> None:
        super().setUp()
        fractions = count()
        self.shared = self.shared.__class__(
            **{
                name: getattr(self.shared, name)
                for name in self.shared.__class__.__annotations__
                if name != "pick"
            },
            pick=lambda: next(fractions) * 0.618_034 % 1,
        )

    def crowd(self) -> tuple[list[FakeWire], list[FakeWire]]:
        """Let them in, by browser and by terminal."""
        browsers, terminals = [], []
        for number in range(MANY):
            place = self.shared.admission.admit(HOME.address)
            browsers.append(FakeWire())
            link = Browser(self.shared, browsers[-1], HOME, place)
            link.accepted()
            link.opened()
            link.received(b'{"type": "hello", "ticket": "t", "csrf": "c"}', binary=False)
            self.links.append(link)
            self.world.admit(name=f"B{number}")
        for number in range(MANY):
            place = self.shared.admission.admit(HOME.address)
            terminals.append(FakeWire())
            other = Terminal(self.shared, terminals[-1], HOME, place, "")
            other.accepted()
            other.opened()
            other.line(f"connect T{number} secret")
            self.links.append(other)
            self.world.admit(name=f"T{number}")
        return browsers, terminals

    def test_nothing_due(self) -> None:
        """While nothing is due a sweep looks at nobody; and each is probed once, not all at once,
        by the same timer as all others.
        """
        browsers, terminals = self.crowd()
        self.turn()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.pass_time(12.0)  # what was due at the log-in is over
        Looked.looks = 0
        self.pass_time(8.0)
        self.assertEqual(Looked.looks, 0)
        probes: list[int] = []
        for _ in range(12):
            before = sum(wire.probes for wire in browsers)
            self.clock.advance(SWEEP_SECONDS)
            probes.append(sum(wire.probes for wire in browsers) - before)
        self.assertEqual({wire.probes for wire in browsers}, {1})
        self.assertEqual(sum(probes), MANY)
        self.assertLess(max(probes), MANY / 3)
        self.assertLessEqual(Looked.looks, 3 * MANY)
        self.assertEqual({wire.probes for wire in terminals}, {0})
