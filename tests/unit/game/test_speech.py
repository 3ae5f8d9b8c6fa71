"""What players say, and who hears it."""

from mudserver.errors import StorageUnavailable
from mudserver.ids import GatewayId, InputNumber
from mudserver.interfaces.authority import Register
from mudserver.interfaces.bus import WORLD
from mudserver.interfaces.play import EventId, Show
from mudserver.world.role import Role
from tests.unit.game.scene import CommandsTestCase
from tests.unit.game.theatre import HOME, PASSWORD, FakeGateway


class SpeakTest(CommandsTestCase):
    def test_say(self) -> None:
        """The speaker and the others each see their own sentence, in one view a kind."""
        self.type(self.ann, "say hello")
        self.assertEqual(self.gateway.lines(self.ann), ['You say, "hello"'])
        self.assertEqual(self.gateway.lines(self.bob), ['Ann says, "hello"'])

    def test_one_show_a_gateway(self) -> None:
        """However many look on, a gateway gets each view once."""
        other = FakeGateway(self.bus, GatewayId("other"))
        for name in ("Cid", "Dot", "Eve"):
            self.successResultOf(self.bus.request(WORLD, Register(name, PASSWORD, HOME)))
            self.enter(name, other)
        self.gateway.forget()
        other.forget()
        self.type(self.ann, "say hello")
        shows = [message for message in self.gateway.messages if isinstance(message, Show)]
        self.assertEqual([len(show.sessions) for show in shows], [1, 1])
        (elsewhere,) = [message for message in other.messages if isinstance(message, Show)]
        self.assertEqual(len(elsewhere.sessions), 3)
        self.assertIs(elsewhere.view, shows[1].view)

    def test_times(self) -> None:
        """Messages carry the wall clock's time, in UTC."""
        self.type(self.ann, "say hello")
        (said,) = self.gateway.bodies(self.ann, "chat")
        self.assertRegex(str(said["time"]), r"^2026-01-01T00:00:\d\d\.\d{3}Z$")

    def test_inhabitants_answer(self) -> None:
        """An inhabitant reacts after what it reacts to was shown."""
        self.open_doors()
        self.type(self.ann, "north")
        self.assertEqual(self.gateway.types(self.ann)[-2:], ["room.state", "chat"])
        self.gateway.forget()
        self.type(self.ann, "say what time is it?")
        self.assertEqual(
            self.gateway.lines(self.ann),
            ['You say, "what time is it?"', 'Mrs Pellow says, "It is late."'],
        )

    def test_moving(self) -> None:
        """Who moves sees the new room; both rooms' occupants learn of it."""
        self.type(self.ann, "east")
        self.assertEqual(self.gateway.types(self.ann), ["room.state"])
        self.assertEqual(self.gateway.types(self.bob), ["presence", "room.delta"])
        self.gateway.forget()
        self.type(self.bob, "east")
        self.assertEqual(self.gateway.types(self.ann), ["presence", "room.delta"])


