"""Who doesn't want to hear whom, and whom only staff hears."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from mudserver.ids import AccountId, CharacterId
from mudserver.world import events
from mudserver.world.applied import (
    Applied,
    ChannelSilenceLifted,
    ChannelSilenceMade,
    MuteLifted,
    MuteMade,
    SilenceLifted,
    SilenceMade,
)
from mudserver.world.model import Character, Mute, Silence

_NOBODY: frozenset[CharacterId] = frozenset()


class Quiet:
    """
    Mutes, known from both ends, and silences.

    Args:
        characters: Who is in the world.

    Attributes:
        silences: Who is silenced, and on which channel (None: everywhere); wherever they are; some
            may have ended. Only to be read.
    """

    def __init__(self, characters: Mapping[CharacterId, Character]) -> None:
        self._characters = characters
        self._muters: dict[CharacterId, set[CharacterId]] = {}
        self._silences: dict[tuple[AccountId, str | None], Silence] = {}
        self.silences: Mapping[tuple[AccountId, str | None], Silence] = MappingProxyType(
            self._silences
        )

    # ------------------------------------------------------------ queries

    def is_deaf_to(self, listener: Character, speaker: CharacterId, now: datetime) -> bool:
        """Tell whether a character mutes another: players can't mute those who moderate."""
        mute = listener.mutes.get(speaker)
        if mute is None or not mute.in_force(now):
            return False
        other = self._characters.get(speaker)
        return listener.role.moderates or other is None or not other.role.moderates

    def muters(self, character: CharacterId, now: datetime) -> frozenset[CharacterId]:
        """Return who in the world doesn't want to hear that character."""
        muters = self._muters.get(character)
        if muters is None:
            return _NOBODY
        return frozenset(
            muter for muter in muters if self.is_deaf_to(self._characters[muter], character, now)
        )

    def silence_of(
        self, account: AccountId, now: datetime, channel: str | None = None
    ) -> Silence | None:
        """Return the silence that is in force for an account, everywhere or on that channel."""
        for where in (None, channel) if channel else (None,):
            silence = self._silences.get((account, where))
            if silence is not None and silence.in_force(now):
                return silence
        return None

    # ------------------------------------------------------------ who comes and goes

    def entered(self, character: Character) -> None:
        """Note whom a character mutes that has come."""
        for muted in character.mutes:
            self._muters.setdefault(muted, set()).add(character.id)

    def left(self, character: Character) -> None:
        """Forget whom a character mutes that goes."""
        for muted in character.mutes:
            self._no_longer_mutes(character.id, muted)

    # ------------------------------------------------------------ events

    def muted(self, event: events.Muted) -> Applied:
        """Apply a mute; those that have ended are forgotten."""
        mutes = self._characters[event.character].mutes
        for ended in [id for id, mute in mutes.items() if not mute.in_force(event.since)]:
            del mutes[ended]
            self._no_longer_mutes(event.character, ended)
        mutes[event.target] = Mute(event.target_name, event.until)
        self._muters.setdefault(event.target, set()).add(event.character)
        made = MuteMade(
            event.character, event.target, event.since, event.until, event.why, event.target_name
        )
        return Applied(changes=(made,))

    def unmuted(self, event: events.Unmuted) -> Applied:
        """Apply the end of a mute."""
        self._characters[event.character].mutes.pop(event.target, None)
        self._no_longer_mutes(event.character, event.target)
        return Applied(changes=(MuteLifted(event.character, event.target),))

    def silenced(self, event: events.Silenced) -> Applied:
        """Apply a silence; those that have ended are forgotten."""
        ended = [key for key, each in self._silences.items() if not each.in_force(event.since)]
        for key in ended:
            del self._silences[key]
        name, orderer = event.target_name, self._characters[event.character].name
        self._silences[event.account, event.channel] = Silence(
            event.until, event.why, name, orderer
        )
        order = (event.by, event.since, event.until, event.why, name, orderer)
        made: SilenceMade | ChannelSilenceMade
        if event.channel is None:
            made = SilenceMade(event.account, *order)
        else:
            made = ChannelSilenceMade(event.account, event.channel, *order)
        return Applied(changes=(made,))

    def unsilenced(self, event: events.Unsilenced) -> Applied:
        """Apply the end of a silence."""
        self._silences.pop((event.account, event.channel), None)
        if event.channel is None:
            return Applied(changes=(SilenceLifted(event.account),))
        return Applied(changes=(ChannelSilenceLifted(event.account, event.channel),))

    # ------------------------------------------------------------ back to what is stored

    def put_mute(self, muter: CharacterId, muted: CharacterId, mute: Mute | None) -> None:
        """Have a character mute another, or not (None); nothing where it isn't in the world."""
        who = self._characters.get(muter)
        if who is None:
            return
        if mute is None:
            who.mutes.pop(muted, None)
            self._no_longer_mutes(muter, muted)
        else:
            who.mutes[muted] = mute
            self._muters.setdefault(muted, set()).add(muter)

    def put_silence(
        self, account: AccountId, silence: Silence | None, channel: str | None = None
    ) -> None:
        """Have an account silenced, or not (None): everywhere, or on one channel."""
        if silence is None:
            self._silences.pop((account, channel), None)
        else:
            self._silences[account, channel] = silence

    def _no_longer_mutes(self, muter: CharacterId, muted: CharacterId) -> None:
        muters = self._muters.get(muted)
        if muters is not None:
            muters.discard(muter)
            if not muters:
                del self._muters[muted]
