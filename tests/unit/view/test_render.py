"""What each kind of viewer is shown of each event."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mudserver.ids import AccountId, CharacterId
from mudserver.view.line import Style, View
from mudserver.view.render import render
from mudserver.view.state import room_state
from mudserver.world import handbook
from mudserver.world.audience import Viewer, resolve
from mudserver.world.bans import Ban, BanKind
from mudserver.world.direction import Direction
from mudserver.world.events import (
    Appointed,
    Arrived,
    Banned,
    BansListed,
    ChannelSaid,
    ChannelsListed,
    ChannelSwitched,
    Departed,
    Dropped,
    Emoted,
    Event,
    Examined,
    ExitsListed,
    HelpShown,
    Hushed,
    InventoryListed,
    InvitedToParty,
    JoinedParty,
    KickedFromParty,
    KnownChannel,
    LeftParty,
    Looked,
    LostLink,
    Means,
    Muted,
    MutedPlayer,
    MutesListed,
    NpcEmoted,
    NpcSaid,
    PartyListed,
    PartyMember,
    PartySaid,
    PasswordAsked,
    Present,
    Quitted,
    Returned,
    Said,
    Silenced,
    SilencedPlayer,
    SilencesListed,
    Thing,
    Told,
    Took,
    Unbanned,
    Unmuted,
    Unsilenced,
    Way,
    WhoListed,
)
from mudserver.world.lexicon import STANDARD
from mudserver.world.role import Role
from tests.unit.world.scene import (
    ANN,
    BOB,
    CID,
    HALL,
    HERON,
    LANTERN,
    NOW,
    PELLOW,
    ROPE,
    YARD,
    decide,
    make_crowd,
)

TIME = "2026-01-02T03:04:05Z"
ACTOR, TARGET, OTHERS = Viewer.ACTOR, Viewer.TARGET, Viewer.OTHERS
THINGS = (Thing(LANTERN, "a brass lantern"), Thing(ROPE, "a coil of rope"))


class RenderTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = make_crowd()

    def view(self, event: Event, viewer: Viewer) -> View:
        """Return the one view, which says the same to programs and terminals."""
        (view,) = render(self.world, event, viewer, TIME)
        self.assertTrue(view.play)
        body = json.loads(view.body)
        self.assertEqual(body["type"], view.type)
        self.assertEqual(body["time"], TIME)
        assert view.line is not None
        shown = body.get("line", body.get("text"))
        if shown is not None:
            self.assertEqual(shown, view.line.text)
        return view

    def body(self, event: Event, viewer: Viewer) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.view(event, viewer).body)
        del body["time"]
        return body

    def line(self, event: Event, viewer: Viewer) -> str:
        line = self.view(event, viewer).line
        assert line is not None
        return line.text

    def assertUnseen(self, event: Event, viewer: Viewer) -> None:
        self.assertEqual(render(self.world, event, viewer, TIME), ())


class TalkTests(RenderTestCase):
    def test_say(self) -> None:
        """The speaker sees their words as theirs, the others as the speaker's."""
        event = Said(ANN, "Ann", HALL, "hi")
        message = {"type": "chat", "channel": "say", "from": "Ann", "text": "hi"}
        self.assertEqual(self.body(event, ACTOR), message | {"line": 'You say, "hi"'})
        self.assertEqual(self.body(event, OTHERS), message | {"line": 'Ann says, "hi"'})

    def test_tell(self) -> None:
        """Both ends of a tell see who told whom."""
        event = Told(ANN, "Ann", BOB, "Bob", "hi")
        message = {"type": "chat", "channel": "tell", "from": "Ann", "to": "Bob", "text": "hi"}
        self.assertEqual(self.body(event, ACTOR), message | {"line": 'You tell Bob, "hi"'})
        self.assertEqual(self.body(event, TARGET), message | {"line": 'Ann tells you, "hi"'})

    def test_emote(self) -> None:
        """An emote is the same to all."""
        event = Emoted(ANN, "Ann", HALL, "waves.")
        message = {
            "type": "chat",
            "channel": "emote",
            "from": "Ann",
            "text": "waves.",
            "line": "Ann waves.",
        }
        self.assertEqual(self.body(event, ACTOR), message)
        self.assertEqual(self.body(event, OTHERS), message)

    def test_emote_of_what_is_theirs(self) -> None:
        """What begins with an apostrophe or a comma follows the name at once."""
        self.assertEqual(
            self.line(Emoted(ANN, "Ann", HALL, "'s hat flies off."), OTHERS), "Ann's hat flies off."
        )
        self.assertEqual(
            self.line(Emoted(ANN, "Ann", HALL, ", late, runs."), OTHERS), "Ann, late, runs."
        )

    def test_npc_say(self) -> None:
        """An inhabitant speaks like anyone, to all or to one."""
        event = NpcSaid(HERON, "the grey heron", YARD, "Fish?")
        self.assertEqual(
            self.body(event, OTHERS),
            {
                "type": "chat",
                "channel": "say",
                "from": "the grey heron",
                "text": "Fish?",
                "line": 'The grey heron says, "Fish?"',
            },
        )
        private = NpcSaid(PELLOW, "Mrs Pellow", YARD, "Hello.", CID)
        self.assertEqual(self.line(private, TARGET), 'Mrs Pellow says to you, "Hello."')

    def test_npc_emote(self) -> None:
        """An inhabitant's deed follows its name."""
        event = NpcEmoted(HERON, "the grey heron", YARD, "blinks.")
        self.assertEqual(self.line(event, OTHERS), "The grey heron blinks.")
        self.assertEqual(self.body(event, OTHERS)["channel"], "emote")

    def test_styles(self) -> None:
        """Names and words are marked as what they are; words can't become anything else."""
        line = self.view(Said(ANN, "Ann", HALL, '" Bob says, "no'), OTHERS).line
        assert line is not None
        self.assertEqual(
            [(span.text, span.style) for span in line.spans],
            [
                ("Ann", Style.PLAYER),
                (" says, ", Style.PLAIN),
                ('"', Style.PLAIN),
                ('" Bob says, "no', Style.SPEECH),
                ('"', Style.PLAIN),
            ],
        )


