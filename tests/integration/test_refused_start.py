"""What keeps the daemon from starting: it is said in full, and nothing is left running."""

import struct
from collections.abc import Mapping

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from tests.integration.daemon import Daemon, mudctl, twistd
from tests.integration.postgres import connected, fresh_database
from tests.integration.program import free_port, occupied
from tests.integration.telnet_client import connect
from tests.integration.web_client import request

AREA = """\
area: yard
name: The Yard
description: Four walls.
start: gate
rooms:
  gate:
    name: The Gate
    description: Shut.
    exits:
      north: nowhere
"""


class RefusedStartTests(TestCase):
    """What keeps the daemon from starting is said in one clear line, with status 1."""

    timeout = 120

    async def refused(self, daemon: Daemon, *options: str) -> str:
        """Start the daemon, and expect it to end with status 1; returns the line that says why."""
        ended = await daemon.launch(*options).ended()
        self.assertEqual(ended.status, 1, ended.output)
        self.assertNotIn("Traceback", ended.output)
        self.assertNotIn("is open.", ended.output)
        reasons = [line for line in ended.output.splitlines() if "can't start" in line]
        self.assertEqual(len(reasons), 1, ended.output)
        await daemon.alone()
        return reasons[0]

    async def test_port_in_use(self) -> None:
        """A port in use is named, with whose it is to be, and the database ends again."""
        for name, database in (
            ("telnet", None),
            ("http", fresh_database(self)),
            ("operations", None),
        ):
            daemon = Daemon(self, database)
            with occupied() as port:
                address = f"tcp:{port}:interface=127.0.0.1"
                reason = await self.refused(daemon, f"--{name}={address}")
            self.assertIn(f"{name} can't listen on {address}", reason)
            self.assertIn("Address already in use", reason)

    async def test_admin_socket_in_use(self) -> None:
        """So is the admin socket of another daemon, and that one keeps it."""
        database = fresh_database(self)
        first = Daemon(self, database)
        await first.start()
        second = Daemon(self, fresh_database(self))
        reason = await self.refused(second, f"--control={first.control}")
        self.assertIn(str(first.control), reason)
        self.assertIn("another mudserver listens there", reason)
        self.assertEqual((await mudctl(self, first, "status")).status, 0)

    async def test_something_else_at_the_admin_socket(self) -> None:
        """A file that is no socket is left alone."""
        daemon = Daemon(self, fresh_database(self))
        file = daemon.directory / "precious"
        file.write_text("precious")
        reason = await self.refused(daemon, f"--control={file}")
        self.assertIn(f"{file}: a file that is no socket is in the way", reason)
        self.assertEqual(file.read_text(), "precious")

    async def test_two_daemons_in_one_state_directory(self) -> None:
        """The second says which process has its database there, and the first goes on."""
        first = Daemon(self)
        await first.start()
        second = Daemon(self)
        ended = await second.launch(f"--state-dir={first.state}").ended()
        self.assertEqual(ended.status, 1)
        self.assertNotIn("Traceback", ended.output)
        self.assertIn(
            f"can't start: another mudserver, process {first.program.pid}, has its database in",
            ended.output,
        )
        ready = await request(first.operations, "GET", "/readyz")
        self.assertEqual(ready.status, 200)

    async def test_database_does_not_listen(self) -> None:
        """A database that can't be reached is named; its password isn't."""
        port = free_port()
        daemon = Daemon(self, None, "--database-wait=0.5")
        reason = await self.refused(
            daemon, f"--database=postgresql://mud:hunter2@127.0.0.1:{port}/mud"
        )
        for word in (f"127.0.0.1:{port}", "refused", "after 0.5 s"):
            self.assertIn(word, reason)
        self.assertNotIn("hunter2", daemon.log.text)

    async def test_database_refuses(self) -> None:
        """A database that doesn't let us in is quoted; the password isn't."""
        listening = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(
            Factory.forProtocol(RefusingDatabase)
        )
        self.addCleanup(listening.stopListening)
        port = listening.getHost().port
        daemon = Daemon(self)
        reason = await self.refused(
            daemon, f"--database=postgresql://mud:hunter2@127.0.0.1:{port}/mud"
        )
        self.assertIn("no entry for mud", reason)
        self.assertNotIn("hunter2", daemon.log.text)

    async def test_no_such_database(self) -> None:
        """A database that isn't there is named."""
        nowhere = fresh_database(self).extended({"dbname": "nowhere"})
        reason = await self.refused(Daemon(self, nowhere))
        self.assertIn('database "nowhere" does not exist', reason)

    async def test_newer_database(self) -> None:
        """A database of a newer mudserver is refused, and left as it is."""
        database = fresh_database(self)
        daemon = Daemon(self, database)
        await daemon.start()
        await daemon.stop()
        with connected(database) as connection, connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO _yoyo_migration (migration_hash, migration_id)"
                " VALUES ('future', '9999-from-the-future')"
            )
        reason = await self.refused(daemon)
        self.assertIn("9999-from-the-future", reason)

    async def test_corrupt_area(self) -> None:
        """A corrupt area file is named with the line and with what was expected there."""
        daemon = Daemon(self, fresh_database(self))
        areas = daemon.directory / "areas"
        areas.mkdir()
        (areas / "yard.yaml").write_text(AREA)
        reason = await self.refused(daemon, f"--areas={areas}")
        self.assertIn("yard.yaml:10: ", reason)
        self.assertIn("expected", reason)
        self.assertIn("nowhere", reason)
        (areas / "yard.yaml").write_text(AREA.replace("nowhere", "{to: gate, oneway: true}"))
        await daemon.start(f"--areas={areas}")

    async def test_no_areas(self) -> None:
        """A directory of area files that isn't there is named."""
        daemon = Daemon(self, fresh_database(self))
        reason = await self.refused(daemon, "--areas=/nowhere/at/all")
        self.assertIn("/nowhere/at/all", reason)


