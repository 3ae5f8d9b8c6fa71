"""The conversations of a terminal."""

from twisted.trial.unittest import SynchronousTestCase

from mudserver.session.dialogue import (
    MAX_FAILURES,
    Ask,
    Change,
    FindName,
    Leave,
    LoginDialogue,
    PasswordDialogue,
    Say,
    SignIn,
    SignUp,
    Step,
)

NAME = Ask("Name: ")
PASSWORD = Ask("Password: ", secret=True)
AGAIN = Ask("Again: ", secret=True)


class LoginDialogueTests(SynchronousTestCase):
    """`LoginDialogue` follows the telnet part of the protocol."""

    def setUp(self) -> None:
        self.dialogue = LoginDialogue()
        self.assertEqual((NAME,), self.dialogue.start())

    def unknown(self, name: str = "ann") -> tuple[Step, ...]:
        self.dialogue.line(name)
        return self.dialogue.unknown()

    def test_known_name(self) -> None:
        """A known name is asked its password, unseen, and signs in."""
        self.assertEqual((FindName("ann"),), self.dialogue.line(" ann "))
        self.assertTrue(self.dialogue.waiting)
        self.assertEqual((PASSWORD,), self.dialogue.known())
        self.assertEqual((SignIn("Ann", "secret pass"),), self.dialogue.line("secret pass"))
        self.assertTrue(self.dialogue.waiting)

    def test_unknown_name(self) -> None:
        """An unknown name is offered to be created, by the name as it will be."""
        self.assertEqual((Ask("Create Ann? (y/n) "),), self.unknown())

    def test_yes(self) -> None:
        """Only yes leads on: the password twice, then the account, then in."""
        for yes in ("y", "Yes", " Y "):
            self.dialogue.start()
            self.unknown()
            self.assertEqual((PASSWORD,), self.dialogue.line(yes))
        self.assertEqual((AGAIN,), self.dialogue.line("correct horse"))
        self.assertEqual((SignUp("Ann", "correct horse"),), self.dialogue.line("correct horse"))
        self.assertEqual((SignIn("Ann", "correct horse"),), self.dialogue.signed_up())

    def test_no(self) -> None:
        """No, and an empty line, lead back to the name."""
        for answer in ("n", "NO", ""):
            self.unknown()
            self.assertEqual((NAME,), self.dialogue.line(answer))

    def test_anything_else_asks_again(self) -> None:
        """Anything else may be a password: it is neither taken as a name nor kept."""
        self.unknown()
        self.assertEqual((Ask("Create Ann? (y/n) "),), self.dialogue.line("hunter2hunter2"))
        self.assertNotIn("hunter2", repr(self.dialogue))

    def test_differing_passwords(self) -> None:
        """Two passwords that differ are asked again."""
        self.unknown()
        self.dialogue.line("y")
        self.dialogue.line("one password")
        self.assertEqual((Say("Those two differ."), PASSWORD), self.dialogue.line("other password"))

    def test_refused_password(self) -> None:
        """A password that the rules refuse is asked again, with the reason."""
        self.unknown()
        for line in ("y", "short", "short"):
            self.dialogue.line(line)
        self.assertEqual(
            (Say("Too short."), PASSWORD), self.dialogue.password_refused("Too short.")
        )

    def test_refused_name(self) -> None:
        """A name that the rules refuse is asked again, with the reason."""
        self.dialogue.line("x")
        self.assertEqual((Say("Too short."), NAME), self.dialogue.name_refused("Too short."))

    def test_connect_on_one_line(self) -> None:
        """``connect NAME PASSWORD`` signs in at once; a password may hold spaces."""
        self.assertEqual((SignIn("ann", "two words"),), self.dialogue.line("connect ann two words"))

    def test_connect_without_password(self) -> None:
        """``connect NAME`` is asked the password like anyone."""
        self.assertEqual((FindName("ann"),), self.dialogue.line("connect ann"))

    def test_empty_line(self) -> None:
        """An empty line asks again."""
        self.assertEqual((NAME,), self.dialogue.line("  "))

    def test_wrong_password(self) -> None:
        """A wrong password leads back to the name; the third closes."""
        answers = []
        for _ in range(MAX_FAILURES):
            self.dialogue.line("connect ann wrong")
            answers.append(self.dialogue.sign_in_failed("Wrong."))
        again = (Say("Wrong."), NAME)
        self.assertEqual([again, again, (Say("Wrong."), Leave("Too many failures."))], answers)

    def test_out_of_turn(self) -> None:
        """A line while the world is asked is the caller's mistake."""
        self.dialogue.line("ann")
        self.assertRaises(RuntimeError, self.dialogue.line, "more")

    def test_secrets_are_not_printed(self) -> None:
        """No step shows a password in its text form."""
        steps = (SignIn("Ann", "hunter2"), SignUp("Ann", "hunter2"), Change("hunter2", "hunter2"))
        self.assertNotIn("hunter2", repr(steps))


class PasswordDialogueTests(SynchronousTestCase):
    """`PasswordDialogue` asks for three lines, unseen."""

    def setUp(self) -> None:
        self.dialogue = PasswordDialogue()

    def test_change(self) -> None:
        """Old, new, and new again."""
        asked = [*self.dialogue.start(), *self.dialogue.line("old"), *self.dialogue.line("new")]
        self.assertEqual([Ask("Old password: ", True), Ask("New password: ", True), AGAIN], asked)
        self.assertEqual((Change("old", "new"),), self.dialogue.line("new"))

    def test_empty_line_gives_up(self) -> None:
        """An empty line leaves everything as it is."""
        self.dialogue.start()
        self.assertEqual((Leave("The password stays as it is."),), self.dialogue.line(""))

    def test_differ(self) -> None:
        """Two new passwords that differ change nothing."""
        self.dialogue.start()
        self.dialogue.line("old")
        self.dialogue.line("new")
        (leave,) = self.dialogue.line("newer")
        self.assertIsInstance(leave, Leave)
