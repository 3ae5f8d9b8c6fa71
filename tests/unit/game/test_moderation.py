"""Bans in a game: committed before they are confirmed, in force at once, everywhere."""

from datetime import timedelta

from attrs import evolve
from twisted.internet.defer import Deferred

from mudserver.errors import Banned, CloseCode, PlayerError, Unavailable
from mudserver.ids import CharacterId, GatewayId, SessionId
from mudserver.interfaces.audit import Operator
from mudserver.interfaces.authority import (
    Describe,
    LogIn,
    LookUpName,
    NameState,
    Origin,
    PasswordCredential,
    Register,
    Transport,
)
from mudserver.interfaces.bus import GATEWAYS, WORLD, Message
from mudserver.interfaces.continuity import FromWorld
from mudserver.interfaces.exclusion import (
    ListNetworkBans,
    NetworkBan,
    NetworkBansChanged,
)
from mudserver.world import commands
from mudserver.world.bans import Ban, BanKind
from mudserver.world.role import Role
from tests.unit.game.theatre import HOME, PASSWORD, FakeGateway, GameTestCase

BY = Operator("uid 1000", "pid 7")
AWAY = Origin("198.51.100.9", secure=True)


class BanTestCase(GameTestCase):
    """Ann and Bob play from one place; Boss keeps order from another."""

    def setUp(self) -> None:
        super().setUp()
        self.heard: list[Message] = []
        self.bus.subscribe(GATEWAYS, self.hear)
        self.ann, self.bob = self.enter("Ann"), self.enter("Bob")
        self.boss = self.staff("Boss", Role.ADMIN)
        self.gateway.forget()

    def hear(self, message: Message) -> None:
        assert isinstance(message, FromWorld)
        self.heard.append(message.message)

    def staff(self, name: str, role: Role, origin: Origin = AWAY) -> SessionId:
        self.successResultOf(self.bus.request(WORLD, Register(name, PASSWORD, HOME)))
        account = self.successResultOf(self.account_store.by_name(name))
        assert account is not None
        self.successResultOf(self.account_store.set_role(account.id, role))
        attaching = self.gateway.attach(PasswordCredential(name, PASSWORD), origin=origin)
        self.advance()
        return self.successResultOf(attaching).session

    def codes(self, session: SessionId) -> list[CloseCode]:
        return [ended.code for ended in self.gateway.ended(session)]

    def refusal(self, session: SessionId) -> str | None:
        refusal = self.gateway.settled(session)[-1].refusal
        return None if refusal is None else refusal.message

    def assert_kept_out(self, name: str, origin: Origin = HOME) -> None:
        credential = PasswordCredential(name, PASSWORD)
        attaching = self.gateway.attach(credential, origin=origin)
        self.advance()
        self.failureResultOf(attaching, Banned)
        for transport in Transport:
            logging_in = self.bus.request(WORLD, LogIn(name, PASSWORD, origin, transport))
            self.failureResultOf(logging_in, Banned)

    def assert_let_in(self, name: str, origin: Origin = HOME) -> SessionId:
        attaching = self.gateway.attach(PasswordCredential(name, PASSWORD), origin=origin)
        self.advance()
        return self.successResultOf(attaching).session


