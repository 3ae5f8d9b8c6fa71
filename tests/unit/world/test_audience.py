"""Who perceives an event."""

from datetime import datetime, timedelta

from twisted.trial.unittest import SynchronousTestCase

from mudserver.ids import CharacterId
from mudserver.world import rules
from mudserver.world.audience import Viewer, resolve, watching
from mudserver.world.events import Event, NpcSaid, Told
from mudserver.world.model import Silence
from mudserver.world.role import Role
from mudserver.world.world import World
from tests.unit.world.scene import (
    ANN,
    BOB,
    CID,
    HERON,
    NOW,
    YARD,
    decide,
    do,
    enter,
    make_crowd,
)

DEE = CharacterId(104)


def perceived(world: World, event: Event, now: datetime = NOW) -> dict[Viewer, set[CharacterId]]:
    found = resolve(world, event, now)
    for _, characters in found:
        assert characters, "a kind that has nobody"
        assert len(set(characters)) == len(characters), "someone twice"
    return {viewer: set(characters) for viewer, characters in found}


class ResolveTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = make_crowd()
        enter(self.world, DEE, "Dee")

    def test_room(self) -> None:
        """What is said is heard by all in the room, and by nobody elsewhere."""
        (said,) = decide(self.world, ANN, "say hi")
        self.assertEqual(
            perceived(self.world, said), {Viewer.ACTOR: {ANN}, Viewer.OTHERS: {BOB, DEE}}
        )

    def test_tell(self) -> None:
        """What is told is heard by the two, wherever they are."""
        (told,) = decide(self.world, ANN, "tell cid hi")
        self.assertEqual(perceived(self.world, told), {Viewer.ACTOR: {ANN}, Viewer.TARGET: {CID}})

    def test_alone(self) -> None:
        """In an empty room there are no others."""
        (said,) = decide(self.world, CID, "say hi")
        self.assertEqual(perceived(self.world, said), {Viewer.ACTOR: {CID}})

    def test_private(self) -> None:
        """What one sees oneself is nobody else's."""
        for text in ("look", "look rope", "who", "inventory", "exits", "help", "mute bob"):
            (event,) = decide(self.world, ANN, text)
            self.assertEqual(perceived(self.world, event), {Viewer.ACTOR: {ANN}}, text)

    def test_muted_talk(self) -> None:
        """One who mutes a player is spared their talk and emotes; the others aren't."""
        do(self.world, BOB, "mute ann")
        for text in ("say hi", "emote waves"):
            (event,) = decide(self.world, ANN, text)
            self.assertEqual(
                perceived(self.world, event), {Viewer.ACTOR: {ANN}, Viewer.OTHERS: {DEE}}, text
            )
        told = Told(ANN, "Ann", BOB, "Bob", "hi")
        self.assertEqual(perceived(self.world, told), {Viewer.ACTOR: {ANN}})

    def test_mute_ends(self) -> None:
        """A mute with an end spares nobody from that moment on."""
        do(self.world, BOB, "mute ann 30")
        (said,) = decide(self.world, ANN, "say hi")
        end = NOW + timedelta(minutes=30)
        deaf = {Viewer.ACTOR: {ANN}, Viewer.OTHERS: {DEE}}
        self.assertEqual(perceived(self.world, said, end - timedelta.resolution), deaf)
        self.assertEqual(
            perceived(self.world, said, end), {Viewer.ACTOR: {ANN}, Viewer.OTHERS: {BOB, DEE}}
        )

    def test_promoted(self) -> None:
        """One who keeps order is heard by players who muted them before; not so by their like."""
        do(self.world, BOB, "mute ann")
        do(self.world, DEE, "mute ann")
        self.world.character(ANN).role = Role.ADMIN
        self.world.character(DEE).role = Role.OWNER
        (said,) = decide(self.world, ANN, "say hi")
        self.assertEqual(perceived(self.world, said), {Viewer.ACTOR: {ANN}, Viewer.OTHERS: {BOB}})

    def test_hushed(self) -> None:
        """Words of the silenced are heard by themselves, and by staff who would have heard them."""
        self.world.put_silence(self.world.character(ANN).account, Silence(None, ""))
        self.world.character(DEE).role = Role.ADMIN
        self.world.character(CID).role = Role.ADMIN
        (said,) = decide(self.world, ANN, "say hi")
        self.assertEqual(perceived(self.world, said), {Viewer.ACTOR: {ANN}, Viewer.OTHERS: {DEE}})
        (told,) = decide(self.world, ANN, "tell bob hi")
        self.assertEqual(perceived(self.world, told), {Viewer.ACTOR: {ANN}})
        (told,) = decide(self.world, ANN, "tell cid hi")
        self.assertEqual(perceived(self.world, told), {Viewer.ACTOR: {ANN}, Viewer.TARGET: {CID}})

    def test_mute_one_way(self) -> None:
        """One who is muted still hears the one who mutes."""
        do(self.world, BOB, "mute ann")
        (said,) = decide(self.world, BOB, "say hi")
        self.assertEqual(
            perceived(self.world, said), {Viewer.ACTOR: {BOB}, Viewer.OTHERS: {ANN, DEE}}
        )

    def test_presence_is_not_muted(self) -> None:
        """One who mutes a player still sees what they do to the world."""
        do(self.world, BOB, "mute ann")
        for text in ("get rope", "north"):
            event = decide(self.world, ANN, text)[0]
            self.assertEqual(
                perceived(self.world, event), {Viewer.ACTOR: {ANN}, Viewer.OTHERS: {BOB, DEE}}, text
            )

    def test_before_and_after(self) -> None:
        """A walk is seen by those left behind and those ahead, asked before or after."""
        departed, arrived, _ = decide(self.world, ANN, "north")
        left_behind = {Viewer.ACTOR: {ANN}, Viewer.OTHERS: {BOB, DEE}}
        self.assertEqual(perceived(self.world, departed), left_behind)
        self.world.apply(departed)
        self.assertEqual(perceived(self.world, departed), left_behind)
        ahead = {Viewer.ACTOR: {ANN}, Viewer.OTHERS: {CID}}
        self.assertEqual(perceived(self.world, arrived), ahead)
        self.world.apply(arrived)
        self.assertEqual(perceived(self.world, arrived), ahead)

    def test_left_the_world(self) -> None:
        """One who has left the world perceives nothing more of it."""
        (departed,) = rules.leave(self.world, ANN)
        self.world.apply(departed)
        self.assertEqual(perceived(self.world, departed), {Viewer.OTHERS: {BOB, DEE}})

    def test_inhabitants(self) -> None:
        """An inhabitant speaks to the room or to one alone; inhabitants are no audience."""
        spoken = NpcSaid(HERON, "the grey heron", YARD, "Fish?")
        self.assertEqual(perceived(self.world, spoken), {Viewer.OTHERS: {CID}})
        private = NpcSaid(HERON, "the grey heron", YARD, "Fish?", CID)
        self.assertEqual(perceived(self.world, private), {Viewer.TARGET: {CID}})


class WatchingTests(SynchronousTestCase):
    def test_room(self) -> None:
        """All in the room watch it change, but one who came by that change."""
        world = make_crowd()
        departed, arrived, _ = do(world, ANN, "north")
        self.assertEqual(watching(world, departed.deltas[0]), (BOB,))
        self.assertEqual(watching(world, arrived.deltas[0]), (CID,))

    def test_character(self) -> None:
        """A character is watched by its own player alone, while in the world."""
        world = make_crowd()
        (taken,) = do(world, ANN, "get rope")
        room, character = taken.deltas
        self.assertEqual(set(watching(world, room)), {ANN, BOB})
        self.assertEqual(watching(world, character), (ANN,))
        for event in rules.leave(world, ANN):
            world.apply(event)
        self.assertEqual(watching(world, character), ())
