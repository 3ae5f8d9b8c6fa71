"""The command line of ``twistd mudserver``."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from mudserver.config import KEYS, Settings
from mudserver.service.options import Options


class IsolatedOptions(Options):
    """The options, whatever environment the tests run in."""

    environment: Mapping[str, str] = MappingProxyType({})


class OptionsTest(SynchronousTestCase):
    def parse(self, *words: str) -> Settings:
        options = IsolatedOptions()
        options.parseOptions(words)
        return options.settings

    def refused(self, *words: str) -> str:
        with self.assertRaises(UsageError) as raised:
            self.parse(*words)
        return str(raised.exception)

    def file(self, content: str) -> str:
        path = Path(self.mktemp())
        path.write_text(content, encoding="utf-8")
        return str(path)

    def test_help(self) -> None:
        """It mentions each option, what it means and its default, and how options are given."""
        words = IsolatedOptions().getUsage(width=1_000)
        for key in KEYS:
            self.assertRegex(words, rf"--{key.option}= +\S")
            self.assertIn(key.doc.split(" [")[0], words)
        self.assertIn("[default: tcp:4000:interface=127.0.0.1]", words)
        self.assertIn("[default: 127.0.0.1/32,::1/128]", words)
        self.assertNotIn("None", words)
        self.assertIn("--config=", words)
        self.assertIn("$MUDSERVER_CONFIG", words)
        self.assertIn("\n\nEach option is a key", words)

    def test_nothing_given(self) -> None:
        """Without an option the defaults hold."""
        self.assertEqual(self.parse(), Settings())

    def test_given(self) -> None:
        """Options are read like all settings."""
        settings = self.parse("--telnet", "tcp:5000", "--limits-grace=5", "--insecure-staff=yes")
        self.assertEqual(
            (settings.telnet, settings.grace, settings.insecure_staff), ("tcp:5000", 5.0, True)
        )

    def test_file(self) -> None:
        """A file gives what options don't."""
        path = self.file("name = 'Latewater'\ndatabase_pool = 5\n")
        for option in ("-c", "--config"):
            settings = self.parse(option, path, "--database-pool", "7")
            self.assertEqual((settings.name, settings.database_pool), ("Latewater", 7))

    def test_environment(self) -> None:
        """The environment gives what neither does."""

        class InSomeEnvironment(Options):
            environment = MappingProxyType({"MUDSERVER_NAME": "Latewater"})

        options = InSomeEnvironment()
        options.parseOptions([])
        self.assertEqual(options.settings.name, "Latewater")

    def test_wrong_value(self) -> None:
        """A wrong value says which key, where, and what is allowed."""
        message = self.refused("--limits-grace", "soon")
        for words in ("the command line", "--limits-grace", "a number from 0 to 86400", "'soon'"):
            self.assertIn(words, message)
        path = self.file("[limits]\ngrace = 'soon'\n")
        message = self.refused("-c", path)
        for words in (path, "limits.grace", "a number from 0 to 86400", "'soon'"):
            self.assertIn(words, message)

    def test_misuse(self) -> None:
        """So do an unknown option, a stray word, and a file that isn't there."""
        self.assertIn("--telnett", self.refused("--telnett", "tcp:1"))
        self.assertRaises(UsageError, self.parse, "stray")
        self.assertIn("/nowhere/mud.toml", self.refused("-c", "/nowhere/mud.toml"))
