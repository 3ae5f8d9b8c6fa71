"""From what is stored to the world in memory."""

from mudserver.errors import StartupError
from mudserver.interfaces.rows import CharacterRow, ItemRow, WorldRows
from mudserver.world.applied import ChannelSilenceMade
from mudserver.world.lexicon import STANDARD, Lexicon
from mudserver.world.model import Character, Exit, Item, Mute, Npc, Room, Silence
from mudserver.world.world import World


def populate(rows: WorldRows, lexicon: Lexicon = STANDARD) -> World:
    """
    Build the world of its rows.

    Args:
        rows: As they are stored.
        lexicon: What can be typed there, and which channels there are.

    Raises:
        StartupError: They don't fit together.
    """
    world = World(rows.start, lexicon)
    try:
        for room in rows.rooms:
            world.add_room(
                Room(
                    id=room.id,
                    key=room.key,
                    area=room.area,
                    name=room.name,
                    description=room.description,
                    details=room.details,
                )
            )
        world.room(rows.start)
        for way in rows.exits:
            world.add_exit(way.room, way.direction, Exit(way.to, way.name, way.closed, way.door))
        for item in rows.items:
            world.add_item(item_of(item))
        for npc in rows.npcs:
            world.add_npc(
                Npc(
                    id=npc.id,
                    key=npc.key,
                    name=npc.name,
                    keywords=npc.keywords,
                    description=npc.description,
                    room=npc.room,
                    greeting=npc.greeting,
                    topics=npc.topics,
                    idle=npc.idle,
                    route=npc.route,
                )
            )
        for silence in rows.silences:
            channel = silence.channel if isinstance(silence, ChannelSilenceMade) else None
            known = Silence(silence.until, silence.why, silence.name, silence.orderer)
            world.put_silence(silence.account, known, channel)
        for made in rows.follows:
            world.follows.put(made.follower, made)
        for member in rows.memberships:
            world.parties.put(member.character, member)
        for ban in rows.bans:
            world.bans.put(ban)
    except (KeyError, ValueError) as error:
        raise StartupError(f"The stored world doesn't fit together: {error!r}.") from error
    return world


def admit(world: World, row: CharacterRow) -> tuple[Character, tuple[ItemRow, ...]]:
    """
    Add a stored character, which is about to enter, with what it carries.

    Returns:
        The character, and the items that are in the world elsewhere. The world in memory is
        ahead of what is stored, so these stay where they are.

    Raises:
        ValueError: The character is in the world already.
    """
    character = Character(
        id=row.id,
        account=row.account,
        name=row.name,
        room=row.room,
        mutes={mute.character: Mute(mute.name, mute.until) for mute in row.mutes},
        channels_off=row.channels_off,
        role=row.role,
    )
    world.add_character(character)
    elsewhere = tuple(item for item in row.items if item.id in world.items)
    for item in row.items:
        if item.id not in world.items:
            world.add_item(item_of(item))
    return character, elsewhere


def item_of(row: ItemRow) -> Item:
    """Make an item of its row."""
    return Item(
        id=row.id,
        key=row.key,
        name=row.name,
        keywords=row.keywords,
        description=row.description,
        fixed=row.fixed,
        room=row.room,
        holder=row.holder,
        container=row.container,
        size=row.size,
        capacity=row.capacity,
        lid=row.lid,
        closed=row.closed,
    )
