"""A database that isn't ready yet when the daemon starts: it is waited for, within bounds."""

from twisted.trial.unittest import TestCase

from tests.integration.daemon import Daemon
from tests.integration.test_foreign_server import ForeignServer

_WAITED_FOR = "The database isn't ready, and is waited for"


class StartingDatabaseTests(TestCase):
    """Another's server."""

    timeout = 120

    async def test_not_listening_yet(self) -> None:
        """A server that is started after us is found; that it was waited for is said once."""
        server = ForeignServer(self)
        await server.make()
        await server.stop()
        daemon = Daemon(self, server.dsn)
        program = daemon.launch()
        await program.said.expect(_WAITED_FOR)
        await server.start()
        await program.said.expect("is open.")
        self.assertEqual(program.said.text.count(_WAITED_FOR), 1)
        self.assertEqual(program.said.text.count("Connection refused"), 1)
        ended = await daemon.stop()
        self.assertEqual(ended.status, 0, ended.output)

    async def test_starting_up(self) -> None:
        """A server that listens, but answers that it takes no connections yet (57P03), is waited
        for, too; here it comes up as a standby does.
        """
        server = ForeignServer(self)
        await server.make()
        await server.stop()
        await server.start_in_recovery()
        daemon = Daemon(self, server.dsn)
        program = daemon.launch()
        await program.said.expect(_WAITED_FOR)
        await program.said.expect("the database system is not accepting connections")
        await server.promote()
        await program.said.expect("is open.")
        self.assertEqual(program.said.text.count(_WAITED_FOR), 1)
        ended = await daemon.stop()
        self.assertEqual(ended.status, 0, ended.output)

    async def test_never(self) -> None:
        """One that stays so ends the start with status 1, and with what it answered."""
        server = ForeignServer(self)
        await server.make()
        await server.stop()
        await server.start_in_recovery()
        daemon = Daemon(self, server.dsn, "--database-wait=1")
        ended = await daemon.launch().ended()
        self.assertEqual(ended.status, 1, ended.output)
        (reason,) = [line for line in ended.output.splitlines() if "can't start" in line]
        self.assertIn("the database system is not accepting connections", reason)
        self.assertIn("after 1 s of waiting", reason)
        self.assertNotIn("Traceback", ended.output)

    async def test_stopped_meanwhile(self) -> None:
        """Who is stopped while waiting stops in good order, at once."""
        server = ForeignServer(self)
        await server.make()
        await server.stop()
        daemon = Daemon(self, server.dsn, "--database-wait=3600")
        program = daemon.launch()
        await program.said.expect(_WAITED_FOR)
        ended = await daemon.stop()
        self.assertEqual(ended.status, 0, ended.output)
        self.assertNotIn("Traceback", ended.output)
