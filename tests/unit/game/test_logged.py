"""Whoever leaves, and whatever fails in the world, is one line that says whom it concerns."""

from collections.abc import Callable, Sequence

from twisted.logger import LogEvent, LogLevel, capturedLogs

from mudserver.errors import (
    CloseCode,
    PlayerError,
    StorageRefused,
    StorageUnavailable,
    Unavailable,
    WrongCredentials,
)
from mudserver.ids import RoomId, SessionId
from mudserver.interfaces.audit import Operator
from mudserver.interfaces.authority import (
    ChangePassword,
    LogIn,
    PasswordCredential,
    Refresh,
    Revoke,
    Transport,
)
from mudserver.interfaces.bus import WORLD
from tests.unit.game.theatre import HOME, PASSWORD, GameTestCase

CONTEXT = ("session", "character", "address", "transport")


def about(events: Sequence[LogEvent]) -> list[tuple[object, ...]]:
    """Whom each line concerns."""
    return [tuple(event.get(key) for key in CONTEXT) for event in events]


def ends(events: Sequence[LogEvent]) -> list[LogEvent]:
    return [event for event in events if "has left" in str(event.get("log_format"))]


class EndTest(GameTestCase):
    """Each session that ends is one line with session, character, address, transport, cause."""

    def end(self, how: Callable[[SessionId], object]) -> LogEvent:
        """Have Ann enter, and leave in that way; return what is logged of it."""
        ann = self.enter("Ann")
        with capturedLogs() as events:
            how(ann)
            self.advance()
            self.advance(200.0)
        (event,) = ends(events)
        self.assertEqual(about([event]), [(ann, "Ann", HOME.address, "websocket")])
        return event

    def test_causes(self) -> None:
        """Whatever ends it."""
        token = self.token()
        for how, code, word in (
            (lambda ann: self.gateway.type(ann, "quit"), CloseCode.NORMAL, "quit"),
            (
                lambda ann: self.gateway.detach(ann, by_choice=True),
                CloseCode.NORMAL,
                "goodbye",
            ),
            (self.gateway.detach, CloseCode.EXPIRED, "lost for too long"),
            (lambda _: self.game.presence.kick("Ann", "Enough!"), CloseCode.KICKED, "Enough!"),
            (self.revoke_all, CloseCode.REVOKED, "logged out"),
        ):
            event = self.end(how)
            self.assertEqual(event["code"], code)
            self.assertIn(word, event["cause"])
        del token

    def token(self) -> str:
        request = LogIn("Ann", PASSWORD, HOME, Transport.WEBSOCKET)
        return self.successResultOf(self.bus.request(WORLD, request)).token

    def revoke_all(self, session: SessionId) -> None:
        found = self.game.sessions.get(session)
        assert found is not None
        audit = self.game.audit.of_operator(Operator("uid 0", ""), "revoke")
        self.successResultOf(self.game.revocations.revoke_all(found.attended.account, audit))

    def test_takeover(self) -> None:
        """The session that another takes the place of has ended, too."""
        ann = self.enter("Ann")
        with capturedLogs() as events:
            self.enter("Ann")
        (event,) = ends(events)
        self.assertEqual((event["session"], event["code"]), (ann, CloseCode.PLAYING_ELSEWHERE))


class FailedTest(GameTestCase):
    """What fails costs its own session at most, and is a line about it."""

    def break_character(self, session: SessionId) -> None:
        """Let a character be nowhere, which can't be."""
        found = self.game.sessions.get(session)
        assert found is not None
        self.game.world.character(found.character).room = RoomId(999_999)

    def failures(self, events: Sequence[LogEvent]) -> list[LogEvent]:
        return [event for event in events if event["log_level"] is LogLevel.critical]

    def test_one_that_cannot_leave(self) -> None:
        """One whose leaving fails keeps nobody else from leaving, and has ended all the same."""
        ann, bob = self.enter("Ann"), self.enter("Bob")
        self.break_character(ann)
        with capturedLogs() as events:
            self.game.presence.close()
        self.assertEqual(len(self.game.sessions), 0)
        for session in (ann, bob):
            (ended,) = self.gateway.ended(session)
            self.assertEqual(ended.code, CloseCode.RESTART)
        (failed,) = self.failures(events)
        self.assertEqual(about([failed]), [(ann, "Ann", HOME.address, "websocket")])
        self.assertEqual(self.meter.counts["loop_failures"], 1)
        self.assertEqual(len(self.flushLoggedErrors()), 1)

    def test_command(self) -> None:
        """A command that fails says whose it is, and by what it failed, not what was typed."""
        ann = self.enter("Ann")
        character = self.game.world.character_named("Ann")
        assert character is not None
        room = character.room
        self.break_character(ann)
        with capturedLogs() as events:
            self.type(ann, "say my-secret-word")
        (line,) = [event for event in events if event["log_level"] is LogLevel.error]
        self.assertEqual(about([line]), [(ann, "Ann", HOME.address, "websocket")])
        self.assertIn("Error", line["cause"])
        self.assertNotIn("my-secret-word", repr(line))
        self.assertGreater(len(self.flushLoggedErrors()), 0)
        character.room = room

    def test_request(self) -> None:
        """So does a request."""
        self.database.failure = StorageRefused("never")
        with capturedLogs() as events:
            self.failureResultOf(
                self.gateway.attach(PasswordCredential("Ann", "hush")), Unavailable
            )
        (failed,) = self.failures(events)
        self.assertEqual((failed["address"], failed["transport"]), (HOME.address, "websocket"))
        self.assertIsNotNone(failed["session"])
        self.assertNotIn("hush", repr({**failed, "log_failure": None}))
        self.assertEqual(len(self.flushLoggedErrors(StorageRefused)), 1)


class SecretTest(GameTestCase):
    """No secret ever stands in a log."""

    def test_none(self) -> None:
        """Neither passwords nor tokens, tickets or what is typed, whether it goes well or not."""
        secrets = ["hush-password", "hush-token", "hush-line", PASSWORD]
        with capturedLogs() as events:
            request = LogIn("Ann", PASSWORD, HOME, Transport.WEBSOCKET)
            login = self.successResultOf(self.bus.request(WORLD, request))
            secrets += [login.token, login.ticket, login.csrf]
            ann = self.enter("Ann")
            self.failureResultOf(
                self.gateway.attach(PasswordCredential("Ann", "hush-password")), WrongCredentials
            )
            for text in ("say hush-line", "hush-line", "password hush-line hush-password"):
                self.type(ann, text)
            found = self.game.sessions.get(ann)
            assert found is not None
            change = ChangePassword(found.attended.token, "hush-line", "hush-password", HOME)
            self.failureResultOf(self.bus.request(WORLD, change), WrongCredentials)
            refresh = Refresh(ann, "hush-token", None)
            self.failureResultOf(self.bus.request(WORLD, refresh), PlayerError)
            self.database.failure = StorageUnavailable("away")
            self.failureResultOf(self.bus.request(WORLD, refresh), Unavailable)
            self.database.failure = None
            self.successResultOf(self.bus.request(WORLD, Revoke(login.token)))
            self.successResultOf(self.service.stopService())
        said = repr(events)
        self.assertIn("has left", said)
        for secret in secrets:
            self.assertNotIn(secret, said)
