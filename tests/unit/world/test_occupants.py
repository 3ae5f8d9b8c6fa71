"""Who is in a room, page by page."""

from twisted.trial.unittest import SynchronousTestCase

from mudserver.ids import AccountId, CharacterId, NpcId, RoomId
from mudserver.world.applied import (
    NextChanged,
    OccupantAdded,
    OccupantRemoved,
    RoomOperation,
    TotalChanged,
)
from mudserver.world.model import OCCUPANTS_PAGE, Character, Npc, Occupants


def character(id: int) -> Character:
    return Character(CharacterId(id), AccountId(id), f"C{id}")


def npc(id: int) -> Npc:
    return Npc(NpcId(id), str(id), f"n{id}", (), "", RoomId(1))


def crowd(count: int, step: int = 10) -> Occupants:
    """Return so many characters, with the ids 10, 20, 30 …"""
    occupants = Occupants()
    for id in range(step, (count + 1) * step, step):
        occupants.join(character(id))
    return occupants


class OccupantsTests(SynchronousTestCase):
    def test_kinds(self) -> None:
        """Characters and inhabitants are told apart, and counted together."""
        occupants = Occupants()
        occupants.join(character(2))
        occupants.join(npc(1))
        self.assertEqual(occupants.characters, {2})
        self.assertEqual([each.id for each in occupants.npcs], [1])
        self.assertEqual(len(occupants), 2)
        self.assertIn(1, occupants)
        self.assertEqual([each.id for each in occupants.page().occupants], [1, 2])

    def test_leaving(self) -> None:
        """Those who leave are in none of the lists."""
        occupants = Occupants()
        one, two = character(2), npc(1)
        occupants.join(one)
        occupants.join(two)
        occupants.leave(one)
        occupants.leave(two)
        self.assertEqual(occupants.characters, set())
        self.assertEqual(len(occupants.npcs), 0)
        self.assertEqual(len(occupants), 0)

    def test_small_join_and_leave(self) -> None:
        """On one page, a change is one operation and the total."""
        occupants = crowd(2)
        who = character(15)
        self.assertEqual(occupants.join(who), (OccupantAdded(1, 15, "C15", True), TotalChanged(3)))
        self.assertEqual(occupants.leave(who), (OccupantRemoved(1), TotalChanged(2)))
        self.assertEqual(
            occupants.join(npc(5)), (OccupantAdded(0, 5, "n5", False), TotalChanged(3))
        )

    def test_second_page_begins(self) -> None:
        """The first who doesn't fit on the page makes a second begin, and ends it by leaving."""
        occupants = crowd(OCCUPANTS_PAGE)
        who = character(9999)
        self.assertEqual(occupants.join(who), (TotalChanged(51), NextChanged(None, 500)))
        self.assertEqual(occupants.leave(who), (TotalChanged(50), NextChanged(500, None)))

    def test_join_before_the_end_of_a_full_page(self) -> None:
        """One who belongs on a full page pushes the last one off it."""
        occupants = crowd(OCCUPANTS_PAGE)
        expected: tuple[RoomOperation, ...] = (
            OccupantRemoved(49),
            OccupantAdded(0, 5, "C5", True),
            TotalChanged(51),
            NextChanged(None, 490),
        )
        self.assertEqual(occupants.join(character(5)), expected)

    def test_leave_from_a_full_page(self) -> None:
        """One who leaves a full page pulls the next one onto it."""
        occupants = crowd(OCCUPANTS_PAGE + 2)
        first = occupants.page().occupants[0]
        expected: tuple[RoomOperation, ...] = (
            OccupantRemoved(0),
            OccupantAdded(49, 510, "C510", True),
            TotalChanged(51),
            NextChanged(500, 510),
        )
        self.assertEqual(occupants.leave(first), expected)

    def test_beyond_the_page(self) -> None:
        """Whoever comes or goes behind the first page changes the total alone."""
        occupants = crowd(OCCUPANTS_PAGE + 5)
        who = character(525)
        self.assertEqual(occupants.join(who), (TotalChanged(56),))
        self.assertEqual(occupants.leave(who), (TotalChanged(55),))

    def test_pages(self) -> None:
        """Following ``next`` shows everyone once, even if the one it names has left."""
        occupants = crowd(120)
        first = occupants.page()
        self.assertEqual(len(first.occupants), 50)
        self.assertEqual(first.next, 500)
        occupants.leave(first.occupants[-1])
        assert first.next is not None
        second = occupants.page(first.next)
        self.assertEqual(second.occupants[0].id, 510)
        assert second.next is not None
        third = occupants.page(second.next)
        self.assertEqual([each.id for each in third.occupants], list(range(1010, 1210, 10)))
        self.assertIsNone(third.next)
        self.assertEqual(occupants.page(99999).occupants, ())

    def test_exactly_one_page(self) -> None:
        """A page that holds all has no next."""
        self.assertIsNone(crowd(OCCUPANTS_PAGE).page().next)