class PresenceTests(RenderTestCase):
    def test_leaving(self) -> None:
        """Those who stay see where one goes."""
        self.assertEqual(
            self.body(Departed(ANN, "Ann", HALL, Direction.NORTH), OTHERS),
            {
                "type": "presence",
                "event": "left",
                "who": "Ann",
                "line": "Ann leaves north.",
                "direction": "north",
            },
        )
        for direction, line in (
            (Direction.UP, "Ann goes up."),
            (Direction.IN, "Ann goes inside."),
        ):
            self.assertEqual(self.line(Departed(ANN, "Ann", HALL, direction), OTHERS), line)

    def test_arriving(self) -> None:
        """Those who are there see where one comes from."""
        self.assertEqual(
            self.body(Arrived(ANN, "Ann", HALL, Direction.NORTHWEST), OTHERS),
            {
                "type": "presence",
                "event": "entered",
                "who": "Ann",
                "line": "Ann arrives from the northwest.",
                "direction": "northwest",
            },
        )
        for direction, line in (
            (Direction.UP, "Ann arrives from above."),
            (Direction.DOWN, "Ann arrives from below."),
            (Direction.IN, "Ann arrives from inside."),
            (Direction.OUT, "Ann arrives from outside."),
        ):
            self.assertEqual(self.line(Arrived(ANN, "Ann", HALL, direction), OTHERS), line)

    def test_world(self) -> None:
        """Entering and leaving the world have no direction."""
        entered = self.body(Arrived(ANN, "Ann", HALL, None), OTHERS)
        self.assertEqual((entered["event"], entered["line"]), ("entered", "Ann enters the world."))
        self.assertNotIn("direction", entered)
        left = self.body(Departed(ANN, "Ann", HALL, None), OTHERS)
        self.assertEqual((left["event"], left["line"]), ("left", "Ann leaves the world."))

    def test_link(self) -> None:
        """Those around see a link lost and mended."""
        lost = self.body(LostLink(ANN, "Ann", HALL), OTHERS)
        self.assertEqual((lost["event"], lost["who"]), ("linkdead", "Ann"))
        back = self.body(Returned(ANN, "Ann", HALL), OTHERS)
        self.assertEqual((back["event"], back["who"]), ("returned", "Ann"))

    def test_own(self) -> None:
        """One isn't told of one's own coming and going: the room says it."""
        for event in (
            Departed(ANN, "Ann", HALL, Direction.NORTH),
            Arrived(ANN, "Ann", HALL, None),
            LostLink(ANN, "Ann", HALL),
            Returned(ANN, "Ann", HALL),
        ):
            self.assertUnseen(event, ACTOR)


