"""A mudserver of several processes: what players and operators see as they come and go."""

import contextlib
import signal
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from twisted.trial.unittest import TestCase

from mudserver.bus.codec import Codec
from mudserver.bus.issuing import FIRST, Subject, issue
from mudserver.bus.vocabulary import VOCABULARY
from mudserver.errors import CloseCode
from mudserver.ids import Epoch, InputNumber, SessionId
from mudserver.interfaces.continuity import FromWorld
from mudserver.interfaces.play import EventId, Show
from mudserver.storage.dsn import Dsn
from mudserver.view.line import View
from tests.integration.daemon import mudctl
from tests.integration.postgres import connected, fresh_database
from tests.integration.program import free_port
from tests.integration.telnet_client import TelnetClient, connect
from tests.integration.town import PAUSE, Part, Town
from tests.integration.web_client import WebSocketPlayer, enter, log_in, register, request

PASSWORD = "correct horse battery"


class TownTestCase(TestCase):
    """Two gateways, and a world; Ann plays by the one over WebSocket, Ben by the other's telnet."""

    timeout = 240
    worlds = 1

    async def setUp(self) -> None:  # type: ignore[override]
        self.database = fresh_database(self)
        self.town = Town(self, self.database, environment=self.environment())
        (self.north, self.south), self.w = await self.town.start(2, self.worlds)

    def environment(self) -> Mapping[str, str]:
        """Variables of all processes."""
        return {}

    async def ann(self) -> WebSocketPlayer:
        """Have Ann come in at the north gateway."""
        await self.ready(self.north)
        return await enter(self, await register(self.north.http, "Ann", PASSWORD))

    async def ben(self) -> TelnetClient:
        """Have Ben come in at the south one."""
        await self.ready(self.south)
        player = await connect(self, self.south.telnet)
        await player.register("Ben", PASSWORD)
        return player

    async def ready(self, part: Part) -> None:
        """Wait until a process has all that it needs."""
        while (await request(part.operations, "GET", "/readyz")).status != 200:
            pass

    async def told(self, part: Part, *words: str) -> str:
        """Run ``mudctl`` against one process, which has to work."""
        ended = await mudctl(self, part, *words)
        self.assertEqual(ended.status, 0, ended.output)
        return ended.output


class PlayTests(TownTestCase):
    """All is well."""

    async def test_together(self) -> None:
        """Whichever gateway they are on, players see, hear and find each other."""
        ann, ben = await self.ann(), await self.ben()
        ann.command("say Hello.", "a1")
        await ben.expect('Ann says, "Hello."')
        await ann.acknowledged("tell Ben Psst.", "a2")
        await ben.expect("Psst.")
        ben.send("chat To all.")
        await ann.expect("chat", text="To all.")
        await ben.ask("who", "Ann")

    async def test_resumed_elsewhere(self) -> None:
        """Who comes back at the other gateway goes on there, with all that was missed; what has no
        answer yet is answered there, and the first gateway lets go.
        """
        ann, ben = await self.ann(), await self.ben()
        welcome = ann.messages[0]
        seen = ann.count
        ben.send("say One.")
        await ann.expect("chat", text="One.")
        login = await log_in(self.south.http, "Ann", PASSWORD)
        resume = {"session": welcome["session"], "secret": welcome["resume"], "seq": seen}
        again = await enter(self, login, resume)
        told = again.messages[0]
        self.assertEqual((told["recovered"], told["session"]), (True, welcome["session"]))
        self.assertIn("One.", [message.get("text") for message in again.messages])
        self.assertEqual(await ann.closed(), CloseCode.PLAYING_ELSEWHERE)
        ben.send("say Two.")
        await again.expect("chat", text="Two.")
        await again.acknowledged("get ticket", "a1")
        again.command("say Three.", "a2")
        await ben.expect('Ann says, "Three."')

    async def test_status(self) -> None:
        """Each process tells what it is; one without a world says where to ask instead."""
        await self.ann()
        world = await self.told(self.w[0], "status")
        self.assertRegex(world, r"role +world, w1\nbus +linked\nworld +open\nsessions +1\n")
        gateway = await self.told(self.north, "status")
        self.assertRegex(gateway, r"role +gateway, g1\nbus +linked\nconnections +1\n")
        self.assertRegex(await self.told(self.town.hub, "status"), r"role +bus, hub\nstate")
        refused = await mudctl(self, self.north, "account", "list")
        self.assertEqual(refused.status, 1)
        self.assertIn("ask one of role world", refused.output)


