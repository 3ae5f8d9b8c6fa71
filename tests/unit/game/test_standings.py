"""What others change of an account comes into force for those who are here."""

from attrs import evolve

from mudserver.errors import Banned, CloseCode, NotAuthenticated, StorageUnavailable
from mudserver.game.standings import MAX_DUE
from mudserver.ids import AccountId
from mudserver.interfaces.notices import Topic
from mudserver.world.role import Role
from tests.unit.game.theatre import GameTestCase


class StandingsTests(GameTestCase):
    def account(self, name: str) -> AccountId:
        return next(each.id for each in self.database.accounts.values() if each.name == name)

    def change(self, name: str, *, role: Role = Role.PLAYER, disabled: bool = False) -> None:
        """Change an account behind the game's back."""
        account = self.account(name)
        row = self.database.accounts[account]
        self.database.accounts[account] = evolve(row, role=role, disabled=disabled)

    def revoke(self, name: str) -> None:
        """Revoke the tokens of an account behind the game's back."""
        account = self.account(name)
        for hash, row in self.database.tokens.items():
            if row.account == account:
                self.database.tokens[hash] = evolve(row, revoked=True)

    def sound(self, name: str) -> None:
        self.notices.sound(Topic.ACCOUNT, str(self.account(name)))
        self.advance()

    def codes(self, session: object) -> list[CloseCode]:
        return [ended.code for ended in self.gateway.ended(session)]  # type: ignore[arg-type]

    def test_revoked(self) -> None:
        """Whose tokens others revoked goes when that is told; others stay."""
        ann, bob = self.enter("Ann"), self.enter("Bob")
        self.revoke("Ann")
        self.advance()
        self.assertEqual(self.codes(ann), [])
        self.sound("Ann")
        self.assertEqual((self.codes(ann), self.codes(bob)), ([CloseCode.REVOKED], []))

    def test_deleted(self) -> None:
        """A token that is gone is as good as revoked."""
        ann = self.enter("Ann")
        self.database.tokens.clear()
        self.sound("Ann")
        self.assertEqual(self.codes(ann), [CloseCode.REVOKED])

    def test_closed(self) -> None:
        """Whose account was closed goes, and stays out until it is open again."""
        ann, bob = self.enter("Ann"), self.enter("Bob")
        ticket = self.log_in("Ann")
        self.change("Ann", disabled=True)
        self.sound("Ann")
        self.assertEqual((self.codes(ann), self.codes(bob)), ([CloseCode.REVOKED], []))
        self.failureResultOf(self.gateway.attach(ticket), Banned)
        self.change("Ann", disabled=False)
        self.sound("Ann")
        again = self.enter("Ann")
        self.assertEqual(self.codes(again), [])

    def test_role(self) -> None:
        """A role that others gave is had by who plays; one that is had already is no news."""
        ann = self.enter("Ann")
        character = self.game.world.character_named("Ann")
        assert character is not None
        self.change("Ann", role=Role.ADMIN)
        self.sound("Ann")
        self.assertIs(character.role, Role.ADMIN)
        before = len(self.gateway.messages)
        self.sound("Ann")
        self.assertEqual(len(self.gateway.messages), before)
        self.assertEqual(self.codes(ann), [])

    def test_gap(self) -> None:
        """After a gap everybody here is looked at; nothing happens where nothing was changed."""
        ann, bob = self.enter("Ann"), self.enter("Bob")
        self.notices.lose()
        self.advance()
        self.assertEqual((self.codes(ann), self.codes(bob)), ([], []))
        self.revoke("Bob")
        self.notices.lose()
        self.advance()
        self.assertEqual((self.codes(ann), self.codes(bob)), ([], [CloseCode.REVOKED]))

    def test_arriving(self) -> None:
        """Who is just coming in by what was revoked meanwhile doesn't come in, though the token was
        good when it was read.
        """
        for told in (self.revoke, lambda name: self.change(name, disabled=True)):
            attaching = self.gateway.attach(self.log_in("Ann"))
            self.assertNoResult(attaching)
            told("Ann")
            self.sound("Ann")
            self.failureResultOf(attaching, NotAuthenticated, Banned)
        self.assertEqual(len(self.game.sessions), 0)

    def test_arriving_with_a_new_role(self) -> None:
        """Who is just coming in comes in with the role that others gave meanwhile."""
        attaching = self.gateway.attach(self.log_in("Ann"))
        self.change("Ann", role=Role.ADMIN)
        self.sound("Ann")
        self.advance()
        self.successResultOf(attaching)
        character = self.game.world.character_named("Ann")
        assert character is not None
        self.assertIs(character.role, Role.ADMIN)

    def test_database_away(self) -> None:
        """While the database is away it is tried again, and nobody is sent away for that."""
        ann = self.enter("Ann")
        self.revoke("Ann")
        self.database.failure = StorageUnavailable("away")
        self.sound("Ann")
        self.advance(3.0)
        self.assertEqual(self.codes(ann), [])
        self.database.failure = None
        self.advance(5.0)
        self.assertEqual(self.codes(ann), [CloseCode.REVOKED])

    def test_nonsense(self) -> None:
        """A notice that names no account is of no consequence."""
        ann = self.enter("Ann")
        for text in ("", "ann", "-1", "\N{ARABIC-INDIC DIGIT ONE}", "9" * 5_000):
            self.notices.sound(Topic.ACCOUNT, text)
        self.advance()
        self.assertEqual(self.codes(ann), [])

    def test_strangers(self) -> None:
        """Accounts that nobody here has are no matter, however many."""
        ann = self.enter("Ann")
        for number in range(1_000, 1_000 + 2 * MAX_DUE):
            self.notices.sound(Topic.ACCOUNT, str(number))
        self.revoke("Ann")
        self.sound("Ann")
        self.advance()
        self.assertEqual(self.codes(ann), [CloseCode.REVOKED])

    def test_stopped(self) -> None:
        """A game that stopped listens no more."""
        self.enter("Ann")
        self.successResultOf(self.service.stopService())
        self.sound("Ann")
        self.notices.lose()
        self.advance()

    def test_unknown_token(self) -> None:
        """Who was sent away so can't come back by it."""
        ticket = self.log_in("Ann")
        self.revoke("Ann")
        self.sound("Ann")
        self.failureResultOf(self.gateway.attach(ticket), NotAuthenticated)
