"""Who is in which room."""

from collections.abc import Mapping
from types import MappingProxyType

from mudserver.ids import CharacterId, NpcId, RoomId
from mudserver.world import events
from mudserver.world.applied import Applied, CharacterPlaced, NpcPlaced
from mudserver.world.model import Character, Npc, Room
from mudserver.world.steps import room_delta


class Whereabouts:
    """
    Characters and inhabitants, in the rooms where they are.

    Args:
        rooms: All rooms.
        characters: All characters that are in the world.

    Attributes:
        npcs: All inhabitants; only to be read.
    """

    def __init__(
        self, rooms: Mapping[RoomId, Room], characters: Mapping[CharacterId, Character]
    ) -> None:
        self._rooms = rooms
        self._characters = characters
        self._npcs: dict[NpcId, Npc] = {}
        self.npcs: Mapping[NpcId, Npc] = MappingProxyType(self._npcs)

    def add_npc(self, npc: Npc) -> None:
        """
        Add an inhabitant to the room it says.

        Raises:
            KeyError: That room isn't there.
            ValueError: There is one with that id.
        """
        if npc.id in self._npcs:
            raise ValueError(f"inhabitant {npc.id} is in the world already")
        self._rooms[npc.room].occupants.join(npc)
        self._npcs[npc.id] = npc

    # ------------------------------------------------------------ events

    def departed(self, event: events.Departed) -> Applied:
        """Apply that a character left a room; it is in none then."""
        character = self._characters[event.character]
        room = self._rooms[event.room]
        operations = room.occupants.leave(character)
        if event.direction is not None:
            character.room = None
        return Applied(deltas=(room_delta(room, operations),))

    def arrived(self, event: events.Arrived) -> Applied:
        """Apply that a character came into a room."""
        character = self._characters[event.character]
        room = self._rooms[event.room]
        operations = room.occupants.join(character)
        stored = character.room == room.id
        character.room = room.id
        return Applied(
            changes=() if stored else (CharacterPlaced(character.id, room.id),),
            deltas=(room_delta(room, operations, newcomer=character.id),),
        )

    def npc_departed(self, event: events.NpcDeparted) -> Applied:
        """Apply that an inhabitant left a room."""
        room = self._rooms[event.room]
        operations = room.occupants.leave(self._npcs[event.npc])
        return Applied(deltas=(room_delta(room, operations),))

    def npc_arrived(self, event: events.NpcArrived) -> Applied:
        """Apply that an inhabitant came into a room."""
        npc, room = self._npcs[event.npc], self._rooms[event.room]
        operations = room.occupants.join(npc)
        npc.room = room.id
        return Applied(
            changes=(NpcPlaced(npc.id, room.id),), deltas=(room_delta(room, operations),)
        )

    # ------------------------------------------------------------ back to what is stored

    def put_character(self, character: CharacterId, room: RoomId) -> None:
        """
        Put a character into another room, without a word; its copies, and those of both rooms, are
        stale then.

        Raises:
            KeyError: It isn't in a room, or there is no such room.
        """
        who, to = self._characters[character], self._rooms[room]
        if who.room is None:
            raise KeyError(character)
        left = self._rooms[who.room]
        left.occupants.leave(who)
        to.occupants.join(who)
        who.room = room
        for stale in (left, to, who):
            stale.version += 1

    def put_npc(self, npc: NpcId, room: RoomId) -> None:
        """
        Put an inhabitant into another room, without a word; copies as above.

        Raises:
            KeyError: There is no such inhabitant, or no such room.
        """
        who, to = self._npcs[npc], self._rooms[room]
        left = self._rooms[who.room]
        left.occupants.leave(who)
        to.occupants.join(who)
        who.room = room
        for stale in (left, to):
            stale.version += 1
