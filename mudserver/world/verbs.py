"""
The verbs: what one types, and the command it makes.

The table is all there is to a verb's words: the grammar, ``help`` and the reserved
names are made from it.
"""

from collections.abc import Callable
from enum import Enum
from typing import Final

from attrs import frozen

from mudserver.world import commands, reading
from mudserver.world.commands import Command


class Group(Enum):
    """What a verb is for; the value is its heading in ``help``."""

    MOVING = "Moving"
    SEEING = "Seeing"
    THINGS = "Things"
    TALKING = "Talking"
    YOURSELF = "Yourself"
    ORDER = "Keeping order"


@frozen
class Verb:
    """
    One verb.

    Attributes:
        name: What help calls it.
        aliases: Other words for it; they count as typed in full.
        usage: What one types.
        summary: What it does, for the overview: under 50 characters.
        text: What help tells about it.
        group: What it is for.
        read: Makes the command of the words that follow; raises `UsageError` if they don't fit.
        abbreviable: Whether the beginning of one of its words will do.
    """

    name: str
    aliases: tuple[str, ...]
    usage: str
    summary: str
    text: str
    group: Group
    read: Callable[[str], Command]
    abbreviable: bool = True


#: All verbs but the bare directions. The order is that of ``help``.
VERBS: Final = (
    Verb(
        "go",
        ("walk",),
        "go DIRECTION",
        "walk that way; the direction alone will do",
        "The directions are north, northeast, east, southeast, south, southwest, west and "
        "northwest, up and down, in and out. Their short forms are n, ne, e, se, s, sw, w, nw, u "
        "and d. You need not type go: north, or n, is enough.",
        Group.MOVING,
        reading.go,
    ),
    Verb(
        "exits",
        (),
        "exits",
        "list the ways out of here",
        "Lists each way out of this place, and where it leads.",
        Group.MOVING,
        reading.alone(commands.Exits()),
    ),
    Verb(
        "follow",
        (),
        "follow NAME",
        "go wherever a player goes",
        "Follows a player who is here: whenever they walk on from where you are, you come along. "
        "It lasts, also while one of you is away, until unfollow. Those who mute you can't be "
        "followed.",
        Group.MOVING,
        reading.follow,
        abbreviable=False,
    ),
    Verb(
        "unfollow",
        (),
        "unfollow",
        "go your own ways again",
        "Ends that you follow another player.",
        Group.MOVING,
        reading.alone(commands.Unfollow()),
        abbreviable=False,
    ),
    Verb(
        "look",
        ("l",),
        "look [THING]",
        "look around, or at something",
        "Shows where you are: the place, its exits, what lies here and who is here. With a name "
        "after it, shows that more closely: a person, a thing here or in your hands, or anything "
        "that the description mentions. Much here is worth a closer look.",
        Group.SEEING,
        reading.look,
    ),
    Verb(
        "examine",
        ("x", "ex", "read"),
        "examine THING",
        "look at something closely",
        "The same as look with a name after it.",
        Group.SEEING,
        reading.examine,
    ),
    Verb(
        "who",
        (),
        "who",
        "list the players who are in the world",
        "Lists the players who are in the world now, wherever they are.",
        Group.SEEING,
        reading.alone(commands.Who()),
    ),
    Verb(
        "get",
        ("take", "pick"),
        "get THING",
        "pick something up; get all takes what there is",
        "Picks up something that lies here. One word of its name, or the beginning of one, will "
        "do. Where two things match, 2.lantern is the second lantern. get all takes all that "
        "can be taken and carried. get coin from bag takes it out of the bag, and get all from "
        "bag all that is in it.",
        Group.THINGS,
        reading.get,
    ),
    Verb(
        "drop",
        (),
        "drop THING",
        "put something down; drop all empties your hands",
        "Puts down something that you carry. It stays there until somebody picks it up. drop all "
        "puts down everything.",
        Group.THINGS,
        reading.drop,
    ),
    Verb(
        "put",
        (),
        "put THING in BAG",
        "put something into a container",
        "Puts something that you carry into something that holds things: put coin in bag. The bag "
        "may lie here, or be carried; what is closed has to be opened first, and only what is "
        "smaller goes in. put all in bag puts in all that fits. look in bag shows what is in it, "
        "and get coin from bag takes it out again. What is in a bag goes where the bag goes.",
        Group.THINGS,
        reading.put,
    ),
    Verb(
        "open",
        (),
        "open THING",
        "open something that is closed",
        "Opens a door, by its name or by its direction, or a container that lies here or that you "
        "carry: open trapdoor, open down, open chest.",
        Group.THINGS,
        reading.open_,
    ),
    Verb(
        "close",
        ("shut",),
        "close THING",
        "close something that is open",
        "Closes a door or a container, as open opens it.",
        Group.THINGS,
        reading.close,
    ),
    Verb(
        "inventory",
        ("i", "inv"),
        "inventory",
        "list what you carry",
        "Lists what you carry. It stays with you when you leave the world.",
        Group.THINGS,
        reading.alone(commands.Inventory()),
    ),
    Verb(
        "say",
        (),
        "say TEXT",
        "speak to everyone here; 'TEXT is the same",
        "Speaks to everyone who is in the same place. A quotation mark at the beginning of the "
        "line does the same: 'hello. Those who live here may have an answer, if you say a word "
        "that matters to them.",
        Group.TALKING,
        reading.say,
    ),
    Verb(
        "tell",
        ("t",),
        "tell NAME TEXT",
        "speak to one player alone, wherever they are",
        "Speaks to one player, wherever they are, and nobody else hears it. The first three "
        "letters of a name will do where nobody else's name begins so.",
        Group.TALKING,
        reading.tell,
    ),
    Verb(
        "ptell",
        (),
        "ptell TEXT",
        "speak to your party, wherever they are",
        "Speaks to all who are in your party, wherever they are. help party tells how to make one.",
        Group.TALKING,
        reading.tell_party,
        abbreviable=False,
    ),
    Verb(
        "party",
        (),
        "party invite NAME",
        "list your party; also join, leave and kick",
        "party alone lists who is in your party. party invite NAME invites a player, who has five "
        "minutes for party join, with your name. Who has invited the first leads the party, "
        "invites others, and sends them out again: party kick NAME. party leave leaves it; where "
        "the leader leaves, whoever joined next leads. A party has at most 10 members, and one is "
        "in one party at most. It lasts, also while you are away, until all but one have left.",
        Group.TALKING,
        reading.party,
        abbreviable=False,
    ),
    Verb(
        "emote",
        ("em", "pose"),
        "emote TEXT",
        "act in your own words; :TEXT is the same",
        "Shows everyone here your name and what you type after it: emote waves a lantern. A colon "
        "at the beginning of the line does the same: :waves a lantern.",
        Group.TALKING,
        reading.emote,
    ),
    Verb(
        "channel",
        ("channels",),
        "channel X on|off",
        "list the channels; turn one on or off",
        "Lists the channels that you can talk on, what they are for, and whether you hear them. "
        "What is said there is heard wherever one is. channel NAME off spares you one of them, "
        "until channel NAME on. To speak on one, type its name and what you have to say.",
        Group.TALKING,
        reading.channel,
    ),
    Verb(
        "history",
        (),
        "history [CHANNEL]",
        "read again what was said on channels and told",
        "Shows what was said last on the channels that you hear, and what you told others and were "
        "told. history CHANNEL shows one channel alone, history tell your tells; a number after it "
        "asks for so many lines, of which 50 are the most. It reaches back a week; what you said "
        "in a place is not shown. Who may read what is kept, and for how long: help privacy.",
        Group.TALKING,
        reading.history,
    ),
    Verb(
        "mute",
        ("ignore",),
        "mute NAME [TIME]",
        "hear no more of a player; or list whom you mute",
        "Spares you all that a player says, tells you and emotes; you still see them come and go. "
        "They aren't told, but a tell to you comes back to them. It lasts until unmute, or for the "
        "time that you give: 30 is 30 minutes, 2h two hours, 1d a day, 1w a week. What you type "
        "after the time is a note to yourself. mute alone lists whom you mute. Those who keep "
        "order here can't be muted by players.",
        Group.YOURSELF,
        reading.mute,
    ),
    Verb(
        "unmute",
        ("unignore",),
        "unmute NAME",
        "hear a player again",
        "Takes back a mute.",
        Group.YOURSELF,
        reading.unmute,
    ),
    Verb(
        "password",
        (),
        "password",
        "change your password",
        "Asks for the old password and for the new one. All your other logins end.",
        Group.YOURSELF,
        reading.password,
    ),
    Verb(
        "help",
        ("h", "?"),
        "help [TOPIC]",
        "explain the commands, or one of them",
        "Explains a command, or a topic.",
        Group.YOURSELF,
        reading.help_on,
    ),
    Verb(
        "quit",
        ("logout",),
        "quit",
        "leave the world",
        "Leaves the world. You find yourself where you left it, with all that you carry.",
        Group.YOURSELF,
        reading.alone(commands.Quit()),
        abbreviable=False,
    ),
    Verb(
        "silence",
        (),
        "silence NAME",
        "let only staff hear a player",
        "For admins and owners: silence NAME, TIME and a reason, of which time and reason may be "
        "left out. What the player then says, tells and emotes, and says on channels and to a "
        "party, is refused, with the reason; staff who would have heard it still do, marked. "
        "silence NAME on CHANNEL, "
        "with time and reason as before, concerns that channel alone. It applies to all characters "
        "of the account, present or not, and ends after the time, which is typed as for mute, or "
        "with unsilence.",
        Group.ORDER,
        reading.silence,
        abbreviable=False,
    ),
    Verb(
        "unsilence",
        (),
        "unsilence NAME",
        "let everyone hear a player again",
        "For admins and owners: takes back a silence; unsilence NAME on CHANNEL takes back one "
        "that concerns a channel alone.",
        Group.ORDER,
        reading.unsilence,
        abbreviable=False,
    ),
    Verb(
        "silences",
        (),
        "silences",
        "list who is silenced",
        "For admins and owners: lists all silences, on which channel, by whom, until when and why.",
        Group.ORDER,
        reading.alone(commands.ListSilences()),
        abbreviable=False,
    ),
    Verb(
        "ban",
        (),
        "ban NAME",
        "keep a player, a name or a network out",
        "For admins and owners: ban NAME, TIME and a reason, of which time and reason may be left "
        "out. It keeps out the account that the player belongs to, and sends away whoever plays by "
        "it. A name that nobody has is kept from being taken; ban name NAME bans the name alone, "
        "whoever has it. ban 192.0.2.0/24, or an address, keeps out all who come from there. A ban "
        "ends after the time, which is typed as for mute, or with unban.",
        Group.ORDER,
        reading.ban,
        abbreviable=False,
    ),
    Verb(
        "unban",
        (),
        "unban NAME",
        "take a ban back",
        "For admins and owners: takes back all bans of that player, name or network.",
        Group.ORDER,
        reading.unban,
        abbreviable=False,
    ),
    Verb(
        "bans",
        (),
        "bans",
        "list who is banned",
        "For admins and owners: lists all bans, by whom, until when and why.",
        Group.ORDER,
        reading.alone(commands.ListBans()),
        abbreviable=False,
    ),
)
