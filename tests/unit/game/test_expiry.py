"""Tokens end while those who came by them are here: they are warned, and can do something."""

from datetime import datetime, timedelta

from attrs import evolve

from mudserver.errors import CloseCode, NotAuthenticated, StorageUnavailable
from mudserver.game.expiry import PORTION, RETRY_SECONDS
from mudserver.game.limits import AccountLimits, GameLimits
from mudserver.game.sessions import Sessions
from mudserver.ids import SessionId
from mudserver.interfaces.authority import (
    Describe,
    LogIn,
    PasswordCredential,
    Refresh,
    Transport,
)
from mudserver.interfaces.bus import WORLD
from mudserver.interfaces.play import Expiring
from tests.unit.game.theatre import HOME, PASSWORD, GameTestCase

HOUR = 3_600.0


class ExpiryTestCase(GameTestCase):
    jump = timedelta()

    def utc_now(self) -> datetime:
        return super().utc_now() + self.jump

    def warnings(self, session: SessionId) -> list[float]:
        """The seconds that a session was told, since the last time."""
        told = [
            message.seconds
            for message in self.gateway.messages
            if isinstance(message, Expiring) and message.session == session
        ]
        self.gateway.messages[:] = [
            message for message in self.gateway.messages if not isinstance(message, Expiring)
        ]
        return told

    def assert_near(self, told: float, expected: float) -> None:
        """Expect a warning of so many seconds, or a little later, and that seconds are whole."""
        self.assertLess(expected - told, 3.0)
        self.assertLessEqual(told, expected)
        self.assertEqual(told, round(told))

    def codes(self, session: SessionId) -> list[CloseCode]:
        return [ended.code for ended in self.gateway.ended(session)]

    def token(self) -> str:
        """Log Ann in once more, and return the token."""
        logging_in = self.bus.request(WORLD, LogIn("Ann", PASSWORD, HOME, Transport.WEBSOCKET))
        return self.successResultOf(logging_in).token

    def refresh(self, session: SessionId, token: str) -> None:
        self.successResultOf(self.bus.request(WORLD, Refresh(session, token, None)))


