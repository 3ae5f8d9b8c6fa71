"""A link of lines, byte by byte as a terminal gets them."""

from attrs import evolve

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
from mudserver.gateway.shared import LinkLimits
from mudserver.gateway.terminal_link import TerminalLink
from mudserver.ids import SessionId, TokenHash
from mudserver.interfaces.authority import (
    ChangePassword,
    LookUpName,
    NameState,
    PasswordCredential,
    Register,
    Registered,
    Transport,
)
from mudserver.interfaces.play import Attach, Detached, PasswordWanted, Refusal
from mudserver.session.outbox import OutboxLimits
from mudserver.view.line import Line, Span
from mudserver.wire.messages import MAX_COMMAND_CHARACTERS
from tests.unit.gateway.bench import (
    HIDE,
    HOME,
    MARK,
    REVEAL,
    FakeWire,
    GatewayTestCase,
)

BANNER = "Welcome.\nCome in."
NAME = b"Name: " + MARK
PASSWORD = HIDE + b"Password: " + MARK
PROMPT = b"> " + MARK
SLOW = b"Too many messages: slow down.\r\n"


class TerminalLinkTestCase(GatewayTestCase):
    """Telnet links, and their wires."""

    def connect(self) -> tuple[TerminalLink, FakeWire]:
        wire = FakeWire()
        place = self.shared.admission.admit(HOME.address)
        link = TerminalLink(self.shared, wire, HOME, place, BANNER)
        self.links.append(link)
        link.accepted()
        link.opened()
        return link, wire

    def enter(self) -> tuple[TerminalLink, FakeWire, SessionId]:
        """Bring a player in; the room was shown."""
        link, wire = self.connect()
        link.line("connect Ann a long sentence")
        session = self.world.admit().session
        self.world.show("The hall.", session)
        self.turn()
        wire.take()
        return link, wire, session


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


