"""The world as a service: what it answers, and how it begins and ends."""

from typing import cast

from attrs import frozen
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from mudserver.errors import (
    BadPassword,
    BusUnavailable,
    CloseCode,
    PlayerError,
    StartupError,
    StorageRefused,
    StorageUnavailable,
    Unavailable,
)
from mudserver.game import journal
from mudserver.game.administration import Administration
from mudserver.interfaces import (
    WORLD,
    AccountRow,
    Describe,
    IAdministration,
    Message,
    Request,
    Role,
)
from mudserver.storage.memory import MemoryDatabase, MemoryWorldStore
from tests.unit.game.theatre import EPOCH, GameTestCase


@frozen
class Unknown(Message):
    """A message of a newer gateway."""


@frozen
class UnknownRequest(Request[None]):
    """A request of a newer gateway."""


class StartTest(GameTestCase):
    def test_no_world(self) -> None:
        """Without a stored world it doesn't start, and says why."""
        self.successResultOf(self.service.stopService())
        self.world_store = MemoryWorldStore(MemoryDatabase())
        self.service = self.make_service()
        self.failureResultOf(self.service.startService(), StartupError)
        self.failureResultOf(self.bus.request(WORLD, Describe("x")), BusUnavailable)

    def test_database_away(self) -> None:
        """Without a database it doesn't start either, and may be started again."""
        self.successResultOf(self.service.stopService())
        self.service = self.make_service()
        self.database.failure = StorageUnavailable("away")
        self.failureResultOf(self.service.startService(), StorageUnavailable)
        self.database.failure = None
        self.successResultOf(self.service.startService())

    def test_restart(self) -> None:
        """After a restart the world is as it was left."""
        ann = self.enter("Ann")
        self.type(ann, "get lamp")
        self.type(ann, "east")
        self.type(ann, "drop lamp")
        self.successResultOf(self.service.stopService())
        self.service = self.make_service()
        self.successResultOf(self.service.startService())
        # The secrets begin anew as well; these were given out before.
        for _ in range(10):
            self.game.accounts._token_bytes(32)
        ann = self.enter("Ann")
        (state,) = self.gateway.bodies(ann, "room.state")[-1:]
        room = cast("dict[str, list[dict[str, object]]]", state["room"])
        self.assertEqual(room["name"], "The Mole")
        self.assertIn("a brass lamp", [item["name"] for item in room["items"]])

    def test_stops_without_database(self) -> None:
        """If the database stays away, stopping ends in an error, and nothing is left running."""
        ann = self.enter("Ann")
        self.database.failure = StorageUnavailable("away")
        self.type(ann, "get lamp")
        stopping = self.service.stopService()
        self.assertNoResult(stopping)
        self.clock.pump([1.0] * int(journal.STOP_SECONDS))
        self.failureResultOf(stopping, StorageUnavailable)
        self.assertFalse(self.threads.running)
        self.assertFalse(self.service.open)


class AnswerTest(GameTestCase):
    def test_unknown(self) -> None:
        """What a newer gateway sends is counted, and disturbs nobody."""
        self.bus.publish(WORLD, Unknown())
        self.assertEqual(self.meter.counts["messages_unknown Unknown"], 1)
        self.failureResultOf(self.bus.request(WORLD, UnknownRequest()), Unavailable)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_our_faults(self) -> None:
        """A fault of ours is logged, and reaches the other side as unavailable."""
        self.database.failure = StorageRefused("no")
        self.failureResultOf(self.bus.request(WORLD, Describe("x")), Unavailable)
        self.database.failure = None
        self.assertEqual(len(self.flushLoggedErrors(StorageRefused)), 1)


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
