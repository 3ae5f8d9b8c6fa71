"""Things in things: what may be put where, who sees it, and that nothing is doubled or lost."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import PlayerError
from mudserver.ids import CharacterId, ItemId
from mudserver.world import rules
from mudserver.world.applied import (
    Applied,
    CharacterDelta,
    ItemAdded,
    ItemPlaced,
    ItemRemoved,
    LidMoved,
)
from mudserver.world.events import ContainerShut, Examined, PutIn, Thing, Took, TookOut
from mudserver.world.model import MAX_SIZE, Item
from mudserver.world.rules.things import MAX_CARRIED, MAX_LOAD
from mudserver.world.world import World
from tests.unit.world.scene import (
    ANN,
    BOB,
    CHEST,
    COIN,
    CRATE,
    HALL,
    LANTERN,
    PIN,
    PURSE,
    ROPE,
    SACK,
    YARD,
    decide,
    do,
    furnish,
    make_crowd,
)


def places(world: World) -> dict[ItemId, str]:
    """Find where each item is by looking everywhere; an item that is in two places fails."""
    found: dict[ItemId, str] = {}

    def note(items: "list[Item]", where: str, depth: int) -> None:
        for item in items:
            assert item.id not in found, f"{item.key} is in two places"
            assert depth <= MAX_SIZE, f"{item.key} is too deep"
            found[item.id] = where
            note(list(item.items), item.key, depth + 1)

    for room in world.rooms.values():
        note(list(room.items), room.key, 0)
    for character in world.characters.values():
        note(list(character.items), character.name, 0)
    return found


def said(world: World) -> dict[ItemId, str]:
    """Tell where each item says that it is."""

    def place(item: Item) -> str:
        if item.room is not None:
            return world.room(item.room).key
        if item.holder is not None:
            return world.character(item.holder).name
        assert item.container is not None
        return world.items[item.container].key

    return {item.id: place(item) for item in world.items.values()}


class ContainersTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = make_crowd()
        furnish(self.world)

    def refused(self, text: str, code: str, words: str, who: CharacterId = ANN) -> None:
        error = self.assertRaises(PlayerError, decide, self.world, who, text)
        self.assertEqual((error.code, error.message), (code, words), text)

    def test_put_in(self) -> None:
        """What is put in leaves the hands for the container, and is stored there."""
        do(self.world, ANN, "get rope")
        self.assertEqual(
            decide(self.world, ANN, "put rope in sack"),
            (PutIn(ANN, "Ann", HALL, Thing(SACK, "a sack"), (Thing(ROPE, "a coil of rope"),)),),
        )
        self.assertEqual(
            do(self.world, ANN, "put rope in the sack"),
            [
                Applied(
                    (ItemPlaced(ROPE, None, None, SACK),),
                    (CharacterDelta(ANN, 2, 3, (ItemRemoved(0),)),),
                )
            ],
        )
        self.assertEqual(places(self.world)[ROPE], "sack")
        self.assertEqual(places(self.world), said(self.world))

    def test_take_out(self) -> None:
        """What is taken out is carried, and the room's copies need not learn of it."""
        self.assertEqual(
            decide(self.world, ANN, "get pin from crate"),
            (TookOut(ANN, "Ann", HALL, Thing(CRATE, "a crate"), (Thing(PIN, "a pin"),)),),
        )
        self.assertEqual(
            do(self.world, ANN, "get pin from crate"),
            [
                Applied(
                    (ItemPlaced(PIN, None, ANN),),
                    (CharacterDelta(ANN, 1, 2, (ItemAdded(0, PIN, "a pin"),)),),
                )
            ],
        )
        self.assertEqual(places(self.world), said(self.world))
        self.refused("get all from crate", "not_here", "A crate is empty.")
        self.refused("get pin from crate", "not_here", "There is no pin in a crate.")

    def test_all(self) -> None:
        """All that fits goes in, up to what the container holds; all comes out again."""
        do(self.world, ANN, "get all")
        do(self.world, ANN, "put all in crate")
        self.assertEqual(
            {id for id, place in places(self.world).items() if place == "crate"},
            {PIN, LANTERN, ROPE, SACK},
        )
        do(self.world, ANN, "get all from crate")
        self.assertEqual(len(self.world.items[CRATE].items), 0)
        self.assertEqual(len(self.world.character(ANN).items), 5)

    def test_refusals(self) -> None:
        """One has to have it, it has to fit, there has to be space, and the lid has to be open."""
        self.refused("put rope in sack", "not_here", "You carry no rope.")
        self.refused("put all in sack", "not_here", "You carry nothing that fits into a sack.")
        self.refused("get pin from hat", "not_here", "There is no hat here.")
        self.refused("get pin from chest", "closed", "A sea chest is closed.")
        self.refused("get pin from rope", "not_allowed", "A coil of rope doesn't hold anything.")
        do(self.world, ANN, "get sack")
        self.refused("put sack in sack", "not_allowed", "A sack doesn't fit into a sack.")
        self.refused("get crate from sack", "not_here", "There is no crate in a sack.")
        do(self.world, ANN, "get crate")
        self.refused("put crate in sack", "not_allowed", "A crate doesn't fit into a sack.")
        do(self.world, ANN, "get purse from sack")
        do(self.world, ANN, "get pin from crate")
        self.refused("put pin in purse", "too_much", "A purse is full.")
        self.refused("get purse from sack", "not_here", "There is no purse in a sack.")

    def test_out_of_reach(self) -> None:
        """Containers of others, in other rooms and in other containers are out of reach."""
        self.refused("get coin from purse", "not_here", "There is no purse here.")
        do(self.world, BOB, "get sack")
        self.refused("get purse from sack", "not_here", "There is no sack here.")
        do(self.world, ANN, "north")
        self.refused("get pin from crate", "not_here", "There is no crate here.")

    def test_lids(self) -> None:
        """What has a lid is opened and closed, and that is stored."""
        self.assertEqual(
            decide(self.world, ANN, "open chest"),
            (ContainerShut(ANN, "Ann", HALL, Thing(CHEST, "a sea chest"), False),),
        )
        self.assertEqual(do(self.world, ANN, "open chest"), [Applied((LidMoved(CHEST, False),))])
        self.refused("open chest", "not_allowed", "A sea chest is open already.")
        self.assertEqual(do(self.world, ANN, "shut chest"), [Applied((LidMoved(CHEST, True),))])
        self.refused("close chest", "not_allowed", "A sea chest is closed already.")
        self.refused("close sack", "not_allowed", "A sack can't be closed.")
        self.refused("open rope", "not_allowed", "A coil of rope can't be opened.")

    def test_looking(self) -> None:
        """A look at a container, or into it, tells what is in it, if it is open."""
        for text, words in (
            ("look in sack", "Jute.\n\nIt holds a purse."),
            ("examine crate", "Slats.\n\nIt holds a pin."),
            ("look in chest", "Oak.\n\nIt is closed."),
            ("look at rope", "Long."),
        ):
            (event,) = decide(self.world, ANN, text)
            assert isinstance(event, Examined)
            self.assertEqual(event.text, words)
        do(self.world, ANN, "open chest")
        (event,) = decide(self.world, ANN, "look in chest")
        assert isinstance(event, Examined)
        self.assertEqual(event.text, "Oak.\n\nIt is empty.")

    def test_bags_travel(self) -> None:
        """What is in a carried bag goes where it goes, and leaves the world with who carries it."""
        do(self.world, ANN, "get sack")
        do(self.world, ANN, "north")
        do(self.world, ANN, "drop sack")
        self.assertEqual(places(self.world)[COIN], "purse")
        self.assertEqual(places(self.world)[SACK], "yard")
        do(self.world, ANN, "get sack")
        for event in rules.leave(self.world, ANN):
            self.world.apply(event)
        for gone in (SACK, PURSE, COIN):
            self.assertNotIn(gone, self.world.items)
        self.assertIn(PIN, self.world.items)

    def test_load(self) -> None:
        """What is in bags counts among what one can carry, and is bounded."""
        for n in range(MAX_CARRIED - 1):
            bag = Item(ItemId(1000 + n), f"bag{n}", "a bag", ("bag",), "", room=YARD)
            bag.size, bag.capacity = 1, 10
            self.world.add_item(bag)
            for m in range(4):
                inside = Item(ItemId(2000 + 10 * n + m), f"x{n}-{m}", "a bean", ("bean",), "")
                inside.container = bag.id
                self.world.add_item(inside)
        do(self.world, ANN, "north")
        do(self.world, ANN, "get all")
        self.assertEqual(len(self.world.character(ANN).items), MAX_LOAD // 5)
        self.refused("get bag", "too_much", "You can't carry any more.")
        self.refused("get bean from 1.bag", "too_much", "You can't carry any more.")
        do(self.world, ANN, "drop bag")
        do(self.world, ANN, "get bean from bag")

    def test_hands(self) -> None:
        """Out of a bag comes no more than the hands can hold."""
        for n in range(MAX_CARRIED - 1):
            self.world.add_item(
                Item(ItemId(1000 + n), f"b{n}", "a bean", ("bean",), "", holder=ANN)
            )
        do(self.world, ANN, "get sack")
        self.refused("get purse from sack", "too_much", "You can't carry any more.")

    def test_impossible(self) -> None:
        """An event about what isn't there, or doesn't fit, changes nothing."""
        before = places(self.world)
        sack, pin = Thing(SACK, "a sack"), Thing(PIN, "a pin")
        for event in (
            PutIn(ANN, "Ann", HALL, sack, (pin,)),
            TookOut(ANN, "Ann", HALL, sack, (pin,)),
            TookOut(ANN, "Ann", HALL, Thing(ItemId(99), "x"), (pin,)),
            Took(ANN, "Ann", HALL, (pin,)),
            ContainerShut(ANN, "Ann", HALL, Thing(ItemId(99), "x"), True),
        ):
            self.assertRaises(KeyError, self.world.apply, event)
        do(self.world, ANN, "get crate")
        crate = Thing(CRATE, "a crate")
        self.assertRaises(KeyError, self.world.apply, PutIn(ANN, "Ann", HALL, crate, (crate,)))
        before[CRATE] = "Ann"
        self.assertEqual(places(self.world), before)

    def test_adding(self) -> None:
        """What doesn't fit, or is in something that isn't there, doesn't come into the world."""
        crate = Item(ItemId(50), "x", "x", (), "", container=SACK, size=2, capacity=1)
        self.assertRaises(ValueError, self.world.add_item, crate)
        lost = Item(ItemId(50), "x", "x", (), "", container=ItemId(99))
        self.assertRaises(KeyError, self.world.add_item, lost)
        both = Item(ItemId(50), "x", "x", (), "", container=SACK, room=HALL)
        self.assertRaises(ValueError, self.world.add_item, both)
        self.assertNotIn(ItemId(50), self.world.items)

    def test_put_back(self) -> None:
        """A container that goes back takes along what is in it now."""
        do(self.world, ANN, "get sack")
        do(self.world, ANN, "get rope")
        do(self.world, ANN, "put rope in sack")
        version = self.world.character(ANN).version
        back = Item(SACK, "sack", "a sack", ("sack",), "Jute.", room=HALL, size=2, capacity=3)
        self.world.put_item(back)
        self.assertEqual(self.world.character(ANN).version, version + 1)
        self.assertEqual(
            [places(self.world)[each] for each in (SACK, PURSE, COIN, ROPE)],
            ["hall", "sack", "purse", "sack"],
        )
        self.assertEqual(places(self.world), said(self.world))
        nowhere = Item(SACK, "sack", "a sack", ("sack",), "", container=ItemId(99), size=2)
        self.assertRaises(KeyError, self.world.put_item, nowhere)
        self.assertEqual(places(self.world), said(self.world))
        self.world.remove_item(SACK)
        for gone in (SACK, PURSE, COIN, ROPE):
            self.assertNotIn(gone, self.world.items)


LINES = st.one_of(
    st.builds(
        "{} {}".format,
        st.sampled_from(("get", "drop", "open", "close")),
        st.sampled_from(("all", "rope", "sack", "crate", "chest", "purse", "coin", "pin")),
    ),
    st.builds(
        "{} in {}".format,
        st.sampled_from(("put all", "put rope", "put sack", "put purse", "put pin", "put crate")),
        st.sampled_from(("sack", "crate", "chest", "purse", "rope")),
    ),
    st.builds(
        "get {} from {}".format,
        st.sampled_from(("all", "rope", "sack", "purse", "pin", "coin")),
        st.sampled_from(("sack", "crate", "chest", "purse", "rope")),
    ),
    st.sampled_from(("north", "south")),
)


class ConservationTest(SynchronousTestCase):
    @given(st.lists(st.tuples(st.sampled_from((ANN, BOB)), LINES), max_size=60))
    def test_conserved(self, course: list[tuple[CharacterId, str]]) -> None:
        """Whatever players do, each thing is in one place, says so, and is stored there."""
        world = make_crowd()
        furnish(world)
        wanted = set(world.items)
        stored = {
            item.id: (item.room, item.holder, item.container) for item in world.items.values()
        }
        for who, line in course:
            try:
                events = decide(world, who, line)
            except PlayerError:
                continue
            for event in events:
                for change in world.apply(event).changes:
                    if isinstance(change, ItemPlaced):
                        stored[change.item] = (change.room, change.holder, change.container)
            self.assertEqual(places(world), said(world))
            self.assertEqual(set(places(world)), wanted)
            for item in world.items.values():
                self.assertLessEqual(len(item.items), item.capacity)
                self.assertEqual(stored[item.id], (item.room, item.holder, item.container))
