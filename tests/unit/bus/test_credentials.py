"""What is shown on the bus, and for how long."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from twisted.internet.task import Clock
from twisted.logger import formatEvent
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.certificate_watch import LOOK_SECONDS, CertificateWatch
from mudserver.bus.credentials import Credentials, Identity
from mudserver.bus.issuing import Subject, issue
from mudserver.errors import ConfigError
from mudserver.telemetry.metrics import PrometheusMeter
from tests.unit.logs import Captured

NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class CredentialsTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()) / "certs"
        self.file = self.folder / "world-w1.pem"

    def renew(self, days: float, name: str = "w1") -> None:
        """Sign a certificate that is good from now on for so many days."""
        self.file.unlink(missing_ok=True)
        subject = Subject("world", name)
        issue(self.folder, (subject,), NOW, timedelta(days=days))
        if name != "w1":
            (self.folder / subject.file).replace(self.file)

    def credentials(self, *hosts: str) -> Credentials:
        return Credentials(Identity(self.folder / "ca.pem", self.file, self.file, hosts))


class CredentialsTests(CredentialsTestCase):
    def test_renewed(self) -> None:
        """Files that have changed are read anew, those that have not are not."""
        self.renew(9)
        credentials = self.credentials()
        first = credentials.context()
        self.assertIs(credentials.context(), first)
        self.assertEqual(credentials.expires, NOW + 9 * DAY)
        self.renew(99)
        second = credentials.context()
        self.assertIsNot(second, first)
        self.assertIs(credentials.context(), second)
        self.assertEqual(credentials.expires, NOW + 99 * DAY)

    def test_spoiled(self) -> None:
        """New files that can't be used, or are for another, are told of once; the old ones stay."""
        self.renew(9)
        credentials = self.credentials("w1.world.mudserver.internal")
        first = credentials.context()
        spoilers = (
            lambda: self.file.write_text("nothing"),
            self.file.unlink,
            lambda: self.renew(99, "w2"),
        )
        for spoil in spoilers:
            spoil()
            with Captured() as events:
                self.assertIs(credentials.context(), first)
                self.assertIs(credentials.context(), first)
            self.assertEqual(len(events), 1)
            self.assertIn("the old one stays", formatEvent(events[0]))
        self.assertEqual(credentials.expires, NOW + 9 * DAY)

    def test_for_another(self) -> None:
        """A certificate that is not for what it has to be for is a mistake at the start."""
        self.renew(9)
        good = "w1.world.mudserver.internal"
        self.credentials(good)
        error = self.assertRaises(ConfigError, self.credentials, good, "bus.mudserver.internal")
        self.assertEqual(error.key, "bus_certificate")
        self.assertIn("is not for bus.mudserver.internal", str(error))


class WatchTests(CredentialsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.meter = PrometheusMeter()

    def watch(self) -> CertificateWatch:
        def utc_now() -> datetime:
            return NOW + timedelta(seconds=self.clock.seconds())

        watch = CertificateWatch(self.credentials(), self.clock, utc_now, self.meter)
        self.addCleanup(watch.stopService)
        watch.startService()
        return watch

    def left(self) -> float:
        """The seconds that the metric tells."""
        left = self.meter.registry.get_sample_value("mud_bus_certificate_seconds")
        assert left is not None
        return left

    def wait(self, days: float) -> list[str]:
        """Let time pass; returns the warnings."""
        with Captured() as events:
            for _ in range(round(days * 86_400 / LOOK_SECONDS)):
                self.clock.advance(LOOK_SECONDS)
        return [formatEvent(event) for event in events]

    def test_measured(self) -> None:
        """The metric tells what is left, of a renewed certificate as well."""
        self.renew(99)
        self.watch()
        self.assertEqual(self.left(), 99 * 86_400)
        self.clock.advance(LOOK_SECONDS)
        self.assertEqual(self.left(), 99 * 86_400 - LOOK_SECONDS)
        self.renew(200)
        self.clock.advance(LOOK_SECONDS)
        self.assertEqual(self.left(), 200 * 86_400 - 2 * LOOK_SECONDS)

    def test_soon(self) -> None:
        """Within thirty days of the end the log warns, at the start and then once a day."""
        self.renew(30.5)
        with Captured() as events:
            self.watch()
        self.assertEqual(events, [])
        self.assertEqual(len(self.wait(1.0)), 1)
        self.assertEqual(len(self.wait(2.0)), 2)
        self.renew(60)
        self.assertEqual([line for line in self.wait(1.0) if "ends at" in line], [])

    def test_ended(self) -> None:
        """What has ended is told at once, and measured below zero."""
        self.renew(1)
        self.clock.advance(2 * 86_400)
        with Captured() as events:
            self.watch()
        [line] = map(formatEvent, events)
        self.assertIn("has ended at 2030-05-02T12:00:00+00:00", line)
        self.assertEqual(self.left(), -86_400)
