"""The longest lists fit into one message, whatever the words in them are."""

from datetime import UTC, datetime

from twisted.trial.unittest import SynchronousTestCase

from mudserver.ids import AccountId, CharacterId, ItemId, RoomId
from mudserver.view.render import render
from mudserver.world import area, events, names, reading, rules
from mudserver.world.audience import Viewer
from mudserver.world.bans import Ban, BanKind
from mudserver.world.duration import MAX_DURATION
from mudserver.world.events import Event
from tests.unit.world.scene import make_world

TIME = "2026-01-02T03:04:05.678Z"
MAX_MESSAGE_BYTES = 32 * 1024

WHO = CharacterId(10**12)
NAME = "N" * names.MAX_NAME_CHARS
END = datetime(2036, 12, 31, 23, 59, tzinfo=UTC)
NETWORK = "2001:0db8:1111:2222:3333:4444:5555:6666/128"
COMMAND_CHARACTERS = 2_000

#: What takes most bytes in JSON: a character of four, and one that is escaped.
WIDEST = ("\U0001f30a", '"')


class FitTests(SynchronousTestCase):
    def assert_fits(self, event: Event, viewer: Viewer = Viewer.ACTOR) -> None:
        for view in render(make_world(), event, viewer, TIME):
            self.assertLessEqual(len(view.body), MAX_MESSAGE_BYTES)

    def test_words(self) -> None:
        """The longest line that can be said, which is in its message twice."""
        for character in WIDEST:
            words = character * COMMAND_CHARACTERS
            self.assert_fits(events.Said(WHO, NAME, RoomId(1), words), Viewer.OTHERS)
            self.assert_fits(events.Told(WHO, NAME, WHO, NAME, words), Viewer.TARGET)

    def test_who(self) -> None:
        """As many players as are named."""
        present = (events.Present(NAME, linkdead=True),) * rules.looking.MAX_WHO
        self.assert_fits(events.WhoListed(WHO, present, 10_000))

    def test_mutes(self) -> None:
        """As many mutes as a player may have."""
        muted = (events.MutedPlayer(NAME, MAX_DURATION),) * rules.moderation.MAX_MUTES
        self.assert_fits(events.MutesListed(WHO, muted))

    def test_bans(self) -> None:
        """As many bans as are shown, for the longest reasons."""
        for character in WIDEST:
            why = character * reading.MAX_WHY_CHARS
            ban = Ban(BanKind.NETWORK, NETWORK, NETWORK, AccountId(1), NAME, END, END, why)
            self.assert_fits(events.BansListed(WHO, (ban,) * rules.bans.SHOWN_BANS, 10_000))

    def test_silences(self) -> None:
        """As many silences as are shown, for the longest reasons."""
        for character in WIDEST:
            why = character * reading.MAX_WHY_CHARS
            silenced = events.SilencedPlayer(NAME, "c" * 12, NAME, END, why)
            shown = (silenced,) * rules.moderation.SHOWN_SILENCES
            self.assert_fits(events.SilencesListed(WHO, shown, 10_000))

    def test_things(self) -> None:
        """All that may lie in a room, picked up at once, and all that one may carry."""
        for character in WIDEST:
            thing = events.Thing(ItemId(10**12), character * area.MAX_NAME_CHARS)
            lying = (thing,) * rules.things.MAX_LYING
            self.assert_fits(events.Took(WHO, NAME, RoomId(1), lying), Viewer.OTHERS)
            self.assert_fits(events.InventoryListed(WHO, (thing,) * rules.things.MAX_CARRIED))
