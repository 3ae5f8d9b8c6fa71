"""What follows from what a player wants."""

from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import PlayerError
from mudserver.ids import AccountId, CharacterId, ItemId, RoomId
from mudserver.world import commands, events, handbook, rules
from mudserver.world.direction import Direction
from mudserver.world.events import (
    Arrived,
    Departed,
    Dropped,
    Emoted,
    Examined,
    ExitsListed,
    HelpShown,
    InventoryListed,
    Looked,
    LostLink,
    Muted,
    PasswordAsked,
    Present,
    Quitted,
    Returned,
    Said,
    Thing,
    Told,
    Took,
    Unmuted,
    Way,
    WhoListed,
)
from mudserver.world.model import Character, Item
from mudserver.world.world import World
from tests.unit.world.scene import (
    ANN,
    BOB,
    CELLAR,
    CID,
    HALL,
    LANTERN,
    ROPE,
    YARD,
    decide,
    do,
    enter,
    make_crowd,
    make_world,
)

A_LANTERN = Thing(LANTERN, "a brass lantern")
A_ROPE = Thing(ROPE, "a coil of rope")


class RulesTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = make_crowd()

    def assertRefused(self, actor: CharacterId, text: str, code: str, message: str) -> None:
        error = self.assertRaises(PlayerError, decide, self.world, actor, text)
        self.assertEqual((error.code, error.message), (code, message))


class EnteringTests(SynchronousTestCase):
    def arrived_in(self, world: World, room: RoomId | None) -> tuple[events.Event, ...]:
        character = Character(ANN, AccountId(1), "Ann", room)
        world.add_character(character)
        return rules.enter(world, character)

    def test_newcomer(self) -> None:
        """One who has never played begins at the start, and sees it."""
        self.assertEqual(
            self.arrived_in(make_world(), None),
            (Arrived(ANN, "Ann", HALL, None), Looked(ANN, HALL)),
        )

    def test_return(self) -> None:
        """One who has played begins where they were."""
        self.assertEqual(
            self.arrived_in(make_world(), YARD),
            (Arrived(ANN, "Ann", YARD, None), Looked(ANN, YARD)),
        )

    def test_room_gone(self) -> None:
        """One whose room is no more begins at the start, which is stored."""
        world = make_world()
        arrived, looked = self.arrived_in(world, RoomId(99))
        self.assertEqual(looked, Looked(ANN, HALL))
        self.assertEqual(len(world.apply(arrived).changes), 1)


class LeavingTests(RulesTestCase):
    def test_leave(self) -> None:
        """One who leaves is gone from the room."""
        self.assertEqual(rules.leave(self.world, ANN), (Departed(ANN, "Ann", HALL, None),))

    def test_absent(self) -> None:
        """Nobody who isn't there can leave, lose a link, or do anything."""
        nobody = CharacterId(999)
        self.assertRaises(KeyError, rules.leave, self.world, nobody)
        self.assertRaises(KeyError, rules.lose_link, self.world, nobody)
        self.assertRaises(KeyError, rules.regain_link, self.world, nobody)
        self.assertRaises(KeyError, rules.decide, self.world, nobody, commands.Look())

    def test_link(self) -> None:
        """A link is lost once, and comes back once."""
        self.assertEqual(rules.regain_link(self.world, ANN), ())
        (lost,) = rules.lose_link(self.world, ANN)
        self.assertEqual(lost, LostLink(ANN, "Ann", HALL))
        self.world.apply(lost)
        self.assertEqual(rules.lose_link(self.world, ANN), ())
        self.assertEqual(rules.regain_link(self.world, ANN), (Returned(ANN, "Ann", HALL),))

    def test_quit(self) -> None:
        """To quit is an event of its own, that the caller acts on."""
        self.assertEqual(decide(self.world, ANN, "quit"), (Quitted(ANN),))


class WalkingTests(RulesTestCase):
    def test_walk(self) -> None:
        """A walk is a departure, an arrival from the other side, and a look around."""
        self.assertEqual(
            decide(self.world, ANN, "north"),
            (
                Departed(ANN, "Ann", HALL, Direction.NORTH),
                Arrived(ANN, "Ann", YARD, Direction.SOUTH),
                Looked(ANN, YARD),
            ),
        )

    def test_no_exit(self) -> None:
        """Where there is no exit, nobody walks."""
        self.assertRefused(ANN, "west", "no_exit", "There is no way west from here.")

    def test_closed(self) -> None:
        """Through what is closed, nobody walks."""
        self.assertRefused(ANN, "down", "closed", "A trapdoor is closed.")

    def test_exits(self) -> None:
        """Exits are listed in the order of directions, by where they lead or what is in the way."""
        self.assertEqual(
            decide(self.world, ANN, "exits"),
            (
                ExitsListed(
                    ANN,
                    (
                        Way(Direction.NORTH, "The Yard", closed=False),
                        Way(Direction.DOWN, "a trapdoor", closed=True),
                    ),
                ),
            ),
        )