class PlayTest(TerminalLinkTestCase):
    """What a player sees once inside."""

    limits = evolve(LinkLimits(), outbox=OutboxLimits(pending=2_000))

    def setUp(self) -> None:
        super().setUp()
        self.link, self.wire, self.session = self.enter()

    def expect(self, *written: bytes) -> None:
        self.turn()
        self.assertEqual(self.wire.take(), b"".join(written))

    def test_one_wire_form(self) -> None:
        """All terminals share one wire form: nothing is compared for each line and listener."""
        _, _, session = self.enter()
        first, second = map(self.shared.switchboard.seat, (self.session, session))
        assert first is not None
        assert second is not None
        self.assertIs(first.dress, second.dress)

    def test_output_while_a_prompt_stands(self) -> None:
        """It begins on a row of its own, and one prompt follows each burst."""
        self.world.show("Bob waves.", self.session)
        self.world.show("Bob leaves.", self.session)
        self.expect(b"\r\nBob waves.\r\nBob leaves.\r\n", PROMPT)
        self.world.show("Cat sits.", self.session)
        self.expect(b"\r\nCat sits.\r\n", PROMPT)

    def test_output_of_a_command(self) -> None:
        """The player's own line ended the prompt's row already."""
        self.link.line("wave")
        self.expect()
        self.world.show("You wave.", self.session)
        self.expect(b"You wave.\r\n", PROMPT)
        self.world.settle(self.session)
        self.expect()

    def test_command_without_output(self) -> None:
        """What shows nothing gets its prompt when it is settled."""
        self.link.line("wave")
        self.world.settle(self.session)
        self.expect(PROMPT)

    def test_settled_with_its_output(self) -> None:
        """Settled in the turn of its output, there is one prompt still."""
        self.link.line("wave")
        self.world.show("You wave.", self.session)
        self.world.settle(self.session)
        self.expect(b"You wave.\r\n", PROMPT)

    def test_refused(self) -> None:
        """A refusal of the world is shown."""
        self.link.line("fly")
        self.world.settle(self.session, 1, None, Refusal("unknown_command", "You can't."))
        self.expect(b"You can't.\r\n", PROMPT)

    def test_empty_line(self) -> None:
        """An empty line gets a prompt, and is no command."""
        self.link.line("")
        self.link.line("  ")
        self.expect(PROMPT, PROMPT)
        self.assertEqual(self.world.texts, [])

    def test_a_flood_of_empty_lines(self) -> None:
        """Empty lines are charged: a flood of them is closed."""
        for _ in range(200):
            self.link.line("")
        self.expect(PROMPT * 200)
        for _ in range(51):
            self.link.line("")
        self.assertIs(self.wire.code, CloseCode.TOO_MANY_MESSAGES)

    def test_commands(self) -> None:
        """Lines are passed on as typed, numbered, without an id."""
        self.link.line("  say hi ")
        self.link.line("look")
        self.assertEqual(
            [(i.number, i.text, i.command) for i in self.world.inputs],
            [(1, "  say hi ", None), (2, "look", None)],
        )

    def test_long_commands(self) -> None:
        """A command of more than 2,000 characters is refused; many of them are closed."""
        self.link.line("x" * MAX_COMMAND_CHARACTERS)
        self.link.line("x" * (MAX_COMMAND_CHARACTERS + 1))
        self.assertEqual(len(self.world.inputs), 1)
        self.expect(b"A command has at most 2000 characters.\r\n", PROMPT)
        for _ in range(50):
            self.link.line("x" * (MAX_COMMAND_CHARACTERS + 1))
        self.assertIs(self.wire.code, CloseCode.TOO_MANY_MESSAGES)

    def test_long_line(self) -> None:
        """A line that was too long is refused in its turn."""
        self.link.line_refused(4096)
        self.expect(b"That line is too long: 4096 bytes at most.\r\n", PROMPT)

    def test_pasted_commands(self) -> None:
        """A pasted speedwalk is slowed, not lost; what is too much is said once for each line."""
        for number in range(131):
            self.link.line(f"go {number}")
        self.expect(b"Too many commands: slow down.\r\n", PROMPT)
        self.pass_time(10.0)
        self.assertEqual(self.world.texts, [f"go {number}" for number in range(130)])

    def test_are_you_there(self) -> None:
        """It is answered on a row of its own, and the prompt stands again."""
        self.link.are_you_there()
        self.expect(b"\r\n[Yes, here.]\r\n", PROMPT)
        self.link.line("wave")
        self.link.are_you_there()
        self.expect(b"[Yes, here.]\r\n")

    def test_kicked(self) -> None:
        """The reason comes on a row of its own, after what waited."""
        self.world.show("Thunder.", self.session)
        self.world.end(self.session, CloseCode.KICKED, "Out!")
        self.expect(b"\r\nThunder.\r\nOut!\r\n")
        self.assertIs(self.wire.code, CloseCode.KICKED)
        self.assertEqual(self.world.detached, [])

    def test_farewell(self) -> None:
        """The world's own last words take the place of the reason."""
        self.link.line("quit")
        self.world.end(
            self.session, CloseCode.NORMAL, "You have left.", Line((Span("Fare well."),))
        )
        self.expect(b"Fare well.\r\n")

    def test_quit(self) -> None:
        """Who left on purpose was told already, and reads nothing twice."""
        self.link.line("quit")
        self.world.show("You leave.", self.session)
        self.world.end(self.session, CloseCode.NORMAL, "You have left.")
        self.expect(b"You leave.\r\n")
        self.assertIs(self.wire.code, CloseCode.NORMAL)

    def test_restart(self) -> None:
        """A restart is said before the connection closes."""
        self.link.close(CloseCode.RESTART, "The server restarts.")
        self.expect(b"\r\nThe server restarts.\r\n")
        self.assertEqual(self.world.detached, [Detached(self.session, 1, quit=False)])  # type: ignore[arg-type]

    def test_after_the_goodbye(self) -> None:
        """What is typed after it means nothing."""
        self.link.close(CloseCode.RESTART, "Later.")
        self.wire.take()
        self.link.line("look")
        self.link.line_refused(4096)
        self.assertFalse(self.link.asked())
        self.expect()
        self.assertEqual(self.world.texts, [])

    def test_overflow(self) -> None:
        """A terminal that doesn't read is closed when too much waits."""
        self.link.full()
        self.world.show("x" * 2_001, self.session)
        self.assertIs(self.wire.code, CloseCode.TOO_SLOW)
        self.assertEqual(self.meter.counts["outbox_overflows telnet"], 1)

    def test_held(self) -> None:
        """What isn't the session's waits for the reader, too, in order, up to the limit."""
        self.link.full()
        self.link.are_you_there()
        self.link.say(b"x" * 1_000)
        self.expect()
        self.link.drained()
        written = self.wire.take()
        self.assertIn(b"[Yes, here.]", written)
        self.assertTrue(written.endswith(b"x" * 1_000))
        self.link.full()
        self.link.say(b"x" * 1_000)
        self.assertIsNone(self.wire.closed)
        self.link.say(b"x" * 1_001)
        self.assertIs(self.wire.code, CloseCode.TOO_SLOW)

    def test_stall(self) -> None:
        """It may stay unread for two minutes: some scroll back."""
        self.link.full()
        self.pass_time(119.0)
        self.assertIsNone(self.wire.closed)
        self.pass_time(1.5)
        self.assertIs(self.wire.code, CloseCode.TOO_SLOW)


