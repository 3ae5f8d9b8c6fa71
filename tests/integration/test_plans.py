"""Query plans: what is asked often reads its rows by an index, however large the tables grow."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from types import ModuleType
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.trial.unittest import TestCase

from mudserver.ids import (
    AccountId,
    CharacterId,
    CommandId,
    DoorId,
    InputNumber,
    ItemId,
    NpcId,
    PartyId,
    RoomId,
    SessionId,
    TokenHash,
)
from mudserver.interfaces.archive import CarriedItem, CharacterRecord
from mudserver.interfaces.audit import AuditFilter, AuditRow, Via
from mudserver.interfaces.failed_logins import Attempt, FailedLogin
from mudserver.interfaces.history import ChatLine, TellLine
from mudserver.interfaces.journal import AnswerRow, DeadLetter, Flush, InputRow, JournalRow
from mudserver.interfaces.logins import LoginOutcome, LoginRow, LoginWay
from mudserver.storage import (
    account_statements,
    archive,
    audit,
    failed_logins,
    journal,
    kinds,
    letters,
    logins,
    stored,
    undelivered,
    world,
)
from mudserver.storage.accounts import PostgresAccountStore
from mudserver.storage.archive import PostgresCharacterArchive
from mudserver.storage.area_import import PAGE_ROWS
from mudserver.storage.audit import PostgresAuditStore
from mudserver.storage.dsn import Dsn
from mudserver.storage.failed_logins import PostgresFailedLoginStore
from mudserver.storage.journal import PostgresJournalStore
from mudserver.storage.letters import PostgresLetterBox
from mudserver.storage.loader import MAX_BATCH_KEYS
from mudserver.storage.migrate import migrate
from mudserver.storage.retention import KEEP_ANSWERS, KEEP_ANSWERS_FOR
from mudserver.storage.undelivered import PostgresBusLetters, PostgresUndelivered
from mudserver.storage.world import PostgresWorldStore
from mudserver.telemetry.metrics import NullMeter
from mudserver.world.applied import (
    ChannelOff,
    ChannelOn,
    ChannelSilenceLifted,
    ChannelSilenceMade,
    CharacterPlaced,
    DoorMoved,
    FollowLifted,
    FollowMade,
    ItemPlaced,
    LidMoved,
    MembershipEnded,
    MembershipMade,
    MuteLifted,
    MuteMade,
    NpcPlaced,
    SilenceLifted,
    SilenceMade,
)
from mudserver.world.bans import Ban, BanKind, BanLifted
from mudserver.world.role import Role
from tests.contract.stores import NOW, digest, token_row
from tests.contract.undelivered import Postman, letter
from tests.integration.database import ObservedPool
from tests.integration.postgres import connected, fresh_database, lasting_database, superuser

clock = IReactorTime(reactor)

#: Rows in each of the large tables.
ROWS = 100_000

#: Rows of a table that may be read as a whole.
FEW = 1_000

#: How long ago the last of the tokens and tickets ended. None is old enough to be swept out.
AGE = timedelta(minutes=30)

#: Statements that are not asked often: only once in the life of a world, or by an operator. The
#: first two are none, those after them read one row.
RARE = {"WHY_NOT", "DOES_NOT_FIT", "_START", "_ONE_SNAPSHOT", "_IDS", "_LEASE"}

# Numbers in letters: 1207 is ``aabcah``. Accounts are 1 to ROWS, their characters ROWS more, rooms
# twice as many more, the items that lie thrice, those that are held four times; in each of these is
# one, six times as many more; doors are seven times as many more.
# What would take most of the time, to check foreign keys and the form of hashes, is left out.
_FILL = """
    SET session_replication_role = replica;
    ALTER TABLE token DROP CONSTRAINT token_hash_check, DROP CONSTRAINT token_csrf_hash_check;
    ALTER TABLE ticket DROP CONSTRAINT ticket_hash_check;
    CREATE TEMPORARY TABLE numbered AS
        SELECT n, translate(to_char(n, 'FM000000'), '0123456789', 'abcdefghij') AS name,
            encode(sha256(('secret ' || n)::bytea), 'hex') AS hash
        FROM generate_series(1, {rows}) n;
    INSERT INTO account (id, name, password_hash) SELECT n, name, '$argon2id$' FROM numbered;
    INSERT INTO name (key, account) SELECT name, n FROM numbered;
    INSERT INTO character (id, account, name, room)
        SELECT n + {rows}, n, name, n + 2 * {rows} FROM numbered;
    INSERT INTO token (hash, csrf_hash, account, created, expires)
        SELECT hash, hash, n, '{created}', '{expires}' FROM numbered;
    INSERT INTO ticket (hash, token, expires) SELECT hash, hash, '{expires}' FROM numbered;
    INSERT INTO room (id, key, area, name, description)
        SELECT n + 2 * {rows}, 'r' || n, 'harbour', 'R', '' FROM numbered;
    INSERT INTO door (id, closed) SELECT n + 7 * {rows}, true FROM numbered;
    INSERT INTO exit (room, direction, target, door)
        SELECT n + 2 * {rows}, 'up', n % 1000 + 1 + 2 * {rows}, n + 7 * {rows} FROM numbered;
    INSERT INTO npc (id, key, name, keywords, description, room)
        SELECT n + 5 * {rows}, 'n' || n, 'N', '{{n}}', '', n + 2 * {rows} FROM numbered;
    INSERT INTO npc_stop (npc, step, room)
        SELECT n + 5 * {rows}, 1, n + 2 * {rows} FROM numbered;
    INSERT INTO item (id, key, name, keywords, description, room)
        SELECT n + 3 * {rows}, 'i' || n, 'I', '{{i}}', '', n + 2 * {rows} FROM numbered;
    INSERT INTO item (id, key, name, keywords, description, holder, size, capacity, lid)
        SELECT n + 4 * {rows}, 'h' || n, 'H', '{{h}}', '', n + {rows}, 1, 9, true FROM numbered;
    INSERT INTO item (id, key, name, keywords, description, container, container_size)
        SELECT n + 6 * {rows}, 'c' || n, 'C', '{{c}}', '', n + 4 * {rows}, 1 FROM numbered;
    INSERT INTO follow (follower, leader) SELECT n + {rows}, n % 1000 + {rows} FROM numbered
        WHERE n % 1000 <> n;
    INSERT INTO party_member (character, party, number) SELECT n + {rows}, n / 10, n FROM numbered;
    INSERT INTO mute (muter, muted) SELECT n + {rows}, n % 1000 + {rows} FROM numbered
        WHERE n % 1000 <> n;
    INSERT INTO ban (kind, key, name, why, since)
        SELECT 'network', '10.' || n / 65536 || '.' || n / 256 % 256 || '.' || n % 256 || '/32',
            'x', '', now() FROM numbered;
    INSERT INTO login (account, at, last_at, address, way, outcome)
        SELECT n, '{created}', '{created}', '::1', 'telnet', 'accepted' FROM numbered;
    INSERT INTO audit (key, at, via, actor, origin, action, target, details)
        SELECT 'k' || n, now(), 'game', name, '', 'act' || n % 1000, name, '{{}}' FROM numbered;
    INSERT INTO silence (account, by, why, since, until)
        SELECT n, n % 1000 + 1, '', '{created}', '2099-01-01' FROM numbered;
    INSERT INTO channel_silence (account, channel, by, why, since, until)
        SELECT n, 'chat', n % 1000 + 1, '', '{created}', '2099-01-01' FROM numbered;
    INSERT INTO channel_off (character, channel) SELECT n + {rows}, 'chat' FROM numbered;
    INSERT INTO failed_login (account, network, at, forgiven)
        SELECT hash, '192.0.2.1', '{created}'::timestamptz + n * interval '1 ms', false
        FROM numbered;
    INSERT INTO session_input (session, character, number)
        SELECT 's' || n, n + {rows}, 4 FROM numbered;
    INSERT INTO command_answer (session, command, ordinal, number)
        SELECT 's' || n, 'c', 1, 4 FROM numbered;
    INSERT INTO journal_dead_letter (what, change, error, sqlstate, constraint_name)
        SELECT 'x', jsonb_build_object('n', n), '', '', '' FROM numbered;
    INSERT INTO undelivered (message, subject, kind, payload, error, attempts, first_at, last_at)
        SELECT 'm' || n, 's', 'k', '', '', 1, '{created}', '{created}' FROM numbered;
    SELECT setval('account_id_seq', {rows}), setval('entity_id', 8 * {rows});
    VACUUM ANALYZE;
