"""What operators may do."""

from datetime import timedelta

from attrs import evolve
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from mudserver.errors import (
    BadDocument,
    BadName,
    BadPassword,
    Banned,
    CloseCode,
    NameTaken,
    NoSuchCharacter,
    NoSuchLetter,
    NotAuthenticated,
    NotReplayable,
    PlayerError,
    StorageUnavailable,
    Unavailable,
    UnknownKeys,
    WrongCredentials,
)
from mudserver.game.administration import Administration
from mudserver.game.attachments import SAVED_SECONDS
from mudserver.game.character_document import decode, encode
from mudserver.game.letter_office import LetterOffice
from mudserver.game.process import Process
from mudserver.interfaces.archive import CarriedItem, CharacterRecord, ImportedCharacter
from mudserver.interfaces.audit import Operator
from mudserver.interfaces.authority import PasswordCredential
from mudserver.interfaces.letters import ILetterOffice
from mudserver.interfaces.operations import DatabaseAddress, IAdministration
from mudserver.interfaces.rows import AccountRow
from mudserver.interfaces.undelivered import Undelivered
from mudserver.storage.memory_archive import MemoryCharacterArchive
from mudserver.storage.memory_audit import MemoryAuditStore
from mudserver.storage.memory_letters import MemoryLetterBox
from mudserver.world.applied import ItemPlaced
from mudserver.world.role import Role
from tests.unit.game.theatre import EPOCH, PASSWORD, GameTestCase

BY = Operator("uid 1000", "pid 7")