class PasswordTest(TerminalLinkTestCase):
    """The dialogue that changes the password."""

    def setUp(self) -> None:
        super().setUp()
        self.link, self.wire, self.session = self.enter()
        self.link.line("password")
        self.world.send(PasswordWanted(self.session))

    def expect(self, *written: bytes) -> None:
        self.turn()
        self.assertEqual(self.wire.take(), b"".join(written))

    def test_change(self) -> None:
        """Old, new and new again, all unseen; then the world's word, and the prompt."""
        self.expect(HIDE, b"Old password: ", MARK)
        self.link.line("old sentence")
        self.expect(b"\r\nNew password: ", MARK)
        self.link.line("new sentence")
        self.expect(b"\r\nAgain: ", MARK)
        self.link.line("new sentence")
        self.expect(REVEAL, b"\r\n")
        request = self.world.answer(None)
        self.assertEqual(
            request,
            ChangePassword(
                TokenHash("cafe"),
                "old sentence",
                "new sentence",
                HOME,
                Transport.TELNET,
                self.session,
            ),
        )
        self.expect(b"Your password is changed.\r\n", PROMPT)
        self.link.line("look")
        self.assertEqual(self.world.texts, ["password", "look"])

    def test_refused(self) -> None:
        """A refusal is shown, and so is a world that is away."""
        for error, words in (
            (WrongCredentials("That isn't it."), b"That isn't it.\r\n"),
            (Unavailable("Away."), b"The world is away; try again in a moment.\r\n"),
        ):
            for line in ("old", "new", "new"):
                self.link.line(line)
            self.expect_last(words, error)
            self.link.line("password")
            self.world.send(PasswordWanted(self.session))

    def expect_last(self, words: bytes, error: Exception) -> None:
        self.wire.take()
        self.world.answer(error)
        self.expect(words, PROMPT)

    def test_given_up(self) -> None:
        """An empty line gives up; input is shown again."""
        self.wire.take()
        self.link.line("")
        self.expect(REVEAL, b"\r\nThe password stays as it is.\r\n", PROMPT)

    def test_differ(self) -> None:
        """Two that differ end it."""
        for line in ("old", "new"):
            self.link.line(line)
        self.wire.take()
        self.link.line("other")
        self.expect(REVEAL, b"\r\nThose two differ. The password stays as it is.\r\n", PROMPT)
        self.assertEqual([r for r in self.world.requests if isinstance(r, ChangePassword)], [])

    def test_output_meanwhile(self) -> None:
        """What happens meanwhile is shown, and the question stands again, unseen still."""
        self.wire.take()
        self.world.show("Bob waves.", self.session)
        self.expect(b"\r\nBob waves.\r\nOld password: ", MARK)

    def test_settled_meanwhile(self) -> None:
        """The command that began it needs no prompt."""
        self.wire.take()
        self.world.settle(self.session)
        self.expect()

    def test_asked_twice(self) -> None:
        """A second wish while it goes on changes nothing."""
        self.link.line("old")
        self.wire.take()
        self.world.send(PasswordWanted(self.session))
        self.expect()

    def test_closed_meanwhile(self) -> None:
        """A terminal whose connection closes shows its input again."""
        self.wire.take()
        self.world.end(self.session, CloseCode.KICKED, "Out!")
        self.expect(REVEAL, b"\r\nOut!\r\n")


class HeartbeatTest(TerminalLinkTestCase):
    """Silence tells something only of a client that has answered before."""

    def setUp(self) -> None:
        super().setUp()
        self.link, self.wire, self.session = self.enter()

    def test_who_never_answered(self) -> None:
        """A client that knows no timing marks is asked each minute, and never given up."""
        self.pass_time(600.0)
        self.assertGreaterEqual(self.wire.probes, 9)
        self.assertIsNone(self.wire.closed)

    def test_who_answered_once(self) -> None:
        """One that answered is given up when it doesn't any more."""
        self.pass_time(60.0)
        self.link.answered()
        self.pass_time(60.0)
        self.assertEqual(self.wire.probes, 2)
        self.assertIsNone(self.wire.closed)
        self.pass_time(60.0)
        self.assertIs(self.wire.code, CloseCode.NO_PONG)

    def test_typing(self) -> None:
        """One that types isn't asked."""
        for _ in range(12):
            self.pass_time(50.0)
            self.link.heard()
        self.assertEqual(self.wire.probes, 0)