class LookingTests(RulesTestCase):
    def seen(self, actor: CharacterId, target: str) -> tuple[str, str]:
        (event,) = decide(self.world, actor, f"look {target}")
        assert isinstance(event, Examined)
        self.assertEqual(event.character, actor)
        return event.name, event.text

    def test_around(self) -> None:
        """A look alone is a look at the room."""
        self.assertEqual(decide(self.world, ANN, "look"), (Looked(ANN, HALL),))

    def test_item(self) -> None:
        """A thing that lies here or is carried can be looked at."""
        self.assertEqual(self.seen(ANN, "lamp"), ("a brass lantern", "Bright."))
        do(self.world, ANN, "get lamp")
        self.assertEqual(self.seen(ANN, "lamp"), ("a brass lantern", "Bright."))

    def test_detail(self) -> None:
        """What the room describes can be looked at; an item of that name comes first."""
        self.assertEqual(self.seen(ANN, "dust"), ("", "Grey, and everywhere."))
        self.assertEqual(self.seen(ANN, "hook"), ("", "A hook for a lantern."))
        self.assertEqual(self.seen(ANN, "lantern")[0], "a brass lantern")
        self.assertEqual(self.seen(ANN, "2.lantern"), ("", "A hook for a lantern."))

    def test_player(self) -> None:
        """A player here can be looked at, by a beginning of the name too."""
        do(self.world, BOB, "get all")
        expected = ("Bob", "A traveller, who carries a brass lantern and a coil of rope.")
        self.assertEqual(self.seen(ANN, "Bob"), expected)
        self.assertEqual(self.seen(ANN, "bo"), expected)

    def test_player_elsewhere(self) -> None:
        """A player who is elsewhere can't be looked at."""
        self.assertRefused(ANN, "look cid", "not_here", "You see no cid here.")

    def test_linkdead(self) -> None:
        """A look at one whose link is lost shows that."""
        for event in rules.lose_link(self.world, BOB):
            self.world.apply(event)
        self.assertIn("link is lost", self.seen(ANN, "bob")[1])

    def test_self(self) -> None:
        """One can look at oneself."""
        for word in ("me", "self", "ann"):
            self.assertEqual(self.seen(ANN, word), ("Ann", "A traveller, who carries nothing."))

    def test_npc(self) -> None:
        """An inhabitant can be looked at."""
        self.assertEqual(self.seen(CID, "bird"), ("the grey heron", "It stands on one leg."))

    def test_direction(self) -> None:
        """A look in a direction, or at what is in the way, tells where it leads."""
        self.assertEqual(self.seen(ANN, "n"), ("", "North: The Yard."))
        self.assertEqual(self.seen(ANN, "down"), ("", "Down: a trapdoor, closed."))
        self.assertEqual(self.seen(ANN, "trapdoor"), ("", "Down: a trapdoor, closed."))
        self.assertRefused(ANN, "look west", "no_exit", "There is no way west from here.")

    def test_nothing(self) -> None:
        """What isn't here can't be looked at."""
        self.assertRefused(ANN, "look sword", "not_here", "You see no sword here.")


