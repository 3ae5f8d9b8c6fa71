"""Who is here is looked at every minute, whether the database told of a change or not."""

from collections.abc import Callable
from datetime import timedelta

from attrs import evolve

from mudserver.errors import CloseCode, StorageUnavailable
from mudserver.game.revalidation import JITTER, ROUND_SECONDS
from mudserver.ids import SessionId
from mudserver.interfaces.rows import TokenRow
from tests.unit.game.theatre import GameTestCase


class RevalidationTest(GameTestCase):
    """Nothing is heard of any change."""

    def codes(self, session: SessionId) -> list[CloseCode]:
        return [ended.code for ended in self.gateway.ended(session)]

    def change_tokens(self, name: str, change: Callable[[TokenRow], TokenRow]) -> None:
        """Change the tokens of an account behind the game's back."""
        for hash, row in self.database.tokens.items():
            if self.database.accounts[row.account].name == name:
                self.database.tokens[hash] = change(row)

    def revoke(self, name: str) -> None:
        self.change_tokens(name, lambda row: evolve(row, revoked=True))

    def disable(self, name: str) -> None:
        for id, row in self.database.accounts.items():
            if row.name == name:
                self.database.accounts[id] = evolve(row, disabled=True)

    def test_token_revoked_mid_session(self) -> None:
        """A token that was revoked behind our back ends its session within a minute: 3500."""
        ann, bob = self.enter("Ann"), self.enter("Bob")
        self.revoke("Ann")
        self.advance(ROUND_SECONDS * (1 - JITTER) - 2.0)
        self.assertEqual(self.codes(ann), [])
        self.advance(ROUND_SECONDS * JITTER + 2.0)
        self.assertEqual((self.codes(ann), self.codes(bob)), ([CloseCode.REVOKED], []))

    def test_account_disabled_mid_session(self) -> None:
        """So does an account that was closed: 3500."""
        ann, bob = self.enter("Ann"), self.enter("Bob")
        self.disable("Ann")
        self.advance(ROUND_SECONDS)
        self.assertEqual((self.codes(ann), self.codes(bob)), ([CloseCode.REVOKED], []))

    def test_token_cut_short(self) -> None:
        """A token whose end was moved nearer ends its session then: 3005."""
        ann, bob = self.enter("Ann"), self.enter("Bob")
        end = self.utc_now() + timedelta(seconds=70)
        self.change_tokens("Ann", lambda row: evolve(row, expires=end))
        self.advance(ROUND_SECONDS)
        self.assertEqual(self.codes(ann), [])
        self.advance(12.0)
        self.assertEqual((self.codes(ann), self.codes(bob)), ([CloseCode.EXPIRED], []))

    def test_again_and_again(self) -> None:
        """One round follows the other."""
        ann = self.enter("Ann")
        for _ in range(5):
            self.advance(ROUND_SECONDS)
        self.revoke("Ann")
        self.advance(ROUND_SECONDS)
        self.assertEqual(self.codes(ann), [CloseCode.REVOKED])

    def test_database_away(self) -> None:
        """A database that is down ends nobody's session; what it hides is seen when it is back."""
        ann, bob = self.enter("Ann"), self.enter("Bob")
        self.database.failure = StorageUnavailable("away")
        for _ in range(10):
            self.advance(ROUND_SECONDS)
        self.assertEqual((self.codes(ann), self.codes(bob)), ([], []))
        self.revoke("Ann")
        self.database.failure = None
        self.advance(ROUND_SECONDS)
        self.assertEqual((self.codes(ann), self.codes(bob)), ([CloseCode.REVOKED], []))

    def test_stopped(self) -> None:
        """With the game the rounds end."""
        self.enter("Ann")
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])
