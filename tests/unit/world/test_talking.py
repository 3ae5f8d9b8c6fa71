"""What players say to each other, and whom they mute."""

from datetime import timedelta

from mudserver.errors import PlayerError
from mudserver.ids import CharacterId
from mudserver.world import absent, commands, rules
from mudserver.world.commands import Known
from mudserver.world.events import (
    Emoted,
    Muted,
    MutedPlayer,
    MutesListed,
    Present,
    Said,
    Told,
    Unmuted,
    WhoListed,
)
from mudserver.world.model import Mute
from mudserver.world.role import Role
from tests.unit.world.harbour import ZOES, RulesTestCase
from tests.unit.world.scene import ANN, BOB, CID, HALL, NOW, decide, do, enter


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
        for number in range(rules.looking.MAX_WHO):
            tens, ones = divmod(number, 10)
            name = f"X{'abcdefghij'[tens]}{'abcdefghij'[ones]}"
            enter(self.world, CharacterId(1000 + number), name)
        (listed,) = decide(self.world, ANN, "who")
        assert isinstance(listed, WhoListed)
        self.assertEqual(len(listed.players), rules.looking.MAX_WHO)
        self.assertEqual(listed.total, rules.looking.MAX_WHO + 3)


class MutingTests(RulesTestCase):
    def test_mute_for_a_time(self) -> None:
        """A mute may have an end and a note; a new one takes the place of the old."""
        do(self.world, ANN, "mute bob")
        for typed, minutes in (("30", 30), ("2h", 120), ("1d", 1440)):
            (event,) = decide(self.world, ANN, f"mute bob {typed} He shouts.")
            until = NOW + timedelta(minutes=minutes)
            self.assertEqual(event, Muted(ANN, BOB, "Bob", NOW, until, "He shouts."))
            self.world.apply(event)

    def test_mute_ends(self) -> None:
        """A mute that has ended is none: it isn't listed, nor lifted, nor in the way."""
        do(self.world, BOB, "mute ann 30")
        later = NOW + timedelta(minutes=30)
        self.assertEqual(decide(self.world, BOB, "mute", later), (MutesListed(BOB, ()),))
        error = self.assertRaises(PlayerError, decide, self.world, BOB, "unmute ann", later)
        self.assertEqual(error.message, "You don't mute Ann.")
        self.assertRefused(ANN, "tell bob hi", "not_allowed", "Bob isn't listening to you.")
        self.assertEqual(len(decide(self.world, ANN, "tell bob hi", later)), 1)

    def test_mutes_listed(self) -> None:
        """One who types mute alone is told whom they mute, absent ones too, and for how long."""
        do(self.world, ANN, "mute cid 2h")
        do(self.world, ANN, "mute bob")
        for event in rules.leave(self.world, CID):
            self.world.apply(event)
        left = timedelta(minutes=90)
        self.assertEqual(
            decide(self.world, ANN, "mute", NOW + timedelta(minutes=30)),
            (MutesListed(ANN, (MutedPlayer("Bob", None), MutedPlayer("Cid", left))),),
        )

    def test_mute_staff(self) -> None:
        """Players can't mute those who keep order, present or absent; builders they can."""
        boss, zoe = CharacterId(105), CharacterId(999)
        for role in (Role.ADMIN, Role.OWNER):
            other = enter(self.world, boss, "Boss", role=role)
            refusal = "Boss keeps order here, and can't be muted."
            self.assertRefused(ANN, "mute boss", "not_allowed", refusal)
            command = absent.resolved(commands.Mute("zoe"), Known(zoe, ZOES, "Zoe", role))
            self.assertRaises(PlayerError, rules.decide, self.world, ANN, command, NOW)
            self.assertEqual(len(rules.decide(self.world, boss, command, NOW)), 1)
            for event in rules.leave(self.world, other.id):
                self.world.apply(event)
        enter(self.world, boss, "Boss", role=Role.BUILDER)
        self.assertEqual(len(decide(self.world, ANN, "mute boss")), 1)

    def test_mute(self) -> None:
        """A player who is in the world is muted by name, in any case."""
        self.assertEqual(decide(self.world, ANN, "mute BOB"), (Muted(ANN, BOB, "Bob", NOW),))

    def test_whole_name(self) -> None:
        """A beginning isn't enough to mute somebody."""
        self.assertRefused(ANN, "mute bo", "not_here", "There is no player called bo.")

    def test_absent(self) -> None:
        """An absent player is muted once the name is resolved."""
        zoe = CharacterId(900)
        command: commands.Command = commands.Mute("zoe")
        self.assertEqual(absent.unresolved(command, self.world), "zoe")
        command = absent.resolved(command, Known(zoe, ZOES, "Zoe", Role.PLAYER))
        self.assertIsNone(absent.unresolved(command, self.world))
        self.assertEqual(
            rules.decide(self.world, ANN, command, NOW), (Muted(ANN, zoe, "Zoe", NOW),)
        )

    def test_unresolved(self) -> None:
        """Only a mute or unmute of one who isn't in the world needs a look-up."""
        for command, name in (
            (commands.Mute("Bob"), None),
            (commands.Unmute("bob"), None),
            (commands.Unmute("Zoe"), "Zoe"),
            (commands.Tell("Zoe", "hi"), None),
            (commands.Look(), None),
        ):
            self.assertEqual(absent.unresolved(command, self.world), name)
        self.assertEqual(
            absent.resolved(commands.Who(), Known(ANN, ZOES, "Ann", Role.PLAYER)), commands.Who()
        )

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
            (CharacterId(1000 + number), Mute(f"Zoe{number}", NOW + timedelta(hours=1)))
            for number in range(rules.moderation.MAX_MUTES)
        )
        self.assertRefused(
            ANN,
            "mute bob",
            "too_much",
            f"You can mute at most {rules.moderation.MAX_MUTES} players.",
        )
        later = NOW + timedelta(hours=1)
        self.assertEqual(len(decide(self.world, ANN, "mute bob", later)), 1)
