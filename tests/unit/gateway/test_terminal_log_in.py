"""How players log in by telnet."""

from mudserver.errors import (
    BadName,
    BadPassword,
    Banned,
    CloseCode,
    NameTaken,
    TooManyTries,
    Unavailable,
    WrongCredentials,
)
from mudserver.interfaces.authority import (
    LookUpName,
    NameState,
    PasswordCredential,
    Register,
    Registered,
    Transport,
)
from mudserver.interfaces.play import Attach
from tests.unit.gateway.bench import HOME, MARK, REVEAL
from tests.unit.gateway.terminal_links import NAME, PASSWORD, PROMPT, SLOW, TerminalLinkTestCase


class LogInTest(TerminalLinkTestCase):
    """The conversation that leads into the world."""

    def setUp(self) -> None:
        super().setUp()
        self.link, self.wire = self.connect()

    def expect(self, *written: bytes) -> None:
        self.assertEqual(self.wire.take(), b"".join(written))

    def ask_for(self, name: str, state: NameState) -> None:
        self.wire.take()
        self.link.line(name)
        self.world.answer(state)

    def test_banner(self) -> None:
        """The banner, then the question for a name, with its mark."""
        self.expect(b"Welcome.\r\nCome in.\r\n", NAME)

    def test_known_name(self) -> None:
        """A known name is asked for its password, unseen; then the room, then the prompt."""
        self.wire.take()
        self.link.line("ann")
        self.expect()
        self.assertEqual(self.world.answer(NameState.KNOWN), LookUpName("ann", HOME))
        self.expect(PASSWORD)
        self.link.line("a long sentence")
        self.expect(REVEAL, b"\r\n")
        session = self.world.admit().session
        self.expect()
        self.world.show("The hall.", session)
        self.world.show("Bob is here.", session)
        self.turn()
        self.expect(b"The hall.\r\nBob is here.\r\n", PROMPT)
        attach = self.world.requests[-1]
        assert isinstance(attach, Attach)
        self.assertEqual(attach.credential, PasswordCredential("Ann", "a long sentence"))
        self.assertEqual((attach.transport, attach.resume), (Transport.TELNET, None))

    def test_connect(self) -> None:
        """Name and password on one line work, too."""
        self.wire.take()
        self.link.line("connect Ann a long sentence")
        (attach,) = self.world.requests
        assert isinstance(attach, Attach)
        self.assertEqual(attach.credential, PasswordCredential("Ann", "a long sentence"))
        self.expect()
        self.world.admit()

    def test_connect_without_password(self) -> None:
        """Without a password it is a name."""
        self.link.line("connect Ann")
        self.assertEqual(self.world.answer(NameState.KNOWN), LookUpName("Ann", HOME))

    def test_unknown_name(self) -> None:
        """An unknown name may be created; its password is asked for twice, unseen throughout."""
        self.ask_for("ann", NameState.FREE)
        self.expect(b"Create Ann? (y/n) ", MARK)
        self.link.line("y")
        self.expect(PASSWORD)
        self.link.line("a long sentence")
        self.expect(b"\r\nAgain: ", MARK)
        self.link.line("a long sentence")
        self.expect()
        register = self.world.answer(Registered("Ann", ("Ann",)))
        self.assertEqual(register, Register("Ann", "a long sentence", HOME, Transport.TELNET))
        self.expect(REVEAL, b"\r\n")
        self.world.admit()
        self.expect()

    def test_only_yes_creates(self) -> None:
        """No or an empty line goes back; anything else asks again, and is no name."""
        for answer in ("n", "NO", "", "  "):
            self.ask_for("Ann", NameState.FREE)
            self.wire.take()
            self.link.line(answer)
            self.expect(NAME)
        self.ask_for("Ann", NameState.FREE)
        self.wire.take()
        for answer in ("Bob", "yes please", "a long sentence"):
            self.link.line(answer)
            self.expect(b"Create Ann? (y/n) ", MARK)
        self.link.line(" YES ")
        self.expect(PASSWORD)
        self.assertEqual({type(r) for r in self.world.requests}, {LookUpName})

    def test_passwords_differ(self) -> None:
        """Two that differ are asked for again; what is typed stays unseen."""
        self.ask_for("Ann", NameState.FREE)
        for line in ("y", "a long sentence", "another sentence"):
            self.wire.take()
            self.link.line(line)
        self.expect(b"\r\nThose two differ.\r\nPassword: ", MARK)

    def test_password_refused(self) -> None:
        """A password that the rules refuse is asked for again, with the reason, unseen still."""
        self.ask_for("Ann", NameState.FREE)
        for line in ("y", "short", "short"):
            self.link.line(line)
        self.wire.take()
        self.world.answer(BadPassword("That is too short."))
        self.expect(b"\r\nThat is too short.\r\nPassword: ", MARK)

    def test_name_taken_meanwhile(self) -> None:
        """Where somebody else was faster, another name is asked for."""
        self.ask_for("Ann", NameState.FREE)
        for line in ("y", "a long sentence", "a long sentence"):
            self.link.line(line)
        self.wire.take()
        self.world.answer(NameTaken("Ann is taken."))
        self.expect(REVEAL, b"\r\nAnn is taken.\r\n", NAME)

    def test_name_refused(self) -> None:
        """A name that the rules refuse is said so, and another asked for."""
        self.wire.take()
        self.link.line("x!")
        self.world.answer(BadName("Letters, please."))
        self.expect(b"Letters, please.\r\n", NAME)

    def test_empty_name(self) -> None:
        """An empty line asks for the name again."""
        self.wire.take()
        self.link.line("")
        self.expect(NAME)
        self.assertEqual(self.world.requests, [])

    def test_wrong_password(self) -> None:
        """A wrong password goes back to the name, the third closes."""
        for _ in range(2):
            self.ask_for("Ann", NameState.KNOWN)
            self.link.line("wrong")
            self.wire.take()
            self.world.answer(WrongCredentials("That isn't it."))
            self.expect(b"That isn't it.\r\n", NAME)
            self.assertIsNone(self.wire.closed)
        self.link.line("connect Ann wrong")
        self.wire.take()
        self.world.answer(WrongCredentials("That isn't it."))
        self.expect(b"That isn't it.\r\nToo many failures.\r\n")
        self.assertIs(self.wire.code, CloseCode.NOT_AUTHENTICATED)

    def test_banned(self) -> None:
        """Who is banned reads why, and is hung up on."""
        self.link.line("connect Ann a long sentence")
        self.wire.take()
        self.world.answer(Banned("Your account is banned: Spam."))
        self.expect(b"Your account is banned: Spam.\r\n")
        self.assertIs(self.wire.code, CloseCode.BANNED)

    def test_the_world_is_away(self) -> None:
        """With no world a name can't be looked up, and nobody gets in."""
        self.world.withdraw()
        self.wire.take()
        self.link.line("Ann")
        self.expect(b"The world is away; try again in a moment.\r\n", NAME)
        self.link.line("connect Ann a long sentence")
        self.expect(b"The world is away; try again later.\r\n")
        self.assertIs(self.wire.code, CloseCode.TRY_LATER)

    def test_the_world_goes_away(self) -> None:
        """So when it goes before the account is made."""
        self.ask_for("Ann", NameState.FREE)
        for line in ("y", "a long sentence", "a long sentence"):
            self.link.line(line)
        self.wire.take()
        self.world.answer(Unavailable("Away."))
        self.expect(REVEAL, b"\r\nThe world is away; try again in a moment.\r\n", NAME)

    def test_pasted_lines(self) -> None:
        """Lines that come while the world is asked wait, in order, through the whole log-in."""
        for line in ("ann", "a long sentence", "look", "say hi"):
            self.link.line(line)
        self.assertEqual(len(self.world.requests), 1)
        self.world.answer(NameState.KNOWN)
        attach = self.world.requests[-1]
        assert isinstance(attach, Attach)
        self.assertEqual(attach.credential, PasswordCredential("Ann", "a long sentence"))
        self.world.admit()
        self.assertEqual(self.world.texts, ["look", "say hi"])

    def test_pasted_lines_after_a_failure(self) -> None:
        """What was pasted after a password that was wrong answers the next questions."""
        for line in ("connect Ann wrong", "Bob", "secret"):
            self.link.line(line)
        self.world.answer(WrongCredentials("No."))
        self.assertEqual(self.world.answer(NameState.KNOWN), LookUpName("Bob", HOME))
        attach = self.world.requests[-1]
        assert isinstance(attach, Attach)
        self.assertEqual(attach.credential, PasswordCredential("Bob", "secret"))
        self.world.admit()

    def test_pasted_lines_are_bounded(self) -> None:
        """More of them than may wait close the connection."""
        self.link.line("ann")
        for _ in range(32):
            self.link.line("look")
        self.assertIsNone(self.wire.closed)
        self.link.line("look")
        self.assertIs(self.wire.code, CloseCode.TOO_MANY_MESSAGES)

    def test_a_flood_of_lines(self) -> None:
        """Lines that ask nothing of the world are charged: a flood of them is closed."""
        self.wire.take()
        for _ in range(200):
            self.link.line("")
        self.expect(NAME * 200)
        self.link.line("")
        self.expect(SLOW, NAME)
        for _ in range(50):
            self.link.line("")
        self.assertIs(self.wire.code, CloseCode.TOO_MANY_MESSAGES)
        self.wire.take()
        for _ in range(1_000):
            self.link.line("")
        self.expect()

    def test_slowed_at_a_password(self) -> None:
        """What is refused while input is hidden is told on a row of its own."""
        self.ask_for("Ann", NameState.KNOWN)
        self.wire.take()
        while self.link.asked():
            pass
        self.wire.take()
        self.link.line("a long sentence")
        self.expect(b"\r\n", SLOW, b"Password: ", MARK)

    def test_a_slow_world_is_not_the_players_fault(self) -> None:
        """The time for the next answer begins when the question is asked."""
        self.pass_time(50.0)
        self.link.line("Ann")
        self.pass_time(9.0)
        self.world.answer(NameState.KNOWN)
        self.pass_time(59.0)
        self.assertIsNone(self.wire.closed)

    def test_time_for_an_answer(self) -> None:
        """Each answer may take a minute."""
        self.pass_time(59.0)
        self.link.line("Ann")
        self.world.answer(NameState.KNOWN)
        self.pass_time(59.0)
        self.assertIsNone(self.wire.closed)
        self.wire.take()
        self.pass_time(1.5)
        self.assertIs(self.wire.code, CloseCode.NOT_AUTHENTICATED)
        self.expect(REVEAL, b"\r\nYou didn't say who you are.\r\n")

    def test_time_in_all(self) -> None:
        """The whole conversation may take five minutes."""
        for _ in range(6):
            self.pass_time(49.0)
            self.link.line("")
        self.assertIsNone(self.wire.closed)
        self.pass_time(6.5)
        self.assertIs(self.wire.code, CloseCode.NOT_AUTHENTICATED)

    def test_long_line(self) -> None:
        """A line that was too long is refused, and the question stands again."""
        self.wire.take()
        self.link.line_refused(4096)
        self.expect(b"That line is too long: 4096 bytes at most.\r\n", NAME)
        self.assertEqual(self.meter.counts["refusals too_long"], 1)

    def test_long_password(self) -> None:
        """The same for a password: its row is ended, since the client's own end wasn't shown."""
        self.ask_for("Ann", NameState.KNOWN)
        self.wire.take()
        self.link.line_refused(4096)
        self.expect(b"\r\nThat line is too long: 4096 bytes at most.\r\nPassword: ", MARK)

    def test_lost_while_asking(self) -> None:
        """An answer of the world that comes too late is nobody's."""
        self.link.line("Ann")
        self.link.lost("reset")
        self.wire.take()
        self.world.answer(NameState.KNOWN)
        self.expect()

    def test_secrets_stay_out_of_sight(self) -> None:
        """No password is ever written back."""
        self.ask_for("Ann", NameState.FREE)
        self.wire.writes.clear()
        for line in ("y", "pa55word one", "pa55word two", "pa55word", "pa55word"):
            self.link.line(line)
        self.world.answer(TooManyTries("Wait."))
        self.assertNotIn(b"pa55", self.wire.take())
