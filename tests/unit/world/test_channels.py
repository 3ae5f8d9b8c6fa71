"""Channels: which there can be, what they are called by, and who hears them."""

from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import PlayerError
from mudserver.world import handbook
from mudserver.world.applied import ChannelOff, ChannelOn
from mudserver.world.audience import Viewer, resolve
from mudserver.world.channels import MAX_CHANNELS, Channel, check_channels
from mudserver.world.commands import SpeakOnChannel
from mudserver.world.events import Appointed, ChannelSaid, ChannelsListed, Hushed, KnownChannel
from mudserver.world.grammar import parse
from mudserver.world.lexicon import Lexicon
from mudserver.world.model import Character, Silence
from mudserver.world.names import reserved_names
from mudserver.world.role import Role
from mudserver.world.rules import leave
from mudserver.world.world import World
from tests.unit.world.scene import ANN, BOB, CID, NOW, decide, do, make_crowd


class CheckTests(SynchronousTestCase):
    def refusal(self, *channels: Channel) -> str:
        return str(self.assertRaises(ValueError, check_channels, channels))

    def test_names(self) -> None:
        """A name is a few small letters, and given once."""
        for name in ("", "x", "Chat", "my chat", "chat1", "é" * 3, "x" * 13):
            self.assertIn("no name of a channel", self.refusal(Channel(name, "x")))
        self.assertIn("two channels", self.refusal(Channel("chat", "x"), Channel("chat", "y")))

    def test_topics(self) -> None:
        """A topic is one line that fits into a list."""
        for topic in ("x" * 61, "a\nb", "\x1b[31m"):
            self.assertIn("topic", self.refusal(Channel("chat", topic)))

    def test_too_many(self) -> None:
        """There is an end to the number of channels."""
        many = [Channel(f"ch{chr(97 + number)}", "x") for number in range(MAX_CHANNELS + 1)]
        self.assertIn("at most", self.refusal(*many))
        self.assertEqual(len(check_channels(many[:-1])), MAX_CHANNELS)


class LexiconTests(SynchronousTestCase):
    def test_a_verb_already(self) -> None:
        """No channel is called like a command, an alias of one, or a direction."""
        for name in ("say", "take", "north", "nw", "channels"):
            error = self.assertRaises(ValueError, Lexicon.of, [Channel(name, "x")])
            self.assertEqual(str(error), f"{name} stands for two commands")

    def test_own_channels(self) -> None:
        """The verbs of a world are those of its own channels; so are help and reserved names."""
        lexicon = Lexicon.of([Channel("trade", "buying and selling")])
        self.assertEqual(parse("trade a lamp", lexicon), SpeakOnChannel("trade", "a lamp"))
        self.assertRaises(PlayerError, parse, "chat hello", lexicon)
        self.assertRaises(PlayerError, parse, "trad hello", lexicon)
        self.assertIn("trade", reserved_names((), lexicon))
        self.assertNotIn("chat", reserved_names((), lexicon))
        page = handbook.page("trade", lexicon)
        assert page is not None
        self.assertIn("buying and selling", page.paragraphs[0])


