"""What follows from what a player wants."""

from datetime import datetime, timedelta

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mudserver.ids import AccountId, CharacterId, ItemId, RoomId
from mudserver.world import absent, commands, events, handbook, rules
from mudserver.world.commands import Known
from mudserver.world.direction import Direction
from mudserver.world.events import (
    Arrived,
    Departed,
    Dropped,
    Examined,
    ExitsListed,
    HelpShown,
    Hushed,
    InventoryListed,
    Looked,
    LostLink,
    Means,
    PasswordAsked,
    Quitted,
    Returned,
    Said,
    Silenced,
    SilencedPlayer,
    SilencesListed,
    Took,
    Unsilenced,
    Way,
)
from mudserver.world.model import Character, Item, Silence
from mudserver.world.role import Role
from mudserver.world.world import World
from tests.unit.world.harbour import A_LANTERN, A_ROPE, ZOES, RulesTestCase
from tests.unit.world.scene import (
    ANN,
    BOB,
    CELLAR,
    CID,
    HALL,
    NOW,
    YARD,
    decide,
    do,
    enter,
    make_world,
)


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
        self.assertRaises(KeyError, rules.decide, self.world, nobody, commands.Look(), NOW)

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
        self.add_coins(rules.things.MAX_CARRIED - 1, None, ANN)
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
        self.add_coins(rules.things.MAX_LYING - 2, HALL, None)
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


