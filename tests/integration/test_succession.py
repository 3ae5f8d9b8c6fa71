"""Worlds follow each other on a real database, while a gateway holds its sessions."""

import secrets
from datetime import UTC, datetime
from random import Random
from typing import cast

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from mudserver.bus.loopback import LoopbackBus
from mudserver.errors import Fenced
from mudserver.game.hasher import CHEAPEST, PasswordHasher
from mudserver.game.limits import GameLimits
from mudserver.game.ports import GamePorts
from mudserver.game.service import WorldService
from mudserver.ids import GatewayId, SessionId
from mudserver.interfaces.authority import Origin, Register
from mudserver.interfaces.bus import WORLD
from mudserver.interfaces.play import Refusal
from mudserver.storage.accounts import PostgresAccountStore
from mudserver.storage.failed_logins import PostgresFailedLoginStore
from mudserver.storage.history import PostgresHistoryStore
from mudserver.storage.journal import PostgresJournalStore
from mudserver.storage.world import PostgresWorldStore
from mudserver.telemetry.metrics import NullMeter
from tests.contract.areas import harbour_world
from tests.integration.database import ObservedPool, migrated_database
from tests.integration.postgres import connected
from tests.unit.game.succession import HoldingGateway
from tests.unit.game.theatre import PASSWORD

clock = IReactorTime(reactor)

NAMES = ("Ann", "Bob", "Cid", "Dot", "Eve")

#: Worlds that follow each other, and lines that each player types to each.
WORLDS = 6
LINES = 8


class SuccessionTests(TestCase):
    """Five players, who don't notice."""

    timeout = 120

    async def setUp(self) -> None:  # type: ignore[override]
        self.dsn = migrated_database(self)
        self.pool = ObservedPool(self.dsn)
        self.addCleanup(self.pool.close)
        await self.pool.start()
        self.bus = LoopbackBus(clock)
        self.fenced: list[Fenced] = []
        self.world = await self.open_world()
        self.gateway = HoldingGateway(self.bus, GatewayId("g"))
        self.sessions: list[SessionId] = []
        self.random = Random(7)
        #: What each player typed, by the client's id, in order.
        self.typed: dict[SessionId, dict[str, str]] = {}

    async def open_world(self) -> WorldService:
        store = PostgresWorldStore(self.pool, clock, NullMeter())
        await store.import_areas(harbour_world())
        ports = GamePorts(
            bus=self.bus,
            accounts=PostgresAccountStore(self.pool, clock, NullMeter()),
            failed_logins=PostgresFailedLoginStore(self.pool),
            world=store,
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
        world = WorldService(ports, GameLimits(), fenced=self.fenced.append)
        await world.startService()
        self.addCleanup(world.stopService)
        return world

    async def enter(self, name: str, number: int) -> SessionId:
        origin = Origin(f"198.51.100.{number}", secure=True)
        await self.bus.request(WORLD, Register(name, PASSWORD, origin))
        return (await self.gateway.enter(name, origin=origin)).session

    async def turns(self, number: int) -> None:
        for _ in range(number):
            await deferLater(clock, self.random.random() / 200)

    async def type_some(self, world: int) -> None:
        """Have each player type some lines, all at once, and let a part of it be carried out."""
        for line in range(LINES):
            for session, name in zip(self.sessions, NAMES, strict=True):
                other = NAMES[NAMES.index(name) - 1]
                text = self.random.choice(
                    (
                        f"mute {other}",
                        f"unmute {other}",
                        f"chat {world} {line} {name}",
                        "get lamp",
                        "drop lamp",
                        "east",
                        "west",
                    )
                )
                self.typed.setdefault(session, {})[f"{world}-{line}"] = text
                self.gateway.type_held(session, text, f"{world}-{line}")
            await self.turns(self.random.randrange(3))

    async def succeed(self, *, stop: bool) -> None:
        """Have another world open: this one has stopped, or goes on and doesn't know of it."""
        old = self.world
        if stop:
            await old.stopService()
        for withdraw in old._withdraw:
            withdraw()
        self.world = await self.open_world()
        await self.gateway.ask()
        self.gateway.all_back()

    async def all_settled(self) -> None:
        while any(self.gateway.unsettled.values()):
            await deferLater(clock, 0.01)
        await self.world.game.loop.idle()
        await self.world.game.journal.catch_up()

    async def test_succession(self) -> None:
        """Each line gets one answer, the same from each world; what was acknowledged is stored, and
        nothing of it twice.
        """
        self.sessions = [await self.enter(name, n) for n, name in enumerate(NAMES, 1)]
        for world in range(WORLDS):
            await self.type_some(world)
            # The last one stops: a killed one may forget what it answered where nothing changed.
            await self.succeed(stop=world % 2 == 1)
        await self.all_settled()
        self.assertLessEqual(len(self.fenced), WORLDS // 2)
        for session in self.sessions:
            answers = self.by_command(session)
            self.assertEqual(len(answers), WORLDS * LINES)
            self.assertEqual({len(each) for each in answers.values()}, {1})
            for command in tuple(answers)[-5:]:
                self.gateway.type_held(session, "look", command)
        await self.all_settled()
        for session in self.sessions:
            self.assertEqual({len(each) for each in self.by_command(session).values()}, {1})
            known = self.world.game.sessions.get(session)
            assert known is not None
            self.assertEqual(known.answers.applied, WORLDS * LINES + 5)
        self.check_stored()

    def by_command(self, session: SessionId) -> dict[str, set[Refusal | None]]:
        """What a player was answered, by the id of the line."""
        answers: dict[str, set[Refusal | None]] = {}
        for each in self.gateway.settled(session):
            if each.command is not None:
                answers.setdefault(each.command, set()).add(each.refusal)
        return answers

    def check_stored(self) -> None:
        """What is stored is what is in the world, and each line on the channel there once."""
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT muter, muted FROM mute")
            stored = set(cursor.fetchall())
            cursor.execute("SELECT text, count(*) FROM chat_line GROUP BY text HAVING count(*) > 1")
            twice = cursor.fetchall()
            cursor.execute("SELECT id, room FROM character")
            rooms = dict(cursor.fetchall())
        world = self.world.game.world
        mutes = {(who.id, muted) for who in world.characters.values() for muted in who.mutes}
        self.assertEqual(stored, mutes)
        for session in self.sessions:
            known = self.world.game.sessions.get(session)
            assert known is not None
            muting = bool(world.character(known.character).mutes)
            self.assertEqual(muting, self.has_muted(session))
        self.assertEqual(twice, [])
        self.assertEqual({id: who.room for id, who in world.characters.items()}, rooms)

    def has_muted(self, session: SessionId) -> bool:
        """Whether a player mutes somebody, by what was acknowledged in its order."""
        answers = self.by_command(session)
        muted = False
        for command, text in self.typed[session].items():
            verb, _, _ = text.partition(" ")
            if answers[command] == {None} and verb in ("mute", "unmute"):
                muted = verb == "mute"
        return muted

    async def test_all_at_once(self) -> None:
        """Requests that come while another is under way bring nobody twice."""
        self.sessions = [await self.enter(name, n) for n, name in enumerate(NAMES, 1)]
        for withdraw in self.world._withdraw:
            withdraw()
        self.world = await self.open_world()
        await gatherResults([self.gateway.ask() for _ in range(3)])
        self.gateway.all_back()
        sessions = tuple(self.world.game.sessions)
        self.assertEqual([each.generation for each in sessions], [4] * len(NAMES))
