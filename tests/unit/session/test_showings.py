"""What an earlier world has shown is not shown again."""

from twisted.trial.unittest import SynchronousTestCase

from mudserver.ids import SessionId
from mudserver.session.showings import (
    MAX_BRINGERS,
    MAX_LOOKED_AT,
    MAX_RECIPIENTS,
    MAX_SHOWINGS,
    Showings,
)

_ANN, _BOB, _EVE = (SessionId(name) for name in ("ann", "bob", "eve"))


class ShowingsTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.showings: Showings[int] = Showings()

    def test_same_world(self) -> None:
        """What one world shows twice under one name is shown twice: it has views for several."""
        self.showings.note(1, (_ANN,))
        self.assertEqual(self.showings.unseen(1, (_ANN, _BOB)), (_ANN, _BOB))

    def test_forgotten(self) -> None:
        """Whoever was shown it by any world is left out, until it is forgotten."""
        few: Showings[int] = Showings(3, 100)
        few.note(1, (_ANN,))
        self.assertEqual(few.lately(1, (_ANN, _BOB)), (_BOB,))
        few.note(1, (_BOB,))
        few.note(2, ())
        self.assertEqual(few.lately(1, (_ANN, _BOB, _EVE)), (_EVE,))
        few.note(2, (_ANN,))
        few.note(3, (_ANN,))
        self.assertEqual(few.lately(1, (_ANN, _BOB, _EVE)), (_ANN, _EVE))
        few.note(4, (_ANN,))
        self.assertEqual(few.lately(1, (_BOB,)), (_BOB,))
        few.freeze()
        few.note(5, (_ANN,))
        self.assertEqual(few.lately(4, (_ANN, _BOB)), (_BOB,))
        self.assertEqual(few.lately(5, (_ANN, _BOB)), (_BOB,))

    def test_next_world(self) -> None:
        """Whoever was shown it by the earlier world is left out, by whichever view."""
        self.showings.note(1, (_ANN,))
        self.showings.note(1, (_BOB,))
        self.showings.freeze()
        self.assertEqual(self.showings.unseen(1, (_ANN, _BOB, _EVE)), (_EVE,))
        self.assertEqual(self.showings.unseen(2, (_ANN,)), (_ANN,))

    def test_own_showings(self) -> None:
        """What the new world itself has shown doesn't count, until a third one comes."""
        self.showings.freeze()
        self.showings.note(1, (_ANN,))
        self.assertEqual(self.showings.unseen(1, (_ANN,)), (_ANN,))
        self.showings.freeze()
        self.assertEqual(self.showings.unseen(1, (_ANN,)), ())

    def test_world_before_last(self) -> None:
        """What the world before the last has shown is remembered, too."""
        self.showings.note(1, (_ANN,))
        self.showings.freeze()
        self.showings.freeze()
        self.assertEqual(self.showings.unseen(1, (_ANN,)), ())

    def test_lately(self) -> None:
        """What is said to come again is looked for among the showings of this world, too."""
        self.showings.note(1, (_ANN,))
        self.showings.freeze()
        self.showings.note(1, (_BOB,))
        self.assertEqual(self.showings.lately(1, (_ANN, _BOB, _EVE)), (_EVE,))
        self.assertEqual(self.showings.lately(2, (_ANN, _BOB)), (_ANN, _BOB))

    def test_late(self) -> None:
        """What the earlier world shows after the next one has begun isn't shown again either."""
        self.showings.note(1, (_ANN,))
        self.showings.freeze()
        self.showings.note_out_of_turn(1, (_BOB,))
        self.assertEqual(self.showings.unseen(1, (_ANN, _BOB, _EVE)), (_EVE,))
        self.assertEqual(self.showings.lately(1, (_ANN, _BOB, _EVE)), (_EVE,))
        for event in range(2, MAX_SHOWINGS + 2):
            self.showings.note_out_of_turn(event, (_BOB,))
        self.assertEqual(self.showings.unseen(1, (_BOB,)), (_BOB,))
        self.assertEqual(self.showings.unseen(2, (_BOB,)), ())

    def test_bounded(self) -> None:
        """The oldest are forgotten: beyond so many showings, and so many sessions in them."""
        for event in range(MAX_SHOWINGS + 1):
            self.showings.note(event, (_ANN,))
        self.showings.freeze()
        self.assertEqual(self.showings.unseen(0, (_ANN,)), (_ANN,))
        self.assertEqual(self.showings.unseen(1, (_ANN,)), ())
        crowd = tuple(SessionId(str(number)) for number in range(MAX_RECIPIENTS - 1))
        self.showings.note(-1, (_BOB, _EVE))
        self.showings.note(-2, crowd)
        self.showings.freeze()
        self.assertEqual(self.showings.unseen(-1, (_BOB,)), (_BOB,))
        self.assertEqual(self.showings.unseen(-2, crowd[:1]), ())

    def test_brought(self) -> None:
        """What a session was shown elsewhere counts as shown by an earlier world, whichever shows
        it here, and for that session alone; the oldest is forgotten.
        """
        few: Showings[int] = Showings(2, 100)
        few.bring((1, 2), _ANN)
        few.bring((2,), _BOB)
        for _ in range(2):
            self.assertEqual(few.unseen(1, (_ANN, _BOB)), (_BOB,))
            self.assertEqual(few.lately(2, (_ANN, _BOB, _EVE)), (_EVE,))
            few.freeze()
        few.note(1, (_EVE,))
        few.freeze()
        self.assertEqual(few.unseen(1, (_ANN, _BOB, _EVE)), (_BOB,))
        few.bring((3,), _ANN)
        self.assertEqual(few.unseen(1, (_ANN, _BOB, _EVE)), (_ANN, _BOB))
        self.assertEqual(list(few.noted), [(1, (_EVE,))])

    def test_brought_by_many(self) -> None:
        """Of how many sessions that is remembered is bounded, too."""
        bringers = [SessionId(str(number)) for number in range(MAX_BRINGERS // 2)]
        for session in bringers:
            self.showings.bring((1, 2), session)
        self.assertEqual(self.showings.unseen(1, (bringers[0], _ANN)), (_ANN,))
        self.showings.bring((2,), bringers[0])
        self.showings.bring((3,), _ANN)
        self.assertEqual(self.showings.unseen(1, (bringers[0],)), (bringers[0],))
        self.assertEqual(self.showings.unseen(2, (bringers[0], _ANN)), (_ANN,))
        self.assertEqual(self.showings.unseen(3, (bringers[0], _ANN)), (bringers[0],))

    def test_shown_to(self) -> None:
        """What one session was shown can be told, in order, here or elsewhere: the newest."""
        self.showings.bring((1,), _BOB)
        self.showings.bring((1, 2), _ANN)
        self.showings.note(3, (_ANN, _BOB))
        self.showings.freeze()
        self.showings.note(4, (_BOB,))
        self.showings.note(5, (_BOB, _ANN))
        self.assertEqual(self.showings.shown_to(_ANN, 10), (1, 2, 3, 5))
        self.assertEqual(self.showings.shown_to(_ANN, 3), (2, 3, 5))
        self.assertEqual(self.showings.shown_to(_ANN, 1), (5,))
        self.assertEqual(self.showings.shown_to(_EVE, 10), ())

    def test_looks_at_so_many(self) -> None:
        """To find that, no more than so many recipients are looked at, from the newest on."""
        self.showings = Showings(10, 2 * MAX_LOOKED_AT)
        crowd = tuple(SessionId(str(number)) for number in range(MAX_LOOKED_AT - 1))
        self.showings.note(1, (_ANN,))
        self.showings.note(2, (_ANN,))
        self.showings.note(3, crowd)
        self.assertEqual(self.showings.shown_to(_ANN, 10), (2,))