class SightTests(RenderTestCase):
    def test_look(self) -> None:
        """A look shows the room alone."""
        self.assertEqual(
            render(self.world, Looked(ANN, HALL), ACTOR, TIME),
            (room_state(self.world, HALL, TIME),),
        )

    def test_examine(self) -> None:
        """A closer look shows what it is, and the prose."""
        event = Examined(ANN, "a brass lantern", "Bright.")
        self.assertEqual(
            self.body(event, ACTOR),
            {"type": "text", "text": "A brass lantern\nBright.", "style": "prose"},
        )
        self.assertEqual(self.line(Examined(ANN, "", "Grey."), ACTOR), "Grey.")

    def test_exits(self) -> None:
        """Exits are a table."""
        ways = (Way(Direction.NORTHEAST, "The Yard", False), Way(Direction.DOWN, "a hatch", True))
        self.assertEqual(
            self.line(ExitsListed(ANN, ways), ACTOR),
            "Ways out:\n  northeast  The Yard\n  down       a hatch (closed)",
        )
        self.assertEqual(self.line(ExitsListed(ANN, ()), ACTOR), "There is no way out of here.")

    def test_inventory(self) -> None:
        """What is carried is a list."""
        self.assertEqual(
            self.body(InventoryListed(ANN, THINGS), ACTOR),
            {"type": "text", "text": "You carry:\n  a brass lantern\n  a coil of rope"},
        )
        self.assertEqual(self.line(InventoryListed(ANN, ()), ACTOR), "You carry nothing.")

    def test_who(self) -> None:
        """Players are counted and named, with lost links."""
        ann, bob = Present("Ann", False), Present("Bob", True)
        self.assertEqual(
            self.line(WhoListed(ANN, (ann, bob), 2), ACTOR),
            "2 players are in the world:\nAnn, Bob (link lost).",
        )
        self.assertEqual(
            self.line(WhoListed(ANN, (ann,), 1), ACTOR), "1 player is in the world:\nAnn."
        )
        self.assertEqual(
            self.line(WhoListed(ANN, (ann, bob), 3002), ACTOR),
            "3,002 players are in the world:\nAnn, Bob (link lost) and 3,000 others.",
        )

    def test_help(self) -> None:
        """The overview is a table of all verbs that fits into 80 columns."""
        line = self.line(HelpShown(ANN, handbook.overview()), ACTOR)
        rows = line.split("\n")
        self.assertEqual(rows[0], "Commands")
        self.assertIn("  say TEXT          speak to everyone here; 'TEXT is the same", rows)
        for verb in STANDARD.verbs:
            (row,) = (row for row in rows if row.startswith(f"  {verb.usage} "))
            self.assertLess(len(row), 80)

    def test_help_topic(self) -> None:
        """A page has its title and then its paragraphs."""
        page = handbook.page("who")
        assert page is not None
        self.assertEqual(
            self.line(HelpShown(ANN, page), ACTOR),
            "who\nLists the players who are in the world now, wherever they are.",
        )


class ThingTests(RenderTestCase):
    def test_took(self) -> None:
        """What is taken is seen by the one who takes, and by the others."""
        event = Took(ANN, "Ann", HALL, THINGS)
        self.assertEqual(
            self.body(event, ACTOR),
            {"type": "text", "text": "You pick up a brass lantern and a coil of rope."},
        )
        self.assertEqual(
            self.line(event, OTHERS), "Ann picks up a brass lantern and a coil of rope."
        )

    def test_dropped(self) -> None:
        """What is put down is seen by the one who drops, and by the others."""
        event = Dropped(ANN, "Ann", HALL, THINGS[:1])
        self.assertEqual(self.line(event, ACTOR), "You put down a brass lantern.")
        self.assertEqual(self.line(event, OTHERS), "Ann puts down a brass lantern.")


