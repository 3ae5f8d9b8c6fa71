"""Failed log-ins are remembered beyond a restart, and can't fill memory or database."""

from datetime import timedelta

from twisted.internet.defer import Deferred

from mudserver.errors import PlayerError, StorageUnavailable, TooManyTries, WrongCredentials
from mudserver.game.login_attempts import MAX_WAITING, MAX_WRITTEN, SWEEP_SECONDS, WRITE_SECONDS
from mudserver.interfaces.authority import LogIn, Origin, Transport
from mudserver.interfaces.bus import WORLD
from tests.unit.game.theatre import HOME, PASSWORD, GameTestCase


class LoginAttemptsTestCase(GameTestCase):
    def trying(
        self, name: str = "Ann", password: str = "a wrong sentence", origin: Origin = HOME
    ) -> Deferred[object]:
        return self.bus.request(WORLD, LogIn(name, password, origin, Transport.WEBSOCKET))

    def fail_times(self, times: int, name: str = "Ann", origin: Origin = HOME) -> None:
        for _ in range(times):
            self.failureResultOf(self.trying(name, origin=origin), WrongCredentials)

    def restart(self) -> None:
        """End the world in good order, and begin another on the same database."""
        self.successResultOf(self.service.stopService())
        self.begin_again()

    def kill(self) -> None:
        """Begin another world as if this one had been killed."""
        self.game.attempts._failed.clear()
        self.restart()

    def begin_again(self) -> None:
        self.threads.running = False
        self.service = self.make_service()
        self.successResultOf(self.service.startService())


class RestartTest(LoginAttemptsTestCase):
    def test_a_restart_forgives_nobody(self) -> None:
        """Whoever has used up the free tries waits after a restart, too."""
        self.fail_times(5)
        self.restart()
        error = self.failureResultOf(self.trying(), TooManyTries).value
        self.assertGreater(error.retry_after, 0.0)

    def test_the_window_goes_on(self) -> None:
        """What failed counts from when it did: ten minutes after that it is forgotten."""
        self.fail_times(5)
        self.advance(590.0)
        self.restart()
        self.fail_times(1)  # the delay of a second is long over
        self.failureResultOf(self.trying(), TooManyTries)
        self.advance(11.0)
        self.fail_times(4)

    def test_of_addresses(self) -> None:
        """The thirty of an address count beyond it as well, whatever the names."""
        for number in range(30):
            self.fail_times(1, "Nobody" + chr(ord("a") + number % 26) * (1 + number // 26))
        self.restart()
        self.failureResultOf(self.trying("Bob", PASSWORD), TooManyTries)
        elsewhere = Origin("198.51.100.1", secure=True)
        self.successResultOf(self.trying("Bob", PASSWORD, elsewhere))

    def test_forgiven(self) -> None:
        """What the right password forgave stays forgiven, written or not."""
        for pause in (0.0, 2 * WRITE_SECONDS):
            self.fail_times(4)
            self.advance(pause)
            self.successResultOf(self.trying(password=PASSWORD))
            self.restart()
            self.fail_times(5)
            self.failureResultOf(self.trying(), TooManyTries)
            self.advance(700.0)

    def test_killed(self) -> None:
        """What was written before a kill is remembered: all but the last two seconds."""
        self.fail_times(5)
        self.advance(WRITE_SECONDS + 0.1)
        self.kill()
        self.fail_times(1)  # the delay of a second is over
        self.failureResultOf(self.trying(), TooManyTries)


class WriteTest(LoginAttemptsTestCase):
    flooded = 0

    def stored(self) -> int:
        return len(self.failed_login_store.rows)

    def flood(self, attempts: int) -> None:
        """Fail from as many addresses, below the level that hashes passwords."""
        for _ in range(attempts):
            self.flooded += 1
            self.fail_at_once(f"name{self.flooded}", f"2001:db8:{self.flooded:x}::1")

    def fail_at_once(self, name: str, address: str) -> None:
        """Begin a try that must not wait for anything, and fail."""
        self.successResultOf(Deferred.fromCoroutine(self.game.attempts.begin(name, address)))
        self.game.attempts.fail(name, address)

    def test_written_behind(self) -> None:
        """They are written together, a little later; who fails doesn't wait for that."""
        self.fail_times(3)
        self.assertEqual(self.stored(), 0)
        self.advance(WRITE_SECONDS)
        self.assertEqual(self.stored(), 3)

    def test_no_name_is_written(self) -> None:
        """What was typed in place of a name may be a password: it is not written, nor logged."""
        self.fail_times(1, "my-secret-word")
        self.advance(WRITE_SECONDS)
        self.assertNotIn("my-secret-word", repr(self.failed_login_store.rows))

    def test_bounded_writes(self) -> None:
        """A flood has so many rows written at a time, and so many kept in memory, and no more."""
        self.flood(MAX_WAITING + 500)
        self.assertEqual(self.meter.counts["failed_logins_dropped"], 500)
        self.clock.advance(WRITE_SECONDS)
        self.assertEqual(self.stored(), MAX_WRITTEN)
        self.clock.advance(WRITE_SECONDS)
        self.assertEqual(self.stored(), 2 * MAX_WRITTEN)

    def test_swept(self) -> None:
        """Rows too old to count go, under a flood, too."""
        for _ in range(40):
            self.flood(MAX_WRITTEN)
            self.clock.pump([WRITE_SECONDS] * 15)
        oldest = min(row.at for row in self.failed_login_store.rows)
        self.assertLess(self.utc_now() - oldest, timedelta(seconds=600 + 2 * SWEEP_SECONDS))
        self.clock.pump([WRITE_SECONDS] * 360)
        self.assertEqual(self.stored(), 0)

    def test_database_away(self) -> None:
        """While the database is away they wait, and nobody notices; then they are written."""
        self.advance(WRITE_SECONDS)
        self.fail_at_once("ann", HOME.address)
        self.database.failure = StorageUnavailable("away")
        self.advance(WRITE_SECONDS)
        self.fail_at_once("bob", HOME.address)
        self.advance(WRITE_SECONDS)
        self.assertEqual(self.stored(), 0)
        self.database.failure = None
        self.advance(WRITE_SECONDS)
        self.assertEqual(self.stored(), 2)

    def test_forgiven_while_it_is_away(self) -> None:
        """What is forgiven while it can't be written is written as forgiven."""
        self.fail_times(2)
        self.database.hold()
        self.advance(WRITE_SECONDS)
        self.successResultOf(Deferred.fromCoroutine(self.game.attempts.begin("ann", HOME.address)))
        self.game.attempts.succeed("ann", HOME.address)
        self.database.failure = StorageUnavailable("away")
        self.database.release()
        self.database.failure = None
        self.advance(WRITE_SECONDS)
        self.assertEqual([row.forgiven for row in self.failed_login_store.rows], [True, True])


class LoggedInTest(LoginAttemptsTestCase):
    def test_errors_are_the_players(self) -> None:
        """An unknown name fails like a wrong password, and is counted like it."""
        self.fail_times(5, "Nobody")
        self.failureResultOf(self.trying("Nobody"), PlayerError)
        self.advance(WRITE_SECONDS)
        self.assertEqual(len(self.failed_login_store.rows), 5)
