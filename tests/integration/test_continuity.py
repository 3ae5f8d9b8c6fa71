"""Players at two gateways, real ones, while worlds follow each other behind them."""

import secrets
from datetime import UTC, datetime
from typing import cast

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from mudserver.bus.loopback import LoopbackBus
from mudserver.config import Settings
from mudserver.game.hasher import CHEAPEST, PasswordHasher
from mudserver.game.limits import GameLimits
from mudserver.game.ports import GamePorts
from mudserver.game.service import WorldService
from mudserver.service.gateway_side import GatewaySide
from mudserver.service.ground import Ground
from mudserver.storage.accounts import PostgresAccountStore
from mudserver.storage.failed_logins import PostgresFailedLoginStore
from mudserver.storage.history import PostgresHistoryStore
from mudserver.storage.journal import PostgresJournalStore
from mudserver.storage.world import PostgresWorldStore
from mudserver.telemetry.metrics import NullMeter
from tests.contract.areas import harbour_world
from tests.integration.database import ObservedPool, migrated_database
from tests.integration.telnet_client import TelnetClient, connect
from tests.integration.web_client import WebSocketPlayer, enter, register

clock = IReactorTime(reactor)

PASSWORD = "a long enough secret"

ANYWHERE = "tcp:0:interface=127.0.0.1"
SETTINGS = evolve(Settings(), telnet=ANYWHERE, http=ANYWHERE, operations="", drain=1.0)


class ContinuityTests(TestCase):
    """Ann plays in a browser, by one gateway; Bob by telnet, by the other."""

    timeout = 120

    async def setUp(self) -> None:  # type: ignore[override]
        self.pool = ObservedPool(migrated_database(self))
        self.addCleanup(self.pool.close)
        await self.pool.start()
        self.bus = LoopbackBus(clock)
        await PostgresWorldStore(self.pool, clock, NullMeter()).import_areas(harbour_world())
        self.world = await self.open_world()
        self.first, self.second = await self.open_gateway(), await self.open_gateway()
        self.ann = await self.enter(self.first, "Ann")
        self.bob = await self.telnet(self.second, "Bob")

    async def open_world(self) -> WorldService:
        ports = GamePorts(
            bus=self.bus,
            accounts=PostgresAccountStore(self.pool, clock, NullMeter()),
            failed_logins=PostgresFailedLoginStore(self.pool),
            world=PostgresWorldStore(self.pool, clock, NullMeter()),
            journal=PostgresJournalStore(self.pool, clock, NullMeter()),
            history=PostgresHistoryStore(self.pool),
            hasher=PasswordHasher(cast(IReactorFromThreads, reactor), CHEAPEST, NullMeter()),
            clock=clock,
            utc_now=lambda: datetime.now(UTC),
            token_bytes=secrets.token_bytes,
            pick=lambda: 0.99,
            meter=NullMeter(),
            apart=True,
        )
        world = WorldService(ports, GameLimits())
        await world.startService()
        self.addCleanup(world.stopService)
        return world

    async def open_gateway(self) -> GatewaySide:
        ground = Ground.of(SETTINGS, {}, reactor)
        gateway = GatewaySide(ground, self.bus, lambda: False)
        await gateway.service.startService()
        self.addCleanup(gateway.service.stopService)
        return gateway

    def port(self, gateway: GatewaySide, door: str) -> int:
        address = dict(gateway.service.addresses())[door]
        assert isinstance(address, IPv4Address)
        return address.port

    async def enter(self, gateway: GatewaySide, name: str) -> WebSocketPlayer:
        return await enter(self, await register(self.port(gateway, "http"), name, PASSWORD))

    async def telnet(self, gateway: GatewaySide, name: str) -> TelnetClient:
        client = await connect(self, self.port(gateway, "telnet"), name)
        await client.register(name, PASSWORD)
        return client

    def silence(self) -> None:
        """Have the world hear and answer nothing more, as if it was killed."""
        for withdraw in self.world._withdraw:
            withdraw()

    async def played_on(self) -> None:
        """Expect that both play, and hear each other."""
        await self.ann.acknowledged("say are you there?", f"ask-{secrets.token_hex(4)}")
        await self.bob.expect('Ann says, "are you there?"')
        self.bob.send("tell ann yes")
        await self.ann.expect("chat", text="yes")

    async def test_stopped(self) -> None:
        """A world stops, and another opens: nobody loses the connection, all is as it was, and what
        was typed meanwhile is carried out.
        """
        await self.ann.acknowledged("get lamp", "a")
        await self.world.stopService()
        await self.ann.expect("system")
        self.ann.command("drop lamp", "b")
        self.bob.send("say still here")
        await deferLater(clock, 0.1)
        self.world = await self.open_world()
        await self.bob.expect('You say, "still here"')
        await self.played_on()
        self.assertIn("b", self.ann.answered)
        texts = [each.get("text") for each in self.ann.messages if each["type"] == "chat"]
        self.assertEqual(texts.count("still here"), 1)
        self.assertEqual((self.ann.code, self.bob.lost), (None, False))

    async def test_killed(self) -> None:
        """A world is killed while commands are under way: each is answered once."""
        for number in range(20):
            self.ann.command(f"{'get' if number % 2 else 'drop'} lamp", f"c{number}")
        await deferLater(clock, 0.02)
        self.silence()
        self.ann.command("look", "late")
        self.world = await self.open_world()
        await self.played_on()
        answers = [
            each["id"]
            for each in self.ann.messages
            if each["type"] in ("ack", "error") and "id" in each
        ]
        wanted = sorted([*(f"c{number}" for number in range(20)), "late"])
        self.assertEqual(sorted(id for id in answers if id in wanted), wanted)

    async def test_twice(self) -> None:
        """A second one follows soon, and they play on with that."""
        self.silence()
        self.world = await self.open_world()
        await self.world.stopService()
        self.world = await self.open_world()
        await self.played_on()

    async def test_tell_across(self) -> None:
        """What one player told another while there was no world finds them, by whichever gateway
        they play.
        """
        await self.world.stopService()
        self.bob.send("tell ann wait for me")
        await self.bob.expect("> ")
        self.world = await self.open_world()
        await self.ann.expect("chat", text="wait for me")
        await self.played_on()