class TalkingTests(RulesTestCase):
    def test_say(self) -> None:
        """What is said is said in the room."""
        self.assertEqual(decide(self.world, ANN, "say hi"), (Said(ANN, "Ann", HALL, "hi"),))

    def test_emote(self) -> None:
        """What is acted is acted in the room."""
        self.assertEqual(decide(self.world, ANN, ":waves."), (Emoted(ANN, "Ann", HALL, "waves."),))

    def test_tell(self) -> None:
        """A tell reaches a player anywhere, by the name or three letters of it."""
        enter(self.world, CharacterId(200), "Donovan")
        told = Told(ANN, "Ann", CharacterId(200), "Donovan", "hi")
        for name in ("Donovan", "DONOVAN", "don"):
            self.assertEqual(decide(self.world, ANN, f"tell {name} hi"), (told,))
        self.assertRefused(ANN, "tell do hi", "not_here", "There is no do in the world now.")

    def test_tell_exact(self) -> None:
        """A whole name is never ambiguous."""
        enter(self.world, CharacterId(200), "Annabel")
        (told,) = decide(self.world, BOB, "tell ann hi")
        assert isinstance(told, Told)
        self.assertEqual(told.target, ANN)

    def test_tell_ambiguous(self) -> None:
        """A beginning that several have is asked back."""
        for id, name in ((200, "Donovan"), (201, "Donna")):
            enter(self.world, CharacterId(id), name)
        self.assertRefused(ANN, "tell don hi", "ambiguous", "Do you mean Donna or Donovan?")

    def test_tell_absent(self) -> None:
        """Nobody is told anything who isn't in the world."""
        self.assertRefused(ANN, "tell zoe hi", "not_here", "There is no zoe in the world now.")

    def test_tell_self(self) -> None:
        """One doesn't tell oneself."""
        self.assertRefused(
            ANN, "tell ann hi", "not_allowed", "You mutter to yourself, and nobody hears it."
        )

    def test_tell_muted(self) -> None:
        """A tell to one who mutes the teller comes back; the other way it goes through."""
        do(self.world, BOB, "mute ann")
        self.assertRefused(ANN, "tell bob hi", "not_allowed", "Bob isn't listening to you.")
        self.assertEqual(
            decide(self.world, BOB, "tell ann hi"), (Told(BOB, "Bob", ANN, "Ann", "hi"),)
        )

    def test_who(self) -> None:
        """All in the world are listed by name, with lost links."""
        for event in rules.lose_link(self.world, BOB):
            self.world.apply(event)
        self.assertEqual(
            decide(self.world, CID, "who"),
            (
                WhoListed(
                    CID, (Present("Ann", False), Present("Bob", True), Present("Cid", False)), 3
                ),
            ),
        )

    def test_who_bounded(self) -> None:
        """Of a crowd, so many are named and all are counted."""
        for number in range(rules.MAX_WHO):
            tens, ones = divmod(number, 10)
            name = f"X{'abcdefghij'[tens]}{'abcdefghij'[ones]}"
            enter(self.world, CharacterId(1000 + number), name)
        (listed,) = decide(self.world, ANN, "who")
        assert isinstance(listed, WhoListed)
        self.assertEqual(len(listed.players), rules.MAX_WHO)
        self.assertEqual(listed.total, rules.MAX_WHO + 3)


class MutingTests(RulesTestCase):
    def test_mute(self) -> None:
        """A player who is in the world is muted by name, in any case."""
        self.assertEqual(decide(self.world, ANN, "mute BOB"), (Muted(ANN, BOB, "Bob"),))

    def test_whole_name(self) -> None:
        """A beginning isn't enough to mute somebody."""
        self.assertRefused(ANN, "mute bo", "not_here", "There is no player called bo.")

    def test_absent(self) -> None:
        """An absent player is muted once the name is resolved."""
        zoe = CharacterId(900)
        command: commands.Command = commands.Mute("zoe")
        self.assertEqual(commands.unresolved(command, self.world), "zoe")
        command = commands.resolved(command, zoe, "Zoe")
        self.assertIsNone(commands.unresolved(command, self.world))
        self.assertEqual(rules.decide(self.world, ANN, command), (Muted(ANN, zoe, "Zoe"),))

    def test_unresolved(self) -> None:
        """Only a mute or unmute of one who isn't in the world needs a look-up."""
        for command, name in (
            (commands.Mute("Bob"), None),
            (commands.Unmute("bob"), None),
            (commands.Unmute("Zoe"), "Zoe"),
            (commands.Tell("Zoe", "hi"), None),
            (commands.Look(), None),
        ):
            self.assertEqual(commands.unresolved(command, self.world), name)
        self.assertEqual(commands.resolved(commands.Who(), ANN, "Ann"), commands.Who())

    def test_self(self) -> None:
        """One can't mute oneself."""
        self.assertRefused(ANN, "mute ann", "not_allowed", "You can't mute yourself.")

    def test_twice(self) -> None:
        """A mute can't be made twice, nor lifted where there is none."""
        self.assertRefused(ANN, "unmute bob", "not_allowed", "You don't mute Bob.")
        do(self.world, ANN, "mute bob")
        self.assertRefused(ANN, "mute bob", "not_allowed", "You mute Bob already.")
        self.assertEqual(decide(self.world, ANN, "unmute bob"), (Unmuted(ANN, BOB, "Bob"),))

    def test_bounded(self) -> None:
        """One can mute so many, and no more."""
        self.world.character(ANN).mutes.update(
            CharacterId(1000 + number) for number in range(rules.MAX_MUTES)
        )
        self.assertRefused(
            ANN, "mute bob", "too_much", f"You can mute at most {rules.MAX_MUTES} players."
        )