class RefusingDatabase(Protocol):
    """A PostgreSQL that lets nobody in."""

    _SSL_REQUEST = struct.pack("!II", 8, 80877103)

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        if data == self._SSL_REQUEST:
            self.transport.write(b"N")
            return
        fields = b"SFATAL\0VFATAL\0C28P01\0Mno entry for mud\0\0"
        self.transport.write(b"E" + struct.pack("!I", 4 + len(fields)) + fields)
        self.transport.loseConnection()


class SettingTests(TestCase):
    """Settings are checked before anything opens; what is wrong is said in full."""

    timeout = 120

    async def refused(
        self, *options: str, environment: Mapping[str, str] | None = None, file: str = ""
    ) -> str:
        """Start the daemon with a wrong setting; returns its last line."""
        daemon = Daemon(self, environment=environment)
        if file:
            (daemon.directory / "mud.toml").write_text(file)
            options = (*options, "--config=mud.toml")
        ended = await daemon.launch(*options).ended()
        self.assertEqual(ended.status, 1, ended.output)
        self.assertNotIn("Traceback", ended.output)
        self.assertNotIn("listens on 127", ended.output)
        self.assertEqual(list(daemon.directory.glob("state*")), [])
        return ended.output.rstrip().splitlines()[-1]

    async def test_wrong_option(self) -> None:
        """A wrong value on the command line: the option, and what is allowed."""
        problem = await self.refused("--limits-grace=soon")
        for word in ("the command line", "--limits-grace", "a number from 0 to 86400", "'soon'"):
            self.assertIn(word, problem)

    async def test_wrong_key(self) -> None:
        """A wrong value in the file: the file, the key, and what is allowed."""
        problem = await self.refused(file="[limits]\ncommands = 'many'\n")
        for word in ("mud.toml", "limits.commands", "a number from 0.1 to 100000", "'many'"):
            self.assertIn(word, problem)

    async def test_wrong_variable(self) -> None:
        """A wrong value in the environment: the variable, and what is allowed."""
        problem = await self.refused(environment={"MUDSERVER_LOG_FORMAT": "xml"})
        for word in ("the environment", "MUDSERVER_LOG_FORMAT", "text, json", "'xml'"):
            self.assertIn(word, problem)

    async def test_unknown(self) -> None:
        """A name that there isn't: what was probably meant."""
        problem = await self.refused(file="telnett = 'tcp:4000'\n")
        self.assertIn("mud.toml: telnett: no such setting; did you mean telnet?", problem)
        problem = await self.refused(environment={"MUDSERVER_TELNETT": "tcp:4000"})
        self.assertIn("MUDSERVER_TELNETT: no such setting; did you mean MUDSERVER_TELNET", problem)
        problem = await self.refused("--telnett=tcp:4000")
        self.assertIn("telnett", problem)

    async def test_unreadable(self) -> None:
        """A file that can't be read, or isn't TOML."""
        problem = await self.refused("--config=nowhere.toml")
        self.assertIn("nowhere.toml: can't be read: No such file or directory", problem)
        problem = await self.refused(file="[limits\n")
        self.assertIn("mud.toml: is not TOML", problem)
        self.assertIn("line 1", problem)

    async def test_certificate(self) -> None:
        """A certificate that can't be used."""
        problem = await self.refused("--certificate=nowhere.pem")
        self.assertIn("certificate", problem)
        self.assertIn("nowhere.pem", problem)

    async def test_channels(self) -> None:
        """Channels that can't be: called like a command, given twice, or by no name."""
        problem = await self.refused("--channels=chat,say")
        self.assertIn("channels: say stands for two commands", problem)
        problem = await self.refused("--channels=chat", "--staff-channels=chat")
        self.assertIn("there are two channels chat", problem)
        problem = await self.refused("--channels=My Chat: x")
        self.assertIn("expected NAME or NAME: TOPIC", problem)

    async def test_secret_is_not_shown(self) -> None:
        """A wrong address of the database isn't repeated, since its password may be in it."""
        problem = await self.refused("--database=mysql://mud:hunter2@db/mud")
        self.assertIn("expected postgresql://", problem)
        self.assertNotIn("hunter2", problem)

    async def test_precedence(self) -> None:
        """The command line wins over the file, the file over the environment."""
        daemon = Daemon(
            self,
            fresh_database(self),
            "--config=mud.toml",
            environment={
                "MUDSERVER_NAME": "Of the environment",
                "MUDSERVER_LOG_FORMAT": "text",
                "MUDSERVER_TELNET": "tcp:1:interface=127.0.0.1",
            },
        )
        (daemon.directory / "mud.toml").write_text('name = "Of the file"\nhttp = "tcp:1"\n')
        await daemon.start()
        client = await connect(self, daemon.telnet)
        await client.expect("Of the file")

    async def test_help(self) -> None:
        """``--help`` names all settings, and the ways to give them."""
        ended = await Daemon(self).launch("--help").ended()
        self.assertEqual(ended.status, 0)
        for word in ("--telnet=", "--database=", "MUDSERVER_", "--config=", "TOML", "[default: "):
            self.assertIn(word, ended.output)

    async def test_twistd_knows_us(self) -> None:
        """``twistd --help`` lists the daemon with what it is."""
        directory = Daemon(self).directory
        listed = await twistd(self, "--help", environment={}, directory=directory).ended()
        self.assertRegex(listed.output, r"mudserver +A multi-user text world")
