"""The state of the world, and the one place that changes it."""

from collections.abc import Iterator, Mapping, Set
from datetime import datetime
from types import MappingProxyType
from typing import assert_never

from mudserver.ids import AccountId, CharacterId, DoorId, ItemId, NpcId, RoomId
from mudserver.world import events
from mudserver.world.applied import Applied
from mudserver.world.bans import BanLifted, Bans
from mudserver.world.cast import Cast
from mudserver.world.channels import Channel
from mudserver.world.direction import Direction
from mudserver.world.doors import Doors
from mudserver.world.follows import Follows
from mudserver.world.lexicon import STANDARD, Lexicon
from mudserver.world.listeners import Listeners
from mudserver.world.model import Character, Exit, Item, Mute, Npc, Occupants, Room, Silence
from mudserver.world.parties import Parties
from mudserver.world.quiet import Quiet
from mudserver.world.things import Things
from mudserver.world.whereabouts import Whereabouts

_NOTHING = Applied()


class World:
    """
    Rooms, items, inhabitants, and the characters that are in the world now.

    Fill it by the ``add_`` methods, rooms first; from then on it changes by `apply` alone, but
    that a character is added just before it enters, and that what can't be saved is put back by
    the ``put_`` methods.

    Args:
        start: The room where new characters begin.
        lexicon: What can be typed there, and which channels there are.

    Attributes:
        bans: Who is kept out.
    """

    def __init__(self, start: RoomId, lexicon: Lexicon = STANDARD) -> None:
        self.start = start
        self.lexicon = lexicon
        self.bans = Bans()
        self._rooms: dict[RoomId, Room] = {}
        self._doors = Doors(self._rooms)
        #: Who follows whom; changed by `apply`, and by what is put back.
        self.follows = Follows()
        #: Who is in which party; changed as `follows` is.
        self.parties = Parties()
        self._cast = Cast()
        self._characters = self._cast.by_id
        self._whereabouts = Whereabouts(self._rooms, self._characters)
        self._things = Things(self._rooms, self._characters)
        self._quiet = Quiet(self._characters)
        self._listeners = Listeners(lexicon.channels, self._characters)

    # ------------------------------------------------------------ building

    def add_room(self, room: Room) -> None:
        """
        Add a room.

        Raises:
            ValueError: There is one with that id.
        """
        if room.id in self._rooms:
            raise ValueError(f"room {room.id} is in the world already")
        self._rooms[room.id] = room

    def add_exit(self, room: RoomId, direction: Direction, out: Exit) -> None:
        """
        Add an exit to a room.

        Raises:
            KeyError: One of its two rooms isn't there.
            ValueError: It is one side of a door, and the other one isn't closed or open like it.
        """
        if out.to not in self._rooms:
            raise KeyError(out.to)
        self._rooms[room].exits[direction] = out
        self._doors.add(room, direction, out)

    def add_item(self, item: Item) -> None:
        """
        Add an item where it says that it is; its holder or container must be in the world.

        Raises:
            KeyError: Its room, holder or container isn't there.
            ValueError: There is one with that id, it isn't in exactly one place, or doesn't fit.
        """
        self._things.add(item)

    def add_npc(self, npc: Npc) -> None:
        """
        Add an inhabitant to the room it says.

        Raises:
            KeyError: That room isn't there.
            ValueError: There is one with that id.
        """
        self._whereabouts.add_npc(npc)

    def add_character(self, character: Character) -> None:
        """
        Add a character that is about to enter, with whom it mutes; its items are added next.

        It is in no room until the `Arrived` that `mudserver.world.rules.enter` returns is
        applied; its ``room`` says where it was last.

        Raises:
            ValueError: It is in the world, or another one of its name.
        """
        self._cast.add(character)
        self._quiet.entered(character)
        self._listeners.entered(character)

    # ------------------------------------------------------------ queries

    @property
    def rooms(self) -> Mapping[RoomId, Room]:
        """All rooms, by their ids."""
        return MappingProxyType(self._rooms)

    @property
    def items(self) -> Mapping[ItemId, Item]:
        """All items that lie in rooms or are carried by someone here, and what is in them."""
        return self._things.by_id

    @property
    def npcs(self) -> Mapping[NpcId, Npc]:
        """All inhabitants, by their ids."""
        return self._whereabouts.npcs

    @property
    def characters(self) -> Mapping[CharacterId, Character]:
        """All characters in the world, by their ids."""
        return self._characters

    def room(self, id: RoomId) -> Room:
        """
        Return a room.

        Raises:
            KeyError: There is none with that id.
        """
        return self._rooms[id]

    def character(self, id: CharacterId) -> Character:
        """
        Return a character that is in the world.

        Raises:
            KeyError: It isn't.
        """
        return self._characters[id]

    def character_named(self, name: str) -> Character | None:
        """Find a character that is in the world by its whole name; case doesn't matter."""
        return self._cast.named(name)

    def characters_beginning(self, prefix: str) -> Iterator[Character]:
        """Find the characters whose names begin so, in order of their names."""
        return self._cast.beginning(prefix)

    def occupants(self, room: RoomId) -> Occupants:
        """
        Return who is in a room.

        Raises:
            KeyError: There is no such room.
        """
        return self._rooms[room].occupants

    def is_deaf_to(self, listener: Character, speaker: CharacterId, now: datetime) -> bool:
        """Tell whether a character mutes another: players can't mute those who moderate."""
        return self._quiet.is_deaf_to(listener, speaker, now)

    def muters(self, character: CharacterId, now: datetime) -> frozenset[CharacterId]:
        """Return who in the world doesn't want to hear that character."""
        return self._quiet.muters(character, now)

    @property
    def silences(self) -> Mapping[tuple[AccountId, str | None], Silence]:
        """Who is silenced, and on which channel (None: everywhere); some may have ended."""
        return self._quiet.silences

    def silence_of(
        self, account: AccountId, now: datetime, channel: str | None = None
    ) -> Silence | None:
        """Return the silence that is in force for an account, everywhere or on that channel."""
        return self._quiet.silence_of(account, now, channel)

    @property
    def channels(self) -> Mapping[str, Channel]:
        """All channels, by their names."""
        return self.lexicon.channels

    def listeners(self, channel: str) -> Set[CharacterId]:
        """Return who in the world hears a channel."""
        return self._listeners.on(channel)

    # ------------------------------------------------------------ the one place that changes it

    def apply(self, event: events.Event) -> Applied:
        """
        Make an event true.

        Args:
            event: One that the rules returned, for the world as it is now.

        Returns:
            What must be stored, and what viewers' copies must learn.

        Raises:
            KeyError: It speaks of what isn't there; nothing was changed.
        """
        match event:
            case (
                events.Said()
                | events.Told()
                | events.Emoted()
                | events.ChannelSaid()
                | events.ChannelsListed()
                | events.HistoryShown()
                | events.Hushed()
                | events.NpcSaid()
                | events.NpcEmoted()
                | events.DoorSwung()
                | events.LedOn()
                | events.PartyListed()
                | events.PartySaid()
                | events.Quitted()
                | events.Looked()
                | events.Examined()
                | events.ExitsListed()
                | events.InventoryListed()
                | events.WhoListed()
                | events.MutesListed()
                | events.SilencesListed()
                | events.BansListed()
                | events.HelpShown()
                | events.PasswordAsked()
            ):
                pass
            case events.Departed():
                return self._departed(event)
            case events.Arrived():
                return self._whereabouts.arrived(event)
            case events.LostLink():
                self._characters[event.character].linkdead = True
            case events.Returned():
                self._characters[event.character].linkdead = False
            case events.Took():
                return self._things.took(event)
            case events.Dropped():
                return self._things.dropped(event)
            case events.PutIn():
                return self._things.put_in(event)
            case events.TookOut():
                return self._things.took_out(event)
            case events.ContainerShut():
                return self._things.shut(event)
            case events.DoorShut():
                return self._doors.shut(event)
            case events.Followed():
                return self.follows.followed(event)
            case events.Unfollowed():
                return self.follows.unfollowed(event)
            case events.InvitedToParty():
                self.parties.invited(event)
            case events.JoinedParty():
                return self.parties.joined(event)
            case events.LeftParty(character=member) | events.KickedFromParty(target=member):
                return self.parties.left(member)
            case events.NpcDeparted():
                return self._whereabouts.npc_departed(event)
            case events.NpcArrived():
                return self._whereabouts.npc_arrived(event)
            case events.Muted():
                return self._quiet.muted(event)
            case events.Unmuted():
                return self._quiet.unmuted(event)
            case events.Silenced():
                return self._quiet.silenced(event)
            case events.Unsilenced():
                return self._quiet.unsilenced(event)
            case events.Banned(ban=ban):
                self.bans.forget_ended(ban.since)
                self.bans.put(ban)
                return Applied(changes=(ban,))
            case events.Unbanned(ban=ban):
                self.bans.remove(ban.kind, ban.key)
                return Applied(changes=(BanLifted(ban.kind, ban.key),))
            case events.Appointed():
                self._characters[event.character].role = event.role
                self._listeners.appointed(event)
            case events.ChannelSwitched():
                return self._listeners.switched(event)
            case _:
                assert_never(event)
        return _NOTHING

    # ------------------------------------------------------------ back to what is stored

    def put_character(self, character: CharacterId, room: RoomId) -> None:
        """
        Put a character into another room, without a word. Its copies, and those of both rooms, are
        stale then: whoever has one is shown the whole.

        Raises:
            KeyError: It isn't in a room, or there is no such room.
        """
        self._whereabouts.put_character(character, room)

    def put_item(self, item: Item) -> None:
        """
        Put an item where it says that it is, from where it was, with all that is in it; copies as
        above.

        Raises:
            KeyError: Its room, holder or container isn't there.
            ValueError: It says that it is in two places or none, or doesn't fit.
        """
        self._things.put(item)

    def remove_item(self, item: ItemId) -> None:
        """
        Take an item out of the world, with all that is in it; copies as above.

        Raises:
            KeyError: It isn't there.
        """
        self._things.remove(item)

    def put_door(self, door: DoorId, *, closed: bool) -> frozenset[RoomId]:
        """Have a door closed or open; returns the rooms whose copies are stale then."""
        return self._doors.put(door, closed=closed)

    def put_npc(self, npc: NpcId, room: RoomId) -> None:
        """
        Put an inhabitant into another room, without a word; copies as above.

        Raises:
            KeyError: There is no such inhabitant, or no such room.
        """
        self._whereabouts.put_npc(npc, room)

    def put_lid(self, item: ItemId, *, closed: bool) -> None:
        """Have a container closed or open; nothing where it isn't in the world."""
        self._things.put_lid(item, closed=closed)

    def put_mute(self, muter: CharacterId, muted: CharacterId, mute: Mute | None) -> None:
        """Have a character mute another, or not (None); nothing where it isn't in the world."""
        self._quiet.put_mute(muter, muted, mute)

    def put_silence(
        self, account: AccountId, silence: Silence | None, channel: str | None = None
    ) -> None:
        """Have an account silenced, or not (None): everywhere, or on one channel."""
        self._quiet.put_silence(account, silence, channel)

    def put_channel(self, character: CharacterId, channel: str, *, off: bool) -> None:
        """Have a character hear a channel, or not; nothing where it isn't in the world."""
        self._listeners.put(character, channel, off=off)

    # ------------------------------------------------------------ events

    def _departed(self, event: events.Departed) -> Applied:
        applied = self._whereabouts.departed(event)
        if event.direction is None:
            self._forget(self._characters[event.character])
        return applied

    def _forget(self, character: Character) -> None:
        """Let a character out of the world, with what it carries."""
        self._things.forget(character)
        self._quiet.left(character)
        self._listeners.left(character)
        self._cast.remove(character)
