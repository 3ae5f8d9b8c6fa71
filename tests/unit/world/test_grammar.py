"""Typed lines and the commands they are."""

from datetime import timedelta

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import PlayerError
from mudserver.world.commands import (
    ChangePassword,
    Command,
    Drop,
    Emote,
    Exits,
    Get,
    Go,
    Help,
    Inventory,
    InviteToParty,
    JoinParty,
    KickFromParty,
    LeaveParty,
    ListChannels,
    ListMutes,
    ListParty,
    ListSilences,
    Look,
    Mute,
    Quit,
    ReadHistory,
    Say,
    Silence,
    SpeakOnChannel,
    SpeakToParty,
    SwitchChannel,
    Tell,
    Unmute,
    Unsilence,
    Who,
)
from mudserver.world.direction import Direction
from mudserver.world.grammar import parse
from mudserver.world.lexicon import STANDARD

MEANINGS: tuple[tuple[str, Command], ...] = (
    ("look", Look()),
    ("l", Look()),
    ("LOOK", Look()),
    ("  look  ", Look()),
    ("look here", Look()),
    ("look around", Look()),
    ("look lantern", Look("lantern")),
    ("look at the lantern", Look("the lantern")),
    ("l in brass box", Look("brass box")),
    ("look at", Look()),
    ("examine lantern", Look("lantern")),
    ("x lantern", Look("lantern")),
    ("read card", Look("card")),
    ("exits", Exits()),
    ("say hello", Say("hello")),
    ("Say Hello There", Say("Hello There")),
    ("sa hello", Say("hello")),
    ("'hello", Say("hello")),
    ("' hello", Say("hello")),
    ('"hello', Say("hello")),
    ("say 'tis", Say("'tis")),
    ("chat hello there", SpeakOnChannel("chat", "hello there")),
    ("Newbie hi", SpeakOnChannel("newbie", "hi")),
    ("ptell  where are you? ", SpeakToParty("where are you?")),
    ("party", ListParty()),
    ("Party INVITE Bob", InviteToParty("Bob")),
    ("party join bob", JoinParty("bob")),
    ("party kick bob", KickFromParty("bob")),
    ("party leave", LeaveParty()),
    ("history", ReadHistory()),
    ("history 5", ReadHistory(None, 5)),
    ("history Chat", ReadHistory("chat")),
    ("history chat 99999999999999999999", ReadHistory("chat", 50)),
    ("history tells 1", ReadHistory("tell", 1)),
    ("channels", ListChannels()),
    ("channel", ListChannels()),
    ("channel CHAT off", SwitchChannel("chat", on=False)),
    ("channel chat On", SwitchChannel("chat", on=True)),
    ("silence bob 2h Enough.", Silence("bob", timedelta(hours=2), "Enough.")),
    ("silence bob on chat", Silence("bob", None, "", "chat")),
    ("silence bob On CHAT 2h Enough.", Silence("bob", timedelta(hours=2), "Enough.", "chat")),
    ("silence bob on chat Enough of it.", Silence("bob", None, "Enough of it.", "chat")),
    ("silence bob once more", Silence("bob", None, "once more")),
    ("silences", ListSilences()),
    ("unsilence bob", Unsilence("bob")),
    ("unsilence bob on Chat", Unsilence("bob", "chat")),
    ("tell bob hi there", Tell("bob", "hi there")),
    ("t bob hi", Tell("bob", "hi")),
    ("tell Bob, hi", Tell("Bob", "hi")),
    ("tell bob  hi", Tell("bob", "hi")),
    ("emote waves.", Emote("waves.")),
    (":waves.", Emote("waves.")),
    (": waves.", Emote("waves.")),
    ("em waves.", Emote("waves.")),
    ("who", Who()),
    ("wh", Who()),
    ("inventory", Inventory()),
    ("i", Inventory()),
    ("inv", Inventory()),
    ("get lantern", Get("lantern")),
    ("get 2.lantern", Get("2.lantern")),
    ("take brass lantern", Get("brass lantern")),
    ("pick up lantern", Get("lantern")),
    ("get up", Get("up")),
    ("get all", Get(None)),
    ("take EVERYTHING", Get(None)),
    ("drop rope", Drop("rope")),
    ("dr rope", Drop("rope")),
    ("drop all", Drop(None)),
    ("go north", Go(Direction.NORTH)),
    ("go ne", Go(Direction.NORTHEAST)),
    ("go to the North", Go(Direction.NORTH)),
    ("walk in", Go(Direction.IN)),
    ("north", Go(Direction.NORTH)),
    ("n", Go(Direction.NORTH)),
    ("nor", Go(Direction.NORTH)),
    ("northe", Go(Direction.NORTHEAST)),
    ("s", Go(Direction.SOUTH)),
    ("e", Go(Direction.EAST)),
    ("w", Go(Direction.WEST)),
    ("se", Go(Direction.SOUTHEAST)),
    ("u", Go(Direction.UP)),
    ("d", Go(Direction.DOWN)),
    ("in", Go(Direction.IN)),
    ("out", Go(Direction.OUT)),
    ("mute bob", Mute("bob")),
    ("ignore bob", Mute("bob")),
    ("m bob", Mute("bob")),
    ("mute", ListMutes()),
    ("mute bob 30", Mute("bob", timedelta(minutes=30))),
    ("mute bob 2h", Mute("bob", timedelta(hours=2))),
    ("mute bob 1D", Mute("bob", timedelta(days=1))),
    ("mute bob 2w  He shouts.", Mute("bob", timedelta(weeks=2), "He shouts.")),
    ("mute bob forever He shouts.", Mute("bob", None, "He shouts.")),
    ("unmute bob", Unmute("bob")),
    ("un bob", Unmute("bob")),
    ("password", ChangePassword()),
    ("password old new", ChangePassword("old", "new")),
    ("help", Help()),
    ("?", Help()),
    ("h Say", Help("say")),
    ("quit", Quit()),
)


