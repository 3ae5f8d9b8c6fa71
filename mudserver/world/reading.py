"""What follows a verb, read: each function here makes the command of one verb's words."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from mudserver.world import commands
from mudserver.world.bans import BanKind
from mudserver.world.commands import Command
from mudserver.world.direction import Direction
from mudserver.world.duration import NoDuration, read_duration
from mudserver.world.history import HISTORY_LINES, MAX_HISTORY_LINES, TELLS

#: Characters of a reason.
MAX_WHY_CHARS: Final = 200

#: Words that say what to ban.
_BANNABLE: Final[Mapping[str, BanKind]] = MappingProxyType({kind.value: kind for kind in BanKind})
_MAX_COUNT_DIGITS: Final = 4

_AT: Final = frozenset({"at", "in", "inside", "on"})
_INTO: Final = frozenset({"in", "into", "inside"})
_FROM: Final = frozenset({"from"})
_HERE: Final = frozenset({"here", "around"})


class UsageError(Exception):
    """The words after a verb don't make its command."""


def _needed(rest: str) -> str:
    if not rest:
        raise UsageError
    return rest


def alone(command: Command) -> Callable[[str], Command]:
    """Read a verb that takes no words; any that follow are let pass."""
    return lambda _rest: command


def look(rest: str) -> Command:
    """Read what follows ``look``."""
    words = rest.split()
    if words and words[0].lower() in _AT:
        del words[0]
    if not words or (len(words) == 1 and words[0].lower() in _HERE):
        return commands.Look()
    return commands.Look(" ".join(words))


def examine(rest: str) -> Command:
    """Read what follows ``examine``."""
    return look(_needed(rest))


def say(rest: str) -> Command:
    """Read what follows ``say``."""
    return commands.Say(_needed(rest))


def emote(rest: str) -> Command:
    """Read what follows ``emote``."""
    return commands.Emote(_needed(rest))


def tell(rest: str) -> Command:
    """Read what follows ``tell``."""
    name, _, text = rest.partition(" ")
    name, text = name.removesuffix(","), text.strip()
    if not name or not text:
        raise UsageError
    return commands.Tell(name, text)


def _item(rest: str) -> str | None:
    words = _needed(rest)
    return None if words.lower() in {"all", "everything"} else words


def _divided(words: list[str], by: frozenset[str]) -> tuple[str, str | None]:
    """Divide words at the last of some words that has others on both sides."""
    for place in range(len(words) - 2, 0, -1):
        if words[place].lower() in by:
            return " ".join(words[:place]), " ".join(words[place + 1 :])
    return " ".join(words), None


def get(rest: str) -> Command:
    """Read what follows ``get``."""
    words = rest.split()
    if len(words) > 1 and words[0].lower() == "up":
        del words[0]
    things, container = _divided(words, _FROM)
    return commands.Get(_item(things), container)


def put(rest: str) -> Command:
    """Read what follows ``put``."""
    things, container = _divided(rest.split(), _INTO)
    if container is None:
        raise UsageError
    return commands.Put(_item(things), container)


def open_(rest: str) -> Command:
    """Read what follows ``open``."""
    return commands.Open(_needed(rest))


def close(rest: str) -> Command:
    """Read what follows ``close``."""
    return commands.Close(_needed(rest))


def drop(rest: str) -> Command:
    """Read what follows ``drop``."""
    return commands.Drop(_item(rest))


def go(rest: str) -> Command:
    """Read what follows ``go``."""
    words = [word for word in rest.lower().split() if word not in {"to", "the"}]
    direction = Direction.parse(words[0]) if len(words) == 1 else None
    if direction is None:
        raise UsageError
    return commands.Go(direction)


def _one_name(rest: str) -> str:
    names = rest.split()
    if len(names) != 1:
        raise UsageError
    return names[0]


def mute(rest: str) -> Command:
    """Read what follows ``mute``."""
    name, *following = rest.split(maxsplit=2)[:3] or [""]
    if not name:
        return commands.ListMutes()
    if not following:
        return commands.Mute(name)
    try:
        lasting = read_duration(following[0])
    except NoDuration:
        raise UsageError from None
    why = following[1] if len(following) > 1 else ""
    if len(why) > MAX_WHY_CHARS:
        raise UsageError
    return commands.Mute(name, lasting, why)


