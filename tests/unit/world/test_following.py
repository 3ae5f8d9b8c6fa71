"""Following others: who comes along, and that nobody goes in circles."""

from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import PlayerError
from mudserver.ids import CharacterId
from mudserver.world import rules
from mudserver.world.applied import Applied, FollowLifted, FollowMade
from mudserver.world.audience import Viewer, resolve
from mudserver.world.direction import Direction
from mudserver.world.events import Arrived, Departed, Followed, LedOn, Looked, Unfollowed
from mudserver.world.rules.following import MAX_FOLLOWERS, MAX_TRAIN
from tests.unit.world.scene import ANN, BOB, CID, HALL, NOW, YARD, decide, do, enter, make_crowd


class FollowingTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = make_crowd()

    def refused(self, who: CharacterId, text: str, code: str, words: str) -> None:
        error = self.assertRaises(PlayerError, decide, self.world, who, text)
        self.assertEqual((error.code, error.message), (code, words), text)

    def where(self, *who: CharacterId) -> list[int | None]:
        return [self.world.character(each).room for each in who]

    def test_follow(self) -> None:
        """It is stored, and both are told."""
        (event,) = decide(self.world, BOB, "follow ann")
        self.assertEqual(event, Followed(BOB, "Bob", ANN, "Ann"))
        self.assertEqual(
            dict(resolve(self.world, event, NOW)), {Viewer.ACTOR: (BOB,), Viewer.TARGET: (ANN,)}
        )
        self.assertEqual(self.world.apply(event), Applied((FollowMade(BOB, ANN, "Ann"),)))
        (event,) = decide(self.world, BOB, "unfollow")
        self.assertEqual(event, Unfollowed(BOB, "Bob", ANN, "Ann"))
        self.assertEqual(self.world.apply(event), Applied((FollowLifted(BOB),)))
        self.assertEqual(self.world.follows.followers(ANN), [])
        self.refused(BOB, "unfollow", "not_allowed", "You follow nobody.")

    def test_led_on(self) -> None:
        """Who follows comes along, each by events of their own."""
        do(self.world, BOB, "follow ann")
        events = decide(self.world, ANN, "north")
        self.assertEqual(
            events[3:],
            (
                LedOn(BOB, "Ann", Direction.NORTH),
                Departed(BOB, "Bob", HALL, Direction.NORTH),
                Arrived(BOB, "Bob", YARD, Direction.SOUTH),
                Looked(BOB, YARD),
            ),
        )
        do(self.world, ANN, "north")
        self.assertEqual(self.where(ANN, BOB), [YARD, YARD])
        do(self.world, BOB, "south")
        self.assertEqual(self.where(ANN, BOB), [YARD, HALL])
        do(self.world, ANN, "south")
        do(self.world, BOB, "unfollow")
        do(self.world, ANN, "north")
        self.assertEqual(self.where(ANN, BOB), [YARD, HALL])

    def test_chain(self) -> None:
        """Those come along, too, who follow one who follows."""
        do(self.world, CID, "south")
        do(self.world, BOB, "follow ann")
        do(self.world, CID, "follow bob")
        do(self.world, ANN, "north")
        self.assertEqual(self.where(ANN, BOB, CID), [YARD, YARD, YARD])
        self.refused(ANN, "follow cid", "not_allowed", "Cid follows you; you would go in circles.")
        self.refused(BOB, "follow cid", "not_allowed", "Cid follows you; you would go in circles.")

    def test_circle(self) -> None:
        """Even in a circle each walks once."""
        self.world.follows.put(ANN, FollowMade(ANN, BOB, "Bob"))
        self.world.follows.put(BOB, FollowMade(BOB, ANN, "Ann"))
        do(self.world, ANN, "north")
        self.assertEqual(self.where(ANN, BOB), [YARD, YARD])
        self.assertEqual(list(self.world.follows.leaders(ANN)), [BOB, ANN])

    def test_left_behind(self) -> None:
        """Who is elsewhere, or without a connection, stays; and goes on to follow later."""
        do(self.world, BOB, "follow ann")
        for event in rules.lose_link(self.world, BOB):
            self.world.apply(event)
        do(self.world, ANN, "north")
        self.assertEqual(self.where(ANN, BOB), [YARD, HALL])
        for event in rules.regain_link(self.world, BOB):
            self.world.apply(event)
        do(self.world, ANN, "south")
        do(self.world, ANN, "north")
        self.assertEqual(self.where(ANN, BOB), [YARD, YARD])

    def test_away(self) -> None:
        """It lasts while one of the two is away."""
        do(self.world, BOB, "follow ann")
        for who in (ANN, BOB):
            for event in rules.leave(self.world, who):
                self.world.apply(event)
        enter(self.world, ANN, "Ann")
        do(self.world, ANN, "north")
        enter(self.world, BOB, "Bob", YARD)
        do(self.world, ANN, "south")
        self.assertEqual(self.where(ANN, BOB), [HALL, HALL])

    def test_refused(self) -> None:
        """One can follow one other who is here, isn't oneself, and doesn't mute one."""
        self.refused(ANN, "follow cid", "not_here", "There is no player called cid here.")
        self.refused(ANN, "follow ann", "not_allowed", "You go where you go already.")
        do(self.world, ANN, "mute bob")
        self.refused(BOB, "follow ann", "not_allowed", "Ann isn't listening to you.")
        do(self.world, ANN, "follow bob")
        self.refused(ANN, "follow bob", "not_allowed", "You follow Bob already.")

    def test_bounded(self) -> None:
        """Only so many follow one, and only so many are led on by one step."""
        for n in range(MAX_FOLLOWERS):
            first = enter(self.world, CharacterId(1000 + n), f"F{chr(97 + n)}")
            do(self.world, first.id, "follow ann")
            for m in range(4):
                other = enter(self.world, CharacterId(2000 + 10 * n + m), f"G{n}{m}")
                self.world.follows.put(other.id, FollowMade(other.id, first.id, first.name))
        self.refused(BOB, "follow ann", "too_much", "Too many follow Ann already.")
        do(self.world, ANN, "north")
        self.assertEqual(len(self.world.occupants(YARD).characters), 1 + 1 + MAX_TRAIN)
