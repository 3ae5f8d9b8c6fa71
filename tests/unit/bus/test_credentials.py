"""What is shown on the bus, and for how long."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
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
        self.clock = Clock()

    def utc_now(self) -> datetime:
        return NOW + timedelta(seconds=self.clock.seconds())

    def renew(self, days: float, name: str = "w1", since: datetime = NOW) -> None:
        """Sign a certificate that is good for so many days."""
        self.file.unlink(missing_ok=True)
        subject = Subject("world", name)
        issue(self.folder, (subject,), since, timedelta(days=days))
        if name != "w1":
            (self.folder / subject.file).replace(self.file)

    def garble(self) -> None:
        """Put something else there."""
        self.file.write_text("nothing")

    def renew_elsewhere(self) -> None:
        """Have another authority sign one, with the old authority's certificate beside it."""
        other = self.folder.parent / "other"
        issue(other, (Subject("world", "w1"),), NOW)
        (other / self.file.name).replace(self.file)

    def renew_by_halves(self) -> None:
        """Have one signed, with a key of another kind beside it."""
        self.renew(99)
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        certificate, _, _ = self.file.read_bytes().partition(b"-----BEGIN PRIVATE KEY")
        self.file.write_bytes(certificate + pem)

    def credentials(self, *hosts: str) -> Credentials:
        identity = Identity(self.folder / "ca.pem", self.file, self.file, hosts)
        return Credentials(identity, self.utc_now)


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
        """New files that can't be used, or nobody takes, are told of once; the old ones stay."""
        self.renew(9)
        credentials = self.credentials("w1.world.mudserver.internal")
        first = credentials.context()
        spoilers: tuple[tuple[Callable[[], None], str], ...] = (
            (self.garble, "can't be used"),
            (self.file.unlink, "can't be used"),
            (partial(self.renew, 99, "w2"), "is not for w1.world"),
            (partial(self.renew, 2, since=NOW - 3 * DAY), "has ended at 2030-04-30"),
            (partial(self.renew, 9, since=NOW + DAY), "is good from 2030-05-02"),
            (self.renew_elsewhere, "is not good by"),
            (self.renew_by_halves, "is not for"),
            ((self.folder / "ca.pem").unlink, "bus_ca"),
        )
        for spoil, problem in spoilers:
            spoil()
            with Captured() as events:
                self.assertIs(credentials.context(), first)
                self.assertIs(credentials.context(), first)
            [line] = map(formatEvent, events)
            self.assertIn("the old one stays", line)
            self.assertIn(problem, line)
            self.assertTrue(credentials.spoiled)
        self.assertEqual(credentials.expires, NOW + 9 * DAY)

    def test_mended(self) -> None:
        """After spoiled files, good ones are taken."""
        self.renew(9)
        credentials = self.credentials()
        self.garble()
        credentials.refresh()
        self.renew(99)
        credentials.refresh()
        self.assertFalse(credentials.spoiled)
        self.assertEqual(credentials.expires, NOW + 99 * DAY)

    def test_begun(self) -> None:
        """A certificate that had not begun when it was put there is taken once it has."""
        self.renew(9)
        credentials = self.credentials()
        self.renew(99, since=NOW + DAY)
        credentials.refresh()
        self.assertEqual(credentials.expires, NOW + 9 * DAY)
        self.clock.advance(DAY.total_seconds())
        with Captured() as events:
            credentials.refresh()
        [line] = map(formatEvent, events)
        self.assertIn("read anew", line)
        self.assertFalse(credentials.spoiled)
        self.assertEqual(credentials.expires, NOW + 100 * DAY)

    def test_by_another_authority(self) -> None:
        """At the start what others would not take is used for want of another, and told of."""
        self.renew(9)
        self.renew_elsewhere()
        with Captured() as events:
            credentials = self.credentials()
        [line] = map(formatEvent, events)
        self.assertIn("Nobody on the bus will take our certificate", line)
        self.assertTrue(credentials.spoiled)
        self.assertEqual(credentials.expires, NOW + timedelta(days=730))

    def test_two_authorities(self) -> None:
        """While an authority is replaced by another, certificates by both are good."""
        self.renew(9)
        old = (self.folder / "ca.pem").read_bytes()
        other = self.folder.parent / "other"
        issue(other, (Subject("world", "w1"),), NOW)
        new = (other / "ca.pem").read_bytes()
        for both in (old + new, new + old):
            (self.folder / "ca.pem").write_bytes(both)
            for file in (self.file, other / self.file.name):
                Identity(self.folder / "ca.pem", file, file).verify(NOW)

    def test_wrong_key(self) -> None:
        """A key that is not the certificate's is a mistake at the start."""
        self.renew_by_halves()
        error = self.assertRaises(ConfigError, self.credentials)
        self.assertEqual(error.key, "bus_key")

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
        self.meter = PrometheusMeter()

    def watch(self) -> CertificateWatch:
        watch = CertificateWatch(self.credentials(), self.clock, self.utc_now, self.meter)
        self.addCleanup(watch.stopService)
        watch.startService()
        return watch

    def left(self) -> float:
        """The seconds that the metric tells."""
        return self.measured("seconds")

    def measured(self, name: str) -> float:
        value = self.meter.registry.get_sample_value(f"mud_bus_certificate_{name}")
        assert value is not None
        return value

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

    def test_spoiled(self) -> None:
        """The metric tells as long as the files can't be used."""
        self.renew(99)
        self.watch()
        self.assertEqual(self.measured("spoiled"), 0)
        self.garble()
        self.clock.advance(LOOK_SECONDS)
        self.assertEqual(self.measured("spoiled"), 1)
        self.renew(200)
        self.clock.advance(LOOK_SECONDS)
        self.assertEqual(self.measured("spoiled"), 0)

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
        useless, line = map(formatEvent, events)
        self.assertIn("Nobody on the bus will take our certificate", useless)
        self.assertIn("has ended at 2030-05-02T12:00:00+00:00", line)
        self.assertEqual(self.left(), -86_400)
