"""What of a player's doings is written down, so that it can be read again."""

from collections.abc import Callable, Iterable
from datetime import datetime

from mudserver.ids import RoomId
from mudserver.interfaces.history import ChatLine, Line, Retention, TellLine
from mudserver.interfaces.journal import InputRow
from mudserver.world.events import ChannelSaid, Emoted, Event, Hushed, Means, PartySaid, Said, Told


class Recorder:
    """
    Makes the lines of what players say; it neither waits nor forgets anything itself.

    What inhabitants say isn't kept, nor what the silenced tell one player alone.

    Args:
        retention: What is kept at all.
        utc_now: The wall clock.
    """

    def __init__(self, retention: Retention, utc_now: Callable[[], datetime]) -> None:
        self._retention = retention
        self._utc_now = utc_now

    def lines(self, input: InputRow, events: Iterable[Event]) -> tuple[Line, ...]:
        """Return what is to be kept of the events of an input."""
        lines = []
        for index, event in enumerate(events):
            line = self._line(input, index, event)
            if line is not None:
                lines.append(line)
        return tuple(lines)

    def _line(self, input: InputRow, index: int, event: Event) -> Line | None:
        match event:
            case Said(room=room):
                return self._chat(input, index, event, "say", room)
            case Emoted(room=room):
                return self._chat(input, index, event, "emote", room)
            case ChannelSaid(channel=channel):
                return self._chat(input, index, event, channel, None)
            case PartySaid():
                return self._chat(input, index, event, Means.PARTY.value, None)
            case Hushed(means=means, room=room, channel=on) if means is not Means.TELL:
                return self._chat(input, index, event, on or means.value, room, hushed=True)
            case Told() if self._retention.tells:
                return TellLine(
                    session=input.session,
                    number=input.number,
                    index=index,
                    at=self._utc_now(),
                    speaker=event.speaker,
                    name=event.name,
                    target=event.target,
                    target_name=event.target_name,
                    text=event.text,
                )
            case _:
                return None

    def _chat(
        self,
        input: InputRow,
        index: int,
        event: Said | Emoted | ChannelSaid | PartySaid | Hushed,
        channel: str,
        room: RoomId | None,
        *,
        hushed: bool = False,
    ) -> ChatLine | None:
        if not self._retention.lines:
            return None
        return ChatLine(
            session=input.session,
            number=input.number,
            index=index,
            at=self._utc_now(),
            channel=channel,
            room=room,
            speaker=input.character,
            name=event.name,
            text=event.text,
            hushed=hushed,
        )
