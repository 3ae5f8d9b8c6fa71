"""What each role needs, and what is refused before anything starts."""

from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from mudserver.config import (
    BusAddress,
    bus_spool,
    check_role,
    control_socket,
    load,
    state_directory,
    uses_tls,
)
from mudserver.errors import ConfigError

_LOCAL = "unix:/run/bus.sock"
_FAR = "tcp:hub.example.org:4010"
_DATABASE = "postgresql://db/mud"
_TLS = {"bus_ca": "/ca.pem", "bus_certificate": "/peer.pem"}


def check(role: str, **options: str) -> None:
    """Check what such options amount to."""
    given = {name.replace("_", "-"): value for name, value in options.items()}
    check_role(load({"role": role, **given}, {}))


class RoleTests(SynchronousTestCase):
    def refused(self, role: str, **options: str) -> ConfigError:
        error: ConfigError = self.assertRaises(ConfigError, check, role, **options)
        return error

    def test_all(self) -> None:
        """A process by itself needs nothing, and joins no bus: else its role was forgotten."""
        check("all")
        for key in ("bus", "bus_listen"):
            error = self.refused("all", **{key: _LOCAL})
            self.assertEqual(error.key, "role")
            self.assertIn("expected gateway, world or bus", str(error))

    def test_gateway(self) -> None:
        """A gateway needs a hub, and no database."""
        check("gateway", bus=_LOCAL)
        error = self.refused("gateway", bus_listen=_LOCAL)
        self.assertEqual(error.key, "bus")
        self.assertIn("where the hub is", str(error))

    def test_world(self) -> None:
        """A world needs a database that outlives it, and a hub or to be it."""
        check("world", database=_DATABASE, bus=_LOCAL)
        check("world", database=_DATABASE, bus_listen=_LOCAL)
        self.assertEqual(self.refused("world", bus=_LOCAL).key, "database")
        self.assertEqual(self.refused("world", database=_DATABASE).key, "bus")

    def test_bus(self) -> None:
        """A hub needs to know where to listen, and no database."""
        check("bus", bus_listen=_LOCAL)
        self.assertEqual(self.refused("bus", bus=_LOCAL).key, "bus_listen")

    def test_one_file(self) -> None:
        """All roles but all may share what the others need."""
        for role in ("gateway", "world", "bus"):
            check(role, database=_DATABASE, bus=_LOCAL, bus_listen=_LOCAL)

    def test_users(self) -> None:
        """Users are known at a hub's Unix socket alone."""
        check("bus", bus_listen=_LOCAL, bus_users="1:gateway")
        check("gateway", bus="tcp:localhost:1", bus_users="1:gateway")
        error = self.refused("bus", bus_listen="tcp:localhost:1", bus_users="1:gateway")
        self.assertEqual(error.key, "bus_users")

    def test_plain(self) -> None:
        """Plain TCP leaves no machine; where others may listen, TLS is wanted."""
        for local in ("tcp:localhost:1", "tcp:127.3.2.1:1", "tcp:[::1]:1", _LOCAL):
            check("gateway", bus=local)
            check("bus", bus_listen=local)
        for far in (_FAR, "tcp:0.0.0.0:1", "tcp:[::]:1", "tcp:192.0.2.1:1"):
            for role, key in (("gateway", "bus"), ("bus", "bus_listen")):
                error = self.refused(role, **{key: far})
                self.assertEqual(error.key, key)
                self.assertIn("plain TCP is for loopback alone", str(error))
        self.assertEqual(
            self.refused("world", database=_DATABASE, bus_listen=_FAR).key, "bus_listen"
        )
        check("world", database=_DATABASE, bus=_LOCAL, bus_listen=_FAR)

    def test_tls(self) -> None:
        """With certificates hubs may be anywhere; they come in pairs."""
        for role, key in (("gateway", "bus"), ("bus", "bus_listen")):
            check(role, **{key: _FAR, **_TLS})
            for name, missing in (("bus_ca", "bus_certificate"), ("bus_certificate", "bus_ca")):
                error = self.refused(role, **{key: _FAR, name: "/x.pem"})
                self.assertEqual(error.key, missing)

    def test_tls_of_hosts(self) -> None:
        """A world may host a hub by TLS as well, and needs a certificate for that, too."""
        for where in (_FAR, _LOCAL):
            check("world", database=_DATABASE, bus_listen=where, **_TLS)
        error = self.refused("world", database=_DATABASE, bus_listen=_FAR, bus_ca="/x.pem")
        self.assertEqual(error.key, "bus_certificate")

    def test_tls_is_for_ports(self) -> None:
        """A Unix socket needs none."""
        settings = load({key.replace("_", "-"): value for key, value in _TLS.items()}, {})
        self.assertTrue(uses_tls(settings, BusAddress.parse(_FAR)))
        self.assertFalse(uses_tls(settings, BusAddress.parse(_LOCAL)))
        self.assertFalse(uses_tls(load({}, {}), BusAddress.parse(_FAR)))


class AddressTests(SynchronousTestCase):
    def test_read(self) -> None:
        """An address is shown as it is written."""
        for text in ("unix:/run/bus.sock", "tcp:[2001:db8::1]:4010", "tcp:hub.example.org:0"):
            self.assertEqual(str(BusAddress.parse(text)), text)


class PlaceTests(SynchronousTestCase):
    def test_own(self) -> None:
        """Each process of a machine has a socket and a spool of its own, named by role and peer."""
        environment: Mapping[str, str] = {"STATE_DIRECTORY": "/var/lib/mud"}
        world = load({"role": "world"}, {})
        state = state_directory(world, environment)
        for peer in ("one", "world-one"):
            self.assertEqual(control_socket(world, environment, peer), state / "world-one.sock")
            named = load({"role": "world", "peer": peer}, {})
            self.assertEqual(bus_spool(named, environment), state / "world-one.spool")
        self.assertEqual(control_socket(load({}, {}), environment), state / "control.sock")

    def test_made_up(self) -> None:
        """Those without a name of their own share a spool, which the next of them finds."""
        environment: Mapping[str, str] = {"STATE_DIRECTORY": "/var/lib/mud"}
        for role in ("gateway", "world"):
            spool = bus_spool(load({"role": role}, {}), environment)
            self.assertEqual(spool.name, f"{role}.spool")

    def test_said(self) -> None:
        """What is said is taken, and made absolute."""
        settings = load({"role": "bus", "control": "a.sock", "bus-spool": "b"}, {})
        for path in (control_socket(settings, {}, "x"), bus_spool(settings, {})):
            self.assertTrue(path.is_absolute())
            self.assertIn(path.name, ("a.sock", "b"))
