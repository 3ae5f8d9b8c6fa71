"""What a test does to the database of players who play, and what it expects of the log."""

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.crash.ordeal import Ordeal
from tests.crash.stage import Stage, skip_without_postgres
from tests.integration.postgres import connected

#: How often the log may say the same of one fault.
MOST_REPETITIONS = 3

#: How many lines it may have on one fault.
MOST_LINES = 40

#: What is done before each change.
_HINDRANCE = """
    CREATE OR REPLACE FUNCTION hindrance() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN {statement}; RETURN NULL; END$$
"""
_HINDERED = {"item": "UPDATE", "character": "UPDATE", "mute": "INSERT OR DELETE"}


async def pause(seconds: float) -> None:
    """Let time go by: that of an outage, or of a server that is slow."""
    await deferLater(reactor, seconds)


class FaultTestCase(TestCase):
    """One fault, of a database that is used by players."""

    timeout = 180

    def setUp(self) -> None:
        skip_without_postgres()
        self.ordeal: Ordeal

    async def begin(self, stage: Stage) -> None:
        self.ordeal = Ordeal(self, stage)
        await self.ordeal.begin()

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Execute something as the one who may do anything."""
        with connected(self.ordeal.stage.dsn) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def logged_in_moderation(self, *words: str, times: int = 1) -> None:
        """
        See that the log says what happened, and hardly more than once.

        Args:
            words: What it must say.
            times: How often it happened.
        """
        logged = self.ordeal.logged()
        text = "\n".join(f"{times} x {line}" for line, times in logged.items())
        for word in words:
            self.assertIn(word, text)
        self.assertNotIn("Traceback", text)
        self.assertNotIn("Unhandled", text)
        most = max(MOST_REPETITIONS, times + 1)
        self.assertLessEqual(max(logged.values(), default=0), most, text)
        self.assertLessEqual(logged.total(), MOST_LINES, text)

    def hinder(self, statement: str) -> None:
        """Have a statement executed before each change."""
        self.execute(_HINDRANCE.format(statement=statement))
        # One table after the other, since who locks two at a time may meet the daemon half-way.
        for table, change in _HINDERED.items():
            self.execute(
                f"CREATE TRIGGER hindrance BEFORE {change} ON {table} EXECUTE FUNCTION hindrance()"
            )

    def no_longer_hinder(self) -> None:
        """Have nothing more done there; a statement that is under way goes on."""
        self.execute(_HINDRANCE.format(statement="NULL"))
