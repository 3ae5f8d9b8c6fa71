"""The private authority of the bus."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.issuing import FIRST, Subject, issue
from mudserver.errors import StartupError

NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)


def read(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


class SubjectTest(SynchronousTestCase):
    """For whom certificates are."""

    def test_parse(self) -> None:
        """A role is for all of it, a role and a name for one."""
        self.assertEqual(Subject.parse("gateway"), Subject("gateway", "*"))
        self.assertEqual(Subject.parse("gateway:g-1"), Subject("gateway", "g-1"))
        self.assertEqual(Subject.parse("world+bus"), Subject("world", "*", hosts=True))
        self.assertEqual(Subject.parse("world:w1+bus"), Subject("world", "w1", hosts=True))
        for bad in ("bus+bus", "gateway:g1+bus", "world:+bus:w1", "world:w1+hub"):
            self.assertRaises(ValueError, Subject.parse, bad)
        for bad in ("", "king", "gateway:A", "gateway:a.b", "gateway:-a", "world:" + "a" * 64):
            self.assertRaises(ValueError, Subject.parse, bad)

    def test_names(self) -> None:
        """Hubs are recognised as hubs, peers by their role and name."""
        hub = "bus.mudserver.internal"
        self.assertEqual(Subject("bus").names, (hub,))
        self.assertEqual(Subject("gateway", "g1").names, ("g1.gateway.mudserver.internal",))
        self.assertEqual(Subject("world").names, ("*.world.mudserver.internal",))
        both = Subject("world", "w1", hosts=True)
        self.assertEqual(both.names, ("w1.world.mudserver.internal", hub))
        self.assertEqual(both.file, "world-w1+bus.pem")
        files = {Subject(role, name).file for role in ("bus", "world") for name in ("*", "a")}
        self.assertEqual(files, {"bus.pem", "bus-a.pem", "world.pem", "world-a.pem"})


class IssueTest(SynchronousTestCase):
    """What lies in the folder afterwards."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()) / "certs"

    def test_first(self) -> None:
        """The first time there is an authority, and a certificate for each role."""
        files = issue(self.folder, FIRST, NOW)
        self.assertEqual(
            [file.name for file in files],
            ["ca.pem", "ca-key.pem", "bus.pem", "world.pem", "gateway.pem"],
        )
        self.assertEqual(set(files), set(self.folder.iterdir()))
        for file in files:
            wanted = 0o644 if file.name == "ca.pem" else 0o600
            self.assertEqual(stat.S_IMODE(file.stat().st_mode) & ~wanted, 0, file)

    def test_signed(self) -> None:
        """Certificates are the authority's, for one name and one purpose, and for so long."""
        hosting = Subject("world", "w1", hosts=True)
        asked = (Subject("bus"), Subject("gateway", "g1"), hosting)
        issue(self.folder, asked, NOW, timedelta(days=9))
        authority = read(self.folder / "ca.pem")
        server, client = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
        hub = "bus.mudserver.internal"
        for name, hosts, purposes in (
            ("bus.pem", [hub], [server]),
            ("gateway-g1.pem", ["g1.gateway.mudserver.internal"], [client]),
            ("world-w1+bus.pem", ["w1.world.mudserver.internal", hub], [client, server]),
        ):
            made = read(self.folder / name)
            made.verify_directly_issued_by(authority)
            names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            self.assertEqual(names.get_values_for_type(x509.DNSName), hosts)
            usage = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
            self.assertEqual(list(usage), purposes)
            self.assertFalse(
                made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
            )
            self.assertEqual(made.not_valid_after_utc, NOW + timedelta(days=9))
            self.assertLess(made.not_valid_before_utc, NOW)

    def test_later(self) -> None:
        """Later ones are of the same authority."""
        issue(self.folder, FIRST, NOW)
        before = (self.folder / "ca.pem").read_bytes()
        files = issue(self.folder, (Subject("gateway", "g2"),), NOW)
        self.assertEqual(files, (self.folder / "gateway-g2.pem",))
        self.assertEqual((self.folder / "ca.pem").read_bytes(), before)
        read(files[0]).verify_directly_issued_by(read(self.folder / "ca.pem"))

    def test_taken(self) -> None:
        """What is there is never replaced, and nothing is written then."""
        issue(self.folder, (Subject("world"),), NOW)
        before = {file: file.read_bytes() for file in self.folder.iterdir()}
        error = self.assertRaises(StartupError, issue, self.folder, FIRST, NOW)
        self.assertIn("world.pem", str(error))
        self.assertEqual({file: file.read_bytes() for file in self.folder.iterdir()}, before)

    def test_broken_authority(self) -> None:
        """An authority that is lost, garbled or of another key is told, not made anew."""
        issue(self.folder, (Subject("world"),), NOW)
        key = self.folder / "ca-key.pem"
        other = issue(self.folder.parent / "other", (Subject("world"),), NOW)[1]
        for data in (b"nothing", other.read_bytes()):
            key.write_bytes(data)
            self.assertRaises(StartupError, issue, self.folder, (Subject("bus"),), NOW)
        key.unlink()
        error = self.assertRaises(StartupError, issue, self.folder, (Subject("bus"),), NOW)
        self.assertIn("ca-key.pem", str(error))
        self.assertFalse((self.folder / "bus.pem").exists())

    def test_own_keys(self) -> None:
        """No two have the same key."""
        issue(self.folder, FIRST, NOW)
        keys = set()
        for subject in FIRST:
            public = read(self.folder / subject.file).public_key()
            assert isinstance(public, ec.EllipticCurvePublicKey)
            keys.add(public.public_numbers())
        self.assertEqual(len(keys), 3)
