"""Bans: whom they keep out, who may order them, and for how long they hold."""

from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import Banned, PlayerError
from mudserver.ids import AccountId, CharacterId
from mudserver.world import absent, commands, events
from mudserver.world.applied import Applied
from mudserver.world.bans import Ban, BanKind, BanLifted, Bans
from mudserver.world.grammar import parse
from mudserver.world.networks import LOOPBACK, NetworkTable, read_address, read_network
from mudserver.world.role import Role
from mudserver.world.rules import bans as rules
from mudserver.world.rules import decide as decide_command
from tests.unit.world.scene import ANN, BOB, NOW, decide, do, enter, make_crowd

HOUR = timedelta(hours=1)


def ban(kind: BanKind, key: str, lasting: timedelta | None = None, why: str = "") -> Ban:
    until = None if lasting is None else NOW + lasting
    return Ban(kind, key, key, AccountId(1), "Boss", NOW, until, why)


class NetworksTest(SynchronousTestCase):
    def test_read(self) -> None:
        """Networks and addresses are read; bits behind the prefix are left out."""
        for text, network in (
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("192.0.2.7/24", "192.0.2.0/24"),
            ("192.0.2.7", "192.0.2.7/32"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("2001:DB8::1/32", "2001:db8::/32"),
            ("::ffff:192.0.2.7", "192.0.2.7/32"),
            ("::ffff:192.0.2.7/120", "192.0.2.0/24"),
        ):
            self.assertEqual(str(read_network(text)), network)
        for text in ("", "bob", "192.0.2", "192.0.2.0/33", "2001:db8::/129", "12"):
            self.assertIsNone(read_network(text), text)

    def test_find(self) -> None:
        """What is known of an address is that of the networks it lies in, the smallest first."""
        random = Random(7)
        table: NetworkTable[str] = NetworkTable()
        known: dict[IPv4Network, str] = {}
        for _ in range(300):
            length = random.randint(0, 32)
            network = IPv4Network((random.getrandbits(12) << 20, length), strict=False)
            if random.random() < 0.2:
                table.remove(network)
                known.pop(network, None)
            else:
                table.put(network, str(network))
                known[network] = str(network)
        self.assertEqual(len(table), len(known))
        for _ in range(300):
            address = IPv4Address(random.getrandbits(12) << 20)
            within = sorted((n for n in known if address in n), key=lambda n: -n.prefixlen)
            self.assertEqual(list(table.find(address)), [known[n] for n in within])
        table.put(IPv6Network("::/0"), "six")
        self.assertEqual(list(table.find(ip_address("2001:db8::1"))), ["six"])
        table.clear()
        self.assertEqual((len(table), list(table.find(ip_address("::1")))), (0, []))

    def test_cheap(self) -> None:
        """To find an address among 10,000 networks takes a look for each length of prefix."""

        class Counted(dict[int, str]):
            looks = 0

            def __contains__(self, key: object) -> bool:
                Counted.looks += 1
                return super().__contains__(key)

        table: NetworkTable[str] = NetworkTable()
        for n in range(10_000):
            table.put(IPv4Network((n << 8, 24)), str(n))
            table.put(IPv4Network((n << 8 | 7, 32)), str(n))
        for kind, same in list(table._by_length.items()):
            table._by_length[kind] = Counted(same)
        address = read_address("::ffff:0.1.2.7")
        assert address is not None
        self.assertEqual(list(table.find(address)), ["258", "258"])
        self.assertEqual(Counted.looks, 2)


class BansTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.bans = Bans()

    def test_kinds(self) -> None:
        """A ban keeps out an account, a name without case, or all of a network; nobody else."""
        account, name, network = (
            ban(BanKind.ACCOUNT, "7"),
            ban(BanKind.NAME, "zoe"),
            ban(BanKind.NETWORK, "192.0.2.0/24"),
        )
        for each in (account, name, network):
            self.bans.put(each)
        against = self.bans.against
        self.assertEqual(against(NOW, account=AccountId(7)), account)
        self.assertEqual(against(NOW, account=AccountId(8), names=("Ann", "ZOE")), name)
        self.assertEqual(against(NOW, address="192.0.2.255"), network)
        self.assertEqual(against(NOW, address="::ffff:192.0.2.255"), network)
        for address in ("192.0.3.1", "2001:db8::1", "", "unix"):
            self.assertIsNone(against(NOW, account=AccountId(8), names=("Zoey",), address=address))
        for each in (account, name, network):
            self.bans.remove(each.kind, each.key)
            self.bans.remove(each.kind, each.key)
        self.assertIsNone(against(NOW, account=AccountId(7), names=("zoe",), address="192.0.2.1"))
        self.assertEqual(len(self.bans), 0)

    def test_ends(self) -> None:
        """A ban ends by itself; a larger network that is still banned is so behind it."""
        small = ban(BanKind.NETWORK, "192.0.2.7/32", HOUR)
        large = ban(BanKind.NETWORK, "192.0.0.0/16", 2 * HOUR)
        for each in (small, large, ban(BanKind.NAME, "zoe", HOUR)):
            self.bans.put(each)
        self.assertEqual(self.bans.against(NOW, address="192.0.2.7"), small)
        self.assertEqual(self.bans.against(NOW + HOUR, address="192.0.2.7"), large)
        self.assertIsNone(self.bans.against(NOW + HOUR, names=("zoe",)))
        self.assertIsNone(self.bans.against(NOW + 2 * HOUR, address="192.0.2.7"))
        self.bans.forget_ended(NOW + HOUR)
        self.assertEqual(list(self.bans), [large])

    def test_reasons(self) -> None:
        """The banned are told why, and until when."""
        until = "until 2026-05-01 13:00 UTC: Spam."
        for each, words in (
            (ban(BanKind.ACCOUNT, "7", HOUR, "Spam."), f"Your account is banned {until}"),
            (ban(BanKind.NAME, "zoe"), "The name zoe is banned."),
            (ban(BanKind.NETWORK, "::/64", None, "Spam."), "Your network is banned: Spam."),
        ):
            self.bans.put(each)
            with self.assertRaises(Banned) as raised:
                self.bans.check(
                    NOW,
                    account=AccountId(int(each.key)) if each.kind is BanKind.ACCOUNT else None,
                    names=(each.key,),
                    address="::1",
                )
            self.assertEqual(raised.exception.message, words)
            self.bans.remove(each.kind, each.key)


class RulesTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = make_crowd()
        self.world.bans.protected = LOOPBACK
        self.boss = enter(self.world, CharacterId(105), "Boss", role=Role.ADMIN)

    def ban(self, text: str) -> Ban:
        """Return what staff bans by typing that."""
        (event,) = decide(self.world, self.boss.id, f"ban {text}")
        assert isinstance(event, events.Banned)
        self.assertEqual((event.ban.by, event.ban.orderer), (self.boss.account, "Boss"))
        self.assertEqual((event.character, event.ban.since), (self.boss.id, NOW))
        return event.ban

    def refused(self, text: str, code: str, actor: CharacterId | None = None) -> str:
        with self.assertRaises(PlayerError) as raised:
            decide(self.world, actor or self.boss.id, text)
        self.assertEqual(raised.exception.code, code, raised.exception.message)
        return str(raised.exception)

    def test_targets(self) -> None:
        """What is banned follows from what is typed: an account, a name, a network."""
        account = str(self.world.character(BOB).account)
        for text, kind, key, name in (
            ("bob", BanKind.ACCOUNT, account, "Bob"),
            ("account BOB", BanKind.ACCOUNT, account, "Bob"),
            ("name bob", BanKind.NAME, "bob", "Bob"),
            ("zoe", BanKind.NAME, "zoe", "Zoe"),
            ("name o'neil-b", BanKind.NAME, "o'neil-b", "O'neil-b"),
            ("192.0.2.9", BanKind.NETWORK, "192.0.2.9/32", "192.0.2.9/32"),
            ("network 2001:db8::1/48", BanKind.NETWORK, "2001:db8::/48", "2001:db8::/48"),
        ):
            banned = self.ban(text)
            self.assertEqual((banned.kind, banned.key, banned.name), (kind, key, name))

    def test_terms(self) -> None:
        """Time and reason may be left out, as for a silence."""
        for text, until, why in (
            ("bob", None, ""),
            ("bob 2h", NOW + 2 * HOUR, ""),
            ("bob 2h  Enough of it.", NOW + 2 * HOUR, "Enough of it."),
            ("name zoe forever No.", None, "No."),
            ("192.0.2.0/24 Spam from here.", None, "Spam from here."),
        ):
            banned = self.ban(text)
            self.assertEqual((banned.until, banned.why), (until, why))
        self.refused(f"ban bob {'x' * 201}", "bad_command")
        self.refused("ban", "bad_command")

    def test_absent(self) -> None:
        """A name that is looked up is an account's, and without an account only a name."""
        command = parse("ban zoe 1d")
        self.assertEqual(absent.unresolved(command, self.world), "zoe")
        zoe = commands.Known(CharacterId(190), AccountId(77), "Zoe", Role.PLAYER)
        (event,) = decide_command(self.world, self.boss.id, absent.resolved(command, zoe), NOW)
        assert isinstance(event, events.Banned)
        self.assertEqual((event.ban.kind, event.ban.key), (BanKind.ACCOUNT, "77"))
        self.assertEqual(self.refused("ban account zoe", "not_here")[:8], "There is")
        for line in ("ban bob", "ban 192.0.2.0/24", "unban ::1", "bans"):
            self.assertIsNone(absent.unresolved(parse(line), self.world))

    def test_nonsense(self) -> None:
        """What is neither name nor network is refused."""
        self.refused("ban 192.0.2", "bad_name")
        self.refused("ban network bob", "bad_command")

    def test_ranks(self) -> None:
        """Only admins and owners ban, and only whom they stand above; by name no more than so."""
        for line in ("ban bob", "ban zoe", "ban 192.0.2.0/24", "unban bob", "bans"):
            for role in (Role.PLAYER, Role.BUILDER):
                self.world.character(ANN).role = role
                self.refused(line, "not_allowed", ANN)
        for role in (Role.ADMIN, Role.OWNER):
            self.world.character(BOB).role = role
            for line in ("ban bob", "ban name bob", "ban boss"):
                self.refused(line, "not_allowed")

    def test_protected(self) -> None:
        """A network from where the server is run is banned only by force."""
        for network in ("127.0.0.1", "127.0.0.0/8", "0.0.0.0/0", "::/0", "::1"):
            words = self.refused(f"ban {network}", "not_allowed")
            self.assertIn("lock out", words)
        command = commands.Ban("0.0.0.0/0")
        forced = rules.ban(self.world, None, command, NOW, force=True)
        self.assertEqual(
            (forced.ban.key, forced.ban.by, forced.ban.orderer), ("0.0.0.0/0", None, "")
        )
        self.assertIsNone(forced.character)

    def test_applied(self) -> None:
        """A ban holds from when it is applied until it is taken back; both are to be stored."""
        (applied,) = do(self.world, self.boss.id, "ban bob 2h")
        (stored,) = self.world.bans
        self.assertEqual(applied, Applied(changes=(stored,)))
        do(self.world, self.boss.id, "ban name bob")
        lifted = do(self.world, self.boss.id, "unban BOB")
        self.assertEqual(
            [each.changes for each in lifted],
            [(BanLifted(BanKind.NAME, "bob"),), (BanLifted(stored.kind, stored.key),)],
        )
        self.assertEqual(len(self.world.bans), 0)
        self.refused("unban bob", "not_allowed")
        do(self.world, self.boss.id, "ban 192.0.2.0/24")
        self.refused("unban 192.0.2.0/25", "not_allowed")
        do(self.world, self.boss.id, "unban 192.0.2.77/24")
        self.assertEqual(len(self.world.bans), 0)

    def test_listed(self) -> None:
        """Those that hold are listed, by kind and name, up to a number."""
        for line in ("ban bob 1h", "ban zoe", "ban 192.0.2.0/24 2h"):
            do(self.world, self.boss.id, line)
        (listed,) = decide(self.world, self.boss.id, "bans", NOW + HOUR)
        assert isinstance(listed, events.BansListed)
        self.assertEqual([each.key for each in listed.bans], ["zoe", "192.0.2.0/24"])
        for number in range(100):
            self.world.bans.put(ban(BanKind.ACCOUNT, str(1000 + number)))
        (listed,) = decide(self.world, self.boss.id, "bans")
        assert isinstance(listed, events.BansListed)
        self.assertEqual((len(listed.bans), listed.total), (rules.SHOWN_BANS, 103))

    def test_bounded(self) -> None:
        """There is an end to the number of bans; one that is there can be changed."""
        do(self.world, self.boss.id, "ban bob")
        for number in range(rules.MAX_BANS - 1):
            self.world.bans.put(ban(BanKind.ACCOUNT, str(1000 + number), HOUR))
        self.refused("ban ann", "too_much")
        self.ban("bob 2h")
        self.assertEqual(len(decide(self.world, self.boss.id, "ban ann", NOW + HOUR)), 1)
