"""Back to what is stored, where what happened in the world could not be saved."""

from collections.abc import Callable, Iterable
from typing import Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mudserver.game.fanout import FanOut
from mudserver.game.loop import GameLoop, Lane
from mudserver.game.network_bans import NetworkBanNotices
from mudserver.game.populate import item_of
from mudserver.ids import CharacterId, ItemId, NpcId, RoomId
from mudserver.interfaces.journal import JournalRow, RefusedRow
from mudserver.interfaces.rows import ItemRow
from mudserver.world.applied import (
    ChannelOff,
    ChannelOn,
    ChannelSilenceLifted,
    ChannelSilenceMade,
    CharacterPlaced,
    DoorMoved,
    FollowLifted,
    FollowMade,
    ItemPlaced,
    LidMoved,
    MembershipEnded,
    MembershipMade,
    MuteLifted,
    MuteMade,
    NpcPlaced,
    SilenceLifted,
    SilenceMade,
)
from mudserver.world.bans import Ban, BanLifted
from mudserver.world.model import Item, Mute, Silence
from mudserver.world.world import World

#: Where it queues.
RESTORATION: Final = Lane("restoration")


class Restoration:
    """
    Takes refused changes back.

    Nobody is told a story: those who see what is put back are shown the whole of it anew.

    Args:
        world: What is put back.
        loop: Where that happens.
        fan_out: What shows it.
        notices: What tells gateways of bans.
    """

    def __init__(
        self, *, world: World, loop: GameLoop, fan_out: FanOut, notices: NetworkBanNotices
    ) -> None:
        self._world = world
        self._loop = loop
        self._fan_out = fan_out
        self._notices = notices

    def restore(
        self, refused: tuple[RefusedRow, ...], superseded: Callable[[JournalRow], bool]
    ) -> Deferred[None]:
        """
        Put back what was refused.

        Args:
            refused: What, and what is stored instead.
            superseded: Tells of a row whether its entity has changed again since, or otherwise
                together with what was refused; then it stays, and the database is asked about
                that change.

        Returns:
            Fires when the world is as stored, and that is shown. Fails only by our fault.
        """
        done: Deferred[None] = Deferred()

        def work() -> None:
            kept = [each for each in refused if not superseded(each.letter.row)]
            self._put_back(kept)
            for each in kept:
                self._fill(each.contents, superseded)
            done.callback(None)

        def failed(failure: Failure) -> None:
            done.errback(failure)

        self._loop.require(RESTORATION, work, failed)
        return done

    def _put_back(self, refused: Iterable[RefusedRow]) -> None:
        rooms: set[RoomId] = set()
        characters: set[CharacterId] = set()
        for each in sorted(refused, key=_size, reverse=True):
            match each.letter.row:
                case CharacterPlaced(character=character):
                    rooms |= self._put_character(character, each.stored)
                    characters.add(character)
                case ItemPlaced(item=item):
                    seen_in, seen_by = self._put_item(item, each.stored)
                    rooms |= seen_in
                    characters |= seen_by
                case LidMoved(item=item):
                    if isinstance(each.stored, LidMoved):
                        self._world.put_lid(item, closed=each.stored.closed)
                case DoorMoved(door=door):
                    if isinstance(each.stored, DoorMoved):
                        rooms |= self._world.put_door(door, closed=each.stored.closed)
                case FollowMade(follower=follower) | FollowLifted(follower=follower):
                    made_follow = each.stored if isinstance(each.stored, FollowMade) else None
                    self._world.follows.put(follower, made_follow)
                case MembershipMade(character=member) | MembershipEnded(character=member):
                    membership = each.stored if isinstance(each.stored, MembershipMade) else None
                    self._world.parties.put(member, membership)
                case NpcPlaced(npc=npc):
                    rooms |= self._put_npc(npc, each.stored)
                case MuteMade(muter=muter, muted=muted) | MuteLifted(muter=muter, muted=muted):
                    made = each.stored
                    mute = Mute(made.name, made.until) if isinstance(made, MuteMade) else None
                    self._world.put_mute(muter, muted, mute)
                case SilenceMade(account=account) | SilenceLifted(account=account):
                    kept = each.stored
                    silence = None
                    if isinstance(kept, SilenceMade):
                        silence = Silence(kept.until, kept.why, kept.name, kept.orderer)
                    self._world.put_silence(account, silence)
                case ChannelSilenceMade() | ChannelSilenceLifted() as row:
                    kept = each.stored
                    silence = None
                    if isinstance(kept, ChannelSilenceMade):
                        silence = Silence(kept.until, kept.why, kept.name, kept.orderer)
                    self._world.put_silence(row.account, silence, row.channel)
                case ChannelOff() | ChannelOn() as row:
                    off = isinstance(each.stored, ChannelOff)
                    self._world.put_channel(row.character, row.channel, off=off)
                case Ban(kind=kind, key=key) | BanLifted(kind=kind, key=key):
                    if isinstance(each.stored, Ban):
                        self._world.bans.put(each.stored)
                    else:
                        self._world.bans.remove(kind, key)
                    self._notices.changed(kind, key)
                case _:
                    pass  # nothing of it is in the world
        for room in rooms:
            self._fan_out.room_state(room)
        for character in characters:
            self._fan_out.char_state_of(character)

    def _put_character(self, character: CharacterId, stored: object) -> set[RoomId]:
        """Put a character where it is stored, or where new ones begin; returns both rooms."""
        own = self._world.characters.get(character)
        if own is None or own.room is None:
            return set()
        back = stored.room if isinstance(stored, CharacterPlaced) else self._world.start
        if back == own.room or back not in self._world.rooms:
            return set()
        rooms = {own.room, back}
        self._world.put_character(character, back)
        return rooms

    def _put_npc(self, npc: NpcId, stored: object) -> set[RoomId]:
        """Put an inhabitant where it is stored; returns both rooms."""
        there = self._world.npcs.get(npc)
        if there is None or not isinstance(stored, NpcPlaced) or stored.room == there.room:
            return set()
        rooms = {there.room, stored.room}
        self._world.put_npc(npc, stored.room)
        return rooms

    def _put_item(self, item: ItemId, stored: object) -> tuple[set[RoomId], set[CharacterId]]:
        """Put an item where it is stored, or out of the world; returns who sees where."""
        seen_in: set[RoomId] = set()
        seen_by: set[CharacterId] = set()
        there = self._world.items.get(item)
        if there is not None:
            _add(there, seen_in, seen_by)
        if isinstance(stored, ItemRow) and self._has_place(stored):
            _add(stored, seen_in, seen_by)
            self._world.put_item(item_of(stored))
        elif there is not None:
            self._world.remove_item(item)
        return seen_in, seen_by

    def _fill(self, contents: Iterable[ItemRow], superseded: Callable[[JournalRow], bool]) -> None:
        """Put what is stored in an item that is back in the world into it."""
        for item in contents:
            change = ItemPlaced(item.id, None, None, item.container)
            there = item.id in self._world.items or superseded(change)
            if not there and item.container in self._world.items:
                self._world.put_item(item_of(item))

    def _has_place(self, item: ItemRow) -> bool:
        """Tell whether an item's room, who holds it, or what it is in, is in the world."""
        world = self._world
        return (
            item.room in world.rooms
            or item.holder in world.characters
            or item.container in world.items
        )


def _size(refused: RefusedRow) -> int:
    """How large an item is that was refused, so that containers come before what they hold."""
    return refused.stored.size if isinstance(refused.stored, ItemRow) else 0


def _add(item: Item | ItemRow, rooms: set[RoomId], characters: set[CharacterId]) -> None:
    if item.room is not None:
        rooms.add(item.room)
    if item.holder is not None:
        characters.add(item.holder)