class SettingTests(RenderTestCase):
    def test_mute(self) -> None:
        """A mute and its end are confirmed."""
        self.assertEqual(
            self.body(Muted(ANN, BOB, "Bob", NOW), ACTOR),
            {"type": "text", "text": "You no longer hear Bob.", "style": "system"},
        )
        self.assertEqual(self.line(Unmuted(ANN, BOB, "Bob"), ACTOR), "You hear Bob again.")

    def test_mute_for_a_time(self) -> None:
        """A mute that ends by itself says when."""
        muted = Muted(ANN, BOB, "Bob", NOW, NOW + timedelta(hours=26))
        self.assertEqual(self.line(muted, ACTOR), "You no longer hear Bob, for 1 day 2 hours.")

    def test_mutes(self) -> None:
        """Whom one mutes is listed, with the time that is left."""
        bob, cid = MutedPlayer("Bob", None), MutedPlayer("Cid", timedelta(seconds=61))
        self.assertEqual(
            self.line(MutesListed(ANN, (bob, cid)), ACTOR),
            "You mute:\n  Bob\n  Cid (for 2 minutes more)",
        )
        self.assertEqual(self.line(MutesListed(ANN, ()), ACTOR), "You mute nobody.")

    def test_password(self) -> None:
        """The question for a password isn't the world's to show."""
        self.assertUnseen(PasswordAsked(ANN), ACTOR)

    def test_quit(self) -> None:
        """One who quits gets a farewell."""
        self.assertEqual(self.line(Quitted(ANN), ACTOR), "You leave the world. Until next time!")


class PartyTests(RenderTestCase):
    def test_invited(self) -> None:
        """The one who is invited is told how to come."""
        event = InvitedToParty(ANN, "Ann", BOB, "Bob", NOW)
        self.assertEqual(self.line(event, ACTOR), "You invite Bob into your party.")
        self.assertEqual(
            self.line(event, TARGET),
            "Ann invites you into a party; to come, type: party join Ann",
        )

    def test_joined(self) -> None:
        """All are told who comes."""
        event = JoinedParty(BOB, "Bob", ANN, "Ann", frozenset({ANN}))
        self.assertEqual(self.line(event, ACTOR), "You join the party of Ann; ptell speaks to it.")
        self.assertEqual(self.line(event, OTHERS), "Bob joins the party.")

    def test_left(self) -> None:
        """All are told who goes, who leads from now on, and that the party is over."""
        event = LeftParty(BOB, "Bob", frozenset({ANN}))
        self.assertEqual(self.line(event, ACTOR), "You leave the party.")
        self.assertEqual(self.line(event, OTHERS), "Bob leaves the party.")
        led = LeftParty(BOB, "Bob", frozenset({ANN}), "Ann")
        self.assertEqual(self.line(led, OTHERS), "Bob leaves the party. Ann leads it now.")
        over = LeftParty(BOB, "Bob", frozenset({ANN}), ended=True)
        self.assertEqual(
            self.line(over, OTHERS), "Bob leaves the party. You are alone, and the party is over."
        )

    def test_kicked(self) -> None:
        """All are told who sends whom."""
        event = KickedFromParty(ANN, "Ann", BOB, "Bob", frozenset({ANN}))
        self.assertEqual(self.line(event, ACTOR), "You send Bob out of the party.")
        self.assertEqual(self.line(event, TARGET), "Ann sends you out of the party.")
        self.assertEqual(self.line(event, OTHERS), "Ann sends Bob out of the party.")
        over = KickedFromParty(ANN, "Ann", BOB, "Bob", frozenset({ANN}), ended=True)
        self.assertEqual(self.line(over, TARGET), "Ann sends you out of the party.")
        self.assertEqual(
            self.line(over, ACTOR),
            "You send Bob out of the party. You are alone, and the party is over.",
        )

    def test_listed(self) -> None:
        """Each member is named, with what is the matter with them."""
        members = (
            PartyMember("Ann", present=False),
            PartyMember("Bob", present=True),
            PartyMember("Cid", present=True, linkdead=True),
        )
        self.assertEqual(
            self.line(PartyListed(BOB, members), ACTOR),
            "Your party:\n  Ann (leads, away)\n  Bob\n  Cid (link lost)",
        )
        self.assertEqual(
            self.line(PartyListed(BOB, ()), ACTOR),
            "You are in no party; to make one, type: party invite NAME",
        )