class DeathTests(TownTestCase):
    """Something dies."""

    worlds = 2

    async def test_world_killed(self) -> None:
        """
        When the world is killed, the one that stands by goes on with everybody: nobody is
        disconnected, what was acknowledged is there, and what is typed meanwhile is carried out.
        """
        ann, ben = await self.ann(), await self.ben()
        await ann.acknowledged("get ticket", "a1")
        await self.w[0].kill()
        ann.command("say Is anybody there?", "a2")
        ben.send("say I am.")
        await self.w[1].opens()
        await ann.expect("chat", text="I am.")
        await ben.expect('Ann says, "Is anybody there?"')
        await ann.acknowledged("drop ticket", "a3")
        self.assertFalse(ben.lost or ann.code)
        self.assertEqual(self.ben_heard(ben, "Is anybody there?"), 1)

    async def test_killed_again_and_again(self) -> None:
        """Those that were killed are started again, stand by, and have their turn."""
        ann, ben = await self.ann(), await self.ben()
        for turn in range(4):
            dead, alive = self.w[turn % 2], self.w[1 - turn % 2]
            await dead.kill()
            await alive.opens()
            ann.command(f"say {turn}", f"a{turn}")
            await ben.expect(f'Ann says, "{turn}"')
            await dead.start()
        self.assertFalse(ben.lost or ann.code)

    async def test_gateway_killed(self) -> None:
        """A gateway takes its own connections with it, whose players are seen to be link-dead."""
        ann, ben = await self.ann(), await self.ben()
        await self.south.kill()
        await ben.closed()
        await ann.expect("presence", event="linkdead", who="Ben")
        self.assertIn("Ben", await self.told(self.w[0], "sessions"))
        self.assertIn("link-dead", await self.told(self.w[0], "sessions"))
        await ann.acknowledged("look", "a1")

    async def test_hub_killed(self) -> None:
        """While there is no hub nobody is disconnected; when it is back, play goes on, and what was
        told arrives, whichever gateway is back first.
        """
        ann, ben = await self.ann(), await self.ben()
        await self.town.hub.kill()
        ann.command("tell Ben Hello?", "a1")
        await self.town.hub.start()
        await ben.expect('"Hello?"')
        self.assertFalse(ben.lost or ann.code)

    def ben_heard(self, ben: TelnetClient, words: str) -> int:
        """How often he was shown that."""
        return ben.said.text.count(words)


class LettersTests(TownTestCase):
    """What could not be delivered."""

    async def test_replayed_later(self) -> None:
        """A letter to a gateway that is away is kept until that one is back and confirms it."""
        await self.ready(self.south)
        await self.south.kill()
        view = View("chat", b'{"type":"chat","text":"Better late."}')
        event = EventId(SessionId("g1-1"), InputNumber(1), 0)
        show = Show(view, (SessionId("g2-1"),), event, durable=True)
        with connected(self.database) as connection, connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO undelivered"
                " (message, subject, kind, payload, error, attempts, first_at, last_at)"
                " VALUES ('i:1', 'gateway.g2', 'Show', %s, 'Nobody.', 3, now(), now())",
                (Codec(VOCABULARY).encode(FromWorld(Epoch(1), show)),),
            )
        told = await self.told(self.w[0], "deadletters", "replay", "bus:1")
        self.assertIn("bus:1 is on its way", told)
        self.assertIn("bus:1 ", await self.letters())
        again = await mudctl(self, self.w[0], "deadletters", "replay", "bus:1")
        self.assertIn("on its way already", again.output)
        await self.south.start()
        while "bus:1 " in await self.letters():
            pass

    async def letters(self) -> str:
        """What operators see."""
        return await self.told(self.w[0], "deadletters", "list", "--of", "bus")


