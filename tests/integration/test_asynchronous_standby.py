"""An asynchronous standby that takes the primary's place: what it may lose, and what it can't."""

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.integration.daemon import Daemon
from tests.integration.postgres import connected
from tests.integration.program import until
from tests.integration.replica import ReplicatedServers
from tests.integration.web_client import WebSocketPlayer, enter, log_in, register

PASSWORD = "correct horse battery"

#: What Bob does, again and again.
ROUND = ("get ticket", "north", "south", "drop ticket")

#: What is true after so many of these: whether he has the ticket, and whether he is where he began.
AFTER = {0: (False, True), 1: (True, True), 2: (True, False), 3: (True, True)}

_STORED = """
    SELECT s.number, i.holder IS NOT NULL, c.room = w.start, i.room IS NULL OR i.room = w.start
    FROM session_input s JOIN character c ON c.id = s.character
    JOIN item i ON i.key = 'return-ticket' CROSS JOIN world w
"""


class AsynchronousStandbyTests(TestCase):
    """Bob acts one thing after the other, while the standby is held back."""

    timeout = 120

    async def act(self, bob: WebSocketPlayer, first: int, last: int) -> None:
        for number in range(first, last + 1):
            await bob.acknowledged(ROUND[(number - 1) % len(ROUND)], str(number))

    async def test_promoted(self) -> None:
        """What was acknowledged and had not reached the standby is lost; what is stored there is
        the world as it was after one of the inputs, whole. The daemon notices at its next change,
        writes nothing there, and ends with status 1; the next start goes on from what is stored.
        """
        servers = ReplicatedServers(self, synchronous=False)
        await servers.start()
        daemon = Daemon(
            self, servers.reach, "--limits-commands=10000", "--limits-command-burst=10000"
        )
        await daemon.start()
        bob = await enter(self, await register(daemon.http, "Bob", PASSWORD))
        await self.act(bob, 1, 6)
        await until(servers.caught_up, lambda: "the standby is behind")
        await self.act(bob, 7, 9)
        await deferToThread(servers.hold_back)
        await self.act(bob, 10, 15)
        await servers.fail()
        await deferToThread(servers.promote)
        bob.command(ROUND[3], "16")
        ended = await daemon.program.ended()
        self.assertEqual(ended.status, 1, ended.output)
        self.assertIn("the database is not as we left it", ended.output)
        self.assertNotIn("Traceback", ended.output)
        self.assertNotIn("16", bob.answered)

        with connected(servers.dsn) as connection, connection.cursor() as cursor:
            cursor.execute(_STORED)
            ((number, held, at_home, well_placed),) = cursor.fetchall()
        self.assertIn(number, range(6, 10))
        self.assertEqual((held, at_home), AFTER[number % len(ROUND)])
        self.assertTrue(well_placed)

        await daemon.start()
        bob = await enter(self, await log_in(daemon.http, "Bob", PASSWORD))
        for each in range(number, number + len(ROUND)):
            await bob.acknowledged(ROUND[each % len(ROUND)], f"again {each}")
        ended = await daemon.stop()
        self.assertEqual(ended.status, 0, ended.output)