class ParseTests(SynchronousTestCase):
    def test_meanings(self) -> None:
        """Each line means the command that players of other worlds expect."""
        for text, command in MEANINGS:
            self.assertEqual(parse(text), command, text)

    def test_usage(self) -> None:
        """A verb whose words are missing or too many shows how it is used."""
        for text, usage in (
            ("say", "say TEXT"),
            ("'", "say TEXT"),
            (":", "emote TEXT"),
            ("tell", "tell NAME TEXT"),
            ("tell bob", "tell NAME TEXT"),
            ("tell , hi", "tell NAME TEXT"),
            ("emote", "emote TEXT"),
            ("get", "get THING"),
            ("drop", "drop THING"),
            ("go", "go DIRECTION"),
            ("go home", "go DIRECTION"),
            ("go north now", "go DIRECTION"),
            ("mute bob cid", "mute NAME [TIME]"),
            ("mute bob 0", "mute NAME [TIME]"),
            ("mute bob 9999999", "mute NAME [TIME]"),
            (f"mute bob 5 {'x' * 201}", "mute NAME [TIME]"),
            ("unmute", "unmute NAME"),
            ("examine", "examine THING"),
            ("password onlyone", "password"),
            ("password a b c", "password"),
        ):
            error = self.assertRaises(PlayerError, parse, text)
            self.assertEqual((error.code, error.message), ("bad_command", f"Usage: {usage}"), text)

    def test_passwords_unseen(self) -> None:
        """Passwords stand neither in what a command looks like nor in a refusal."""
        self.assertNotIn("hunter", repr(parse("password hunter2hunter correcthorse")))
        self.assertNotIn("horse", repr(parse("password hunter2hunter correcthorse")))
        error = self.assertRaises(PlayerError, parse, "password correct horse battery")
        self.assertNotIn("horse", error.message)

    def test_unknown(self) -> None:
        """An unknown verb is quoted back with the closest that there is."""
        for text, hint in (
            ("lok", "Do you mean look?"),
            ("quti", "Do you mean quit?"),
            ("noth", "Do you mean north?"),
            ("xyzzy", "Type help for what you can do."),
        ):
            error = self.assertRaises(PlayerError, parse, text)
            self.assertEqual(error.code, "unknown_command")
            self.assertEqual(error.message, f"There is no command {text}. {hint}")

    def test_unknown_long(self) -> None:
        """A long word is quoted in part."""
        error = self.assertRaises(PlayerError, parse, "z" * 2000)
        self.assertLess(len(error.message), 100)

    def test_ambiguous(self) -> None:
        """A beginning that two verbs have is asked back, not guessed."""
        error = self.assertRaises(PlayerError, parse, "g lantern")
        self.assertEqual((error.code, error.message), ("ambiguous", "Do you mean go or get?"))

    def test_quit_in_full(self) -> None:
        """Nobody leaves the world by a slip of the finger."""
        for text in ("q", "qu", "qui"):
            self.assertRaises(PlayerError, parse, text)

    def test_answers_are_no_steps(self) -> None:
        """Words of talk that begin a direction move nobody."""
        for text in ("no", "so what", "we are here", "up there", "in a minute", "nor me"):
            self.assertRaises(PlayerError, parse, text)

    def test_empty(self) -> None:
        """An empty line is refused with a hint."""
        for text in ("", "   "):
            error = self.assertRaises(PlayerError, parse, text)
            self.assertEqual(error.code, "bad_command")

    @given(
        st.one_of(
            st.text(max_size=60),
            st.builds(
                " ".join,
                st.lists(
                    st.sampled_from(
                        [word for verb in STANDARD.verbs for word in (verb.name, *verb.aliases)]
                        + ["bob", "2.lantern", "all", "the", "up", "'", ":", ","]
                    ),
                    max_size=4,
                ),
            ),
        )
    )
    @example("\x00")
    @example("\ud800 x")
    @example("İ")
    def test_anything(self, text: str) -> None:
        """Any line is a command or a `PlayerError`, and nothing else."""
        try:
            command = parse(text)
        except PlayerError as error:
            self.assertIn(error.code, {"unknown_command", "bad_command", "ambiguous"})
        else:
            self.assertIsInstance(command, Command)


class TableTests(SynchronousTestCase):
    def test_usage_begins_with_name(self) -> None:
        """Help shows each verb by its own name, short enough for its table of 80 columns."""
        for verb in STANDARD.verbs:
            self.assertEqual(verb.usage.split()[0], verb.name)
            self.assertLess(len(verb.usage), 18)
            self.assertLess(len(verb.summary), 60)

    def test_own_words(self) -> None:
        """Each word of each verb reaches that verb: no direction or other verb takes it."""
        for verb in STANDARD.verbs:
            for word in (verb.name, *verb.aliases):
                for rest in ("", " north", " bob hello"):
                    try:
                        command = parse(word + rest)
                    except PlayerError as error:
                        self.assertEqual(error.message, f"Usage: {verb.usage}")
                    else:
                        self.assertEqual(command, verb.read(rest.strip()))
