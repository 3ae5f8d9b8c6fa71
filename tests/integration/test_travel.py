"""``mudctl character``: somebody goes from one world to another."""

import json
from typing import Any

from twisted.trial.unittest import TestCase

from mudserver.game.character_document import FORMAT
from tests.integration.daemon import Daemon, mudctl
from tests.integration.postgres import connected, fresh_database
from tests.integration.telnet_client import connect
from tests.integration.web_client import enter, register

PASSWORD = "correct horse battery"


class TravelTests(TestCase):
    """Two worlds, made of the same areas."""

    timeout = 120

    async def world(self) -> Daemon:
        """Start a world."""
        daemon = Daemon(self, fresh_database(self))
        await daemon.start()
        return daemon

    async def told(self, daemon: Daemon, *arguments: str, say: str = "") -> str:
        ended = await mudctl(self, daemon, "character", *arguments, say=say)
        self.assertEqual(ended.status, 0, ended.output)
        return ended.output

    async def refused(self, daemon: Daemon, *arguments: str, say: str = "") -> str:
        ended = await mudctl(self, daemon, "character", *arguments, say=say)
        self.assertEqual(ended.status, 1, ended.output)
        self.assertNotIn("Traceback", ended.output)
        return ended.output

    async def ann(self, daemon: Daemon) -> str:
        """Have Ann play, take something along, mute Bob, and be written down while she plays."""
        await register(daemon.http, "Bob", PASSWORD)
        ann = await enter(self, await register(daemon.http, "Ann", PASSWORD))
        for place, command in enumerate(("get ticket", "get pebble", "north", "mute bob")):
            await ann.acknowledged(command, str(place))
        return await self.told(daemon, "export", "ann")

    async def test_round_trip(self) -> None:
        """Who is exported here and imported there plays there as here; and back again is the
        same document. Nothing is missed where she came to.
        """
        here, there = await self.world(), await self.world()
        document = await self.ann(here)
        written = json.loads(document)
        self.assertEqual(written["name"], "Ann")
        self.assertEqual(written["room"], "fish-hall")
        self.assertEqual(written["items"], ["return-ticket", "grey-pebble"])
        self.assertEqual(written["muted"], [{"name": "Bob"}])

        await register(there.http, "Bob", PASSWORD)
        said = await self.told(there, "import", "-", say=document)
        self.assertIn("Ann is here, and belongs to the account Ann.", said)
        self.assertIn("mudctl account password Ann", said)
        again = await self.told(there, "export", "Ann")
        self.assertEqual(again, document)

        ended = await mudctl(self, there, "account", "password", "Ann", say=f"{PASSWORD}\n")
        self.assertEqual(ended.status, 0, ended.output)
        ann = await connect(self, there.telnet)
        await ann.log_in("Ann", PASSWORD)
        await ann.ask("inventory", "pebble")
        await ann.ask("drop pebble", "> ")
        await ann.ask("south", "Waiting Steps")
        await ann.ask("look", "pebble")
        again = json.loads(await self.told(there, "export", "Ann"))
        self.assertEqual((again["room"], again["items"]), ("waiting-steps", ["return-ticket"]))

    async def test_into_an_account(self) -> None:
        """A file may go to an account that is there; whom it mutes and isn't there is left out."""
        here, there = await self.world(), await self.world()
        file = here.directory / "ann.json"
        file.write_text(await self.ann(here), encoding="utf-8")
        await register(there.http, "Cid", PASSWORD)
        said = await self.told(there, "import", str(file), "--account", "cid")
        self.assertIn("Ann is here, and belongs to the account Cid.", said)
        self.assertIn("Of those whom it mutes, 1 are not here", said)
        self.assertIn("name Ann is taken", await self.refused(there, "import", str(file)))

    async def test_hostile_files(self) -> None:
        """Whatever is in the file, nobody is made of it who shouldn't be, and it is said why."""
        daemon = await self.world()
        good = json.loads(await self.ann(daemon)) | {"name": "Mia"}
        file = daemon.directory / "file.json"

        async def refused(document: Any, words: str) -> None:
            text = document if isinstance(document, str) else json.dumps(document)
            file.write_text(text, encoding="utf-8")
            said: str = await self.refused(daemon, "import", str(file))
            self.assertIn(words, said)
            self.assertLess(len(said), 500)
            self.assertTrue(said.strip().isprintable(), said)

        await refused("", "not JSON")
        await refused('{"a": ' + "[" * 200_000, "not JSON")
        await refused(" " * 5_000_000, "larger than")
        await refused(good | {"format": FORMAT + 1}, "use a newer mudserver")
        await refused(good | {"role": "owner"}, "unknown field `role`")
        await refused(good | {"\x1b[2J" + "x" * 100_000: 1}, "unknown field")
        await refused(good | {"items": ["excalibur", "return-ticket"]}, "excalibur")
        await refused(good | {"items": ["wooden-cod"]}, "wooden-cod")
        await refused(good | {"items": ["return-ticket"] * 5_001}, "$.items")
        nested = {"key": "return-ticket", "closed": False, "contents": ["return-ticket"]}
        await refused(good | {"items": [nested]}, "don't hold them")
        await refused(good | {"room": "the-vault"}, "the-vault")
        await refused(good | {"name": "Admin"}, "reserved")
        await refused(good | {"name": "ann"}, "taken")
        await refused(good | {"created": "0001-01-01T00:00:00+14:00"}, "before 1970")
        self.assertIn("No such file", await self.refused(daemon, "import", str(file) + "-"))
        self.assertIn("no character called", await self.refused(daemon, "export", "Mia"))
        self.assertEqual(self.people(daemon), ["Ann", "Bob"])
        await self.told(daemon, "import", "-", say=json.dumps(good))
        self.assertEqual(self.people(daemon), ["Ann", "Bob", "Mia"])

    async def test_largest(self) -> None:
        """A document of the largest size goes through the socket both ways."""
        daemon = await self.world()
        good = json.loads(await self.ann(daemon)) | {"name": "Mia", "muted": []}
        await self.told(
            daemon, "import", "-", say=json.dumps(good | {"items": ["return-ticket"] * 5_000})
        )
        again = json.loads(await self.told(daemon, "export", "Mia"))
        self.assertEqual(again["items"], ["return-ticket"] * 5_000)

    def people(self, daemon: Daemon) -> list[str]:
        assert daemon._database is not None
        with connected(daemon._database) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT name FROM character ORDER BY name")
            return [name for (name,) in cursor.fetchall()]
