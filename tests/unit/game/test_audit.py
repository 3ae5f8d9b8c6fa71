"""What staff and operators do is noted, together with what it does, and once."""

import json
from datetime import timedelta
from typing import TypeVar

from twisted.internet.defer import Deferred

from mudserver.errors import StorageUnavailable
from mudserver.game import committer
from mudserver.game.administration import Administration
from mudserver.game.attachments import SAVED_SECONDS
from mudserver.game.audit import MAX_ARGUMENT_CHARS
from mudserver.game.letter_office import LetterOffice
from mudserver.game.process import Process
from mudserver.interfaces.audit import AuditFilter, AuditRow, Operator, Via
from mudserver.interfaces.operations import DatabaseAddress
from mudserver.storage.memory_archive import MemoryCharacterArchive
from mudserver.storage.memory_audit import MemoryAuditStore
from mudserver.storage.memory_letters import MemoryLetterBox
from mudserver.world import commands
from mudserver.world.role import Role
from tests.unit.game.test_moderation import BanTestCase
from tests.unit.game.theatre import EPOCH

T = TypeVar("T")

BY = Operator("uid 1000", "pid 7")


class AuditTestCase(BanTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.administration = Administration(
            service=self.service,
            process=Process("1.2.3", EPOCH, lambda: None, connections=lambda: 7),
            clock=self.clock,
            address=lambda: DatabaseAddress({}, "/bin"),
            archive=lambda: MemoryCharacterArchive(self.database),
            letters=LetterOffice(
                self.service,
                lambda: (MemoryLetterBox(self.database),),
                lambda: self.undelivered,
                self.utc_now,
            ),
            audit_store=lambda: MemoryAuditStore(self.database),
            utc_now=self.utc_now,
        )

    @property
    def rows(self) -> list[AuditRow]:
        return list(self.database.audit.values())

    def deeds(self) -> list[tuple[str, str, object]]:
        return [(row.action, row.target, json.loads(row.details)) for row in self.rows]

    def done(self, deed: Deferred[T]) -> None:
        self.advance()
        self.successResultOf(deed)


class StaffTest(AuditTestCase):
    def test_noted(self) -> None:
        """Each deed of staff: who, from where, when, what, to whom, and how."""
        for line in ("silence ann 2h Enough.", "unsilence ann", "ban zoe Rude.", "unban zoe"):
            self.type(self.boss, line)
        until = "2026-01-01T02:00:00+00:00"
        self.assertEqual(
            self.deeds(),
            [
                ("silence", "Ann", {"until": until, "why": "Enough."}),
                ("unsilence", "Ann", {}),
                ("ban", "Zoe", {"kind": "name", "why": "Rude."}),
                ("unban", "Zoe", {"kind": "name"}),
            ],
        )
        for row in self.rows:
            self.assertEqual((row.via, row.actor, row.origin), (Via.GAME, "Boss", "198.51.100.9"))
            self.assertEqual(row.account, 3)
        self.assertEqual(self.rows[0].at, self.utc_now() - timedelta(seconds=0.4))

    def test_nothing_else(self) -> None:
        """What anybody may do, and what is refused, isn't noted."""
        for line in ("say hello", "mute ann", "unmute ann", "ban boss", "unban zoe", "bans"):
            self.type(self.boss, line)
        self.type(self.ann, "silence bob")
        self.assertEqual(self.rows, [])

    def test_together(self) -> None:
        """A deed and its note are one transaction: neither is there without the other."""
        self.database.hold()
        self.gateway.type(self.boss, "ban zoe")
        self.advance()
        self.assertEqual((self.rows, self.database.bans), ([], {}))
        self.database.lost_commits = 1
        self.database.release()
        self.clock.pump([committer.RETRY_SECONDS] * 3)
        self.assertEqual(len(self.rows), 1)
        self.assertEqual(len(self.database.bans), 1)

    def test_once(self) -> None:
        """An input that is carried out again, as after a crash, is noted once."""
        session = self.game.sessions.get(self.boss)
        assert session is not None
        self.type(self.boss, "ban zoe")
        (row,) = self.rows
        self.database.inputs.clear()
        session.answers.__init__(session.id)  # type: ignore[misc]
        number = int(row.key.split(":")[1])
        self.gateway.type(self.boss, "ban zoe", number=number)
        self.advance()
        self.assertEqual(self.rows, [row])


class OperatorTest(AuditTestCase):
    def test_noted(self) -> None:
        """Each deed of an operator; of a password, only that there is a new one."""
        admin = self.administration
        self.done(admin.set_role(BY, "ann", Role.BUILDER))
        self.done(admin.set_password(BY, "ann", "another long sentence"))
        self.done(admin.revoke(BY, "bob"))
        self.done(admin.close_account(BY, "bob"))
        self.done(admin.reopen_account(BY, "bob"))
        self.done(admin.kick(BY, "boss", "Out!"))
        self.done(admin.ban(BY, commands.Ban("192.0.2.9", why="Spam."), False))
        self.done(admin.unban(BY, commands.Unban("192.0.2.9")))
        document = admin.export_character(BY, "ann")
        self.done(document)
        text = self.successResultOf(admin.export_character(BY, "bob")).replace(b"Bob", b"Eve")
        self.done(admin.import_character(BY, text, "bob"))
        self.done(admin.database(BY))
        self.done(admin.letters.prune(BY, "journal", timedelta(days=30)))
        admin.drain(BY)
        self.advance()
        self.assertEqual(
            self.deeds(),
            [
                ("role", "Ann", {"role": "builder"}),
                ("password", "Ann", {}),
                ("revoke", "Bob", {}),
                ("disable", "Bob", {}),
                ("enable", "Bob", {}),
                ("kick", "boss", {"reason": "Out!"}),
                ("ban", "192.0.2.9/32", {"kind": "network", "why": "Spam."}),
                ("unban", "192.0.2.9/32", {"kind": "network"}),
                ("export", "Ann", {}),
                ("export", "Bob", {}),
                ("import", "Eve", {"account": "bob"}),
                ("database", "", {}),
                ("prune", "journal", {"age": "30 days, 0:00:00"}),
                ("drain", "", {}),
            ],
        )
        for row in self.rows:
            self.assertEqual((row.via, row.actor, row.origin), (Via.MUDCTL, "uid 1000", "pid 7"))
            self.assertIsNone(row.account)
        self.assertEqual(len({row.key for row in self.rows}), len(self.rows))

    def test_not_without(self) -> None:
        """What can't be noted isn't done."""
        self.database.failure = StorageUnavailable("gone")
        kicking = self.administration.kick(BY, "ann", "Out!")
        self.clock.advance(SAVED_SECONDS)
        self.failureResultOf(kicking, StorageUnavailable)
        self.assertEqual(self.gateway.ended(self.ann), [])

    def test_short(self) -> None:
        """Arguments are noted up to a length, without what drives a terminal."""
        self.done(self.administration.kick(BY, "ann", "\x1b[31m" + "x" * 1_000))
        ((_, _, details),) = self.deeds()
        self.assertEqual(details, {"reason": ("[31m" + "x" * 1_000)[:MAX_ARGUMENT_CHARS]})

    def test_listed(self) -> None:
        """The log is listed, the newest first, filtered and page by page."""
        for name in ("ann", "bob", "boss"):
            self.done(self.administration.set_role(BY, name, Role.ADMIN))
        self.done(self.administration.revoke(BY, "bob"))

        def page(wanted: AuditFilter, before: int | None, limit: int) -> list[tuple[str, str]]:
            found = self.successResultOf(self.administration.audit(wanted, before, limit))
            self.last = found[-1].id if found else 0
            return [(each.row.action, each.row.target) for each in found]

        self.assertEqual(page(AuditFilter(), None, 2), [("revoke", "Bob"), ("role", "Boss")])
        self.assertEqual(page(AuditFilter(), self.last, 2), [("role", "Bob"), ("role", "Ann")])
        self.assertEqual(page(AuditFilter(), self.last, 2), [])
        wanted = AuditFilter(actor="UID 1000", action="Role", target="BOB")
        self.assertEqual(page(wanted, None, 9), [("role", "Bob")])
        self.assertEqual(page(AuditFilter(actor="somebody"), None, 9), [])
