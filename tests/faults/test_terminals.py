"""Words that would drive the terminals of those who read them (ECMA-48)."""

import http.client
import re

from tests.faults.bystander import PASSWORD
from tests.faults.case import FaultCase
from tests.faults.peer import enter
from tests.integration.postgres import connected
from tests.integration.telnet_client import connect
from tests.integration.web_client import request

#: Clear the screen, set the title, ring, turn about, go back: in C0, and in C1 as UTF-8.
EVIL = "\x1b[2J\x1b]0;owned\x07\x9b31m\x90q\x9c\u202e\x08\x7f\u2028"

_CONTROL = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]")


class TerminalTests(FaultCase):
    """Nothing that one player writes reaches another's terminal as more than text."""

    async def test_escapes(self) -> None:
        """Escapes in names are refused; in what is said by telnet they are left out, and refused by
        WebSocket; in descriptions, wherever they come from, they are left out.
        """
        for name in ("E\x1b[2Jve", "Eve\x9b31m", "\u202eevE"):
            body = {"name": name, "password": PASSWORD}
            reply = await request(self.daemon.http, "POST", "/api/accounts", body)
            self.assertEqual(reply.status, http.client.UNPROCESSABLE_ENTITY)
            self.assertIn(reply.json["error"]["code"], ("bad_field", "bad_name"))
        await self.counted(3, "http_requests", method="POST", status="422")
        terminal = await connect(self, self.daemon.telnet)
        await terminal.expect("Name: ")
        await terminal.ask("E\x1b[2Jve\x9b31m", "Name: ")
        await terminal.hang_up()

        terminal = await connect(self, self.daemon.telnet)
        await terminal.register("Eve", PASSWORD)
        for line, heard in (
            (f"say one{EVIL} two", "Eve says, "),
            (f"emote waves{EVIL}.", "Eve waves"),
            (f"tell Ann three{EVIL}", "three"),
        ):
            terminal.send(line)
            await self.others.ann.expect(heard)
        mallory = await self.account("Mallory")
        peer = await enter(self, self.daemon.http, await mallory.hello())
        for number, character in enumerate("\x1b\x9b\x07\x7f\x00", 1):
            peer.command(f"say {character}[2J", str(number))
            await peer.hear("error", code="bad_field", id=str(number))
            await self.counted(number, "refusals", reason="bad_field")
        self._is_clean()
        peer.say({"type": "bye"})
        terminal.send("quit")
        await terminal.closed()
        await self.survived()
        await self._describe()

    def _is_clean(self) -> None:
        """Expect that nothing but text came to those who listen."""
        ann, bob = self.others.ann, self.others.bob
        self.assertIsNone(_CONTROL.search(ann.said.text), ann.said.text)
        for message in bob.messages:
            for field in ("text", "line", "from"):
                self.assertIsNone(_CONTROL.search(str(message.get(field, ""))), message)

    async def _describe(self) -> None:
        """Have the evil come from the database, as by an import."""
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            for table in ("room", "item", "npc"):
                cursor.execute(
                    f"UPDATE {table} SET name = name || %s, description = description || %s",
                    (EVIL, EVIL),
                )
        await self.daemon.start()
        ann = await connect(self, self.daemon.telnet)
        await ann.log_in("Ann", PASSWORD)
        await ann.ask("look", re.compile(r"Exits[^\n]*\n[^>]*> |> "))
        self.assertIn("owned", ann.said.text)
        self.assertIsNone(_CONTROL.search(ann.said.text), ann.said.text)
