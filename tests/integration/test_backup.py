"""``mudctl backup`` while players play, ``mudctl restore``, and the world that comes of it."""

import re
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from mudserver.storage.dsn import Dsn
from tests.integration.daemon import Daemon, mudctl, url
from tests.integration.postgres import connected, fresh_database
from tests.integration.telnet_client import connect
from tests.integration.web_client import WebSocketPlayer, enter, register

PASSWORD = "correct horse battery"

#: No player is slowed down.
BUSY = ("--limits-commands=1000", "--limits-command-burst=1000")

_NOT_IN_ONE_PLACE = "SELECT key FROM item WHERE num_nonnulls(room, holder, container) <> 1"


class Busy:
    """
    A player who does something for as long as the test lasts.

    Attributes:
        done: How many rounds are acknowledged.
    """

    def __init__(self, player: WebSocketPlayer, *commands: str) -> None:
        self.done = 0
        self._player = player
        self._commands = commands
        self._goes_on = True
        self._over = Deferred.fromCoroutine(self._play())

    async def _play(self) -> None:
        while self._goes_on:
            for place, command in enumerate(self._commands):
                await self._player.acknowledged(command, f"{self.done}.{place}")
            self.done += 1

    async def stop(self) -> int:
        """Finish the round; returns how many there were."""
        self._goes_on = False
        await self._over
        return self.done


class BackupTests(TestCase):
    """A world, saved and restored."""

    timeout = 120

    async def told(self, daemon: Daemon, *arguments: str) -> str:
        """Run mudctl by the daemon's own settings, and expect it to succeed."""
        ended = await mudctl(self, daemon, *arguments, environment=settings(daemon))
        self.assertEqual(ended.status, 0, ended.output)
        return ended.output

    async def refused(self, daemon: Daemon, *arguments: str) -> str:
        """Run mudctl, and expect a clear refusal."""
        ended = await mudctl(self, daemon, *arguments, environment=settings(daemon))
        self.assertEqual(ended.status, 1, ended.output)
        self.assertNotIn("Traceback", ended.output)
        self.assertTrue(ended.output.startswith("mudctl: "), ended.output)
        return ended.output

    async def test_while_players_play(self) -> None:
        """What was acknowledged before the backup began is in it, each thing in one place; what
        happens meanwhile disturbs neither it nor the players.
        """
        daemon = Daemon(self, None, *BUSY)
        await daemon.start()
        ann, bob, cid = [
            await enter(self, await register(daemon.http, name, PASSWORD))
            for name in ("Ann", "Bob", "Cid")
        ]
        await bob.acknowledged("get ticket", "kept")
        await bob.acknowledged("north", "walked")
        await cid.acknowledged("mute ann", "muted")
        await cid.acknowledged("chat Remember me.", "said")
        await cid.acknowledged("history", "written")  # by now it is, at the latest
        busy = [
            Busy(ann, "get pebble", "north", "drop pebble", "get pebble", "south", "drop pebble"),
            Busy(cid, "west", "east"),
        ]
        file = daemon.directory / "mud.dump"
        said = await self.told(daemon, "backup", str(file))
        self.assertIn(f"{file} holds the whole database.", said)
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        for each in busy:
            before = each.done
            self.assertGreater(await each.stop(), before)
        await bob.acknowledged("drop ticket", "later")
        things = sql(embedded(daemon), "SELECT key FROM item ORDER BY key")
        await daemon.kill()

        restored = Daemon(self)
        said = await self.told(restored, "restore", str(file))
        self.assertIn("is restored.", said)
        await restored.start()
        dsn = embedded(restored)
        self.assertEqual(sql(dsn, "SELECT key FROM item ORDER BY key"), things)
        self.assertEqual(sql(dsn, _NOT_IN_ONE_PLACE), [])
        self.assertEqual(
            sql(
                dsn,
                "SELECT i.key, r.key FROM item i JOIN character c ON i.holder = c.id"
                " JOIN room r ON r.id = c.room WHERE c.name = 'Bob'",
            ),
            [("return-ticket", "fish-hall")],
        )
        self.assertEqual(sql(dsn, "SELECT count(*) FROM mute"), [(1,)])
        lines = "SELECT name, text, tableoid::regclass::text ~ '_[0-9]{8}$' FROM chat_line"
        self.assertEqual(sql(dsn, lines), [("Cid", "Remember me.", True)])
        again = await connect(self, restored.telnet)
        await again.log_in("Bob", PASSWORD)
        await again.ask("inventory", "ticket")
        await again.ask("drop ticket", "> ")
        self.assertEqual((await restored.stop()).status, 0)

    async def test_other_server(self) -> None:
        """A database elsewhere is saved and restored as well, its password never shown."""
        daemon = Daemon(self, fresh_database(self))
        await daemon.start()
        await register(daemon.http, "Ann", PASSWORD)
        file = daemon.directory / "mud.dump"
        await self.told(daemon, "backup", str(file))
        dsn = fresh_database(self)
        other = Daemon(self, dsn)
        database = {"MUDSERVER_DATABASE": url(dsn)}
        ended = await mudctl(self, other, "restore", str(file), environment=database)
        self.assertEqual(ended.status, 0, ended.output)
        await other.start()
        self.assertEqual(sql(dsn, "SELECT name FROM account"), [("Ann",)])
        ended = await mudctl(self, other, "restore", str(file), environment=database)
        self.assertEqual(ended.status, 1, ended.output)
        self.assertIn("is not empty", ended.output)
        self.assertEqual(sql(dsn, "SELECT name FROM account"), [("Ann",)])

    async def test_refusals(self) -> None:
        """What can't be restored is refused in words, and changes nothing."""
        daemon = Daemon(self)
        missing, nonsense = daemon.directory / "none", daemon.directory / "nonsense"
        self.assertIn("No such file", await self.refused(daemon, "restore", str(missing)))
        self.assertFalse(daemon.state.exists())
        nonsense.write_text("no backup at all")
        self.assertIn("pg_restore", await self.refused(daemon, "restore", str(nonsense)))
        await daemon.start()
        await register(daemon.http, "Ann", PASSWORD)
        nowhere = daemon.directory / "none" / "mud.dump"
        self.assertIn("No such file", await self.refused(daemon, "backup", str(nowhere)))
        file = daemon.directory / "mud.dump"
        await self.told(daemon, "backup", str(file))
        self.assertIn("another mudserver", await self.refused(daemon, "restore", str(file)))
        await daemon.stop()
        self.assertIn("is not empty", await self.refused(daemon, "restore", str(file)))
        self.assertIn("no mudserver answers", await self.refused(daemon, "backup", str(file)))
        await daemon.start()
        self.assertEqual(sql(embedded(daemon), "SELECT name FROM account"), [("Ann",)])


def settings(daemon: Daemon) -> dict[str, str]:
    """Return the variables by which mudctl finds what the daemon uses."""
    return {"MUDSERVER_STATE_DIR": str(daemon.state)}


def embedded(daemon: Daemon) -> Dsn:
    """Return where the embedded database of a running daemon is, by its own word."""
    found = re.findall(r"database is (\S+);", daemon.log.text)
    return Dsn.parse(found[-1])


def sql(dsn: Dsn, statement: str) -> list[tuple[Any, ...]]:
    """Ask a database."""
    with connected(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())
