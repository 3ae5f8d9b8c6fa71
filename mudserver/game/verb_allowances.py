"""How often a character may do what costs many others something: its own buckets."""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from attrs import frozen

from mudserver.errors import TooManyTries
from mudserver.ids import CharacterId
from mudserver.interfaces.meter import IMeter
from mudserver.session.bucket import Rate
from mudserver.session.keyed_buckets import KeyedBuckets
from mudserver.world import commands
from mudserver.world.commands import Command


class Expensive(Enum):
    """What is charged apart; the value is its name in metrics and settings."""

    TELL = "tell"
    CHANNEL = "channel"
    WHO = "who"
    HISTORY = "history"


#: Which commands are charged, and to what; all others only to the gateway's bucket of commands. To
#: charge another, give it a line here.
CHARGED: Final[Mapping[type[Command], Expensive]] = MappingProxyType(
    {
        commands.Tell: Expensive.TELL,
        commands.SpeakOnChannel: Expensive.CHANNEL,
        commands.SpeakToParty: Expensive.CHANNEL,
        commands.Who: Expensive.WHO,
        commands.ReadHistory: Expensive.HISTORY,
    }
)

_WORDS: Final = MappingProxyType(
    {
        Expensive.TELL: "You tell others too much at once: wait a moment.",
        Expensive.CHANNEL: "You say too much on channels at once: wait a moment.",
        Expensive.WHO: "You have just seen who is here: wait a moment.",
        Expensive.HISTORY: "You have just read what was said: wait a moment.",
    }
)

_TELL: Final = Rate(per_second=2.0, burst=20.0)
_CHANNEL: Final = Rate(per_second=2.0, burst=20.0)
_WHO: Final = Rate(per_second=1.0, burst=10.0)
_HISTORY: Final = Rate(per_second=0.5, burst=10.0)


@frozen
class VerbLimits:
    """How often a character may do what is expensive."""

    tell: Rate = _TELL
    channel: Rate = _CHANNEL
    who: Rate = _WHO
    history: Rate = _HISTORY


class VerbAllowances:
    """
    The buckets of all characters.

    They are the characters', not the connections': to log in again fills none. One that is full
    again is forgotten, so that only those are held who did such a thing lately.

    Args:
        limits: How often.
        meter: Gets ``refusals`` by reason (counter): ``rate_limited_tell`` and the like.
    """

    def __init__(self, limits: VerbLimits, meter: IMeter) -> None:
        rates = {
            Expensive.TELL: limits.tell,
            Expensive.CHANNEL: limits.channel,
            Expensive.WHO: limits.who,
            Expensive.HISTORY: limits.history,
        }
        self._buckets: Mapping[Expensive, KeyedBuckets[CharacterId]] = {
            verb: KeyedBuckets(rate) for verb, rate in rates.items()
        }
        self._meter = meter

    def __len__(self) -> int:
        """Return how many buckets are held."""
        return sum(map(len, self._buckets.values()))

    def charge(self, character: CharacterId, command: Command, now: float) -> None:
        """
        Charge a character for a command, if that is expensive.

        Args:
            character: Who does it.
            command: What.
            now: Seconds of any monotonic clock.

        Raises:
            TooManyTries: It comes too soon; ``retry_after`` says when it does not.
        """
        verb = CHARGED.get(type(command))
        if verb is None or self._buckets[verb].take(character, now):
            return
        self._meter.count("refusals", reason=f"rate_limited_{verb.value}")
        raise TooManyTries(_WORDS[verb], retry_after=self._buckets[verb].wait(character, now))