class ReloadTests(TownTestCase):
    """Another world takes over on purpose."""

    worlds = 2

    def environment(self) -> Mapping[str, str]:
        """Be the service manager."""
        folder = Path(mkdtemp(prefix="mud"))
        self.addCleanup(rmtree, folder)
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.bind(str(folder / "notify"))
        self.manager.setblocking(False)
        return {"NOTIFY_SOCKET": str(folder / "notify")}

    def notices(self) -> list[str]:
        """What the service manager was told."""
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(self.manager.recv(100).decode())
        return found

    async def test_standby(self) -> None:
        """The one that stands by takes over; the old one ends well, and nobody is disconnected."""
        ann, ben = await self.ann(), await self.ben()
        await ann.acknowledged("get ticket", "a1")
        said = await self.told(self.w[0], "world", "reload")
        self.assertIn("The world is w2 now", said)
        self.assertIn("2 sessions of 2 gateways went on", said)
        self.assertRegex(said, PAUSE)
        self.assertEqual((await self.w[0].program.ended()).status, 0)
        await ann.acknowledged("drop ticket", "a2")
        ann.command("say Still here.", "a3")
        await ben.expect('Ann says, "Still here."')
        self.assertFalse(ben.lost or ann.code)

    def running_worlds(self) -> list[int]:
        """The processes of the first world that run."""
        return [pid for pid, line in self.w[0].running().items() if "--peer=w1" in line]

    async def test_fresh(self) -> None:
        """A world that is started takes over, and is reached by the same admin socket."""
        await self.w[1].stop()
        ann = await self.ann()
        said = await self.told(self.w[0], "world", "reload")
        self.assertRegex(said, r"The world is w1-\w+ now")
        await ann.acknowledged("look", "a1")
        [told] = [each for each in self.notices() if each.startswith("MAINPID=")]
        self.assertIn(int(told.removeprefix("MAINPID=")), self.running_worlds())
        # The one that was started says what it says by the same pipe.
        await self.w[0].log.expect("control listens")
        self.assertRegex(await self.told(self.w[0], "status"), "role +world, w1-")
        await self.told(self.w[0], "drain")
        self.assertEqual((await self.w[0].program.ended()).status, 0)
        await self.w[0].alone()
        self.assertIsNone(ann.code)


class StopTests(TownTestCase):
    """Each is stopped in good order."""

    worlds = 2

    async def test_world(self) -> None:
        """A world that is stopped leaves its players to the next, and ends with 0."""
        ann = await self.ann()
        self.assertEqual((await self.w[0].stop()).status, 0)
        await ann.acknowledged("look", "a1")
        self.assertIsNone(ann.code)

    async def test_standby(self) -> None:
        """One that stands by ends with 0, and nobody notices."""
        self.assertEqual((await self.w[1].stop()).status, 0)

    async def test_gateway(self) -> None:
        """A gateway that is stopped sends its players to reconnect."""
        ann = await self.ann()
        self.assertEqual((await self.north.stop()).status, 0)
        self.assertEqual(await ann.closed(), CloseCode.RESTART)

    async def test_hub(self) -> None:
        """A hub ends with 0."""
        self.assertEqual((await self.town.hub.stop(signal.SIGTERM)).status, 0)


