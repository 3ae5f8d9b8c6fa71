"""How many queries it takes: many arrivals are few queries, and who plays asks nothing."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from mudserver.bus.loopback import LoopbackBus
from mudserver.game.hasher import CHEAPEST, PasswordHasher
from mudserver.game.limits import GameLimits, PresenceLimits
from mudserver.game.ports import GamePorts
from mudserver.game.service import WorldService
from mudserver.game.tokens import csrf_of, hash_secret
from mudserver.ids import CommandId, GatewayId, Generation, InputNumber, SessionId, TokenHash
from mudserver.interfaces.authority import (
    Attended,
    IssueTicket,
    TicketCredential,
    TicketIssued,
    Transport,
)
from mudserver.interfaces.bus import WORLD
from mudserver.interfaces.continuity import MAX_HELD, Held, Reattach, Reattached
from mudserver.interfaces.play import Settled
from mudserver.storage.accounts import PostgresAccountStore
from mudserver.storage.failed_logins import PostgresFailedLoginStore
from mudserver.storage.history import PostgresHistoryStore
from mudserver.storage.journal import PostgresJournalStore
from mudserver.storage.loader import MAX_BATCH_KEYS
from mudserver.storage.world import PostgresWorldStore
from mudserver.telemetry.metrics import NullMeter
from tests.contract.areas import harbour_world
from tests.integration.database import ObservedPool, migrated_database
from tests.integration.postgres import connected
from tests.unit.game.theatre import HOME, FakeGateway

clock = IReactorTime(reactor)

#: Queries that are allowed for as many characters as fit into a batch.
ALLOWED = 3

_PEOPLE = """
    WITH numbered AS (
        SELECT n, translate(to_char(n, 'FM00000'), '0123456789', 'abcdefghij') AS name,
            token, csrf
        FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS v (token, csrf, n)
    ), account AS (
        INSERT INTO account (id, name, password_hash) SELECT n, name, '$argon2id$' FROM numbered
    ), name AS (
        INSERT INTO name (key, account) SELECT name, n FROM numbered
    ), token AS (
        INSERT INTO token (hash, csrf_hash, account, created, expires)
        SELECT token, csrf, n, %s, %s FROM numbered
    )
    INSERT INTO character (id, account, name, room)
    SELECT 100000 + n, n, name, (SELECT start FROM world) FROM numbered