class BanTest(BanTestCase):
    def test_account(self) -> None:
        """A banned account's player is sent away at once, and can't come back by any way."""
        login = self.successResultOf(
            self.bus.request(WORLD, LogIn("Bob", PASSWORD, HOME, Transport.WEBSOCKET))
        )
        self.database.hold()
        self.gateway.type(self.boss, "ban bob 2h Enough.", "b")
        self.clock.advance(0)
        (ended,) = self.gateway.ended(self.bob)
        self.assertEqual(ended.code, CloseCode.BANNED)
        reason = "Your account is banned until 2026-01-01 02:00 UTC: Enough."
        self.assertEqual(ended.reason, reason)
        self.assertEqual(self.gateway.lines(self.boss), ["Bob leaves the world."])
        self.assertEqual(self.gateway.settled(self.boss), [])
        self.database.release()
        self.advance()
        confirmed = "Bob is banned until 2026-01-01 02:00 UTC: Enough."
        self.assertEqual(self.gateway.lines(self.boss)[1:], [confirmed])
        self.assertIsNone(self.refusal(self.boss))
        self.assert_kept_out("Bob")
        self.assert_kept_out("Bob", AWAY)
        self.failureResultOf(self.bus.request(WORLD, Describe(login.token)), Banned)
        resuming = self.gateway.attach(PasswordCredential("Bob", PASSWORD), resume=self.bob)
        self.advance()
        self.failureResultOf(resuming, Banned)
        self.assertEqual(self.codes(self.ann), [])
        self.clock.advance(2 * 3600)
        self.assert_let_in("Bob")

    def test_ticket(self) -> None:
        """A ticket from before opens nothing any more."""
        ticket = self.log_in("Bob")
        self.type(self.boss, "ban bob")
        attaching = self.gateway.attach(ticket)
        self.advance()
        self.failureResultOf(attaching, Banned)

    def test_on_the_way_in(self) -> None:
        """Who is just being let in when the ban comes is kept out by it."""
        ticket = self.log_in("Bob")
        self.gateway.detach(self.bob, by_choice=True)
        self.advance()
        attaching = self.gateway.attach(ticket)
        self.game.world.bans.put(
            Ban(BanKind.ACCOUNT, "2", "Bob", None, "", self.utc_now(), None, "")
        )
        self.advance()
        self.failureResultOf(attaching, Banned)
        self.assertIsNone(self.game.world.character_named("Bob"))

    def test_one_character(self) -> None:
        """The name of one character can be banned; the others of the account still play."""
        (bob,) = [each for each in self.database.characters.values() if each.name == "Bob"]
        mia = CharacterId(9_000)
        self.database.characters[mia] = evolve(bob, id=mia, name="Mia")
        self.type(self.boss, "ban name mia")
        self.assertEqual(self.codes(self.bob), [])
        attaching = self.gateway.attach(PasswordCredential("Bob", PASSWORD), character="Mia")
        self.advance()
        self.failureResultOf(attaching, Banned)
        self.assert_let_in("Bob")

    def test_linkdead(self) -> None:
        """Whose connection is lost is gone, too."""
        self.gateway.detach(self.bob)
        self.advance()
        self.type(self.boss, "ban bob")
        self.assertIsNone(self.game.world.character_named("Bob"))

    def test_outlives_restarts(self) -> None:
        """An absent player is banned, and is so still after a restart; nothing else is changed."""
        self.gateway.detach(self.bob, by_choice=True)
        self.advance()
        before = dict(self.database.accounts), dict(self.database.characters)
        self.type(self.boss, "ban bob 2h")
        self.assertEqual(before, (self.database.accounts, self.database.characters))
        self.successResultOf(self.service.stopService())
        self.database.tokens.clear()
        self.service = self.make_service()
        self.successResultOf(self.service.startService())
        self.assert_kept_out("Bob")
        self.boss = self.assert_let_in("Boss", AWAY)
        self.type(self.boss, "unban bob")
        self.assertEqual(self.gateway.lines(self.boss)[-1], "Bob is no longer banned.")
        self.assert_let_in("Bob")
        self.assertEqual(self.database.bans, {})

    def test_name(self) -> None:
        """A name that is banned can't be taken, nor used where it is."""
        for line in ("ban zoe Rude.", "ban name bob"):
            self.type(self.boss, line)
        self.failureResultOf(self.bus.request(WORLD, Register("ZOE", PASSWORD, AWAY)), Banned)
        self.failureResultOf(self.bus.request(WORLD, LookUpName("zoe", AWAY)), Banned)
        self.assertEqual(self.codes(self.bob), [CloseCode.BANNED])
        self.assert_kept_out("Bob", AWAY)
        for line in ("unban zoe", "unban bob"):
            self.type(self.boss, line)
        self.assertEqual(
            self.gateway.lines(self.boss)[-2:],
            ["The name Zoe is no longer banned.", "The name Bob is no longer banned."],
        )
        self.assert_let_in("Bob")
        look_up = self.bus.request(WORLD, LookUpName("zoe", AWAY))
        self.assertEqual(self.successResultOf(look_up), NameState.FREE)

    def test_network(self) -> None:
        """All who come from a banned network are sent away, and nobody else comes from there."""
        self.type(self.boss, "ban 192.0.2.0/24 1h Spam.")
        self.assertEqual(self.codes(self.ann), [CloseCode.BANNED])
        self.assertEqual(self.codes(self.bob), [CloseCode.BANNED])
        self.assert_kept_out("Ann")
        self.failureResultOf(self.bus.request(WORLD, Register("Zoe", PASSWORD, HOME)), Banned)
        self.failureResultOf(self.bus.request(WORLD, LookUpName("Ann", HOME)), Banned)
        self.assert_let_in("Ann", AWAY)
        self.assertEqual(self.gateway.ended(self.boss), [])

    def test_peers(self) -> None:
        """A network isn't banned while one plays from it who doesn't stand below."""
        peer = self.staff("Peer", Role.OWNER, Origin("203.0.113.1", secure=True))
        for network, name in (("203.0.113.0/24", "Peer"), ("198.51.100.0/24", "Boss")):
            self.type(self.boss, f"ban {network}")
            refusal = f"That would shut out {name}, who doesn't stand below you."
            self.assertEqual(self.refusal(self.boss), refusal)
        self.assertEqual(self.codes(peer), [])
        self.assertEqual(len(self.game.world.bans), 0)

    def test_refused_by_the_database(self) -> None:
        """A ban that can't be saved is not confirmed, and doesn't hold; gateways hear so."""
        self.database.refuses = lambda row: row.entity[0] == "ban"
        self.type(self.boss, "ban 192.0.2.0/24", "b")
        self.assertEqual(self.refusal(self.boss), "That could not be saved, by a fault of ours.")
        self.assertEqual(len(self.game.world.bans), 0)
        self.assert_let_in("Ann")
        last = self.heard[-1]
        assert isinstance(last, NetworkBansChanged)
        self.assertEqual((last.number, last.lifted), (2, "192.0.2.0/24"))
        self.flushLoggedErrors()