class AdministrationTest(GameTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.drained = 0
        self.administration = Administration(
            service=self.service,
            process=Process("1.2.3", EPOCH, self.drain, connections=lambda: 7),
            clock=self.clock,
            address=lambda: DatabaseAddress({"host": "db", "password": "secret"}, "/bin"),
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

    def drain(self) -> None:
        self.drained += 1

    def test_interface(self) -> None:
        """It is what operators' tools expect."""
        verifyObject(IAdministration, self.administration)

    def test_status(self) -> None:
        """The status names the sessions and counts the connections, before and after, too."""
        self.enter("Ann")
        self.clock.advance(1.0)
        status = self.administration.status()
        self.assertEqual((status.version, status.connections), ("1.2.3", 7))
        self.assertGreater(status.uptime, 1.0)
        (session,) = status.sessions
        self.assertEqual((session.character, session.account), ("Ann", "Ann"))
        self.assertEqual((session.transport, session.address), ("websocket", "192.0.2.1"))
        self.assertFalse(status.draining)
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.administration.status().sessions, ())

    def test_letters(self) -> None:
        """Dead letters of a box are listed, read and thrown away; those of the journal are never
        delivered after all, and of a box that there isn't it is said which there are.
        """
        office = self.administration.letters
        verifyObject(ILetterOffice, office)
        self.assertEqual(office.boxes(), ("journal",))
        ann = self.enter("Ann")
        self.database.refuses = lambda row: isinstance(row, ItemPlaced)
        self.type(ann, "get lamp", "a")
        (letter,) = self.successResultOf(office.page("journal", 0, 10))
        self.assertEqual((letter.what, letter.attempts), ("ItemPlaced", 1))
        opened = self.successResultOf(office.open("journal", letter.number))
        self.assertEqual(opened.letter, letter)
        self.assertIn('"holder":', opened.contents)
        replayed = office.replay(BY, "journal", letter.number)
        self.failureResultOf(replayed, NotReplayable)
        for age, gone in ((timedelta(days=1), 0), (timedelta(), 1)):
            self.clock.advance(1.0)
            pruned = office.prune(BY, "journal", age)
            self.assertEqual(self.successResultOf(pruned), gone)
        missing = office.open("journal", letter.number)
        self.failureResultOf(missing, NoSuchLetter)
        error = self.failureResultOf(office.page("pigeon", 0, 1), NoSuchLetter).value
        self.assertIn("journal", str(error))

    def test_letters_taken_in(self) -> None:
        """Letters that were left in a file are kept, once, and that is noted first."""
        office = self.administration.letters
        left = (
            Undelivered("i:1", "gateway.a", "Show", b"x", "Nobody.", 3, EPOCH, EPOCH),
            Undelivered("i:2", "gateway.a", "Show", b"y", "Nobody.", 3, EPOCH, EPOCH),
        )
        for _ in range(2):
            taking = office.take_in(BY, left)
            self.advance()
            self.successResultOf(taking)
        self.assertEqual(tuple(each for _, each in self.undelivered.numbered()), left)
        deeds = [(row.action, row.target, row.details) for row in self.database.audit.values()]
        self.assertEqual(deeds, [("import", "bus", '{"letters":"2"}')] * 2)
        self.undelivered.failure = Unavailable("No.")
        failing = office.take_in(BY, left)
        self.advance()
        self.failureResultOf(failing, Unavailable)

    def test_accounts(self) -> None:
        """Accounts are listed by name, page by page."""
        first = self.successResultOf(self.administration.accounts("", 1))
        second = self.successResultOf(self.administration.accounts(first[0].name, 10))
        self.assertEqual([row.name for row in (*first, *second)], ["Ann", "Bob"])

    def test_role(self) -> None:
        """A role is changed by name."""
        self.successResultOf(self.administration.set_role(BY, "ann", Role.OWNER))
        self.assertIs(self.account("Ann").role, Role.OWNER)
        self.failureResultOf(self.administration.set_role(BY, "nobody", Role.OWNER), PlayerError)

    def account(self, name: str) -> AccountRow:
        account = self.successResultOf(self.account_store.by_name(name))
        assert account is not None
        return account

    def test_password(self) -> None:
        """A new password ends all sessions of the account."""
        ann = self.enter("Ann")
        self.failureResultOf(self.administration.set_password(BY, "Ann", "x"), BadPassword)
        self.successResultOf(self.administration.set_password(BY, "Ann", "a new sentence"))
        self.advance()
        self.assertEqual([e.code for e in self.gateway.ended(ann)], [CloseCode.REVOKED])

    def test_revoke(self) -> None:
        """Revoking an account ends its tokens and sessions, and says how many were valid."""
        ann, bob = self.enter("Ann"), self.enter("Bob")
        self.log_in("Ann")
        self.assertEqual(self.successResultOf(self.administration.revoke(BY, "ann")), 2)
        self.advance()
        self.assertEqual([e.code for e in self.gateway.ended(ann)], [CloseCode.REVOKED])
        self.assertEqual(self.gateway.ended(bob), [])
        self.assertEqual(self.successResultOf(self.administration.revoke(BY, "ann")), 0)

    def test_disable(self) -> None:
        """A disabled account is out at once, and stays so until it is enabled."""
        ann, bob = self.enter("Ann"), self.enter("Bob")
        ticket = self.log_in("Ann")
        self.successResultOf(self.administration.close_account(BY, "ann"))
        self.advance()
        self.assertEqual([e.code for e in self.gateway.ended(ann)], [CloseCode.REVOKED])
        self.assertEqual(self.gateway.ended(bob), [])
        self.failureResultOf(self.gateway.attach(ticket), NotAuthenticated)
        self.failureResultOf(self.gateway.attach(PasswordCredential("Ann", PASSWORD)), Banned)
        self.successResultOf(self.administration.reopen_account(BY, "ann"))
        self.failureResultOf(self.gateway.attach(ticket), NotAuthenticated)
        self.enter("Ann")
        for change in (self.administration.close_account, self.administration.reopen_account):
            self.failureResultOf(change(BY, "nobody"), PlayerError)

    def test_disabled_while_arriving(self) -> None:
        """Whoever showed the password before the account was disabled is not let in after it."""
        attaching = self.gateway.attach(PasswordCredential("Ann", PASSWORD))
        self.successResultOf(self.administration.close_account(BY, "ann"))
        self.advance()
        self.failureResultOf(attaching, NotAuthenticated, Banned)

    def test_export(self) -> None:
        """A character is written down as it is now, saved or not."""
        ann = self.enter("Ann")
        self.gateway.type(ann, "get lamp")
        self.clock.advance(0)
        exported = self.administration.export_character(BY, "ANN")
        self.advance()
        document = self.successResultOf(exported)
        self.assertEqual(
            decode(document, self.utc_now()),
            CharacterRecord("Ann", EPOCH, "steps", (CarriedItem("lamp"),), ()),
        )
        self.failureResultOf(self.administration.export_character(BY, "Nobody"), NoSuchCharacter)

    def test_export_while_the_database_is_away(self) -> None:
        """What can't be saved can't be exported; that is said after a while."""
        ann = self.enter("Ann")
        self.database.failure = StorageUnavailable("away")
        self.gateway.type(ann, "get lamp")
        self.clock.advance(0)
        exported = self.administration.export_character(BY, "Ann")
        self.advance(SAVED_SECONDS)
        self.failureResultOf(exported, StorageUnavailable)

    def test_import(self) -> None:
        """Who comes from another world is there, and can play once there is a password."""
        mia = CharacterRecord("mia", EPOCH, "hall", (CarriedItem("rope"),), ("Bob", "Nemo"))
        imported = self.successResultOf(self.administration.import_character(BY, encode(mia), None))
        self.assertEqual(imported, ImportedCharacter("Mia", "Mia", strangers=1))
        self.failureResultOf(self.gateway.attach(PasswordCredential("Mia", "!")), WrongCredentials)
        self.successResultOf(self.administration.set_password(BY, "Mia", PASSWORD))
        session = self.enter("Mia")
        self.type(session, "inventory")
        self.assertTrue(any("a rope" in line for line in self.gateway.lines(session)))
        exported = self.administration.export_character(BY, "Mia")
        self.advance()
        self.assertEqual(
            decode(self.successResultOf(exported), EPOCH),
            CharacterRecord("Mia", EPOCH, "hall", (CarriedItem("rope"),), ("Bob",)),
        )

    def test_import_for_an_account(self) -> None:
        """A character may come to an account that is there."""
        mia = CharacterRecord("Mia", EPOCH, None, (), ())
        imported = self.successResultOf(
            self.administration.import_character(BY, encode(mia), "bob")
        )
        self.assertEqual(imported.account, "Bob")
        self.assertEqual(self.account("Bob").characters, ("Bob", "Mia"))

    def test_import_refused(self) -> None:
        """A name that may not be or is taken, an unknown account or thing, no document at all."""
        mia = CharacterRecord("Mia", EPOCH, None, (), ())
        for record, account, kind in (
            (evolve(mia, name="Guest7"), None, BadName),
            (evolve(mia, name="Pellow"), None, BadName),
            (evolve(mia, name="ann"), None, NameTaken),
            (evolve(mia, name="ann"), "Bob", NameTaken),
            (mia, "Nobody", PlayerError),
            (evolve(mia, items=(CarriedItem("whip"),)), None, UnknownKeys),
            (evolve(mia, room="attic"), None, UnknownKeys),
        ):
            document = encode(record)
            self.failureResultOf(self.administration.import_character(BY, document, account), kind)
        self.failureResultOf(self.administration.import_character(BY, b"{}", None), BadDocument)
        accounts = self.successResultOf(self.administration.accounts("", 10))
        self.assertEqual([row.name for row in accounts], ["Ann", "Bob"])

    def test_database(self) -> None:
        """Where the database is, is told, but never logged with its password."""
        asking = self.administration.database(BY)
        self.advance()
        address = self.successResultOf(asking)
        self.assertEqual((address.parameters["host"], address.programs), ("db", "/bin"))
        self.assertNotIn("secret", repr(address))

    def test_kick(self) -> None:
        """Kicking closes the connection of a character that is there."""
        ann = self.enter("Ann")
        self.successResultOf(self.administration.kick(BY, "Ann", "Enough."))
        self.advance()
        self.assertEqual([e.code for e in self.gateway.ended(ann)], [CloseCode.KICKED])
        self.failureResultOf(self.administration.kick(BY, "Ann", "Enough."), PlayerError)

    def test_chat_log(self) -> None:
        """What was said is read, the newest moment included; each look is logged."""
        ann = self.enter("Ann")
        self.enter("Bob")
        self.gateway.type(ann, "say one")
        self.gateway.type(ann, "tell bob two")
        self.clock.advance(0)
        self.clock.advance(0.5)
        hour = timedelta(hours=1)
        reading = self.administration.chat_log(BY, None, None, hour, 10)
        self.clock.advance(0)
        (line,) = self.successResultOf(reading)
        self.assertEqual((line.line.text, line.room), ("one", "steps"))
        reading = self.administration.chat_log(BY, "tell", "bob", hour, 10)
        (line,) = self.successResultOf(reading)
        self.assertEqual(line.line.text, "two")
        self.clock.advance(7200)
        self.assertEqual(
            self.successResultOf(self.administration.chat_log(BY, None, None, hour, 10)), ()
        )

    def test_drain(self) -> None:
        """Draining is passed on, and shows in the status."""
        self.administration.drain(BY)
        self.assertEqual(self.drained, 1)
        self.assertTrue(self.administration.status().draining)

    def test_without_a_world(self) -> None:
        """While no world is up, what needs it says so."""
        self.successResultOf(self.service.stopService())
        waiting: list[Deferred[object]] = [
            self.administration.kick(BY, "Ann", "x"),  # type: ignore[list-item]
            self.administration.revoke(BY, "Ann"),  # type: ignore[list-item]
            self.administration.accounts("", 1),  # type: ignore[list-item]
        ]
        for each in waiting:
            self.failureResultOf(each, Unavailable)