class OrderTests(RulesTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.boss = enter(self.world, CharacterId(105), "Boss", role=Role.ADMIN).id
        self.bobs = self.world.character(BOB).account

    def ordered(self, until: datetime | None = None, why: str = "") -> Silenced:
        by = self.world.character(self.boss).account
        return Silenced(self.boss, by, BOB, "Bob", self.bobs, NOW, until, why)

    def test_silence(self) -> None:
        """Staff silences a player, for a time or for good, with or without a reason."""
        until = NOW + timedelta(hours=2)
        for typed, expected in (
            ("silence bob", self.ordered()),
            ("silence bob 2h", self.ordered(until)),
            ("silence bob 2h  Enough of it.", self.ordered(until, "Enough of it.")),
            ("silence bob Enough of it.", self.ordered(None, "Enough of it.")),
        ):
            self.assertEqual(decide(self.world, self.boss, typed), (expected,), typed)

    def test_absent(self) -> None:
        """An absent player is silenced, by account, once the name is resolved."""
        command: commands.Command = commands.Silence("zoe")
        self.assertEqual(absent.unresolved(command, self.world), "zoe")
        self.assertRefused(self.boss, "silence zoe", "not_here", "There is no player called zoe.")
        command = absent.resolved(command, Known(CharacterId(900), ZOES, "Zoe", Role.BUILDER))
        self.assertIsNone(absent.unresolved(command, self.world))
        (event,) = rules.decide(self.world, self.boss, command, NOW)
        assert isinstance(event, Silenced)
        self.assertEqual((event.account, event.target_name), (ZOES, "Zoe"))

    def test_players_may_not(self) -> None:
        """Players and builders silence nobody, nor end a silence."""
        refusal = "Only admins and owners can do that."
        for role in (Role.PLAYER, Role.BUILDER):
            self.world.character(ANN).role = role
            self.assertRefused(ANN, "silence bob", "not_allowed", refusal)
            self.assertRefused(ANN, "unsilence bob", "not_allowed", refusal)
            self.assertRefused(ANN, "silences", "not_allowed", refusal)
            self.assertRefused(ANN, "silence zoe", "not_allowed", refusal)

    def test_ranks(self) -> None:
        """Nobody is silenced by their like or by those below them."""
        for actor, target, may in (
            (Role.ADMIN, Role.BUILDER, True),
            (Role.ADMIN, Role.ADMIN, False),
            (Role.ADMIN, Role.OWNER, False),
            (Role.OWNER, Role.ADMIN, True),
            (Role.OWNER, Role.OWNER, False),
        ):
            self.world.character(self.boss).role = actor
            self.world.character(BOB).role = target
            if may:
                self.assertEqual(decide(self.world, self.boss, "silence bob"), (self.ordered(),))
            else:
                refusal = "Bob doesn't stand below you."
                self.assertRefused(self.boss, "silence bob", "not_allowed", refusal)

    def test_hushed(self) -> None:
        """What the silenced say, emote or tell, reaches staff at most."""
        self.world.apply(self.ordered(None, "Enough."))
        for typed, channel, text, room, target in (
            ("say hi", Means.SAY, "hi", HALL, None),
            (":waves", Means.EMOTE, "waves", HALL, None),
            ("tell ann hi", Means.TELL, "hi", None, None),
            ("tell boss hi", Means.TELL, "hi", None, self.boss),
        ):
            (event,) = decide(self.world, BOB, typed)
            expected = Hushed(BOB, "Bob", channel, text, room, target, None, "Enough.")
            self.assertEqual(event, expected, typed)
        self.assertEqual(len(decide(self.world, ANN, "say hi")), 1)
        self.assertEqual(len(decide(self.world, BOB, "north")), 3)

    def test_silence_ends(self) -> None:
        """A silence ends by itself, or by staff; without one there is nothing to end."""
        until = NOW + timedelta(hours=2)
        self.world.apply(self.ordered(until))
        (event,) = decide(self.world, BOB, "say hi", until - timedelta.resolution)
        self.assertIsInstance(event, Hushed)
        (event,) = decide(self.world, BOB, "say hi", until)
        self.assertIsInstance(event, Said)
        (event,) = decide(self.world, self.boss, "unsilence bob")
        self.assertEqual(event, Unsilenced(self.boss, BOB, "Bob", self.bobs))
        self.world.apply(event)
        self.assertIsInstance(decide(self.world, BOB, "say hi")[0], Said)
        self.assertRefused(self.boss, "unsilence bob", "not_allowed", "Bob isn't silenced.")

    def test_listed(self) -> None:
        """Those that hold are listed, by name, up to a number; channels after everywhere."""
        until = NOW + timedelta(hours=1)
        self.world.put_silence(ZOES, Silence(None, "", "Zoe", "Boss"), "chat")
        self.world.put_silence(AccountId(99), Silence(NOW, "", "Abe", "Boss"))
        self.world.apply(evolve(self.ordered(), channel="chat"))
        self.world.apply(self.ordered(until, "Enough."))
        (listed,) = decide(self.world, self.boss, "silences")
        bob = SilencedPlayer("Bob", None, "Boss", until, "Enough.")
        chat = SilencedPlayer("Bob", "chat", "Boss", None, "")
        zoe = SilencedPlayer("Zoe", "chat", "Boss", None, "")
        self.assertEqual(listed, SilencesListed(self.boss, (bob, chat, zoe), 3))
        (listed,) = decide(self.world, self.boss, "silences", until)
        self.assertEqual(listed, SilencesListed(self.boss, (chat, zoe), 2))
        for number in range(100):
            self.world.put_silence(AccountId(10_000 + number), Silence(until, "", "Many", "Boss"))
        (listed,) = decide(self.world, self.boss, "silences")
        assert isinstance(listed, SilencesListed)
        shown = rules.moderation.SHOWN_SILENCES
        self.assertEqual((len(listed.players), listed.total), (shown, 103))

    def test_too_many(self) -> None:
        """There is an end to the number of silences; one that is there can be changed."""
        until = NOW + timedelta(hours=1)
        self.world.apply(self.ordered(until))
        for number in range(rules.moderation.MAX_SILENCES - 1):
            self.world.put_silence(AccountId(10_000 + number), Silence(until, ""))
        refusal = f"There can be at most {rules.moderation.MAX_SILENCES} silences."
        self.assertRefused(self.boss, "silence ann", "too_much", refusal)
        self.assertEqual(len(decide(self.world, self.boss, "silence bob")), 1)
        self.assertEqual(len(decide(self.world, self.boss, "silence ann", until)), 1)