class SharedDoorsTests(TestCase):
    """Gateways that share their ports."""

    timeout = 240

    async def test_shared(self) -> None:
        """Two listen on the same ports; when one is killed, whoever comes gets to the other."""
        town = Town(self, fresh_database(self), "--share-ports=yes")
        (north,), _ = await town.start(1, 1)
        south = town.gateway(
            "g2",
            f"--telnet=tcp:{north.telnet}:interface=127.0.0.1",
            f"--http=tcp:{north.http}:interface=127.0.0.1",
        )
        await south.start()
        self.assertEqual((south.telnet, south.http), (north.telnet, north.http))
        await north.kill()
        while (await request(south.operations, "GET", "/readyz")).status != 200:
            pass
        ann = await connect(self, south.telnet)
        await ann.register("Ann", PASSWORD)
        await ann.ask("say Hello.", "You say")


class EncryptedTests(TestCase):
    """As between machines: by TLS, each end with a certificate."""

    timeout = 240

    async def test_play(self) -> None:
        """Players play, and go on with the next world, which the old one has started."""
        town = Town(self, fresh_database(self), encrypted=True)
        (north,), (world,) = await town.start(1, 1)
        while (await request(north.operations, "GET", "/readyz")).status != 200:
            pass
        ann = await enter(self, await register(north.http, "Ann", PASSWORD))
        await ann.acknowledged("get ticket", "a1")
        said = await mudctl(self, world, "world", "reload")
        self.assertRegex(said.output, PAUSE)
        await ann.acknowledged("drop ticket", "a2")
        await world.log.expect("control listens")
        await mudctl(self, world, "drain")
        self.assertEqual((await world.program.ended()).status, 0)
        await world.alone()


class HostedTests(TestCase):
    """A world that hosts the hub, by TLS."""

    timeout = 240

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()

    async def test_play(self) -> None:
        """
        Players play; when a world that hosts the hub is started again, with a new certificate, they
        go on. To hand over while it is the hub is refused, and it goes on.
        """
        folder = self.folder
        hosting = Subject("world", "w1", hosts=True)
        issue(folder, (hosting, Subject("gateway")), datetime.now(UTC))
        hub = f"tcp:127.0.0.1:{free_port()}"

        def part(role: str, peer: str, certificate: str, database: Dsn | None) -> Part:
            options = (f"--bus-ca={folder / 'ca.pem'}", f"--bus-certificate={folder / certificate}")
            return Part(
                self, role, peer, hub, database, *options, environment={}, hosts=role == "world"
            )

        world = part("world", "w1", hosting.file, fresh_database(self))
        await world.start()
        await world.opens()
        gateway = part("gateway", "g1", "gateway.pem", None)
        await gateway.start()
        while (await request(gateway.operations, "GET", "/readyz")).status != 200:
            pass
        ann = await enter(self, await register(gateway.http, "Ann", PASSWORD))
        await ann.acknowledged("get ticket", "a1")
        refused = await mudctl(self, world, "world", "reload")
        self.assertEqual(refused.status, 1)
        self.assertIn("hosts the hub", refused.output)
        await ann.acknowledged("look", "a2")
        (folder / hosting.file).unlink()
        issue(folder, (hosting,), datetime.now(UTC))
        self.assertEqual((await world.stop()).status, 0)
        await world.start()
        await ann.acknowledged("drop ticket", "a3")
        self.assertIsNone(ann.code)

    async def test_wrong_certificate(self) -> None:
        """With a certificate that is not a hub's, a world that is to host one doesn't start."""
        folder = self.folder
        issue(folder, FIRST, datetime.now(UTC))
        world = Part(
            self,
            "world",
            "w1",
            "tcp:127.0.0.1:0",
            Dsn.parse("postgresql://nobody@127.0.0.1:1/none"),
            f"--bus-ca={folder / 'ca.pem'}",
            f"--bus-certificate={folder / 'world.pem'}",
            environment={},
            hosts=True,
        )
        ended = await world.launch().ended()
        self.assertNotEqual(ended.status, 0)
        self.assertIn("is not for bus.mudserver.internal", ended.output)
