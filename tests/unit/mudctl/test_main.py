"""What mudctl shows of a daemon that only remembers what it is asked."""

import os
import pwd
import re
from collections.abc import Awaitable
from contextlib import redirect_stderr, redirect_stdout
from datetime import timedelta
from io import StringIO
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SkipTest, TestCase

from mudserver.bus.spool import Spool
from mudserver.control.commands import CHUNK, MAX_DOCUMENT, PAGE, WORDY_PAGE
from mudserver.control.service import ControlService
from mudserver.errors import NotReplayable, PlayerError, StorageUnavailable, Unavailable
from mudserver.ids import AccountId, CharacterId, Epoch
from mudserver.interfaces.audit import AuditEntry, AuditFilter, AuditRow, Operator, Via
from mudserver.interfaces.history import LogLine
from mudserver.interfaces.logins import LoginEntry, LoginOutcome, LoginRow, LoginWay
from mudserver.interfaces.operations import WorldStatus
from mudserver.interfaces.undelivered import Undelivered
from mudserver.mudctl.characters import read_document
from mudserver.mudctl.main import _converse
from mudserver.mudctl.options import parse
from mudserver.mudctl.worlds import _duration
from mudserver.world import bans
from mudserver.world.bans import BanKind
from mudserver.world.commands import Ban, Unban
from mudserver.world.history import PastLine
from mudserver.world.role import Role
from tests.unit.control.daemon import (
    SINCE,
    FakeAdministration,
    FakeLetterOffice,
    account,
    letter,
    session,
)

REACTOR: Any = reactor


def dead(id: str, payload: bytes = b"x") -> Undelivered:
    return Undelivered(id, "gateway.a", "Show", payload, "Nobody.", 3, SINCE, SINCE)


class Unlucky(FakeLetterOffice):
    """Takes letters of a file in while another one comes into it."""

    def __init__(self, daemon: FakeAdministration, path: Path) -> None:
        super().__init__(daemon)
        self.path = path

    def take_in(self, by: Operator, letters: tuple[Undelivered, ...]) -> Deferred[None]:
        Spool(self.path).append((dead("i:2"),))
        return super().take_in(by, letters)


