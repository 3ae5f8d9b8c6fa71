"""Passwords that are changed in the game."""

from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from mudserver.errors import StorageRefused
from mudserver.interfaces.authority import Origin, PasswordCredential, Transport
from mudserver.interfaces.play import PasswordWanted
from tests.unit.game.scene import CommandsTestCase
from tests.unit.game.theatre import PASSWORD


class PasswordTest(CommandsTestCase):
    def test_asked(self) -> None:
        """Without words the gateway of a terminal is told to ask."""
        attaching = self.gateway.attach(
            PasswordCredential("Ann", PASSWORD), transport=Transport.TELNET
        )
        self.advance()
        ann = self.successResultOf(attaching).session
        self.gateway.forget()
        self.type(ann, "password", "a")
        self.assertEqual(self.gateway.of(ann)[0], PasswordWanted(ann))

    def test_asked_of_a_program(self) -> None:
        """A client without prompts is told to say it all at once."""
        self.type(self.ann, "password", "a")
        self.assertEqual(self.codes(), [("a", "bad_command")])
        self.assertEqual(len(self.gateway.of(self.ann)), 1)

    def test_invisible_marks(self) -> None:
        """What would reorder or hide a line for others is taken out of what was typed."""
        self.type(self.ann, "say he\u202ello\u200b")
        self.assertEqual(self.gateway.lines(self.bob), ['Ann says, "hello"'])

    def test_changed(self) -> None:
        """With both words it is changed; other logins end, this one goes on."""
        other = self.log_in("Ann")
        self.type(self.ann, f"password {PASSWORD.replace(' ', '')} x", "a")
        self.assertEqual(self.codes(), [("a", "wrong_credentials")])
        self.change_to("one-word-secret")
        self.gateway.forget()
        self.type(self.ann, "password one-word-secret another-word-secret", "b")
        self.assertEqual(self.gateway.lines(self.ann), ["Your password is changed."])
        self.assertEqual(self.codes(), [("b", None)])
        self.failureResultOf(self.gateway.attach(other))
        self.assertEqual(self.gateway.ended(self.ann), [])
        self.gateway.attach(PasswordCredential("Ann", "another-word-secret"))
        self.advance()

    def change_to(self, password: str) -> None:
        account = self.successResultOf(self.account_store.by_name("Ann"))
        assert account is not None
        hash = self.successResultOf(self.game.accounts._hasher.hash(password))
        session = self.game.sessions.get(self.ann)
        assert session is not None
        self.successResultOf(
            self.account_store.set_password(account.id, hash, session.attended.token)
        )

    def test_not_after_leaving(self) -> None:
        """A password isn't changed any more for a session that is over."""
        self.change_to("one-word-secret")
        self.gateway.type(self.ann, "quit", "a")
        self.gateway.type(self.ann, "password one-word-secret another-word-secret", "b")
        self.advance()
        self.assertEqual(self.codes(), [("a", None), ("b", "not_allowed")])
        attaching = self.gateway.attach(PasswordCredential("Ann", "one-word-secret"))
        self.advance()
        self.successResultOf(attaching)

    def test_only_encrypted(self) -> None:
        """Over a connection that others read no password is taken, but over telnet."""
        session = self.game.sessions.get(self.ann)
        assert session is not None
        session.origin = Origin("198.51.100.1", secure=False)
        self.type(self.ann, "password old new-secret-word", "a")
        session.transport = Transport.TELNET
        self.type(self.ann, "password old new-secret-word", "b")
        self.assertEqual(self.codes(), [("a", "insecure"), ("b", "wrong_credentials")])

    def test_never_logged(self) -> None:
        """Passwords are in no log, whatever goes wrong."""
        logged: list[str] = []

        @implementer(ILogObserver)
        def observe(event: LogEvent) -> None:
            logged.append(repr(event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        self.database.failure = StorageRefused("no")
        self.type(self.ann, "password old-secret-word new-secret-word", "a")
        self.database.failure = None
        self.assertEqual(self.codes(), [("a", "internal_error")])
        self.flushLoggedErrors(StorageRefused)
        self.assertNotEqual(logged, [])
        self.assertNotIn("secret-word", "".join(logged))
