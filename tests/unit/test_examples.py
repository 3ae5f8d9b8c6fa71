"""The examples that are shipped: each can be read, and would start what it says."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from shutil import which

from twisted.scripts._twistd_unix import ServerOptions
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from mudserver.config import check_role, control_socket, load, uses_tls
from mudserver.game.journal import STOP_SECONDS
from mudserver.service.options import Options

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
UNITS = sorted((EXAMPLES / "one-machine").glob("*.service"))
ALONE = EXAMPLES / "one-machine" / "mudserver.toml"
APART = sorted((EXAMPLES / "three-machines").glob("*.toml"))

#: What a file says which units it is for by.
_UNITS = re.compile(r"Units?: (.*)\.")


def read(unit: Path) -> ConfigParser:
    """Read a unit; a key that is given twice is allowed for environments alone."""
    parser = ConfigParser(interpolation=None, delimiters="=", comment_prefixes="#", strict=False)
    parser.optionxform = str  # type: ignore[assignment]  # the documented way to keep the case
    parser.read_string(unit.read_text())
    return parser


def command(unit: Path, instance: str, file: Path) -> tuple[list[str], list[str]]:
    """Return what a unit gives to twistd, and to mudserver, with that file of settings."""
    line = read(unit)["Service"]["ExecStart"].replace("%i", instance)
    _, *words = shlex.split(line.replace("/etc/mudserver/mudserver.toml", shlex.quote(str(file))))
    split = words.index("mudserver")
    return words[:split], words[split + 1 :]


def started_by(file: Path) -> Iterator[tuple[Path, str]]:
    """Return which units a file of one of several machines is for, and which instance."""
    found = _UNITS.search(file.read_text())
    assert found is not None
    for name in found[1].split(", "):
        unit, at, instance = name.partition("@")
        yield EXAMPLES / "one-machine" / f"{unit}{at}.service", instance


class ExamplesTests(SynchronousTestCase):
    def test_there(self) -> None:
        """There is a unit for each role but all, and a file for each of three machines."""
        self.assertEqual((len(UNITS), len(APART)), (3, 3))

    def test_one_machine(self) -> None:
        """Each unit starts what it is named after, with the one file; each has its own socket."""
        sockets = set()
        for unit in UNITS:
            for instance in ("1", "2") if "@" in unit.name else ("",):
                twistd, ours = command(unit, instance, ALONE)
                server = ServerOptions()
                server.parseOptions(twistd)
                self.assertTrue(server["nodaemon"])
                options = Options()
                options.environment = {}
                options.parseOptions(ours)
                settings = options.settings
                self.assertIn(settings.role, unit.name)
                self.assertIn(instance, settings.operations)
                self.assertNotIn("%", " ".join(ours))
                sockets.add(control_socket(settings, {}, settings.peer))
        self.assertEqual(len(sockets), 5)

    def test_three_machines(self) -> None:
        """Each machine's file suits all that its head says, and has the bus encrypted."""
        for file in APART:
            for unit, instance in started_by(file):
                _, ours = command(unit, instance, file)
                options = Options()
                options.environment = {"MUDSERVER_BUS_CERTIFICATE": "/etc/mudserver/bus/x.pem"}
                options.parseOptions(ours)
                address = options.settings.bus or options.settings.bus_listen
                assert address is not None
                self.assertTrue(uses_tls(options.settings, address))

    def test_gateways(self) -> None:
        """Each file suits a gateway, on whichever machine one is added."""
        for file in (ALONE, *APART):
            shown = {} if file == ALONE else {"bus-certificate": "/etc/mudserver/bus/gateway.pem"}
            check_role(load({"role": "gateway", **shown}, {}, file))

    def test_units(self) -> None:
        """Units notify, come back, have time to save, and no privileges."""
        for unit in UNITS:
            service = read(unit)["Service"]
            self.assertEqual(service["Type"], "notify")
            self.assertEqual(service["KillMode"], "mixed")
            self.assertNotIn(service["User"], ("", "root"))
            self.assertEqual(service["CapabilityBoundingSet"], "")
            self.assertEqual(service["RuntimeDirectoryPreserve"], "yes")
        world = read(EXAMPLES / "one-machine" / "mudserver-world@.service")["Service"]
        self.assertEqual((world["Restart"], world["NotifyAccess"]), ("always", "all"))
        self.assertGreater(int(world["TimeoutStopSec"].removesuffix("s")), 2 * STOP_SECONDS)

    def test_well_formed(self) -> None:
        """Systemd itself has nothing to say against them, where it is there to be asked."""
        analyze = which("systemd-analyze")
        if analyze is None:
            raise SkipTest("systemd-analyze is not there")
        folder = Path(self.mktemp())
        folder.mkdir()
        for unit in (*UNITS, EXAMPLES / "one-machine" / "mudserver.target"):
            # Programs and users of the example need not be here.
            text = re.sub(r"^(User|Group)=.*\n", "", unit.read_text(), flags=re.MULTILINE)
            (folder / unit.name).write_text(text.replace("/opt/mudserver/bin/twistd", "/bin/true"))
        names = [folder / each.name.replace("@", "@1") for each in UNITS]
        for name, unit in zip(names, UNITS, strict=True):
            if name.name != unit.name:
                (folder / unit.name).rename(name)
        told = subprocess.run(
            [analyze, "verify", "--man=no", *map(str, names)],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        ours = [line for line in told.stderr.splitlines() if str(folder) in line]
        self.assertEqual(ours, [])