class ThingsTests(RulesTestCase):
    def add_coins(self, count: int, room: RoomId | None, holder: CharacterId | None) -> None:
        for number in range(count):
            id = ItemId(500 + number)
            item = Item(id, f"coin-{id}", "a coin", ("coin",), "", False, room, holder)
            self.world.add_item(item)

    def test_get(self) -> None:
        """What lies here is taken."""
        self.assertEqual(
            decide(self.world, ANN, "get lamp"), (Took(ANN, "Ann", HALL, (A_LANTERN,)),)
        )

    def test_get_all(self) -> None:
        """All that can be taken is, and what is fixed stays."""
        self.assertEqual(
            decide(self.world, ANN, "get all"), (Took(ANN, "Ann", HALL, (A_LANTERN, A_ROPE)),)
        )

    def test_get_nothing(self) -> None:
        """What isn't here can't be taken, nor anything where there is nothing."""
        self.assertRefused(ANN, "get sword", "not_here", "There is no sword here.")
        self.assertRefused(CID, "get rope", "not_here", "There is no rope here.")
        nothing = "There is nothing here that you could take."
        self.assertRefused(CID, "get all", "not_here", nothing)
        do(self.world, ANN, "get all")
        self.assertRefused(BOB, "get all", "not_here", nothing)

    def test_get_fixed(self) -> None:
        """What is fixed can't be taken."""
        self.assertRefused(ANN, "get anvil", "not_allowed", "An anvil can't be taken.")

    def test_carry_bounded(self) -> None:
        """One carries so much, and no more; ``get all`` stops there."""
        self.add_coins(rules.MAX_CARRIED - 1, None, ANN)
        (took,) = decide(self.world, ANN, "get all")
        assert isinstance(took, Took)
        self.assertEqual(took.things, (A_LANTERN,))
        self.world.apply(took)
        self.assertRefused(ANN, "get rope", "too_much", "You can't carry any more.")
        self.assertRefused(ANN, "get all", "too_much", "You can't carry any more.")

    def test_drop(self) -> None:
        """What is carried is put down."""
        do(self.world, ANN, "get all")
        self.assertEqual(
            decide(self.world, ANN, "drop rope"), (Dropped(ANN, "Ann", HALL, (A_ROPE,)),)
        )
        self.assertEqual(
            decide(self.world, ANN, "drop all"), (Dropped(ANN, "Ann", HALL, (A_LANTERN, A_ROPE)),)
        )

    def test_drop_nothing(self) -> None:
        """What isn't carried can't be put down, even if it lies here."""
        self.assertRefused(ANN, "drop rope", "not_here", "You carry no rope.")
        self.assertRefused(ANN, "drop all", "not_here", "You carry nothing.")

    def test_floor_bounded(self) -> None:
        """A room holds so many things, and no more; ``drop all`` stops there."""
        do(self.world, ANN, "get all")
        self.add_coins(rules.MAX_LYING - 2, HALL, None)
        (dropped,) = decide(self.world, ANN, "drop all")
        assert isinstance(dropped, Dropped)
        self.assertEqual(dropped.things, (A_LANTERN,))
        self.world.apply(dropped)
        self.assertRefused(
            ANN, "drop rope", "too_much", "There is no space left here to put it down."
        )

    def test_inventory(self) -> None:
        """One can list what one carries."""
        self.assertEqual(decide(self.world, ANN, "i"), (InventoryListed(ANN, ()),))
        do(self.world, ANN, "get rope")
        self.assertEqual(decide(self.world, ANN, "i"), (InventoryListed(ANN, (A_ROPE,)),))


class OthersTests(RulesTestCase):
    def test_password(self) -> None:
        """A new password is asked for."""
        self.assertEqual(decide(self.world, ANN, "password"), (PasswordAsked(ANN),))

    def test_help(self) -> None:
        """Help shows the overview, or the page of a topic."""
        self.assertEqual(decide(self.world, ANN, "help"), (HelpShown(ANN, handbook.overview()),))
        page = handbook.page("say")
        assert page is not None
        self.assertEqual(decide(self.world, ANN, "help say"), (HelpShown(ANN, page),))
        self.assertRefused(
            ANN, "help dragons", "not_here", "There is no help on dragons. Type help alone."
        )

    def test_reads_only(self) -> None:
        """Deciding changes nothing, so the same question has the same answer."""
        for text in ("north", "get all", "mute bob", "say hi", "quit"):
            first = decide(self.world, ANN, text)
            self.assertEqual(decide(self.world, ANN, text), first)
        self.assertEqual(self.world.room(HALL).version, 3)
        self.assertEqual(self.world.room(CELLAR).version, 1)