class ExpiryTest(ExpiryTestCase):
    """Twelve hours after its last use a token ends."""

    def test_token_expired_mid_session(self) -> None:
        """A session is warned five minutes and one minute ahead, and then closed 3005."""
        ann = self.enter("Ann")
        self.advance(12 * HOUR - 301.0)
        self.assertEqual(self.warnings(ann), [])
        self.advance(1.0)
        (first,) = self.warnings(ann)
        self.assert_near(first, 300.0)
        self.advance(238.0)
        self.assertEqual(self.warnings(ann), [])
        self.advance(3.0)
        (second,) = self.warnings(ann)
        self.assert_near(second, 60.0)
        self.advance(50.0)
        self.assertEqual((self.warnings(ann), self.codes(ann)), ([], []))
        self.advance(15.0)
        self.assertEqual(self.codes(ann), [CloseCode.EXPIRED])
        self.assertEqual(len(self.game.sessions), 0)
        self.assertEqual(self.meter.counts["expiries ended"], 1)

    def test_refreshed(self) -> None:
        """Whoever refreshes stays, and is warned again before the new end."""
        ann = self.enter("Ann")
        self.advance(400.0)
        for _ in range(3):
            self.advance(12 * HOUR - 600.0)
            self.assertEqual(len(self.warnings(ann)), 1)
            self.refresh(ann, self.token())
            self.advance(400.0)
            self.assertEqual((self.warnings(ann), self.codes(ann)), ([], []))

    def test_refreshed_at_the_last_moment(self) -> None:
        """So does who refreshes while the end is being looked at."""
        ann = self.enter("Ann")
        token = self.token()
        self.advance(12 * HOUR - 100.0)
        self.refresh(ann, self.token())
        session = self.game.sessions.get(ann)
        assert session is not None
        self.game.sessions.attend(
            session, evolve(session.attended, expires=self.utc_now() + timedelta(seconds=1))
        )
        self.database.hold()
        self.clock.advance(2.0)
        refreshing = self.bus.request(WORLD, Refresh(ann, token, None))
        self.database.release()
        self.advance(1.0)
        del refreshing
        self.assertEqual(self.codes(ann), [])

    def test_prolonged_elsewhere(self) -> None:
        """A token that was used over HTTP meanwhile ends later for the session, too, even where
        nobody has looked at it since.
        """
        self.game.revalidation.stop()
        token = self.token()
        described = self.successResultOf(self.bus.request(WORLD, Describe(token)))
        ann = self.enter("Ann")
        session = self.game.sessions.get(ann)
        assert session is not None
        self.game.sessions.attend(session, evolve(described.attended))
        self.advance(12 * HOUR - 500.0)
        self.successResultOf(self.bus.request(WORLD, Describe(token)))
        self.advance(1_000.0)
        self.assertEqual(self.codes(ann), [])
        self.assertEqual(self.meter.counts["expiries prolonged"], 1)

    def test_thirty_days_at_most(self) -> None:
        """However often it is refreshed, a token ends 30 days after the log-in."""
        ann = self.enter("Ann")
        token = self.token()
        self.refresh(ann, token)
        days = 0
        while not self.codes(ann):
            self.advance(8 * HOUR)
            days += 1
            if not self.codes(ann):
                self.refresh(ann, token)
            self.assertLess(days, 200)
        self.assertEqual(self.codes(ann), [CloseCode.EXPIRED])
        self.assertEqual(days, 90)
        self.failureResultOf(self.bus.request(WORLD, Refresh(ann, token, None)), NotAuthenticated)

    def test_refresh_that_moves_nothing(self) -> None:
        """A refresh at the end of the thirty days causes no second warning, nor a storm of them."""
        ann = self.enter("Ann")
        token = self.token()
        for _ in range(90):
            self.refresh(ann, token)
            self.warnings(ann)
            self.advance(8 * HOUR - 2.0)
            if 30 * 24 * HOUR - self.clock.seconds() < 250.0:
                break
        for _ in range(30):
            if not self.codes(ann):
                self.refresh(ann, token)
            self.advance(1.0)
        self.assertLessEqual(len(self.warnings(ann)), 2)

    def test_telnet_never_expires(self) -> None:
        """Who came by telnet stays connected, long after the token has ended, and isn't warned."""
        attaching = self.gateway.attach(
            PasswordCredential("Ann", PASSWORD), transport=Transport.TELNET
        )
        self.advance()
        ann = self.successResultOf(attaching).session
        for _ in range(40):
            self.advance(24 * HOUR)
        self.assertEqual((self.warnings(ann), self.codes(ann)), ([], []))

    def test_link_dead(self) -> None:
        """A session whose player is away ends with its token, too."""
        ann = self.enter("Ann")
        self.advance(12 * HOUR - 60.0)
        self.gateway.detach(ann)
        self.advance(70.0)
        self.assertEqual(self.codes(ann), [CloseCode.EXPIRED])

    def test_database_away(self) -> None:
        """While the database is away no session ends; when it is back, those do that have to."""
        ann = self.enter("Ann")
        self.advance(12 * HOUR - 10.0)
        self.database.failure = StorageUnavailable("away")
        for _ in range(10):
            self.advance(60.0)
        self.assertEqual(self.codes(ann), [])
        self.assertGreater(self.meter.counts["expiries unavailable"], 1)
        self.database.failure = None
        self.advance(RETRY_SECONDS + 1.0)
        self.assertEqual(self.codes(ann), [CloseCode.EXPIRED])

    def test_wall_clock_jumps(self) -> None:
        """A wall clock that jumps by an hour ends nobody; the end moves as the clock does."""
        ann = self.enter("Ann")
        for self.jump in (timedelta(hours=1), -timedelta(hours=1)):
            self.advance(60.0)
            self.assertEqual((self.warnings(ann), self.codes(ann)), ([], []))
        self.advance(12 * HOUR)
        self.assertEqual(self.codes(ann), [])
        self.advance(HOUR)
        self.assertEqual(self.codes(ann), [CloseCode.EXPIRED])


class ShortLivedTest(ExpiryTestCase):
    """Where an operator lets tokens end after a minute."""

    limits = GameLimits(AccountLimits(token_idle=timedelta(seconds=60)))

    def test_warned_in_the_last_quarter(self) -> None:
        """The warnings come in the last quarter and twentieth, so that they leave time to act."""
        ann = self.enter("Ann")
        self.advance(40.0)
        self.assertEqual(self.warnings(ann), [])
        self.clock.pump([1.0] * 18)
        first, second = self.warnings(ann)
        self.assert_near(first, 15.0)
        self.assert_near(second, 3.0)
        self.clock.pump([1.0] * 4)
        self.assertEqual(self.codes(ann), [CloseCode.EXPIRED])

    def test_refreshed(self) -> None:
        """A refresh moves the end of so short a life, too."""
        ann = self.enter("Ann")
        token = self.token()
        for _ in range(10):
            self.advance(30.0)
            self.refresh(ann, token)
        self.assertEqual((self.warnings(ann), self.codes(ann)), ([], []))


class CrowdTest(ExpiryTestCase):
    def test_a_portion_at_a_time(self) -> None:
        """Of very many that end at once, so many are looked at together, and none is forgotten."""
        ann = self.enter("Ann")
        session = self.game.sessions.get(ann)
        assert session is not None
        sessions = Sessions()
        for number in range(PORTION + 100):
            sessions.add(
                evolve(
                    session,
                    id=SessionId(f"s{number}"),
                    character=session.character + number,  # type: ignore[arg-type]
                )
            )
        far = session.attended.expires.timestamp() + 1.0
        taken = set()
        while (each := sessions.take_expiring(far)) is not None:
            taken.add(each.id)
        self.assertEqual(len(taken), PORTION + 100)
