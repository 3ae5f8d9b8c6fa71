"""Three machines, set up as in docs/examples, and a network that loses all for a while."""

from datetime import UTC, datetime
from pathlib import Path

from twisted.trial.unittest import TestCase

from mudserver.bus.issuing import FIRST, issue
from tests.integration.machines import Network
from tests.integration.postgres import fresh_database
from tests.integration.program import ROOT
from tests.integration.telnet_client import TelnetClient, connect
from tests.integration.town import Part
from tests.integration.web_client import WebSocketPlayer, enter, register, request

PASSWORD = "correct horse battery"

EXAMPLE = ROOT / "docs" / "examples" / "three-machines"

NORTH, SOUTH, EAST = (f"{name}.example.org" for name in ("north", "south", "east"))
ADDRESSES = {NORTH: "192.0.2.1", SOUTH: "192.0.2.2", EAST: "192.0.2.3"}

#: What players are told of a cut, and of its end.
AWAY = "The world is away for a moment. What you type waits for it."
BACK = "The world is back."


class MachinesTests(TestCase):
    """
    The hub is on north, the world and a gateway on south, and another gateway on east.

    Ann plays by WebSocket on east, Ben by telnet on south. Cuts are silent: nobody is told that
    anything is lost, and only the missing signs of life show it, after a while.
    """

    timeout = 300

    async def setUp(self) -> None:  # type: ignore[override]
        self.network = Network(self, ADDRESSES)
        self.database = fresh_database(self)
        self.certificates = Path(self.mktemp())
        issue(self.certificates, FIRST, datetime.now(UTC))
        await self.part(NORTH, "bus", "bus").start()
        world = self.part(SOUTH, "world", "world-2")
        await world.start()
        await world.opens()
        south = self.part(SOUTH, "gateway", "gateway-1")
        east = self.part(EAST, "gateway", "gateway-2")
        for each in (south, east):
            each.launch()
        for each in (south, east):
            await each.launched(each.program)
        self.ann = await self.play_by_websocket(east, EAST)
        self.ben = await self.play_by_telnet(south, SOUTH)

    def part(self, machine: str, role: str, peer: str) -> Part:
        """Return a process with that machine's settings; what isn't there yet is ours."""
        name = machine.partition(".")[0]
        folder = self.certificates.absolute()
        return Part(
            self,
            role,
            peer,
            "tcp:0.0.0.0:4010" if role == "bus" else f"tcp:{NORTH}:4010",
            self.database if role == "world" else None,
            f"--config={EXAMPLE / name}.toml",
            f"--bus-ca={folder / 'ca.pem'}",
            f"--bus-certificate={folder / role}.pem",
            environment={},
            within=self.network[machine].within,
        )

    async def play_by_websocket(self, gateway: Part, machine: str) -> WebSocketPlayer:
        """Have Ann come in."""
        http, operations = self.network[machine].reached(gateway.http, gateway.operations)
        await self.ready(operations)
        return await enter(self, await register(http, "Ann", PASSWORD))

    async def play_by_telnet(self, gateway: Part, machine: str) -> TelnetClient:
        """Have Ben come in."""
        telnet, operations = self.network[machine].reached(gateway.telnet, gateway.operations)
        await self.ready(operations)
        player = await connect(self, telnet)
        await player.register("Ben", PASSWORD)
        return player

    async def ready(self, operations: int) -> None:
        """Wait until a gateway has all that it needs."""
        while (await request(operations, "GET", "/readyz")).status != 200:
            pass

    async def together(self, words: str) -> None:
        """Both say something, and hear each other."""
        self.ann.command(f"say {words}, Ben.", words)
        await self.ben.expect(f'Ann says, "{words}, Ben."')
        self.ben.send(f"say {words}, Ann.")
        await self.ann.expect("chat", text=f"{words}, Ann.")

    def check_once(self, *tells: str) -> None:
        """Check that who told it and who was told saw each once, and nobody was disconnected."""
        heard = [message.get("text") for message in self.ann.messages if message["type"] == "chat"]
        seen = self.ben.said.text
        for tell in tells:
            self.assertEqual((heard.count(tell), seen.count(tell)), (1, 1), tell)
        self.assertFalse(self.ben.lost or self.ann.code)

    async def test_gateway_cut_off(self) -> None:
        """
        Players of a gateway that is cut off are told, stay connected and type on; the others play.
        What either side says meanwhile, noticed or not yet, is there once when the link is healed.
        """
        await self.together("Hello")
        self.network.cut(EAST)
        self.ben.send("tell Ann Unnoticed by me.")
        self.ann.command("tell Ben Unnoticed by you.", "a1")
        await self.ann.expect("system", text=AWAY)
        self.ann.command("tell Ben Known.", "a2")
        await self.ben.ask("say Alone.", 'You say, "Alone."')
        self.assertNotIn("a1", self.ann.answered)
        self.network.heal(EAST)
        await self.ann.expect("system", text=BACK)
        await self.ben.expect("Known.")
        await self.together("Welcome back")
        self.check_once("Unnoticed by me.", "Unnoticed by you.", "Known.")
        self.assertLessEqual({"a1", "a2"}, self.ann.answered)

    async def test_world_cut_off(self) -> None:
        """
        When the machine of the world is cut off, all players are told, stay connected and type on;
        what they typed is carried out once when the link is healed.
        """
        await self.ann.acknowledged("get ticket", "a1")
        await self.together("Hello")
        self.network.cut(SOUTH)
        self.ann.command("tell Ben Unnoticed by you.", "a2")
        self.ben.send("tell Ann Unnoticed by me.")
        await self.ann.expect("system", text=AWAY)
        await self.ben.expect(AWAY)
        self.ann.command("drop ticket", "a3")
        self.ben.send("tell Ann Known.")
        self.assertNotIn("a2", self.ann.answered)
        self.network.heal(SOUTH)
        await self.ann.expect("system", text=BACK)
        await self.ben.expect(BACK)
        await self.together("Welcome back")
        self.check_once("Unnoticed by me.", "Unnoticed by you.", "Known.")
        self.assertLessEqual({"a2", "a3"}, self.ann.answered)
        await self.ann.acknowledged("get ticket", "a4")