class ChannelTests(RenderTestCase):
    def test_line(self) -> None:
        """All are shown the same, the speaker too; programs get the channel by its name."""
        event = ChannelSaid(ANN, "Ann", "chat", "hello")
        for viewer in (ACTOR, OTHERS):
            body = self.body(event, viewer)
            self.assertEqual(
                (body["type"], body["channel"], body["from"], body["text"]),
                ("chat", "chat", "Ann", "hello"),
            )
            self.assertEqual(body["line"], "[chat] Ann: hello")
            self.assertEqual(self.line(event, viewer), "[chat] Ann: hello")

    def test_hushed(self) -> None:
        """Staff sees what the silenced say there, marked."""
        event = Hushed(BOB, "Bob", Means.CHANNEL, "hi", None, None, None, "", "chat")
        self.assertUnseen(event, ACTOR)
        self.assertEqual(self.line(event, OTHERS), "[silenced] [chat] Bob: hi")
        self.assertEqual(self.body(event, OTHERS)["channel"], "chat")

    def test_party(self) -> None:
        """A party's line is as a channel's, called party; the silenced one's is marked."""
        event = PartySaid(ANN, "Ann", "hello", frozenset({BOB}))
        for viewer in (ACTOR, OTHERS):
            body = self.body(event, viewer)
            self.assertEqual(
                (body["type"], body["channel"], body["from"], body["text"], body["line"]),
                ("chat", "party", "Ann", "hello", "[party] Ann: hello"),
            )
        hushed = Hushed(BOB, "Bob", Means.PARTY, "hi", None, None, None, "")
        self.assertUnseen(hushed, ACTOR)
        self.assertEqual(self.line(hushed, OTHERS), "[silenced] [party] Bob: hi")
        self.assertEqual(self.body(hushed, OTHERS)["channel"], "party")

    def test_switched(self) -> None:
        """Who turns one on or off is told."""
        self.assertEqual(
            self.line(ChannelSwitched(ANN, "chat", on=False), ACTOR), "You no longer hear chat."
        )
        self.assertEqual(self.line(ChannelSwitched(ANN, "chat", on=True), ACTOR), "You hear chat.")

    def test_listed(self) -> None:
        """Each has its name, whether one hears it, and what it is for."""
        event = ChannelsListed(
            ANN, (KnownChannel("chat", "anything", on=True), KnownChannel("newbie", "help", False))
        )
        self.assertEqual(
            self.line(event, ACTOR),
            "Channels:\n  chat         on  anything\n  newbie       off help",
        )
        self.assertEqual(self.line(ChannelsListed(ANN, ()), ACTOR), "There are no channels here.")


