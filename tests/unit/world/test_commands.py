"""What is said of commands is true of them."""

from typing import get_args

from twisted.trial.unittest import SynchronousTestCase

from mudserver.world import commands
from mudserver.world.commands import Command, changes_state
from mudserver.world.grammar import parse
from mudserver.world.role import Role
from tests.unit.world.scene import ANN, BOB, do, furnish, make_crowd

#: One line of each command, and more of those that can do more than one thing.
LINES = (
    "look",
    "look lantern",
    "exits",
    "say hello",
    "tell bob hello",
    "emote waves",
    "who",
    "inventory",
    "get all",
    "get lantern",
    "drop all",
    "put rope in sack",
    "get all from crate",
    "open chest",
    "close crate",
    "north",
    "follow bob",
    "unfollow",
    "party",
    "party invite bob",
    "party join bob",
    "party leave",
    "party kick bob",
    "ptell hello",
    "mute",
    "mute cid",
    "unmute bob",
    "silence cid",
    "silence cid on chat",
    "chat hello",
    "channel chat off",
    "channels",
    "history",
    "unsilence bob",
    "silences",
    "ban cid",
    "unban bob",
    "bans",
    "password",
    "help",
    "help say",
    "quit",
)


class ChangesStateTest(SynchronousTestCase):
    def test_true(self) -> None:
        """Whatever changes anything that is saved is said to; what one needs to talk is not."""
        changing = set()
        for line in LINES:
            world = make_crowd()
            world.character(ANN).role = Role.ADMIN
            do(world, ANN, "get rope")
            furnish(world)
            do(world, ANN, "silence bob")
            if line == "unfollow":
                do(world, ANN, "follow bob")
            if line.startswith("party join"):
                do(world, BOB, "party invite ann")
            elif line.startswith(("party", "ptell")) and "invite" not in line:
                do(world, ANN, "party invite bob")
                do(world, BOB, "party join ann")
            do(world, ANN, "ban bob")
            do(world, ANN, "mute bob")
            command = parse(line)
            if any(applied.changes for applied in do(world, ANN, line)):
                self.assertTrue(changes_state(command), line)
                changing.add(type(command))
        self.assertEqual(
            changing,
            {
                commands.Get,
                commands.Drop,
                commands.Put,
                commands.Open,
                commands.Close,
                commands.Go,
                commands.Follow,
                commands.Unfollow,
                commands.JoinParty,
                commands.LeaveParty,
                commands.KickFromParty,
                commands.Mute,
                commands.Unmute,
                commands.Silence,
                commands.Unsilence,
                commands.SwitchChannel,
                commands.Ban,
                commands.Unban,
            },
        )
        for line in (
            "chat x",
            "party",
            "party invite bob",
            "ptell x",
            "channels",
            "say x",
            "tell bob x",
            "emote x",
            "look",
            "who",
            "help",
            "inventory",
            "quit",
        ):
            self.assertFalse(changes_state(parse(line)), line)

    def test_password(self) -> None:
        """A new password is saved too, though not by an event."""
        self.assertTrue(changes_state(commands.ChangePassword("old", "new")))

    def test_all(self) -> None:
        """No command is left out above."""
        self.assertEqual({type(parse(line)) for line in LINES}, set(get_args(Command)))
