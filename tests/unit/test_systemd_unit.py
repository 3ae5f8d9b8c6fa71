"""The systemd unit that is shipped: what it promises to operators, and that it can start us."""

import shlex
from configparser import ConfigParser
from pathlib import Path

from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins
from twisted.scripts._twistd_unix import ServerOptions
from twisted.trial.unittest import SynchronousTestCase

from mudserver.game.journal import STOP_SECONDS
from mudserver.service.options import Options

UNIT = Path(__file__).parents[2] / "docs" / "systemd" / "mudserver.service"


def unit() -> ConfigParser:
    """Read the unit; a key that is given twice is an error."""
    parser = ConfigParser(interpolation=None, delimiters="=", comment_prefixes="#")
    parser.optionxform = str  # type: ignore[assignment]  # the documented way to keep the case
    parser.read_string(UNIT.read_text())
    return parser


class UnitTests(SynchronousTestCase):
    """The unit's keys."""

    def setUp(self) -> None:
        self.service = unit()["Service"]

    def test_notifies(self) -> None:
        """The daemon itself, and nothing else, tells systemd when it is ready."""
        self.assertEqual("notify", self.service["Type"])
        self.assertEqual("main", self.service["NotifyAccess"])

    def test_comes_back(self) -> None:
        """It is started again after a failure, and not after a clean stop."""
        self.assertEqual("on-failure", self.service["Restart"])

    def test_has_time_to_stop(self) -> None:
        """Only the daemon is told to stop, and it has longer than its last save may take."""
        self.assertEqual("mixed", self.service["KillMode"])
        timeout = self.service["TimeoutStopSec"]
        self.assertTrue(timeout.endswith("s"))
        self.assertGreater(int(timeout.removesuffix("s")), 2 * STOP_SECONDS)
        self.assertEqual("SIGTERM", self.service.get("KillSignal", "SIGTERM"))

    def test_keeps_its_state(self) -> None:
        """The state lies in the one directory that systemd makes and lets it write."""
        self.assertEqual("mudserver", self.service["StateDirectory"])
        self.assertEqual("strict", self.service["ProtectSystem"])

    def test_has_no_privileges(self) -> None:
        """It runs as a user of its own, without a capability or a way to get one."""
        self.assertNotIn(self.service["User"], ("", "root"))
        self.assertEqual("yes", self.service["NoNewPrivileges"])
        self.assertEqual("", self.service["CapabilityBoundingSet"])

    def test_can_hold_thousands(self) -> None:
        """The limit of open files is far above the thousands of players it is meant for."""
        self.assertGreaterEqual(int(self.service["LimitNOFILE"]), 20_000)


class CommandTests(SynchronousTestCase):
    """The command that the unit runs."""

    def setUp(self) -> None:
        self.program, *arguments = shlex.split(unit()["Service"]["ExecStart"])
        split = arguments.index("mudserver")
        self.twistd, self.ours = arguments[:split], arguments[split:]

    def test_runs_twistd(self) -> None:
        """Systemd wants an absolute path; the program is twistd."""
        self.assertTrue(Path(self.program).is_absolute())
        self.assertEqual("twistd", Path(self.program).name)

    def test_stays_in_the_foreground(self) -> None:
        """Twistd knows the options, stays the process that systemd started, writes no pid file."""
        options = ServerOptions()
        options.parseOptions(self.twistd)
        self.assertTrue(options["nodaemon"])
        self.assertEqual("", options["pidfile"])

    def test_names_the_plugin(self) -> None:
        """What follows is a name that twistd finds among its plugins."""
        names = [maker.tapname for maker in getPlugins(IServiceMaker)]
        self.assertIn(self.ours[0], names)

    def test_gives_options_that_exist(self) -> None:
        """mudserver takes its options, given that the files that they name are there."""
        directory = "/etc/mudserver/"
        here = Path(self.mktemp())
        here.mkdir()
        (here / "mudserver.toml").write_text('name = "Seen"')
        given = [argument.replace(directory, f"{here}/") for argument in self.ours[1:]]
        options = Options()
        options.parseOptions(given)
        self.assertEqual("Seen", options.settings.name)
