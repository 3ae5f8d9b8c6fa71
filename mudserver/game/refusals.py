"""How players are told that what they typed is not done."""

from typing import Final

from mudserver.errors import PlayerError, Unavailable
from mudserver.interfaces.play import Refusal
from mudserver.world.duration import spell_term
from mudserver.world.events import Hushed

INTERNAL_ERROR: Final = Refusal("internal_error", "Something went wrong on our side.")
UNAVAILABLE: Final = Refusal("unavailable", "That can't be done just now.", retry_after=5.0)
SAVING_FAILS: Final = Refusal(
    "unavailable",
    "That can't be saved just now. You can look around and talk meanwhile.",
    retry_after=5.0,
)
ALL_AT_ONCE: Final = Refusal("bad_command", "Type: password OLD NEW")
GONE: Final = Refusal("not_allowed", "You have left the world.")


def silenced(event: Hushed) -> Refusal:
    """Tell who is silenced where, and for how long."""
    where = "" if event.channel is None else f" on {event.channel}"
    return Refusal("silenced", f"You are silenced{where}{spell_term(event.until, event.why)}")


def refused(error: PlayerError | Unavailable) -> Refusal:
    """Tell what is wrong."""
    if isinstance(error, PlayerError):
        return Refusal(error.code, error.message, error.retry_after)
    return Refusal("unavailable", str(error), error.retry_after)
