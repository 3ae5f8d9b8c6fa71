"""Names and passwords that a player may have."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import BadName, BadPassword
from mudserver.world.direction import Direction
from mudserver.world.lexicon import STANDARD
from mudserver.world.names import check_name, check_password, name_key, name_look, reserved_names
from mudserver.world.passwords import COMMON_PASSWORDS

RESERVED = reserved_names(["the grey heron", "Mrs Pellow"])


class NameTests(SynchronousTestCase):
    def test_canonical(self) -> None:
        """A name begins with a capital; the rest stays as typed."""
        for typed, name in (
            ("ann", "Ann"),
            ("Bob", "Bob"),
            ("mcCoy", "McCoy"),
            ("o'neil", "O'neil"),
            ("Jean-Luc", "Jean-Luc"),
            ("d'arc-x", "D'arc-x"),
            ("Al", "Al"),
            ("a" * 20, "A" + "a" * 19),
        ):
            self.assertEqual(check_name(typed, RESERVED), name)

    def test_refused(self) -> None:
        """What isn't 2 to 20 ASCII letters with single inner marks is no name."""
        for name in (
            "",
            "a",
            "a" * 21,
            "ann1",
            "an n",
            "-ann",
            "ann-",
            "'ann",
            "ann'",
            "an--n",
            "an-'n",
            "änn",
            "ann\n",
            "ann\u200b",
            "\uff21nn",
        ):
            self.assertRaises(BadName, check_name, name, RESERVED)

    def test_look(self) -> None:
        """Names read the same where they differ in case, or in capital I and small l; not in L."""
        for one, other in (("Ian", "lan"), ("Bill", "BiIl"), ("ANN", "ann")):
            self.assertEqual(name_look(one), name_look(other))
        for one, other in (("Ian", "Lan"), ("Ian", "ian"), ("Bill", "BiLl")):
            self.assertNotEqual(name_look(one), name_look(other))

    def test_reads_like_reserved(self) -> None:
        """What reads like a reserved word is reserved, too."""
        for name in ("AII", "PeIlow", "SeIf"):
            with self.assertRaises(BadName):
                check_name(name, RESERVED)

    def test_reserved(self) -> None:
        """Verbs, directions, inhabitants, staff titles and words for persons are nobody's."""
        for name in (
            "look",
            "Say",
            "TELL",
            "north",
            "ne",
            "heron",
            "grey",
            "Pellow",
            "mrs",
            "admin",
            "Wizard",
            "GM",
            "server",
            "You",
            "someone",
            "System",
            "guest",
            "Guestling",
            "me",
            "all",
        ):
            self.assertRaises(BadName, check_name, name, RESERVED)

    def test_all_verbs_and_directions(self) -> None:
        """No word that begins a command is a name, so that the two never look alike."""
        for verb in STANDARD.verbs:
            self.assertLessEqual({verb.name, *verb.aliases}, RESERVED)
        self.assertLessEqual({direction.value for direction in Direction}, RESERVED)

    def test_articles_alone(self) -> None:
        """An inhabitant's article takes nobody's name away, nor do other words."""
        self.assertEqual(check_name("Greyson", RESERVED), "Greyson")
        self.assertNotIn("a", reserved_names(["a cat"]))

    def test_key(self) -> None:
        """Two spellings of one name have one key."""
        self.assertEqual(name_key("ANN"), name_key("aNn"))

    @given(st.text(max_size=25))
    def test_any_text(self, text: str) -> None:
        """Any text is either refused, or a name that stays the same when checked again."""
        try:
            name = check_name(text, RESERVED)
        except BadName as error:
            self.assertTrue(error.message.endswith("."))
        else:
            self.assertTrue(name.isascii())
            self.assertEqual(name_key(name), name_key(text))
            self.assertEqual(check_name(name, RESERVED), name)


class PasswordTests(SynchronousTestCase):
    def test_good(self) -> None:
        """8 to 128 characters of any kind will do."""
        for password in ("lamplight", "p" * 64 + "q" * 64, "смешной кот", "        !"):
            check_password("Ann", password)

    def test_bad(self) -> None:
        """Too short, too long, the name in any case, a common one, or one letter only."""
        for name, password in (
            ("Ann", "short12"),
            ("Ann", "ab" * 64 + "c"),
            ("Annabella", "annaBELLA"),
            ("Ann", "password"),
            ("Ann", "PassWord1"),
            ("Ann", "qwertyuiop"),
            ("Ann", "zzzzzzzz"),
        ):
            self.assertRaises(BadPassword, check_password, name, password)

    def test_list(self) -> None:
        """The list holds what it must, and nothing that the length refuses anyway."""
        self.assertGreater(len(COMMON_PASSWORDS), 200)
        for password in COMMON_PASSWORDS:
            self.assertGreaterEqual(len(password), 8)
            self.assertEqual(password, password.casefold())