class MudctlTest(TestCase):
    def setUp(self) -> None:
        self.folder = Path(mkdtemp(prefix="mud"))
        self.addCleanup(rmtree, self.folder)
        self.path = self.folder / "control.sock"
        self.daemon = FakeAdministration()
        self.service = ControlService(REACTOR, self.path, lambda: self.daemon)
        self.successResultOf(self.service.startService())
        self.addCleanup(self.service.stopService)

    def converse(self, *words: str) -> Awaitable[None]:
        return _converse(REACTOR, parse(words), self.path)

    async def shown(self, *words: str) -> str:
        """What is shown of a command that works."""
        shown = StringIO()
        with redirect_stdout(shown):
            await self.converse(*words)
        return shown.getvalue()

    async def complaint(self, *words: str) -> str:
        """What is said of one that doesn't; its status is 1."""
        complaint = StringIO()
        try:
            with redirect_stderr(complaint):
                await self.converse(*words)
        except SystemExit as exit_:
            self.assertEqual(exit_.code, 1)
        else:
            self.fail("it worked")
        return complaint.getvalue()

    async def test_chat_log(self) -> None:
        """What was said, a row each, however much it is; with what was asked for."""
        said = PastLine(SINCE, "say", CharacterId(1), "Bob", "x" * 2_000)
        told = PastLine(SINCE, "tell", CharacterId(1), "Bob", "psst", CharacterId(2), "Ann")
        self.daemon.lines = [
            *(LogLine(said, room="hall") for _ in range(100)),
            LogLine(told),
            LogLine(evolve(said, channel="chat", text="hi"), hushed=True),
        ]
        rows = (await self.shown("chatlog", "--limit", "1000")).splitlines()
        self.assertEqual(len(rows), 102)
        self.assertEqual(rows[0], f"2026-01-02 03:04:05Z [say] Bob (hall): {said.text}")
        self.assertEqual(rows[-2], "2026-01-02 03:04:05Z [tell] Bob to Ann: psst")
        self.assertEqual(rows[-1], "2026-01-02 03:04:05Z [silenced] [chat] Bob: hi")
        await self.shown("chatlog", "--channel", "chat", "--name", "bob", "--hours", "0.5")
        self.assertEqual(
            self.daemon.done[-1], ("chat log", "chat", "bob", timedelta(minutes=30), 100)
        )
        for misuse in ("--limit=1001", "--limit=0", "--hours=-1", "--hours=nan"):
            self.assertIn("Ask for at most", await self.complaint("chatlog", misuse))

    async def test_bans(self) -> None:
        """Bans are ordered, with a time if the first word is one, taken back, and listed."""
        shown = await self.shown("ban", "Ann", "2h", "that", "was", "enough")
        self.assertEqual(shown, "Ann is banned.\n")
        await self.shown("ban", "--kind", "name", "--force", "Bob", "that")
        self.assertEqual(await self.shown("unban", "Ann"), "Ann is no longer banned.\n")
        self.assertEqual(
            self.daemon.done,
            [
                ("ban", Ban("Ann", timedelta(hours=2), "that was enough"), False),
                ("ban", Ban("Bob", None, "that", BanKind.NAME), True),
                ("unban", Unban("Ann")),
            ],
        )
        self.assertIn("at most", await self.complaint("ban", "Ann", "x" * 201))
        until = SINCE + timedelta(hours=1)
        first = bans.Ban(BanKind.NAME, "n00", "N00", None, "", SINCE, None, "")
        self.daemon.banned = [
            first if n == 0 else evolve(first, key=f"n{n:02}", until=until)
            for n in range(2 * WORDY_PAGE + 1)
        ]
        lines = (await self.shown("bans")).splitlines()
        self.assertEqual(len(lines), 1 + 2 * WORDY_PAGE + 1)
        self.assertEqual(
            re.split("  +", lines[1]),
            ["name", "N00", "an operator", "2026-01-02T03:04:05Z", "for good"],
        )
        self.assertIn("2026-01-02T04:04:05Z", lines[2])

    async def test_audit(self) -> None:
        """The log is listed, the newest first, up to a number; operators have names."""
        self.daemon.deeds = [
            AuditEntry(
                n,
                AuditRow(
                    key=str(n),
                    at=SINCE,
                    via=Via.MUDCTL,
                    actor=f"uid {os.getuid()}",
                    account=None,
                    origin="pid 7",
                    action="ban",
                    target="Bob",
                    details='{"kind":"name","why":"Spam."}',
                ),
            )
            for n in range(2 * WORDY_PAGE + 1, 0, -1)
        ]
        lines = (await self.shown("audit", "--limit", "0", "--target", "bob")).splitlines()
        self.assertEqual(len(lines), 1 + 2 * WORDY_PAGE + 1)
        name = pwd.getpwuid(os.getuid()).pw_name
        for words in (f"uid {os.getuid()} ({name})", "pid 7", "ban", "kind: name, why: Spam."):
            self.assertIn(words, lines[1])
        self.assertEqual(self.daemon.wanted[0], AuditFilter(target="bob"))
        self.assertEqual(len((await self.shown("audit", "--limit", "3")).splitlines()), 4)

    async def test_logins(self) -> None:
        """Log-ins of an account are listed, the newest first, page by page."""
        row = LoginRow(AccountId(1), SINCE, SINCE, "::1", LoginWay.TELNET, LoginOutcome.ACCEPTED)
        failed = evolve(
            row, last_at=SINCE + timedelta(minutes=5), outcome=LoginOutcome.REFUSED, tries=3
        )
        self.daemon.came = [LoginEntry(n, row) for n in range(2 * PAGE, 0, -1)]
        self.daemon.came.insert(0, LoginEntry(2 * PAGE + 1, failed))
        lines = (await self.shown("logins", "Ann", "--limit", "0")).splitlines()
        self.assertEqual(len(lines), 1 + 2 * PAGE + 1)
        self.assertEqual(
            re.split("  +", lines[1]),
            ["2026-01-02T03:04:05Z", "2026-01-02T03:09:05Z", "::1", "telnet", "refused", "3"],
        )
        self.assertEqual(len((await self.shown("logins", "Ann")).splitlines()), 51)

    async def test_nobody_there(self) -> None:
        """Where nobody answers, it says so, and which other sockets there are."""
        elsewhere = self.folder / "other.sock"
        complaint = StringIO()
        try:
            with redirect_stderr(complaint):
                await _converse(REACTOR, parse(["status"]), elsewhere)
        except SystemExit as exit_:
            self.assertEqual(exit_.code, 1)
        self.assertIn(f"no mudserver answers at {elsewhere}", complaint.getvalue())
        self.assertIn(f"Others are there for --socket: {self.path}\n", complaint.getvalue())

    async def test_who_asks(self) -> None:
        """The daemon hears from the kernel who asks."""
        await self.shown("kick", "Ann")
        (by,) = self.daemon.asked
        self.assertEqual((by.name, by.origin), (f"uid {os.getuid()}", f"pid {os.getpid()}"))

    async def test_status(self) -> None:
        """The daemon at a glance."""
        self.daemon.sessions = [session("Ann")]
        self.assertEqual(
            await self.shown("status"),
            "version      1.2.3\n"
            "uptime       1d 2h 3m\n"
            "role         all, world-1\n"
            "world        open\n"
            "sessions     1\n"
            "connections  7\n"
            "state        running\n",
        )
        self.daemon.draining = True
        self.daemon.world = WorldStatus(Epoch(7), SINCE, 0.25)
        shown = await self.shown("status")
        self.assertIn("state        draining\n", shown)
        self.assertIn(
            "since        2026-01-02T03:04:05+00:00, epoch 7\nlast pause   0.25 s\n", shown
        )

    async def test_status_of_roles(self) -> None:
        """A gateway and a world say whether they have their link; a world has no connections."""
        self.daemon.role = "gateway"
        self.assertIn("bus          linked\n", await self.shown("status"))
        self.daemon.role, self.daemon.linked = "world", False
        shown = await self.shown("status")
        self.assertIn("role         world, world-1\nbus          not linked\n", shown)
        self.assertNotIn("connections", shown)

    async def test_reload(self) -> None:
        """It says who has the world now, how many went on, and how long that took."""
        self.assertEqual(
            await self.shown("world", "reload"),
            "The world is world-2 now, process 4711 on host.\n"
            "1,000 sessions of 2 gateways went on after 0.43 s at most.\n",
        )
        self.daemon.waiting = 1
        self.assertIn("1 gateway had not come", await self.shown("world", "reload", "--fresh"))
        self.assertEqual(self.daemon.done, [("reload", False), ("reload", True)])
        self.daemon.error = Unavailable("The new world ended. This one goes on.")
        self.assertIn("This one goes on.", await self.complaint("world", "reload"))

    async def test_sessions(self) -> None:
        """Who plays, as a table."""
        self.daemon.sessions = [session("Bob", linkdead=True), session("Annabel")]
        self.assertEqual(
            await self.shown("sessions"),
            "character  account  transport  address    state\n"
            "Annabel    Annabel  telnet     192.0.2.1  playing\n"
            "Bob        Bob      telnet     192.0.2.1  link-dead\n",
        )

    async def test_accounts(self) -> None:
        """All accounts, as a table."""
        self.daemon.rows = [account("Ann", Role.OWNER), account("Bob", disabled=True)]
        self.assertEqual(
            await self.shown("account", "list"),
            "account  role    created                    state     characters\n"
            "Ann      owner   2026-01-02T03:04:05+00:00  active    Ann, Ann-Two\n"
            "Bob      player  2026-01-02T03:04:05+00:00  disabled  Bob, Bob-Two\n",
        )

    async def test_letters(self) -> None:
        """Dead letters of all boxes, or of one, as a table."""
        self.daemon.letters.dead["journal"] = [letter(3), letter(17, "refused for good")]
        self.daemon.letters.dead["bus"] = [letter(3)]
        head = "letter      what        last attempt               attempts  reason\n"
        journal = (
            "journal:3   ItemPlaced  2026-01-02T03:04:05+00:00  2         no\n"
            "journal:17  ItemPlaced  2026-01-02T03:04:05+00:00  2         refused for good\n"
        )
        bus = "bus:3       ItemPlaced  2026-01-02T03:04:05+00:00  2         no\n"
        self.assertEqual(await self.shown("deadletters", "list"), head + journal + bus)
        shown = await self.shown("deadletters", "list", "--of=journal")
        self.assertEqual(shown, head + journal)

    async def test_many_letters(self) -> None:
        """All are shown, however many pages they make, and however long their reasons are."""
        numbers = range(1, 2 * PAGE + 1)
        self.daemon.letters.dead["journal"] = [
            letter(number, "\N{SNOWMAN}" * 60_000) for number in numbers
        ]
        _, *rows = (await self.shown("deadletters", "list")).splitlines()
        self.assertEqual([row.split()[0] for row in rows], [f"journal:{n}" for n in numbers])

    async def test_letter(self) -> None:
        """One dead letter, with all that it contains."""
        self.daemon.document = b'{"item": 5, "room": null, "note": "' + b"x" * 2 * CHUNK + b'"}'
        shown = await self.shown("deadletters", "show", "journal:17")
        self.assertIn("letter         journal:17\nwhat           ItemPlaced\n", shown)
        self.assertIn('"item": 5,\n', shown)
        self.assertIn('"room": null\n', shown)
        self.assertIn("x" * 2 * CHUNK, shown)

    async def test_prune(self) -> None:
        """Old ones are thrown away, of all boxes or of one; the age must be said."""
        shown = await self.shown("deadletters", "prune", "--older-than=30d")
        self.assertEqual(
            shown,
            "4 dead letters of the journal are gone, those older than 30 days.\n"
            "4 dead letters of the bus are gone, those older than 30 days.\n",
        )
        shown = await self.shown("deadletters", "prune", "--older-than=0", "--of=bus")
        self.assertEqual(shown, "4 dead letters of the bus are gone.\n")
        self.assertEqual(
            self.daemon.done,
            [
                ("prune", "journal", timedelta(days=30)),
                ("prune", "bus", timedelta(days=30)),
                ("prune", "bus", timedelta()),
            ],
        )

    async def test_replay(self) -> None:
        """One is delivered after all; if that does harm, it is said why not."""
        shown = await self.shown("deadletters", "replay", "bus:3")
        self.assertEqual(shown, "bus:3 is delivered.\n")
        self.assertEqual(self.daemon.done, [("replay", "bus", 3)])
        self.daemon.letters.delivered = False
        shown = await self.shown("deadletters", "replay", "bus:3")
        self.assertEqual(shown, "bus:3 is on its way; it stays here until it is confirmed.\n")
        self.daemon.error = NotReplayable("The world has gone on.")
        complaint = await self.complaint("deadletters", "replay", "journal:3")
        self.assertEqual(complaint, "mudctl: The world has gone on.\n")

    async def test_letters_left(self) -> None:
        """What was left in a file is handed over, however much it is, and taken out of it."""
        path = self.folder / "world-old.spool"
        left = tuple(dead(f"i:{n}", bytes(600_000 if n < 3 else 1)) for n in range(1_100))
        Spool(path).append(left)
        shown = await self.shown("deadletters", "import", str(path))
        self.assertEqual(shown, f"1100 dead letters of {path} are kept; it is empty now.\n")
        self.assertEqual(tuple(self.daemon.letters.taken), left)
        self.assertEqual(Spool(path).size, 0)
        self.assertGreater(len(self.daemon.done), 3)
        again = await self.complaint("deadletters", "import", str(path))
        self.assertEqual(again, f"mudctl: {path} is no file of dead letters\n")

    async def test_letters_left_by_another_user(self) -> None:
        """What root makes beside a file belongs to whom the file belongs to."""
        if os.geteuid() != 0:
            raise SkipTest("only root takes files of others")
        nobody = pwd.getpwnam("nobody")
        path = self.folder / "left" / "world-old.spool"
        Spool(path).append((dead("i:1"),))
        lock = path.with_name("world-old.spool.lock")
        lock.unlink()
        self.folder.chmod(0o755)
        for each in path.parent, path:
            os.chown(each, nobody.pw_uid, nobody.pw_gid)
        self.daemon.letters = Unlucky(self.daemon, path)
        await self.shown("deadletters", "import", str(path))
        self.assertEqual(
            [each.stat().st_uid for each in (path, lock)], [nobody.pw_uid, nobody.pw_uid]
        )
        self.assertEqual((os.geteuid(), os.getegid()), (0, 0))

    async def test_letters_left_in_vain(self) -> None:
        """What can't be kept stays in its file, as does a file that can't be read in all."""
        path = self.folder / "world-old.spool"
        Spool(path).append((dead("i:1"),))
        before = path.read_bytes()
        self.daemon.error = StorageUnavailable("The database is away.")
        complaint = await self.complaint("deadletters", "import", str(path))
        self.assertEqual(complaint, "mudctl: The database is away.\n")
        self.assertEqual(path.read_bytes(), before)
        self.daemon.error = None
        path.write_bytes(before + b"torn\n")
        shown = await self.shown("deadletters", "import", str(path))
        self.assertIn("1 lines can't be read, so the file stays as it is", shown)
        self.assertEqual(path.read_bytes(), before + b"torn\n")
        self.assertEqual(self.daemon.letters.taken, [dead("i:1")])

    async def test_letters_left_in_use(self) -> None:
        """What comes into the file meanwhile stays in it."""
        path = self.folder / "world-1.spool"
        Spool(path).append((dead("i:1"),))
        self.daemon.letters = Unlucky(self.daemon, path)
        shown = await self.shown("deadletters", "import", str(path))
        self.assertIn("in it are others, which have come meanwhile", shown)
        self.assertEqual(Spool(path).read().letters, (dead("i:2"),))

    async def test_nobody(self) -> None:
        """A table without rows is its head."""
        self.assertEqual(
            await self.shown("sessions"), "character  account  transport  address  state\n"
        )

    async def test_all_pages(self) -> None:
        """All are shown, however many pages they make; also where the last is a full one."""
        for amount in (PAGE - 1, PAGE, 2 * PAGE, 2 * PAGE + 1):
            names = [f"Player{number:03}" for number in range(amount)]
            self.daemon.rows = [account(name) for name in names]
            _, *rows = (await self.shown("account", "list")).splitlines()
            self.assertEqual([row.split()[0] for row in rows], names)

    async def test_deeds(self) -> None:
        """Each deed says that it is done."""
        for words, expected in (
            (("account", "role", "Ann", "owner"), "Ann is now owner.\n"),
            (("account", "disable", "Bob"), "Bob is disabled.\n"),
            (("account", "enable", "Bob"), "Bob is enabled.\n"),
            (("kick", "Bob"), "Bob is kicked.\n"),
            (("kick", "Bob", "that", "was", "enough"), "Bob is kicked.\n"),
            (("revoke", "Bob"), "3 log-ins of Bob are ended.\n"),
            (("drain",), "The daemon drains.\n"),
        ):
            self.assertEqual(await self.shown(*words), expected)
        self.assertEqual(
            self.daemon.done,
            [
                ("role", "Ann", Role.OWNER),
                ("close", "Bob"),
                ("reopen", "Bob"),
                ("kick", "Bob", "You were asked to leave."),
                ("kick", "Bob", "that was enough"),
                ("revoke", "Bob"),
            ],
        )
        self.assertTrue(self.daemon.draining)

    async def test_refused(self) -> None:
        """What the daemon refuses is told in its words, with status 1."""
        self.daemon.error = PlayerError("There is no Bob in the world now.")
        self.assertEqual(
            await self.complaint("kick", "Bob"), "mudctl: There is no Bob in the world now.\n"
        )

    async def test_too_long(self) -> None:
        """So is what can't be sent."""
        self.assertIn("mudctl: ", await self.complaint("kick", "Bob", "x" * 70_000))

    async def test_export(self) -> None:
        """A document is shown whole, however many messages it takes; a small one, and none."""
        for size in (0, 2, CHUNK, CHUNK + 1, 5 * CHUNK):
            self.daemon.document = b"x" * size
            self.assertEqual(await self.shown("character", "export", "Mia"), "x" * size)
        self.assertEqual(self.daemon.done[-1], ("export", "Mia"))
        self.daemon.error = PlayerError("There is no character called Mia.")
        complaint = await self.complaint("character", "export", "Mia")
        self.assertEqual(complaint, "mudctl: There is no character called Mia.\n")

    async def test_import(self) -> None:
        """A file arrives whole, and what became of it is said."""
        file = self.folder / "mia.json"
        for size in (0, 2, CHUNK, 5 * CHUNK + 1):
            file.write_bytes(b"x" * size)
            said = await self.shown("character", "import", str(file))
            self.assertEqual(self.daemon.done[-1], ("import", b"x" * size, None))
            self.assertEqual(
                said,
                "Mia is here, and belongs to the account Mia."
                " Give it a password: mudctl account password Mia\n",
            )
        self.daemon.strangers = 2
        said = await self.shown("character", "import", str(file), "--account", "Bob")
        self.assertEqual(self.daemon.done[-1][2], "Bob")
        self.assertEqual(
            said,
            "Mia is here, and belongs to the account Bob.\n"
            "Of those whom it mutes, 2 are not here, and were left out.\n",
        )

    async def test_import_refused(self) -> None:
        """A file that isn't there, or is too large, is not even asked for."""
        file = self.folder / "mia.json"
        complaint = await self.complaint("character", "import", str(file))
        self.assertIn("No such file", complaint)
        file.write_bytes(b"x" * (MAX_DOCUMENT + 2))
        self.assertEqual(len(read_document(file)), MAX_DOCUMENT + 1)
        complaint = await self.complaint("character", "import", str(file))
        self.assertIn("larger than", complaint)
        self.assertEqual(self.daemon.done, [])

    async def test_backup_without_a_database(self) -> None:
        """Where the daemon can't say where its database is, there is no backup, and no file."""
        complaint = await self.complaint("backup", str(self.folder / "mud.dump"))
        self.assertEqual(complaint, "mudctl: There is none.\n")
        self.assertEqual([path.name for path in self.folder.iterdir()], ["control.sock"])

    async def test_nobody_answers(self) -> None:
        """Without a daemon that is told, with the socket's path."""
        await self.service.stopService()
        words = await self.complaint("status")
        self.assertIn(f"no mudserver answers at {self.path}", words)

    async def test_a_daemon_that_goes_away(self) -> None:
        """So is a daemon that ends before it answers."""
        await self.service.stopService()

        class Leaving(Protocol):
            def dataReceived(self, data: bytes) -> None:
                assert self.transport is not None
                self.transport.loseConnection()

        port = REACTOR.listenUNIX(str(self.path), Factory.forProtocol(Leaving))
        self.addCleanup(port.stopListening)
        self.assertIn("did not answer", await self.complaint("status"))

    def test_durations(self) -> None:
        """Uptimes are told to the second on the first day, to the minute later."""
        for seconds, expected in (
            (0.9, "0h 0m 0s"),
            (3_725.0, "1h 2m 5s"),
            (86_399.0, "23h 59m 59s"),
            (86_400.0, "1d 0h 0m"),
            (10 * 86_400 + 3_661, "10d 1h 1m"),
        ):
            self.assertEqual(_duration(seconds), expected)