def follow(rest: str) -> Command:
    """Read what follows ``follow``."""
    return commands.Follow(_one_name(rest))


def party(rest: str) -> Command:
    """Read what follows ``party``."""
    word, _, following = rest.partition(" ")
    match word.lower():
        case "":
            return commands.ListParty()
        case "invite":
            return commands.InviteToParty(_one_name(following))
        case "join":
            return commands.JoinParty(_one_name(following))
        case "kick":
            return commands.KickFromParty(_one_name(following))
        case "leave" if not following.strip():
            return commands.LeaveParty()
        case _:
            raise UsageError


def tell_party(rest: str) -> Command:
    """Read what follows ``ptell``."""
    return commands.SpeakToParty(_needed(rest))


def unmute(rest: str) -> Command:
    """Read what follows ``unmute``."""
    return commands.Unmute(_one_name(rest))


def _on_channel(words: str) -> tuple[str | None, str]:
    """Read ``on CHANNEL`` off the beginning of words; returns the channel and what follows."""
    first, _, following = words.partition(" ")
    if first.lower() != "on":
        return None, words
    channel, _, others = following.strip().partition(" ")
    return _needed(channel).lower(), others.strip()


def silence(rest: str) -> Command:
    """Read what follows ``silence``."""
    name, _, following = _needed(rest).partition(" ")
    channel, following = _on_channel(following.strip())
    lasting, why = _term(following)
    return commands.Silence(name, lasting, why, channel)


def unsilence(rest: str) -> Command:
    """Read what follows ``unsilence``."""
    name, _, following = _needed(rest).partition(" ")
    channel, others = _on_channel(following.strip())
    if others:
        raise UsageError
    return commands.Unsilence(name, channel)


def speak_on(channel: str, rest: str) -> Command:
    """Read what follows the name of a channel."""
    return commands.SpeakOnChannel(channel, _needed(rest))


def history(rest: str) -> Command:
    """Read what follows ``history``: a channel, a number, or both in this order."""
    words = rest.lower().split()
    count = HISTORY_LINES
    if words and words[-1].isascii() and words[-1].isdecimal():
        number = words.pop()
        count = int(number) if len(number) <= _MAX_COUNT_DIGITS else MAX_HISTORY_LINES
    if len(words) > 1 or count < 1:
        raise UsageError
    name = words[0] if words else None
    if name in {"tells", "t"}:
        name = TELLS
    return commands.ReadHistory(name, min(count, MAX_HISTORY_LINES))


def channel(rest: str) -> Command:
    """Read what follows ``channel``."""
    match rest.lower().split():
        case []:
            return commands.ListChannels()
        case [name, "on" | "off" as state]:
            return commands.SwitchChannel(name, state == "on")
        case _:
            raise UsageError


def ban(rest: str) -> Command:
    """Read what follows ``ban``: a kind may come first, if a target follows it."""
    target, _, following = _needed(rest).partition(" ")
    kind = None
    if following.strip() and target.lower() in _BANNABLE:
        kind = _BANNABLE[target.lower()]
        target, _, following = following.strip().partition(" ")
    lasting, why = _term(following)
    return commands.Ban(target, lasting, why, kind)


def unban(rest: str) -> Command:
    """Read what follows ``unban``."""
    return commands.Unban(_one_name(rest))


def _term(words: str) -> tuple[timedelta | None, str]:
    """Read for how long, and why; both may be left out."""
    first, _, others = words.strip().partition(" ")
    try:
        lasting, why = read_duration(first), others.strip()
    except NoDuration:
        lasting, why = None, words.strip()
    if len(why) > MAX_WHY_CHARS:
        raise UsageError
    return lasting, why


def password(rest: str) -> Command:
    """Read what follows ``password``."""
    match rest.split():
        case []:
            return commands.ChangePassword()
        case [old, new]:
            return commands.ChangePassword(old, new)
        case _:
            raise UsageError


def help_on(rest: str) -> Command:
    """Read what follows ``help``."""
    return commands.Help(rest.lower() or None)
