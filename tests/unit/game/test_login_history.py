"""Who logged in is noted at once, written later, and shown at the next log-in."""

from datetime import datetime, timedelta

from twisted.internet.defer import Deferred, succeed

from mudserver.errors import StorageRefused, StorageUnavailable, WrongCredentials
from mudserver.game import login_history
from mudserver.game.login_history import COALESCED, MAX_WAITING, WRITE_SECONDS
from mudserver.ids import AccountId
from mudserver.interfaces.authority import LogIn, Origin, PasswordCredential, Transport
from mudserver.interfaces.bus import WORLD
from mudserver.interfaces.logins import LoginOutcome, LoginWay
from tests.unit.game.theatre import HOME, PASSWORD, GameTestCase

AWAY = Origin("198.51.100.9", secure=True)


class LoginHistoryTest(GameTestCase):
    def written(self) -> list[tuple[int, str, LoginWay, LoginOutcome, int]]:
        return [
            (row.account, row.address, row.way, row.outcome, row.tries)
            for row in self.database.logins.values()
        ]

    def fail(self, name: str = "Ann", origin: Origin = HOME) -> None:  # type: ignore[override]
        request = LogIn(name, "a wrong one", origin, Transport.WEBSOCKET)
        self.failureResultOf(self.bus.request(WORLD, request), WrongCredentials)

    def test_written_later(self) -> None:
        """Log-ins wait, and are written together: by HTTP, WebSocket and telnet."""
        self.log_in("Ann")
        self.enter("Ann")
        telnet = Transport.TELNET
        self.gateway.attach(PasswordCredential("Bob", PASSWORD), transport=telnet, origin=AWAY)
        self.advance()
        self.assertEqual(self.written(), [])
        self.clock.advance(WRITE_SECONDS)
        accepted = LoginOutcome.ACCEPTED
        self.assertEqual(
            self.written(),
            [
                (1, "192.0.2.1", LoginWay.HTTP, accepted, 1),
                (1, "192.0.2.1", LoginWay.WEBSOCKET, accepted, 1),
                (2, "198.51.100.9", LoginWay.TELNET, accepted, 1),
            ],
        )

    def test_shown(self) -> None:
        """Whoever comes in again is shown when and from where that was last; a resume is none."""
        first = self.enter("Ann")
        self.assertNotIn("Last login", "".join(self.gateway.lines(first)))
        self.gateway.detach(first, by_choice=True)
        self.advance()
        telnet = Transport.TELNET
        attaching = self.gateway.attach(PasswordCredential("Ann", PASSWORD), transport=telnet)
        self.advance()
        second = self.successResultOf(attaching).session
        shown = "Last login: 2026-01-01 00:00 UTC from 192.0.2.1 by websocket."
        self.assertEqual(self.gateway.lines(second)[-1], shown)
        self.gateway.detach(second)
        self.advance()
        self.gateway.forget()
        resuming = self.gateway.attach(PasswordCredential("Ann", PASSWORD), resume=second)
        self.advance()
        self.assertTrue(self.successResultOf(resuming).recovered)
        self.assertNotIn("Last login", "".join(self.gateway.lines(second)))

    def test_shown_after_a_restart(self) -> None:
        """What was written is shown after a restart, too."""
        self.enter("Ann")
        self.successResultOf(self.service.stopService())
        self.assertEqual(len(self.database.logins), 1)
        self.database.tokens.clear()
        self.service = self.make_service()
        self.successResultOf(self.service.startService())
        again = self.enter("Ann")
        self.assertIn("Last login: 2026-01-01 00:00 UTC", self.gateway.lines(again)[-1])

    def test_coalesced(self) -> None:
        """What fails again from the same place counts in one row, for ten minutes."""
        for _ in range(3):
            self.fail()
        self.fail(origin=AWAY)
        self.fail("Nobody")
        self.clock.advance(WRITE_SECONDS)
        refused = LoginOutcome.REFUSED
        here = (1, "192.0.2.1", LoginWay.HTTP, refused, 3)
        there = (1, "198.51.100.9", LoginWay.HTTP, refused, 1)
        self.assertEqual(self.written(), [here, there])
        self.fail()
        self.clock.advance(WRITE_SECONDS)
        self.assertEqual(self.written(), [(*here[:-1], 4), there])
        self.clock.advance(COALESCED.total_seconds())
        self.fail()
        self.clock.advance(WRITE_SECONDS)
        self.assertEqual(len(self.written()), 3)

    def test_database_away(self) -> None:
        """While the database is away they wait; what has changed meanwhile is written as it is."""
        self.fail()
        self.database.failure = StorageUnavailable("gone")
        self.clock.advance(WRITE_SECONDS)
        self.database.failure = None
        self.fail()
        self.clock.advance(WRITE_SECONDS)
        self.assertEqual([row[-1] for row in self.written()], [2])

    def test_stopped_while_writing(self) -> None:
        """What was just being written when all ends is written once more, and not lost."""
        self.game.logins.accepted(AccountId(1), "::1", LoginWay.HTTP)
        self.database.hold()
        self.clock.advance(WRITE_SECONDS)
        self.game.tasks.stop()
        self.database.failure = StorageUnavailable("gone")
        self.database.release()
        self.database.failure = None
        self.successResultOf(Deferred.fromCoroutine(self.game.logins.stop()))
        self.assertEqual(len(self.written()), 1)

    def test_clock_set_back(self) -> None:
        """Where the wall clock is set back the last try isn't before the first."""
        logins = self.game.logins
        self.fail()
        logins._utc_now = lambda: self.utc_now() - timedelta(seconds=1)
        self.fail()
        self.clock.advance(WRITE_SECONDS)
        self.assertEqual([row[-1] for row in self.written()], [2])

    def test_sweep_is_bounded(self) -> None:
        """A sweep takes some portions; what is left waits, and log-ins are written meanwhile."""
        left = [True] * (login_history.MAX_PORTIONS + 1)
        store = self.account_store

        def sweep(before: datetime) -> Deferred[bool]:
            del before
            return succeed(left.pop())

        store.sweep_logins = sweep  # type: ignore[method-assign]
        self.clock.advance(login_history.SWEEP_SECONDS)
        self.assertEqual(len(left), 1)

    def test_refused(self) -> None:
        """What the database refuses is lost, logged and counted; the next is written."""
        self.game.logins.accepted(AccountId(1), "::1", LoginWay.HTTP)
        self.database.failure = StorageRefused("no")
        self.clock.advance(WRITE_SECONDS)
        self.database.failure = None
        self.assertEqual(len(self.flushLoggedErrors(StorageRefused)), 1)
        self.assertEqual(self.meter.counts["login_history_dropped"], 1)
        self.game.logins.accepted(AccountId(1), "::2", LoginWay.HTTP)
        self.clock.advance(WRITE_SECONDS)
        self.assertEqual(len(self.written()), 1)

    def test_bounded(self) -> None:
        """No more wait than may; the oldest are forgotten, and counted."""
        history = self.game.logins
        for number in range(MAX_WAITING + 5):
            history.accepted(AccountId(1), f"address {number}", LoginWay.HTTP)
        self.assertEqual(self.meter.counts["login_history_dropped"], 5)
        self.clock.advance(WRITE_SECONDS)
        self.assertEqual(len(self.database.logins), MAX_WAITING)

    def test_swept(self) -> None:
        """What is older than may be kept is forgotten."""
        self.fail()
        self.clock.advance(WRITE_SECONDS)
        days = self.limits.logins / timedelta(seconds=1)
        self.clock.advance(days)
        self.clock.advance(login_history.SWEEP_SECONDS)
        self.assertEqual(self.written(), [])