"""


class QueryCountTests(TestCase):
    """A whole game on a real database, and a gateway through which people come."""

    timeout = 120

    async def setUp(self) -> None:  # type: ignore[override]
        self.dsn = migrated_database(self)
        self.pool = ObservedPool(self.dsn)
        self.addCleanup(self.pool.close)
        await self.pool.start()
        world = PostgresWorldStore(self.pool, clock, NullMeter())
        await world.import_areas(harbour_world())
        self.bus = LoopbackBus(clock)
        self.journal = PostgresJournalStore(self.pool, clock, NullMeter())
        ports = GamePorts(
            bus=self.bus,
            accounts=PostgresAccountStore(self.pool, clock, NullMeter()),
            failed_logins=PostgresFailedLoginStore(self.pool),
            world=world,
            journal=self.journal,
            history=PostgresHistoryStore(self.pool),
            hasher=PasswordHasher(cast(IReactorFromThreads, reactor), CHEAPEST, NullMeter()),
            clock=clock,
            utc_now=_utc_now,
            token_bytes=secrets.token_bytes,
            pick=lambda: 0.99,
            meter=NullMeter(),
        )
        self.service = WorldService(ports, GameLimits(presence=PresenceLimits(sessions=5_000)))
        await self.service.startService()
        self.addCleanup(self.service.stopService)
        self.gateway = FakeGateway(self.bus, GatewayId("g"))

    def people(self, number: int, used: timedelta = timedelta(hours=1)) -> list[str]:
        """Make people who have played before, each with a token last used so long ago."""
        tokens = [f"token {n}" for n in range(number)]
        created = _utc_now() - used
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            cursor.execute(
                _PEOPLE,
                (
                    [hash_secret(token) for token in tokens],
                    [hash_secret(csrf_of(token)) for token in tokens],
                    created,
                    created + timedelta(hours=12),
                ),
            )
            cursor.execute("ANALYZE")
        return tokens

    async def tickets(self, tokens: Sequence[str]) -> list[TicketIssued]:
        """Ask for a ticket by each token, all at once."""
        return await gatherResults(
            [self.bus.request(WORLD, IssueTicket(token)) for token in tokens]
        )

    async def enter(self, tickets: Sequence[TicketIssued]) -> list[SessionId]:
        """Enter by each ticket, all at once."""
        entered = await gatherResults(
            [
                self.gateway.attach(TicketCredential(ticket.ticket, ticket.csrf))
                for ticket in tickets
            ]
        )
        await self.saved()
        return [attached.session for attached in entered]

    async def saved(self) -> None:
        """Wait until all is done and committed."""
        await self.service.game.loop.idle()
        await self.service.game.journal.barrier()

    async def carry_out(self, session: SessionId, text: str) -> None:
        """Type a line, and wait until it is answered and committed."""
        number = self.gateway.type(session, text)

        def settled() -> bool:
            answers = (m for m in self.gateway.messages if isinstance(m, Settled))
            return any((m.session, m.number) == (session, number) for m in answers)

        while not settled():
            await deferLater(clock, 0)
        await self.saved()

    async def test_a_thousand_tickets(self) -> None:
        """A thousand who ask for tickets at once cost three queries for 500."""
        tokens = self.people(1_000)
        self.pool.forget()
        issued = await self.tickets(tokens)
        self.assertEqual(len({each.ticket for each in issued}), 1_000)
        self.assert_few(1_000, ALLOWED)

    async def test_a_thousand_enter(self) -> None:
        """A thousand who enter by tickets at once, all their tokens prolonged, cost three queries
        for 500: ticket, token and account; the token's new end; character, things and mutes.
        """
        tickets = await self.tickets(self.people(1_000))
        self.pool.forget()
        sessions = await self.enter(tickets)
        self.assertEqual(len(set(sessions)), 1_000)
        self.assertEqual(len(self.service.game.sessions), 1_000)
        self.assert_few(1_000, ALLOWED)

    async def test_just_logged_in(self) -> None:
        """Where the tokens are fresh, two queries for 500 do."""
        tickets = await self.tickets(self.people(1_000, used=timedelta()))
        self.pool.forget()
        await self.enter(tickets)
        self.assert_few(1_000, ALLOWED - 1)

    async def test_revalidation(self) -> None:
        """To look at the tokens and accounts of two thousand who play costs two queries for 500."""
        tickets = await self.tickets(self.people(2_000))
        for part in (tickets[:1_000], tickets[1_000:]):
            await self.enter(part)
        self.pool.forget()
        self.service.game.standings.look_at_all()
        await self.service.game.tasks.idle()
        self.assertEqual(len(self.pool.statements), 2 * 2_000 // MAX_BATCH_KEYS)
        for statement, _ in self.pool.statements:
            self.assertRegex(statement, r"^\s*SELECT\b")
        self.assertEqual(len(self.service.game.sessions), 2_000)

    async def test_a_thousand_sessions(self) -> None:
        """What is committed of a thousand sessions, asked at once as when all come back, is one
        query for 500.
        """
        self.people(1_000)
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO session_input (session, character, number)"
                " SELECT 's' || id, id, 7 FROM character;"
                "INSERT INTO command_answer (session, command, ordinal, number)"
                " SELECT 's' || id, 'c', 1, 7 FROM character"
            )
            cursor.execute("SELECT id FROM character")
            ids = [id for (id,) in cursor.fetchall()]
        self.pool.forget()
        store = self.journal
        known = await gatherResults([store.committed(SessionId(f"s{id}")) for id in ids])
        for id, each in zip(ids, known, strict=True):
            assert each is not None
            self.assertEqual((each.character, each.number, len(each.answers)), (id, 7, 1))
        self.assert_few(1_000, 1)
        self.pool.forget()
        answers = [store.answer(SessionId(f"s{id}"), CommandId("c")) for id in ids]
        self.assertNotIn(None, await gatherResults(answers))
        self.assert_few(1_000, 1)

    def held(self, tokens: Sequence[str]) -> tuple[Held, ...]:
        """Return the sessions of people as a gateway holds them, each with something committed."""
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO session_input (session, character, number)"
                " SELECT 's' || id, id, 7 FROM character;"
                "INSERT INTO command_answer (session, command, ordinal, number)"
                " SELECT 's' || id, 'c' || n, n, n FROM character, generate_series(1, 3) n"
            )
            cursor.execute("SELECT id, name, account FROM character ORDER BY account")
            people = cursor.fetchall()
        return tuple(
            Held(
                session=SessionId(f"s{id}"),
                generation=Generation(1),
                attended=Attended(account, name, TokenHash(hash_secret(token)), _utc_now(), ()),
                character=name,
                transport=Transport.WEBSOCKET,
                origin=HOME,
                linkdead=False,
                settled=InputNumber(6),
            )
            for (id, name, account), token in zip(people, tokens, strict=True)
        )

    async def come_back(self, held: tuple[Held, ...]) -> list[Reattached]:
        """Name sessions to the world as a gateway does, `MAX_HELD` at a time and all at once."""
        parts = [held[start : start + MAX_HELD] for start in range(0, len(held), MAX_HELD)]
        answers = await gatherResults(
            [self.bus.request(WORLD, Reattach(self.gateway.id, part)) for part in parts]
        )
        await self.saved()
        return [each for answer in answers for each in answer.sessions]

    async def test_two_hundred_come_back(self) -> None:
        """To verify two hundred sessions that a gateway holds costs four queries: tokens, accounts,
        characters, and what is committed.
        """
        held = self.held(self.people(MAX_HELD))
        self.pool.forget()
        back = await self.come_back(held)
        self.assertEqual([(each.applied, each.ended) for each in back], [(7, None)] * MAX_HELD)
        self.assertEqual(len(self.service.game.sessions), MAX_HELD)
        self.assertEqual(len(self.pool.statements), 4)
        for statement, _ in self.pool.statements:
            self.assertRegex(statement, r"^\s*SELECT\b")

    async def test_a_thousand_come_back(self) -> None:
        """It is no more for each two hundred of a thousand that come at once; and to name them once
        more to the same world costs none.
        """
        held = self.held(self.people(1_000))
        self.pool.forget()
        back = await self.come_back(held)
        self.assertEqual(sum(each.ended is None for each in back), 1_000)
        self.assertLessEqual(len(self.pool.statements), 4 * 1_000 // MAX_HELD)
        self.pool.forget()
        again = await self.come_back(held)
        self.assertEqual([each.generation for each in again], [3] * 1_000)
        self.assert_nothing_read()

    async def test_a_full_room(self) -> None:
        """To enter a room of 500 costs three queries at most, and to walk into it none at all."""
        crowd, late = self.people(501)[:500], "token 500"
        await self.enter(await self.tickets(crowd))
        (ticket,) = await self.tickets([late])
        self.pool.forget()
        (session,) = await self.enter([ticket])
        self.assert_few(1, ALLOWED)
        room = self.service.game.world.room(self.service.game.world.start)
        self.assertEqual(len(room.occupants), 501)

        await self.carry_out(session, "east")
        self.pool.forget()
        await self.carry_out(session, "west")
        self.assertEqual(len(room.occupants), 501)
        self.assert_nothing_read()

    async def test_say(self) -> None:
        """To say something reads nothing, however many hear it; so does a tell to who is there."""
        sessions = await self.enter(await self.tickets(self.people(50)))
        self.pool.forget()
        self.gateway.forget()
        await self.carry_out(sessions[0], "say hello")
        for session in sessions[1:]:
            self.assertIn('aaaab says, "hello"', self.gateway.lines(session))
        await self.carry_out(sessions[0], "tell aaaac hello")
        self.assert_nothing_read()

    async def test_channel(self) -> None:
        """To say something on a channel reads nothing, however many hear it."""
        sessions = await self.enter(await self.tickets(self.people(50)))
        self.pool.forget()
        self.gateway.forget()
        await self.carry_out(sessions[0], "chat hello")
        for session in sessions:
            self.assertIn("[chat] aaaab: hello", self.gateway.lines(session))
        self.assert_nothing_read()

    async def test_history(self) -> None:
        """What was said rides in the journal's batch; to read it again takes one query."""
        sessions = await self.enter(await self.tickets(self.people(50)))
        for session in sessions:
            await self.carry_out(session, "chat hello")
            await self.carry_out(session, "tell aaaab psst")
        self.pool.forget()
        await self.service.game.journal.catch_up()
        self.assert_nothing_read()
        self.assertEqual(len(self.pool.transactions), 1)
        self.assertLessEqual(len(self.pool.statements), 4)
        self.pool.forget()
        self.gateway.forget()
        await self.carry_out(sessions[0], "history 50")
        reads = [each for each, _ in self.pool.statements if each.lstrip().startswith("SELECT")]
        self.assertEqual(len(reads), 1)
        (line,) = self.gateway.lines(sessions[0])
        self.assertEqual(len(line.splitlines()), 51)

    def assert_few(self, number: int, allowed: int) -> None:
        """Expect that so many characters took no more than that for a batch of them."""
        batches = -(-number // MAX_BATCH_KEYS)
        asked = [statement for statement, _ in self.pool.statements]
        self.assertLessEqual(len(asked), allowed * batches, asked)

    def assert_nothing_read(self) -> None:
        """Expect that nothing was asked but what the journal writes, and that this only writes."""
        asked = [statement for statement, _ in self.pool.statements]
        written = [statement for each in self.pool.transactions for statement in each]
        self.assertEqual(asked, written)
        for statement in written:
            self.assertRegex(statement, r"\b(UPDATE|INSERT|DELETE)\b")


def _utc_now() -> datetime:
    return datetime.now(UTC)