class ChannelTest(CommandsTestCase):
    def test_heard_everywhere(self) -> None:
        """A line is heard wherever one is, by the speaker too, as one view a kind of viewer."""
        self.type(self.bob, "east")
        self.gateway.forget()
        self.type(self.ann, "chat hello", "a")
        for session in (self.ann, self.bob):
            self.assertEqual(self.gateway.lines(session), ["[chat] Ann: hello"])
        self.assertEqual(self.codes(), [("a", None)])
        shown = [each for each in self.gateway.messages if isinstance(each, Show)]
        self.assertEqual(len(shown), 2)

    def test_turned_off(self) -> None:
        """One who has turned a channel off neither hears it nor speaks there, until on again."""
        self.type(self.ann, "channel chat off", "a")
        self.gateway.forget()
        self.type(self.bob, "chat one")
        self.type(self.bob, "newbie two")
        self.type(self.ann, "chat three", "b")
        self.assertEqual(self.gateway.lines(self.ann), ["[newbie] Bob: two"])
        self.assertEqual(self.codes(), [("b", "not_allowed")])
        self.type(self.ann, "channel chat on")
        self.type(self.bob, "chat four")
        self.assertEqual(self.gateway.lines(self.ann)[-1], "[chat] Bob: four")

    def test_acknowledged_when_committed(self) -> None:
        """That a channel is off is acknowledged after its commit, and outlives a restart."""
        self.database.hold()
        self.type(self.ann, "channel chat off", "a")
        self.assertEqual(self.codes(), [])
        self.database.release()
        self.assertEqual(self.codes(), [("a", None)])
        self.successResultOf(self.service.stopService())
        self.database.tokens.clear()  # a new run has new secrets; this one's repeat themselves
        self.service = self.make_service()
        self.successResultOf(self.service.startService())
        self.ann = self.enter("Ann")
        self.bob = self.enter("Bob")
        self.type(self.bob, "chat one")
        self.assertNotIn("[chat] Bob: one", self.gateway.lines(self.ann))

    def test_muted_speaker(self) -> None:
        """Those who mute a player are spared what they say on channels."""
        self.type(self.bob, "mute ann")
        self.gateway.forget()
        self.type(self.ann, "chat hello")
        self.assertEqual(self.gateway.lines(self.bob), [])

    def test_staff(self) -> None:
        """The staff's channel is not there for players; one who is appointed hears it at once."""
        self.type(self.ann, "staff hello", "a")
        self.assertEqual(self.codes(), [("a", "not_here")])
        self.game.presence.appoint(self.database.characters[self.ids["Bob"]].account, Role.ADMIN)
        self.advance()
        self.type(self.bob, "staff hello")
        self.assertEqual(self.gateway.lines(self.bob)[-1], "[staff] Bob: hello")
        self.assertEqual(self.gateway.lines(self.ann), [])
        self.game.presence.appoint(self.database.characters[self.ids["Ann"]].account, Role.OWNER)
        self.advance()
        self.type(self.bob, "staff welcome")
        self.assertEqual(self.gateway.lines(self.ann)[-1], "[staff] Bob: welcome")
        self.game.presence.appoint(self.database.characters[self.ids["Ann"]].account, Role.PLAYER)
        self.advance()
        self.gateway.forget()
        self.type(self.bob, "staff still there?")
        self.assertEqual(self.gateway.lines(self.ann), [])

    def test_costs_no_query(self) -> None:
        """What is said on a channel asks the database nothing."""
        self.database.failure = StorageUnavailable("away")
        self.type(self.ann, "chat hello", "a")
        self.assertEqual(self.gateway.lines(self.bob), ["[chat] Ann: hello"])
        self.assertEqual(self.codes(), [("a", None)])
        self.database.failure = None


class NamesTest(CommandsTestCase):
    """What is shown has a name, where it comes of an input."""

    def names(self) -> list[tuple[str, EventId | None, bool]]:
        """Type of view, its name, and whether it must arrive, of all that was shown."""
        shown = [each for each in self.gateway.messages if isinstance(each, Show)]
        return [(each.view.type, each.event, each.durable) for each in shown]

    def test_named(self) -> None:
        """Each view that comes of an input has its own name; states and deltas have none."""
        self.type(self.ann, "say hello")
        self.type(self.ann, "east")
        said, *went = self.names()[1:]
        self.assertEqual(said[1], EventId(self.ann, InputNumber(1), 8))
        self.assertEqual(len({name for _, name, _ in self.names() if name}), 3)
        self.assertEqual(
            [(type, name is not None) for type, name, _ in went],
            [("presence", True), ("room.delta", False), ("room.state", False)],
        )

    def test_alone(self) -> None:
        """Whoever else is there, a view has the same name."""
        self.type(self.ann, "say hello")
        self.gateway.detach(self.bob, by_choice=True)
        self.advance()
        self.type(self.ann, "say hello")
        mine = [name.index for kind, name, _ in self.names() if kind == "chat" and name]
        self.assertEqual(mine, [0, 8, 0])

    def test_reactions(self) -> None:
        """What inhabitants do about it counts on."""
        self.open_doors()
        self.type(self.ann, "north")
        self.gateway.forget()
        self.type(self.ann, "say what time is it?")
        mine, reaction = (name for _, name, _ in self.names())
        assert mine is not None
        assert reaction is not None
        self.assertEqual((mine.number, reaction.number), (2, 2))
        self.assertNotEqual(mine.index, reaction.index)

    def test_nobody_typed_it(self) -> None:
        """What comes of no input has no name."""
        self.gateway.detach(self.bob)
        self.advance()
        self.assertEqual(self.names(), [("presence", None, False)])

    def test_must_arrive(self) -> None:
        """Tells and lines of channels must arrive; what is said in a room need not."""
        for text in ("tell bob hello", "chat hello", "say hello"):
            self.type(self.ann, text)
        self.assertEqual([must for _, _, must in self.names()], [True] * 4 + [False] * 2)
