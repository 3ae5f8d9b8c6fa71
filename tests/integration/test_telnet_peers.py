"""Clients that others wrote: each makes an account, looks around, talks and leaves."""

import asyncio
import re
import shutil

import telnetlib3
from telnetlib3.telopt import CMD_EOR, DO, ECHO, EOR, GA, IAC, SGA
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest, TestCase

from tests.integration.daemon import Daemon
from tests.integration.postgres import fresh_database
from tests.integration.program import Program
from tests.integration.telnet_client import connect
from tests.integration.transcript import DEADLINE

PASSWORD = "correct horse battery"

#: Where Debian puts games, besides the usual places.
_GAMES = "/usr/games:/usr/local/games"

_PROMPT = "\n> "


def find(name: str) -> str:
    """
    Find a client.

    Raises:
        SkipTest: It isn't installed.
    """
    program = shutil.which(name) or shutil.which(name, path=_GAMES)
    if program is None:
        raise SkipTest(f"{name} isn't installed")
    return program


class PeerCase(TestCase):
    """A daemon, and one who plays already."""

    timeout = 120

    async def setUp(self) -> None:  # type: ignore[override]
        self.daemon = Daemon(self, fresh_database(self))

    async def begin(self) -> None:
        """Start the daemon, and let Ann in."""
        await self.daemon.start()
        self.ann = await connect(self, self.daemon.telnet, "Ann")
        await self.ann.register("Ann", PASSWORD)


class TerminalClientTests(PeerCase):
    """Clients for a terminal."""

    async def plays(self, *command: str) -> Program:
        """Have a client play; returns it when its player has quit."""
        zoe = Program(
            self,
            command[0].rpartition("/")[2],
            command,
            environment={"TERM": "vt100", "HOME": str(self.daemon.directory)},
            directory=self.daemon.directory,
            terminal=True,
        )
        await zoe.said.expect("Name: ")
        await zoe.ask("Zoe", "Create Zoe? (y/n) ")
        await zoe.ask("y", "Password: ")
        await zoe.ask(PASSWORD, "Again: ")
        await zoe.ask(PASSWORD, "The Waiting Steps")
        await zoe.said.expect(_PROMPT)
        self.assertNotIn(PASSWORD, zoe.said.text)
        await self.ann.expect("Zoe enters the world.")
        await zoe.ask("look", "The Waiting Steps")
        await zoe.said.expect(_PROMPT)
        await zoe.ask("say hello there", 'You say, "hello there"')
        await self.ann.expect('Zoe says, "hello there"')
        # What one types is shown again now.
        self.assertIn("> say hello there", zoe.said.text)
        await self.ann.ask("say welcome", 'You say, "welcome"')
        await zoe.said.expect('Ann says, "welcome"')
        await zoe.ask("quit", "Until next time!")
        await self.ann.expect("Zoe leaves the world.")
        return zoe

    async def test_telnet(self) -> None:
        """The telnet of the BSDs, which Debian has, too."""
        program = find("telnet")
        await self.begin()
        zoe = await self.plays(program, "127.0.0.1", str(self.daemon.telnet))
        await zoe.said.expect("Connection closed by foreign host.")
        await zoe.ended()

    async def test_tintin(self) -> None:
        """TinTin++."""
        program = find("tt++")
        await self.begin()
        script = self.daemon.directory / "mud.tin"
        script.write_text(f"#session {{mud}} {{127.0.0.1}} {{{self.daemon.telnet}}}\n")
        zoe = await self.plays(program, "-G", script.name)
        await zoe.said.expect("DIED")


class LibraryClientTests(PeerCase):
    """telnetlib3, which tells what was negotiated."""

    async def test_telnetlib3(self) -> None:
        """It is told not to echo passwords and to echo the rest, and where prompts end."""
        await self.begin()
        told = await deferToThread(asyncio.run, self.play())
        self.assertEqual(told, ["Name: ", "(y/n) ", "Password: hidden", "Again: hidden", "> "])
        await self.ann.expect("Zoe enters the world.")

    async def play(self) -> list[str]:
        """Make an account; returns each prompt, with whether what is typed then is hidden."""
        reader, writer = await telnetlib3.open_connection(
            "127.0.0.1", self.daemon.telnet, encoding="utf8"
        )
        marks = asyncio.Queue[None]()
        writer.set_iac_callback(GA, lambda _: marks.put_nowait(None))
        told = []
        try:
            for line in (None, "Zoe", "y", PASSWORD, PASSWORD):
                if line is not None:
                    writer.write(line + "\r\n")  # type: ignore[arg-type] # with an encoding it takes text
                async with asyncio.timeout(DEADLINE):
                    await marks.get()
                    said = ""
                    while not re.search(r"(Name: |\(y/n\) |Password: |Again: |\n> )\Z", said):
                        said += str(await reader.read(4096))
                hidden = "hidden" if writer.remote_option.enabled(ECHO) else ""
                told.append(said.split()[-1] + " " + hidden)
        finally:
            writer.close()
        return told


class PromptMarkTests(PeerCase):
    """A prompt ends as the client likes it."""

    async def test_marks(self) -> None:
        """With GA; with EOR where the client asked for it; with nothing where it wants no GA."""
        await self.begin()
        for wish, mark in ((None, GA), (EOR, CMD_EOR), (SGA, b"")):
            client = await connect(self, self.daemon.telnet, agreeing=frozenset(wish or b""))
            if wish is not None:
                client.write(IAC + DO + wish)
            await client.log_in("Ann", PASSWORD)
            await client.ask("inventory", "You carry nothing.")
            await client.expect(_PROMPT)
            self.assertTrue(
                client.raw.endswith(b"\r\n> " + (mark and IAC + mark)), client.raw[-20:]
            )
