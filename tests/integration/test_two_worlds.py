"""Two daemons on one database: the second takes over, and the first one ends without saving."""

from twisted.trial.unittest import TestCase

from tests.integration.daemon import Daemon
from tests.integration.postgres import connected, fresh_database
from tests.integration.web_client import enter, log_in, register

PASSWORD = "a long enough secret"


class TwoWorldsTests(TestCase):
    """What operators and players see when a daemon is started while another one runs."""

    timeout = 120

    async def test_take_over(self) -> None:
        """The first daemon says why it ends, with status 1, and sends its players to reconnect;
        what it could not save is not stored, and the second goes on from what is.
        """
        database = fresh_database(self)
        first, second = Daemon(self, database), Daemon(self, database)
        await first.start()
        ann = await enter(self, await register(first.http, "Ann", PASSWORD))
        await register(first.http, "Bob", PASSWORD)
        await ann.acknowledged("mute bob", "a")
        await second.start()
        with connected(database) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT epoch, flush FROM lease")
            ((epoch, flush),) = cursor.fetchall()
        self.assertEqual((epoch, flush), (2, 0))
        ann.command("unmute bob", "b")
        self.assertEqual(await ann.closed(), 3001)
        ended = await first.program.ended()
        self.assertEqual(ended.status, 1, ended.output)
        self.assertIn("mudserver stops: another world has taken over", ended.output)
        self.assertNotIn("Traceback", ended.output)
        self.assertNotIn("could not be saved", ended.output)
        ann = await enter(self, await log_in(second.http, "Ann", PASSWORD))
        await ann.acknowledged("unmute bob", "b")
        ended = await second.stop()
        self.assertEqual(ended.status, 0, ended.output)
