"""The steps from one version of a room or character to the next."""

from collections.abc import Iterable

from mudserver.ids import CharacterId
from mudserver.world.applied import CharacterDelta, CharacterOperation, RoomDelta, RoomOperation
from mudserver.world.model import Character, Room


def room_delta(
    room: Room, operations: Iterable[RoomOperation], newcomer: CharacterId | None = None
) -> RoomDelta:
    """Count a room's version up, and return the step that was made."""
    room.version += 1
    return RoomDelta(room.id, room.version - 1, room.version, tuple(operations), newcomer)


def character_delta(
    character: Character, operations: Iterable[CharacterOperation]
) -> CharacterDelta:
    """Count a character's version up, and return the step that was made."""
    character.version += 1
    return CharacterDelta(character.id, character.version - 1, character.version, tuple(operations))
