"""The command line of mudctl."""

from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.issuing import Subject
from mudserver.mudctl.main import COMMANDS
from mudserver.mudctl.options import parse
from mudserver.world.role import Role


class OptionsTest(SynchronousTestCase):
    def misused(self, *words: str) -> str:
        """What is complained of."""
        complaints = StringIO()
        with redirect_stderr(complaints), self.assertRaises(SystemExit) as raised:
            parse(words)
        self.assertEqual(raised.exception.code, 2)
        return complaints.getvalue()

    def test_where(self) -> None:
        """The socket may be named, or the file that names it."""
        options = parse(["--socket", "/run/mud.sock", "status"])
        self.assertEqual((options.socket, options.config), (Path("/run/mud.sock"), None))
        options = parse(["-c", "mud.toml", "status"])
        self.assertEqual((options.socket, options.config), (None, Path("mud.toml")))

    def test_commands(self) -> None:
        """Each command has a name that leads to what it does."""
        for words in (
            ("status",),
            ("sessions",),
            ("account", "list"),
            ("account", "role", "Ann", "owner"),
            ("account", "password", "Ann"),
            ("account", "disable", "Ann"),
            ("account", "enable", "Ann"),
            ("kick", "Ann"),
            ("revoke", "Ann"),
            ("ban", "Ann"),
            ("unban", "Ann"),
            ("bans",),
            ("audit",),
            ("logins", "Ann"),
            ("drain",),
        ):
            self.assertIn(parse(words).command, COMMANDS)

    def test_arguments(self) -> None:
        """They take what they need."""
        role = parse(["account", "role", "Ann", "builder"])
        self.assertEqual((role.action, role.name, role.role), ("role", "Ann", "builder"))
        self.assertEqual(parse(["account", "password", "Ann"]).name, "Ann")
        kick = parse(["kick", "Ann", "that", "was", "enough"])
        self.assertEqual((kick.character, kick.reason), ("Ann", ["that", "was", "enough"]))
        self.assertEqual(parse(["revoke", "Ann"]).name, "Ann")

    def test_letters(self) -> None:
        """Dead letters are named by box and number; files of them by their paths."""
        replay = parse(["deadletters", "replay", "bus:17"])
        self.assertEqual((replay.letter.box, replay.letter.number), ("bus", 17))
        self.assertEqual(parse(["deadletters", "import", "a.spool"]).file, Path("a.spool"))
        self.assertIn("no name of a dead letter", self.misused("deadletters", "show", "17"))

    def test_certificates(self) -> None:
        """Certificates are for all roles unless told otherwise; bad names and times are refused."""
        plain = parse(["bus", "certs", "certs"])
        self.assertEqual((plain.folder, plain.peers, plain.days), (Path("certs"), None, 730))
        named = parse(["bus", "certs", "c", "--peer", "gateway:g1", "--peer", "bus", "--days", "9"])
        self.assertEqual(named.peers, [Subject("gateway", "g1"), Subject("bus")])
        self.assertEqual(named.days, 9)
        self.assertIn("king", self.misused("bus", "certs", "c", "--peer", "king"))
        for days in ("0", "3651", "-1", "x"):
            self.assertIn("number of days", self.misused("bus", "certs", "c", f"--days={days}"))

    def test_moderation(self) -> None:
        """A ban takes a time and a reason behind whom; the log takes filters."""
        ban = parse(["ban", "--kind", "name", "Ann", "2d", "that", "was", "enough"])
        self.assertEqual((ban.target, ban.kind, ban.force), ("Ann", "name", False))
        self.assertEqual(ban.words, ["2d", "that", "was", "enough"])
        self.assertTrue(parse(["ban", "--force", "10.0.0.0/8"]).force)
        audit = parse(["audit", "--actor", "Ann", "--limit", "0"])
        self.assertEqual((audit.actor, audit.action, audit.target), ("Ann", "", ""))
        self.assertEqual((audit.limit, parse(["audit"]).limit), (0, 50))
        self.assertIn("room", self.misused("ban", "--kind", "room", "Ann"))

    def test_misuse(self) -> None:
        """Anything else is refused with status 2, and what there is instead."""
        self.assertIn("COMMAND", self.misused())
        self.assertIn("fly", self.misused("fly"))
        self.assertIn("character", self.misused("kick"))
        self.misused("status", "now")
        self.misused("account")
        words = self.misused("account", "role", "Ann", "king")
        for role in Role:
            self.assertIn(role.value, words)

    def test_no_password_on_the_command_line(self) -> None:
        """Where all on the machine could read it."""
        self.misused("account", "password", "Ann", "secret")

    def test_help(self) -> None:
        """The help tells where the socket is looked for, and what each command does."""
        shown = StringIO()
        with redirect_stdout(shown), self.assertRaises(SystemExit) as raised:
            parse(["--help"])
        self.assertEqual(raised.exception.code, 0)
        for words in ("--socket", "--config", "MUDSERVER_", *COMMANDS):
            self.assertIn(words, shown.getvalue())
