"""To resume is to show again by what right one acts: the resume secret alone opens nothing."""

from datetime import timedelta

from attrs import evolve
from twisted.internet.defer import Deferred

from mudserver.errors import Banned, CloseCode, NotAuthenticated, WrongCredentials
from mudserver.game.limits import AccountLimits, GameLimits, PresenceLimits
from mudserver.ids import CharacterId
from mudserver.interfaces.authority import (
    Credential,
    LoggedIn,
    LogIn,
    PasswordCredential,
    Revoke,
    TicketCredential,
    Transport,
)
from mudserver.interfaces.bus import WORLD
from mudserver.interfaces.play import Attached
from tests.unit.game.theatre import HOME, PASSWORD, GameTestCase


class ResumeAuthorityTest(GameTestCase):
    """Ann's link is lost, and her gateway, which checks the secret, asks to go on."""

    # So long a grace that whatever keeps Ann out is not its end.
    limits = GameLimits(
        AccountLimits(token_idle=timedelta(minutes=10)), PresenceLimits(grace=7_200.0)
    )

    def setUp(self) -> None:
        super().setUp()
        self.ann = self.enter("Ann")
        self.login = self.log_in_whole("Ann")
        self.gateway.detach(self.ann)
        self.advance()

    def log_in_whole(self, name: str) -> LoggedIn:
        request = LogIn(name, PASSWORD, HOME, Transport.WEBSOCKET)
        return self.successResultOf(self.bus.request(WORLD, request))

    def resume(self, credential: Credential) -> Deferred[Attached]:
        attaching = self.gateway.attach(credential, resume=self.ann)
        self.advance()
        return attaching

    @property
    def ticket(self) -> TicketCredential:
        return TicketCredential(self.login.ticket, self.login.csrf)

    def refused(self, credential: Credential) -> CloseCode | None:
        """Expect that a resume is refused; return how its connection is to be closed."""
        failure = self.failureResultOf(
            self.resume(credential), NotAuthenticated, WrongCredentials, Banned
        )
        error = failure.value
        return error.close_code if isinstance(error, NotAuthenticated) else None

    def test_valid(self) -> None:
        """A valid ticket goes on with the session."""
        self.assertTrue(self.successResultOf(self.resume(self.ticket)).recovered)

    def test_second_character(self) -> None:
        """Who goes on with a session goes on with its character, without naming it again."""
        first = next(each for each in self.database.characters.values() if each.name == "Ann")
        second = evolve(first, id=CharacterId(first.id + 1_000_000), name="Anneliese")
        self.database.characters[second.id] = second
        attaching = self.gateway.attach(self.ticket, character="Anneliese")
        self.advance()
        self.ann = self.successResultOf(attaching).session
        self.gateway.detach(self.ann)
        self.advance()
        attached = self.successResultOf(self.resume(PasswordCredential("Ann", PASSWORD)))
        self.assertEqual((attached.character, attached.recovered), ("Anneliese", True))

    def test_replayed_ticket(self) -> None:
        """A ticket that was spent can't: 3500."""
        self.successResultOf(self.resume(self.ticket))
        self.assertIs(self.refused(self.ticket), CloseCode.REVOKED)

    def test_revoked(self) -> None:
        """A revoked token can't: 3500."""
        self.successResultOf(self.bus.request(WORLD, Revoke(self.login.token)))
        self.assertIs(self.refused(self.ticket), CloseCode.REVOKED)

    def test_revoked_while_resuming(self) -> None:
        """Nor can one that is revoked while it is being looked at."""
        attaching = self.gateway.attach(self.ticket, resume=self.ann)
        self.successResultOf(self.bus.request(WORLD, Revoke(self.login.token)))
        self.advance()
        self.failureResultOf(attaching, NotAuthenticated)

    def test_expired(self) -> None:
        """An expired token can't, though its ticket has not: 3005."""
        for hash, row in self.database.tokens.items():
            self.database.tokens[hash] = evolve(row, expires=self.utc_now())
        self.assertIs(self.refused(self.ticket), CloseCode.EXPIRED)

    def test_disabled(self) -> None:
        """A disabled account can't, neither by ticket nor by password."""
        for id, row in self.database.accounts.items():
            self.database.accounts[id] = evolve(row, disabled=True)
        self.assertIsNone(self.refused(self.ticket))
        self.assertIsNone(self.refused(PasswordCredential("Ann", PASSWORD)))

    def test_wrong_password(self) -> None:
        """Nor can a wrong password."""
        self.refused(PasswordCredential("Ann", "another sentence"))

    def test_another_account(self) -> None:
        """Who has another's secret gets a session of their own, and the other's is untouched."""
        bob = self.log_in_whole("Bob")
        attached = self.successResultOf(self.resume(TicketCredential(bob.ticket, bob.csrf)))
        self.assertFalse(attached.recovered)
        self.assertEqual(attached.character, "Bob")
        session = self.game.sessions.get(self.ann)
        assert session is not None
        self.assertTrue(session.linkdead)
        self.assertEqual(self.gateway.ended(self.ann), [])