class NoticeTest(BanTestCase):
    """What gateways hear of networks."""

    def test_changes(self) -> None:
        """Each change is numbered and told at once; all together are to be asked for."""
        epoch = self.database.lease.epoch if self.database.lease else None
        reason = "Your network is banned until 2026-01-01 01:00 UTC: Spam."
        self.gateway.type(self.boss, "ban 192.0.2.0/24 1h Spam.")
        self.gateway.type(self.boss, "ban zoe")
        self.clock.advance(0)
        (banned,) = self.heard
        assert isinstance(banned, NetworkBansChanged)
        self.assertEqual((banned.epoch, banned.number, banned.lifted), (epoch, 1, None))
        assert banned.banned is not None
        self.assertEqual((banned.banned.network, banned.banned.reason), ("192.0.2.0/24", reason))
        self.assertEqual(banned.banned.left, 3600.0)
        self.clock.advance(600)
        known = self.successResultOf(self.bus.request(WORLD, ListNetworkBans()))
        self.assertEqual((known.epoch, known.number), (epoch, 1))
        self.assertEqual(known.bans, (NetworkBan("192.0.2.0/24", 3000.0, reason),))
        self.type(self.boss, "unban 192.0.2.0/24")
        lifted = self.heard[-1]
        assert isinstance(lifted, NetworkBansChanged)
        self.assertEqual((lifted.number, lifted.lifted), (2, "192.0.2.0/24"))
        self.type(self.boss, "ban 192.0.2.0/24 1h")
        self.clock.advance(3600)
        known = self.successResultOf(self.bus.request(WORLD, ListNetworkBans()))
        self.assertEqual(known.bans, ())

    def test_a_new_world(self) -> None:
        """A world that opens says so, so that gateways ask anew."""
        self.successResultOf(self.service.stopService())
        self.database.tokens.clear()
        self.service = self.make_service()
        self.successResultOf(self.service.startService())
        opened = self.heard[-1]
        assert isinstance(opened, NetworkBansChanged)
        self.assertEqual((opened.number, opened.banned, opened.lifted), (0, None, None))