class OrderTests(RenderTestCase):
    def test_silence(self) -> None:
        """Both hear of a silence: until when, and why."""
        until = datetime(2026, 5, 1, 14, 0, tzinfo=UTC)
        event = Silenced(ANN, AccountId(1), BOB, "Bob", AccountId(2), NOW, until, "Enough.")
        self.assertEqual(
            self.line(event, ACTOR), "Bob is silenced until 2026-05-01 14:00 UTC: Enough."
        )
        self.assertEqual(
            self.line(event, TARGET), "You are silenced until 2026-05-01 14:00 UTC: Enough."
        )
        event = Silenced(ANN, AccountId(1), BOB, "Bob", AccountId(2), NOW, None, "")
        self.assertEqual(self.line(event, TARGET), "You are silenced.")
        over = Unsilenced(ANN, BOB, "Bob", AccountId(2))
        self.assertEqual(self.line(over, ACTOR), "Bob is heard again.")
        self.assertEqual(self.line(over, TARGET), "You are heard again.")

    def test_silences(self) -> None:
        """Staff reads who is silenced, where, by whom, until when and why."""
        until = datetime(2026, 5, 1, 14, 0, tzinfo=UTC)
        bob = SilencedPlayer("Bob", None, "Ann", until, "Enough.")
        zoe = SilencedPlayer("Zoe", "chat", "Cid", None, "")
        self.assertEqual(self.line(SilencesListed(ANN, (), 0), ACTOR), "Nobody is silenced.")
        self.assertEqual(
            self.line(SilencesListed(ANN, (bob, zoe), 1_002), ACTOR),
            "Silenced:\n  Bob (by Ann) until 2026-05-01 14:00 UTC: Enough."
            "\n  Zoe (on chat, by Cid).\n  and 1,000 others",
        )

    def test_bans(self) -> None:
        """Staff reads what is banned, until when, why, and by whom."""
        until = datetime(2026, 5, 1, 14, 0, tzinfo=UTC)
        bob = Ban(BanKind.ACCOUNT, "2", "Bob", AccountId(1), "Ann", NOW, until, "Enough.")
        zoe = Ban(BanKind.NAME, "zoe", "Zoe", None, "", NOW, None, "")
        for ban, words in (
            (bob, "Bob is banned until 2026-05-01 14:00 UTC: Enough."),
            (zoe, "The name Zoe is banned."),
        ):
            self.assertEqual(self.line(Banned(ANN, ban), ACTOR), words)
        self.assertEqual(self.line(Unbanned(ANN, bob), ACTOR), "Bob is no longer banned.")
        self.assertEqual(self.line(Unbanned(ANN, zoe), ACTOR), "The name Zoe is no longer banned.")
        self.assertEqual(self.line(BansListed(ANN, (), 0), ACTOR), "Nobody is banned.")
        self.assertEqual(
            self.line(BansListed(ANN, (bob, zoe), 1_002), ACTOR),
            "Banned:\n  Bob (account, by Ann) until 2026-05-01 14:00 UTC: Enough."
            "\n  Zoe (name, by an operator).\n  and 1,000 others",
        )

    def test_hushed(self) -> None:
        """Staff sees what the silenced say, marked; they themselves are only refused."""
        for channel, shown in (
            (Means.SAY, '[silenced] Bob says, "hi"'),
            (Means.TELL, '[silenced] Bob tells you, "hi"'),
            (Means.EMOTE, "[silenced] Bob hi"),
        ):
            event = Hushed(BOB, "Bob", channel, "hi", HALL, None, None, "")
            self.assertUnseen(event, ACTOR)
            body = self.body(event, OTHERS)
            self.assertEqual((body["channel"], body["text"]), (channel.value, "hi"))
            self.assertEqual((body["line"], self.line(event, OTHERS)), (shown, shown))

    def test_silence_on_a_channel(self) -> None:
        """The two are told on which channel."""
        until = datetime(2026, 5, 1, 14, 0, tzinfo=UTC)
        event = Silenced(
            ANN, AccountId(1), BOB, "Bob", AccountId(2), NOW, until, "Enough.", channel="chat"
        )
        self.assertEqual(
            self.line(event, ACTOR), "Bob is silenced on chat until 2026-05-01 14:00 UTC: Enough."
        )
        over = Unsilenced(ANN, BOB, "Bob", AccountId(2), "chat")
        self.assertEqual(self.line(over, TARGET), "You are heard on chat again.")

    def test_appointed(self) -> None:
        """One who may do more or less is told."""
        self.assertEqual(
            self.line(Appointed(ANN, Role.ADMIN), ACTOR), "Your role here is now admin."
        )


class EveryoneTests(RenderTestCase):
    def test_all_kinds(self) -> None:
        """Every kind that an event is resolved to can be shown it."""
        for actor, text in (
            (ANN, "get all"),
            (ANN, "north"),
            (ANN, "say hi"),
            (ANN, ":waves"),
            (ANN, "chat hi"),
            (ANN, "channels"),
            (CID, "tell bob hi"),
            (CID, "look heron"),
            (BOB, "help look"),
        ):
            for event in decide(self.world, CharacterId(actor), text):
                self.world.apply(event)
                for viewer, _ in resolve(self.world, event, NOW):
                    for view in render(self.world, event, viewer, TIME):
                        self.assertEqual(json.loads(view.body)["type"], view.type)
