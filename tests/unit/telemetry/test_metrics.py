"""Every metric is declared, once, as it is used."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import frozen
from prometheus_client import generate_latest
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

import mudserver
from mudserver.interfaces.meter import IMeter
from mudserver.telemetry.metrics import METRICS, PREFIX, Kind, NullMeter, PrometheusMeter

_KINDS: Final = {
    "count": {Kind.COUNTER},
    "gauge": {Kind.GAUGE},
    "show": {Kind.GAUGE},
    "observe": {Kind.SECONDS, Kind.PAUSES, Kind.AMOUNTS, Kind.BYTES},
}


@frozen
class Use:
    """Where the code counts or measures something."""

    place: str
    method: str
    name: str | None
    labels: frozenset[str]


def uses() -> Iterator[Use]:
    """Find all calls of a meter in the code."""
    top = Path(mudserver.__file__).parent
    for path in sorted(top.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in _KINDS
                and ast.unparse(node.func.value).rpartition(".")[2].strip("_") == "meter"
            ):
                first = node.args[0] if node.args else None
                yield Use(
                    f"{path.relative_to(top)}:{node.lineno}",
                    node.func.attr,
                    first.value
                    if isinstance(first, ast.Constant) and isinstance(first.value, str)
                    else None,
                    frozenset(word.arg or "**" for word in node.keywords)
                    - {"amount", "value", "source"},
                )


class DeclarationsTest(SynchronousTestCase):
    def test_names(self) -> None:
        """A metric's name and labels say what they are; the name's end says its unit."""
        for metric in METRICS:
            self.assertRegex(metric.name, r"^[a-z]+(_[a-z]+)*$")
            self.assertNotIn("_total", metric.name)
            self.assertRegex(metric.doc, r"^[A-Z0-9].*\.$")
            self.assertTrue(metric.kind is not Kind.SECONDS or metric.name.endswith("_seconds"))
            for label in metric.labels:
                self.assertRegex(label, r"^[a-z]+$")
        names = [metric.name for metric in METRICS]
        self.assertEqual(len(set(names)), len(names))

    def test_used_as_declared(self) -> None:
        """All that the code counts is declared: of that kind, with exactly those labels."""
        declared = {metric.name: metric for metric in METRICS}
        found = list(uses())
        self.assertGreater(len(found), 30)
        for use in found:
            self.assertIsNotNone(use.name, f"{use.place}: the name of a metric is a literal")
            assert use.name is not None
            self.assertIn(use.name, declared, use.place)
            metric = declared[use.name]
            self.assertIn(metric.kind, _KINDS[use.method], use.place)
            self.assertEqual(use.labels, frozenset(metric.labels), f"{use.place}: {use.name}")

    def test_declared_is_used(self) -> None:
        """Nothing is declared that the code doesn't count."""
        unused = {metric.name for metric in METRICS} - {use.name for use in uses()}
        self.assertEqual(unused, set())


class PrometheusMeterTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.meter = PrometheusMeter()

    def value(self, name: str, **labels: str) -> float | None:
        return self.meter.registry.get_sample_value(PREFIX + name, labels)

    def test_interface(self) -> None:
        """Both meters provide the whole interface."""
        verifyObject(IMeter, self.meter)
        verifyObject(IMeter, NullMeter())

    def test_count(self) -> None:
        """Counts add up, by labels."""
        self.meter.count("refusals", reason="bad_json")
        self.meter.count("refusals", 2.0, reason="bad_json")
        self.meter.count("refusals", reason="too_long")
        self.assertEqual(self.value("refusals_total", reason="bad_json"), 3.0)
        self.assertEqual(self.value("refusals_total", reason="too_long"), 1.0)

    def test_gauge(self) -> None:
        """The last value of a gauge counts."""
        self.meter.gauge("sessions", 3.0)
        self.meter.gauge("sessions", 2.0)
        self.assertEqual(self.value("sessions"), 2.0)

    def test_show(self) -> None:
        """A gauge may ask for its value when it is read."""
        held = [1]
        self.meter.show("held", lambda: len(held), what="sessions")
        held.append(2)
        self.assertEqual(self.value("held", what="sessions"), 2.0)

    def test_observe(self) -> None:
        """Observations are counted, summed, and sorted into buckets."""
        for seconds in (0.002, 0.02, 20.0):
            self.meter.observe("commit_seconds", seconds)
        self.assertEqual(self.value("commit_seconds_count"), 3.0)
        self.assertAlmostEqual(self.value("commit_seconds_sum") or 0.0, 20.022)
        self.assertEqual(self.value("commit_seconds_bucket", le="0.0025"), 1.0)
        self.assertEqual(self.value("commit_seconds_bucket", le="10.0"), 2.0)

    def test_bounds(self) -> None:
        """What equals a bound is within it, and what is beyond the last is within none."""
        for recipients in (1.0, 1.5, 2.0, 10_001.0):
            self.meter.observe("fanout_recipients", recipients)
        for bound, within in (("1.0", 1.0), ("2.0", 3.0), ("10000.0", 3.0), ("+Inf", 4.0)):
            self.assertEqual(self.value("fanout_recipients_bucket", le=bound), within)

    def test_order_of_labels(self) -> None:
        """It makes no difference which label is named first."""
        self.meter.count("closes", transport="telnet", code="1000")
        self.meter.count("closes", code="1000", transport="telnet")
        self.assertEqual(self.value("closes_total", transport="telnet", code="1000"), 2.0)

    def test_undeclared(self) -> None:
        """An unknown name, another kind or other labels are mistakes, and raise."""
        self.assertRaises(KeyError, self.meter.count, "nonsense")
        self.assertRaises(KeyError, self.meter.gauge, "refusals", 1.0)
        self.assertRaises(KeyError, self.meter.observe, "refusals", 1.0)
        self.assertRaises(ValueError, self.meter.count, "refusals")
        self.assertRaises(ValueError, self.meter.count, "refusals", cause="x")

    def test_apart(self) -> None:
        """Each meter keeps its own."""
        self.meter.count("registrations")
        other = PrometheusMeter()
        self.assertEqual(other.registry.get_sample_value("mud_registrations_total"), 0.0)

    def test_all_are_shown(self) -> None:
        """Each metric is in what Prometheus reads, with what it means."""
        page = generate_latest(self.meter.registry).decode()
        for metric in METRICS:
            self.assertRegex(page, rf"(?m)^# HELP mud_{metric.name}(_total)? {metric.doc}$")