class OperatorTest(BanTestCase):
    """Bans by those who run the server."""

    def ban(self, target: str) -> Deferred[str]:
        command = commands.Ban(target)
        return Deferred.fromCoroutine(self.game.moderation.ban(BY, command, force=False))

    def test_ban(self) -> None:
        """An operator bans staff, too; it is confirmed when it is committed."""
        self.database.hold()
        banning = self.game.moderation.ban(
            BY, commands.Ban("boss", timedelta(hours=1), "Enough."), force=False
        )
        done = Deferred.fromCoroutine(banning)
        self.advance()
        self.assertEqual(self.codes(self.boss), [CloseCode.BANNED])
        self.assertNoResult(done)
        self.database.release()
        self.advance()
        self.assertEqual(self.successResultOf(done), "Boss")
        (ban,) = self.game.moderation.page(("", ""), 10)
        self.assertEqual((ban.kind, ban.by, ban.orderer), (BanKind.ACCOUNT, None, ""))
        self.assert_kept_out("Boss", AWAY)
        lifting = Deferred.fromCoroutine(self.game.moderation.unban(BY, commands.Unban("boss")))
        self.advance()
        self.assertEqual(self.successResultOf(lifting), "Boss")
        self.assert_let_in("Boss", AWAY)

    def test_absent(self) -> None:
        """Who is absent is looked up; a name that nobody has is banned as such."""
        self.gateway.detach(self.bob, by_choice=True)
        self.advance()
        for target, kind in (("bob", BanKind.ACCOUNT), ("zoe", BanKind.NAME)):
            done = Deferred.fromCoroutine(
                self.game.moderation.ban(BY, commands.Ban(target), force=False)
            )
            self.advance()
            self.successResultOf(done)
            self.assertIn(kind, [ban.kind for ban in self.game.world.bans])

    def test_pages(self) -> None:
        """Bans are listed page by page."""
        for name in ("eva", "zoe", "mia"):
            done = Deferred.fromCoroutine(
                self.game.moderation.ban(BY, commands.Ban(name), force=False)
            )
            self.advance()
            self.successResultOf(done)
        first = self.game.moderation.page(("", ""), 2)
        second = self.game.moderation.page((first[-1].kind.value, first[-1].key), 2)
        self.assertEqual([ban.key for ban in (*first, *second)], ["eva", "mia", "zoe"])

    def test_refused(self) -> None:
        """What can't be is said: a protected network, a ban that isn't there, a database away."""
        for work in (
            self.game.moderation.ban(BY, commands.Ban("127.0.0.1"), force=False),
            self.game.moderation.unban(BY, commands.Unban("zoe")),
        ):
            done = Deferred.fromCoroutine(work)
            self.advance()
            self.failureResultOf(done, PlayerError)
        self.database.refuses = lambda row: row.entity[0] == "ban"
        done = Deferred.fromCoroutine(
            self.game.moderation.ban(BY, commands.Ban("zoe"), force=False)
        )
        self.advance()
        self.failureResultOf(done, PlayerError)
        self.flushLoggedErrors()
        self.database.hold()
        self.type(self.ann, "get lamp")
        self.clock.pump([1.0] * 20)
        done = Deferred.fromCoroutine(
            self.game.moderation.ban(BY, commands.Ban("192.0.2.9"), force=False)
        )
        self.advance()
        self.failureResultOf(done, Unavailable)


class FarGatewayTest(BanTestCase):
    def test_other_gateways(self) -> None:
        """Those who play by another gateway are sent away just as well."""
        other = FakeGateway(self.bus, GatewayId("other"))
        self.successResultOf(self.bus.request(WORLD, Register("Cid", PASSWORD, HOME)))
        cid = self.enter("Cid", other)
        self.type(self.boss, "ban cid")
        self.assertEqual([ended.code for ended in other.ended(cid)], [CloseCode.BANNED])
