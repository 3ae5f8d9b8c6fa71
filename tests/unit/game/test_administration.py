"""What operators may do."""

from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from mudserver.errors import BadPassword, CloseCode, PlayerError, Unavailable
from mudserver.game.administration import Administration
from mudserver.interfaces import AccountRow, DatabaseAddress, IAdministration, Role
from tests.unit.game.theatre import EPOCH, GameTestCase


class AdministrationTest(GameTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.drained = 0
        self.administration = Administration(
            service=self.service,
            version="1.2.3",
            running_since=EPOCH,
            clock=self.clock,
            connections=lambda: 7,
            address=lambda: DatabaseAddress({"host": "db", "password": "secret"}, "/bin"),
            drain=self.drain,
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

    def test_accounts(self) -> None:
        """Accounts are listed by name, page by page."""
        first = self.successResultOf(self.administration.accounts("", 1))
        second = self.successResultOf(self.administration.accounts(first[0].name, 10))
        self.assertEqual([row.name for row in (*first, *second)], ["Ann", "Bob"])

    def test_role(self) -> None:
        """A role is changed by name."""
        self.successResultOf(self.administration.set_role("ann", Role.OWNER))
        self.assertIs(self.account("Ann").role, Role.OWNER)
        self.failureResultOf(self.administration.set_role("nobody", Role.OWNER), PlayerError)

    def account(self, name: str) -> AccountRow:
        account = self.successResultOf(self.account_store.by_name(name))
        assert account is not None
        return account

    def test_password(self) -> None:
        """A new password ends all sessions of the account."""
        ann = self.enter("Ann")
        self.failureResultOf(self.administration.set_password("Ann", "x"), BadPassword)
        self.successResultOf(self.administration.set_password("Ann", "a new sentence"))
        self.advance()
        self.assertEqual([e.code for e in self.gateway.ended(ann)], [CloseCode.REVOKED])

    def test_revoke(self) -> None:
        """Revoking an account ends its tokens and sessions, and says how many were valid."""
        ann, bob = self.enter("Ann"), self.enter("Bob")
        self.log_in("Ann")
        self.assertEqual(self.successResultOf(self.administration.revoke("ann")), 2)
        self.advance()
        self.assertEqual([e.code for e in self.gateway.ended(ann)], [CloseCode.REVOKED])
        self.assertEqual(self.gateway.ended(bob), [])
        self.assertEqual(self.successResultOf(self.administration.revoke("ann")), 0)

    def test_kick(self) -> None:
        """Kicking closes the connection of a character that is there."""
        ann = self.enter("Ann")
        self.successResultOf(self.administration.kick("Ann", "Enough."))
        self.advance()
        self.assertEqual([e.code for e in self.gateway.ended(ann)], [CloseCode.KICKED])
        self.failureResultOf(self.administration.kick("Ann", "Enough."), PlayerError)

    def test_drain(self) -> None:
        """Draining is passed on, and shows in the status."""
        self.administration.drain()
        self.assertEqual(self.drained, 1)
        self.assertTrue(self.administration.status().draining)

    def test_without_a_world(self) -> None:
        """While no world is up, what needs it says so."""
        self.successResultOf(self.service.stopService())
        waiting: list[Deferred[object]] = [
            self.administration.kick("Ann", "x"),  # type: ignore[list-item]
            self.administration.revoke("Ann"),  # type: ignore[list-item]
            self.administration.accounts("", 1),  # type: ignore[list-item]
        ]
        for each in waiting:
            self.failureResultOf(each, Unavailable)