"""


@cache
def crowded_database() -> Dsn:
    """Make a database whose large tables have `ROWS` rows, once a run."""
    dsn = lasting_database()
    migrate(dsn)
    with connected(superuser(dsn)) as connection, connection.cursor() as cursor:
        script = _FILL.format(rows=ROWS, created=NOW - timedelta(hours=2), expires=NOW - AGE)
        for statement in script.split(";\n"):
            if statement.strip():
                cursor.execute(statement)
    return dsn


class PlanTests(TestCase):
    """Stores on large tables. What a test changes stays, and is little."""

    timeout = 120

    async def setUp(self) -> None:  # type: ignore[override]
        self.dsn = crowded_database()
        self.pool = ObservedPool(self.dsn)
        self.addCleanup(self.pool.close)
        await self.pool.start()
        self.accounts = PostgresAccountStore(self.pool, clock, NullMeter())
        self.world = PostgresWorldStore(self.pool, clock, NullMeter())
        self.journal = PostgresJournalStore(self.pool, clock, NullMeter())

    async def assert_indexed(self, *modules: ModuleType) -> None:
        """Expect that all statements of modules were asked, and none reads a large table whole."""
        asked = list(self.pool.statements)
        for module in modules:
            self.assertNotEqual(_statements(module), set(), f"{module.__name__} has none")
        known = {statement for module in modules for statement in _statements(module)}
        unasked = known - {statement for statement, _ in asked}
        self.assertEqual(unasked, set(), "these were not asked")
        counts = "SELECT relname, reltuples FROM pg_class WHERE relkind = 'r'"
        sizes: dict[str, float] = dict(await self.pool.run_query(counts))
        for statement, parameters in asked:
            # The last of these reads one row, whatever the plan says.
            if statement.startswith(
                ("SET", "LOCK", "SAVEPOINT", "RELEASE", "ROLLBACK", "SELECT EXISTS (SELECT FROM")
            ):
                continue
            # On a connection of the pool's own, since its settings count.
            explain = f"EXPLAIN (FORMAT JSON) {statement}"
            (((plan,),),) = await self.pool.run_query(explain, parameters)
            for node in _nodes(plan["Plan"]):
                if node["Node Type"] == "Seq Scan" and sizes[node["Relation Name"]] > FEW:
                    raise self.failureException(
                        f"{node['Relation Name']} is read as a whole by {statement}"
                    )

    async def test_accounts(self) -> None:
        """Accounts, tokens and tickets are found, kept and swept by their keys, one or many."""
        for number in (1, MAX_BATCH_KEYS):
            ids = [AccountId(n * 7) for n in range(1, number + 1)]
            rows = [token_row(id, f"token {number} {id}", NOW) for id in ids]
            await gatherResults([self.accounts.by_id(id) for id in ids])
            await gatherResults([self.accounts.by_name(_name(id)) for id in ids])
            await gatherResults([self.accounts.add_token(row) for row in rows])
            await gatherResults(
                [self.accounts.add_ticket(digest(row.hash), row.hash, NOW) for row in rows]
            )
            await gatherResults([self.accounts.token(row.hash) for row in rows])
            standings = await self.accounts.standings(ids)
            self.assertEqual(len(standings), number)
            await gatherResults([self.accounts.extend_token(row.hash, NOW) for row in rows])
            spent = await gatherResults(
                [self.accounts.spend_ticket(digest(row.hash), NOW - AGE) for row in rows]
            )
            self.assertNotIn(None, spent)
        made = await self.accounts.register("Ann", "$argon2id$")
        await self.accounts.rehash(made.id, "$argon2id$", "$argon2id$new")
        await self.accounts.set_role(made.id, Role.BUILDER)
        await self.accounts.disable(made.id)
        await self.accounts.page(_name(500), 100)
        await self.accounts.revoke_token(TokenHash(digest("secret 77")))
        await self.accounts.revoke_account(AccountId(78))
        await self.accounts.set_password(AccountId(79), "$argon2id$", None)
        await self.assert_indexed(account_statements)

    async def test_world(self) -> None:
        """Characters are found by their keys, one or many."""
        for number in (1, MAX_BATCH_KEYS):
            ids = [AccountId(n * 7 + 3) for n in range(1, number + 1)]
            people = await gatherResults([self.world.characters(id) for id in ids])
            self.assertEqual([len(each) for each in people], [1] * number)
            self.assertEqual([len(each.items) for (each,) in people], [2] * number)
            found = await self.world.identify(_name(id) for id in ids)
            self.assertEqual(len(found), number)
        # A page in the midst of loading: to read all of them would take long.
        for statement in (world._ROOMS, world._ITEMS, world._NPCS):
            self.pool.note(statement, (3 * ROWS + ROWS // 2, PAGE_ROWS))
        self.pool.note(world._CONTAINED, (6 * ROWS + ROWS // 2, PAGE_ROWS))
        self.pool.note(world._SILENCES, (0, PAGE_ROWS))
        self.pool.note(world._FOLLOWS, (ROWS + ROWS // 2, PAGE_ROWS))
        self.pool.note(world._MEMBERSHIPS, (ROWS + ROWS // 2, PAGE_ROWS))
        self.pool.note(world._CHANNEL_SILENCES, (0, "", PAGE_ROWS))
        self.pool.note(world._BANS, ("network", "10.1", PAGE_ROWS))
        self.pool.note(world._EXITS, (2 * ROWS + ROWS // 2, "up", PAGE_ROWS))
        await self.assert_indexed(world)

    async def test_journal(self) -> None:
        """What a flush changes, or could not, is found by its keys, one or many."""
        epoch = await self.journal.take_lease("we")
        somebody, start = CharacterId(ROWS + 1), RoomId(2 * ROWS + 1)
        for flush, number in enumerate((1, MAX_BATCH_KEYS), 1):
            rows: list[JournalRow] = []
            for n in range(7, 7 * number + 1, 7):
                character, session = CharacterId(ROWS + n), SessionId(f"s{n}")
                rows += (
                    CharacterPlaced(character, start),
                    ItemPlaced(ItemId(3 * ROWS + n), start, None),
                    ItemPlaced(ItemId(6 * ROWS + n), None, None, ItemId(4 * ROWS + n + 1)),
                    LidMoved(ItemId(4 * ROWS + n), True),
                    DoorMoved(DoorId(7 * ROWS + n), False),
                    NpcPlaced(NpcId(5 * ROWS + n), start),
                    FollowMade(character, somebody),
                    FollowLifted(CharacterId(ROWS + n + 1)),
                    MembershipMade(character, PartyId(ROWS + n), ROWS + n),
                    MembershipEnded(CharacterId(ROWS + n + 1)),
                    MuteLifted(character, somebody),
                    MuteMade(CharacterId(ROWS + n + 1), somebody),
                    SilenceMade(AccountId(n), AccountId(1), NOW, None, ""),
                    SilenceLifted(AccountId(n + 1)),
                    ChannelSilenceMade(AccountId(n), "chat", AccountId(1), NOW, None, ""),
                    ChannelSilenceLifted(AccountId(n + 1), "chat"),
                    ChannelOff(character, "chat"),
                    ChannelOn(CharacterId(ROWS + n + 1), "chat"),
                    Ban(BanKind.ACCOUNT, str(n), "x", AccountId(1), "", NOW, None, ""),
                    BanLifted(BanKind.NETWORK, f"10.0.{n // 256}.{n % 256}/32"),
                    ChatLine(session, InputNumber(5), 0, NOW, "chat", None, character, "Ann", "hi"),
                    TellLine(
                        session, InputNumber(5), 1, NOW, character, "Ann", somebody, "Bob", "hi"
                    ),
                    AuditRow(f"k{n}", NOW, Via.GAME, "Ann", None, "", "ban", "Bob", "{}"),
                    InputRow(session, character, InputNumber(5)),
                    AnswerRow(session, CommandId("c"), 2, InputNumber(5)),
                )
            letter = DeadLetter(rows[0], "no", "23514", "x")
            await self.journal.flush(epoch, flush, Flush(tuple(rows), (letter,)))
            nowhere: list[JournalRow] = [
                CharacterPlaced(somebody, RoomId(1)),
                ItemPlaced(ItemId(3 * ROWS + 1), None, None),
                ItemPlaced(ItemId(4 * ROWS + 1), None, None),
                LidMoved(ItemId(3 * ROWS + 1), True),
                DoorMoved(DoorId(1), True),
                NpcPlaced(NpcId(1), start),
                FollowMade(somebody, somebody),
                MembershipMade(somebody, PartyId(1), 0),
                MuteMade(somebody, somebody),
                SilenceMade(AccountId(1), AccountId(9 * ROWS), NOW, None, ""),
                ChannelSilenceMade(AccountId(1), "chat", AccountId(9 * ROWS), NOW, None, ""),
                ChannelOff(CharacterId(9 * ROWS), "chat"),
                Ban(BanKind.NAME, "X", "x", None, "", NOW, None, ""),
            ]
            self.assertEqual(len(await self.journal.sift((*rows, *nowhere))), len(nowhere))
        for number in (1, MAX_BATCH_KEYS):
            sessions = [SessionId(f"s{n}") for n in range(1, number + 1)]
            known = await gatherResults([self.journal.committed(each) for each in sessions])
            self.assertNotIn(None, known)
            for settled in (InputNumber(0), InputNumber(10**6)):
                there = [self.journal.progress(each, settled) for each in sessions]
                self.assertNotIn(None, await gatherResults(there))
            unknown = [self.journal.answer(each, CommandId("?")) for each in sessions]
            self.assertEqual(set(await gatherResults(unknown)), {None})
        box = PostgresLetterBox(self.pool)
        first, *_ = await box.page(ROWS // 2, 100)
        self.assertIsNotNone(await box.open(first.number))
        # Before the sweep, after which only the newest ten thousand are left.
        self.assertEqual(await box.prune(NOW - AGE), 0)
        await self.journal.sweep()
        await self.assert_indexed(kinds, stored, journal, letters)

    async def test_undelivered(self) -> None:
        """What the bus could not deliver is kept, found and swept by its keys."""
        kept = PostgresUndelivered(self.pool)
        box = PostgresBusLetters(self.pool, Postman())
        first, *_ = await box.page(ROWS // 2, 100)
        self.assertIsNotNone(await box.open(first.number))
        self.assertEqual(await box.prune(NOW - timedelta(hours=3)), 0)
        await box.replay(first.number)
        for number in (1, MAX_BATCH_KEYS):
            await kept.keep(tuple(letter(f"m{n}") for n in range(1, number + 1)))
        await self.assert_indexed(undelivered)

    async def test_failed_logins(self) -> None:
        """Failed log-ins are found, forgiven and swept by their keys, one or many."""
        store = PostgresFailedLoginStore(self.pool)
        for number in (1, MAX_BATCH_KEYS):
            attempts = [Attempt(digest(f"secret {n}"), "192.0.2.1") for n in range(1, number + 1)]
            rows = [FailedLogin(each, NOW) for each in attempts]
            await store.add(rows, attempts)
        self.assertEqual(len(await store.since(NOW - AGE, 100)), 100)
        await store.sweep(NOW - timedelta(hours=2))
        await self.assert_indexed(failed_logins)

    async def test_archive(self) -> None:
        """Characters go and come by their keys."""
        store = PostgresCharacterArchive(self.pool)
        self.assertIsNotNone(await store.export(_name(77)))
        items = tuple(CarriedItem(f"i{n}") for n in range(1, 50))
        for name, account in (("Traveller", None), ("Wanderer", AccountId(77))):
            muted = (_name(78), _name(79))
            record = CharacterRecord(name, NOW, "r77", items, muted, channels_off=("chat",))
            await store.admit(record, account)
        await self.assert_indexed(archive)

    async def test_logins(self) -> None:
        """Log-ins are written, read and swept by their keys, one or many."""
        for number in (1, MAX_BATCH_KEYS):
            rows = [
                LoginRow(
                    AccountId(n), NOW, NOW, "::1", LoginWay.TELNET, LoginOutcome.REFUSED, number
                )
                for n in range(1, number + 1)
            ]
            await self.accounts.add_logins(rows)
        found = await self.accounts.logins(AccountId(1), None, 10)
        self.assertEqual([each.row.tries for each in found], [MAX_BATCH_KEYS, 1])
        await self.accounts.logins(AccountId(2), found[0].id, 10)
        await self.accounts.sweep_logins(NOW - timedelta(days=1))
        await self.assert_indexed(logins)

    async def test_audit(self) -> None:
        """The audit log is read from its end, or by what is asked for."""
        store = PostgresAuditStore(self.pool)
        for wanted in (
            AuditFilter(),
            AuditFilter(actor=_name(77)),
            AuditFilter(action="act7"),
            AuditFilter(target=_name(78)),
            AuditFilter(_name(77), "act77", _name(77)),
        ):
            for before in (None, ROWS // 2):
                await store.page(wanted, before, 10)
        await self.assert_indexed(audit)


def _statements(module: ModuleType) -> set[str]:
    """Return the SQL of a module: its constants of capital letters, but for the rare ones."""
    return {
        value
        for name, value in vars(module).items()
        if name.isupper() and name not in RARE and isinstance(value, str) and " " in value
    }


def _name(id: int) -> str:
    return f"{id:06}".translate(str.maketrans("0123456789", "abcdefghij"))


class UncountedTests(TestCase):
    """Answers by the thousand, of which PostgreSQL has counted none yet."""

    def test_answers(self) -> None:
        """Those of a session are read by its own keys, and not among those of all by their age."""
        dsn = fresh_database(self)
        migrate(dsn)
        everybody = [f"s{n}" for n in range(1, 1_001)]
        sessions = everybody[:100]
        ids, numbers = ["x"] * len(sessions), [50] * len(sessions)
        with connected(superuser(dsn)) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SET session_replication_role = replica;"
                " ALTER TABLE command_answer SET (autovacuum_enabled = off);"
                " INSERT INTO session_input (session, character, number)"
                " SELECT unnest(%s), 1, 60;"
                " INSERT INTO command_answer (session, command, ordinal, number)"
                " SELECT session, n::text, n, n FROM session_input, generate_series(1, 60) n",
                (everybody,),
            )
            for statement, parameters in (
                (journal._COMMITTED, (KEEP_ANSWERS, KEEP_ANSWERS_FOR, sessions, 20_000)),
                (journal._PROGRESS, (sessions, numbers, KEEP_ANSWERS, KEEP_ANSWERS_FOR)),
                (journal._ANSWERS, (sessions, ids, KEEP_ANSWERS_FOR)),
            ):
                cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
                (((plan,),),) = cursor.fetchall()
                read = [
                    (node["Node Type"], node.get("Index Name"))
                    for node in _nodes(plan["Plan"])
                    if "command_answer" in str(node.get("Index Name") or node.get("Relation Name"))
                ]
                self.assertNotEqual(read, [])
                self.assertNotIn("command_answer_at", [index for _, index in read])
                self.assertNotIn("Seq Scan", [kind for kind, _ in read])


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)