class ListeningTests(SynchronousTestCase):
    """Ann and Bob in the hall, Cid in the yard."""

    def setUp(self) -> None:
        self.world = make_crowd()

    def heard(self, typed: str, world: World | None = None) -> dict[Viewer, set[int]]:
        """Return who hears what Ann types."""
        (event,) = decide(world or self.world, ANN, typed)
        return {viewer: set(ids) for viewer, ids in resolve(world or self.world, event, NOW)}

    def test_everywhere(self) -> None:
        """A line is heard wherever one is."""
        self.assertEqual(self.heard("chat hi"), {Viewer.ACTOR: {ANN}, Viewer.OTHERS: {BOB, CID}})

    def test_off(self) -> None:
        """Who turns a channel off doesn't hear it; and does again, once it is on."""
        (off,) = do(self.world, BOB, "channel chat off")
        self.assertEqual(off.changes, (ChannelOff(BOB, "chat"),))
        self.assertEqual(self.heard("chat hi"), {Viewer.ACTOR: {ANN}, Viewer.OTHERS: {CID}})
        self.assertEqual(self.heard("newbie hi"), {Viewer.ACTOR: {ANN}, Viewer.OTHERS: {BOB, CID}})
        self.assertRaises(PlayerError, decide, self.world, BOB, "channel chat off")
        self.assertRaises(PlayerError, decide, self.world, BOB, "chat hi")
        (on,) = do(self.world, BOB, "channel chat on")
        self.assertEqual(on.changes, (ChannelOn(BOB, "chat"),))
        self.assertEqual(self.heard("chat hi"), {Viewer.ACTOR: {ANN}, Viewer.OTHERS: {BOB, CID}})
        self.assertRaises(PlayerError, decide, self.world, BOB, "channel chat on")

    def test_muted(self) -> None:
        """Those who mute the speaker are spared it."""
        do(self.world, BOB, "mute ann")
        self.assertEqual(self.heard("chat hi"), {Viewer.ACTOR: {ANN}, Viewer.OTHERS: {CID}})

    def test_gone(self) -> None:
        """One who has left the world hears nothing more."""
        for event in leave(self.world, BOB):
            self.world.apply(event)
        self.assertEqual(self.world.listeners("chat"), {ANN, CID})

    def test_staff(self) -> None:
        """The staff's channel is heard and used by staff; builders are none."""
        self.assertRaises(PlayerError, decide, self.world, ANN, "staff hi")
        self.assertRaises(PlayerError, decide, self.world, ANN, "channel staff off")
        for who, role in ((ANN, Role.ADMIN), (BOB, Role.OWNER), (CID, Role.BUILDER)):
            self.world.apply(Appointed(who, role))
        self.assertEqual(self.heard("staff hi"), {Viewer.ACTOR: {ANN}, Viewer.OTHERS: {BOB}})
        do(self.world, BOB, "channel staff off")
        self.assertEqual(self.heard("staff hi"), {Viewer.ACTOR: {ANN}})

    def test_listed(self) -> None:
        """One is told of the channels that are there for one, and whether they are on."""
        do(self.world, ANN, "channel newbie off")
        (listed,) = decide(self.world, ANN, "channels")
        assert isinstance(listed, ChannelsListed)
        self.assertEqual(
            [(each.name, each.on) for each in listed.channels], [("chat", True), ("newbie", False)]
        )
        self.assertIsInstance(listed.channels[0], KnownChannel)
        self.world.apply(Appointed(ANN, Role.ADMIN))
        (listed,) = decide(self.world, ANN, "channels")
        assert isinstance(listed, ChannelsListed)
        self.assertEqual([each.name for each in listed.channels], ["chat", "newbie", "staff"])

    def test_channel_that_is_gone(self) -> None:
        """That one had turned off a channel which there is no longer, does no harm."""
        world = make_crowd()
        world.add_character(
            Character(CID + 1, world.character(CID).account, "Dee", channels_off={"trade", "chat"})  # type: ignore[arg-type]
        )
        self.assertNotIn(CID + 1, world.listeners("chat"))
        self.assertIn(CID + 1, world.listeners("newbie"))
        self.assertEqual(world.listeners("trade"), set())

    def test_silenced(self) -> None:
        """The silenced are heard by staff that listens, alone; on one channel or on all."""
        self.world.apply(Appointed(CID, Role.ADMIN))
        account = self.world.character(ANN).account
        self.world.put_silence(account, Silence(None, ""), "chat")
        self.assertEqual(self.heard("chat hi"), {Viewer.ACTOR: {ANN}, Viewer.OTHERS: {CID}})
        self.assertIsInstance(decide(self.world, ANN, "newbie hi")[0], ChannelSaid)
        self.world.put_silence(account, None, "chat")
        self.assertIsInstance(decide(self.world, ANN, "chat hi")[0], ChannelSaid)
        self.world.put_silence(account, Silence(None, ""))
        self.assertIsInstance(decide(self.world, ANN, "chat hi")[0], Hushed)

    def test_silence_where(self) -> None:
        """A silence names a channel that there is; it is lifted where it was made."""
        self.world.apply(Appointed(CID, Role.ADMIN))
        self.assertRaises(PlayerError, decide, self.world, CID, "silence ann on purpose")
        do(self.world, CID, "silence ann on chat")
        self.assertRaises(PlayerError, decide, self.world, CID, "unsilence ann")
        self.assertRaises(PlayerError, decide, self.world, CID, "unsilence ann on newbie")
        do(self.world, CID, "unsilence ann on chat")
        self.assertIsInstance(decide(self.world, ANN, "chat hi")[0], ChannelSaid)
