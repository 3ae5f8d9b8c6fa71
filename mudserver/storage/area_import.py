"""How area files become a world in PostgreSQL."""

from collections.abc import Sequence
from typing import Final

import msgspec

from mudserver.storage.founding import entities, found
from mudserver.storage.transaction import Cursor
from mudserver.world.atlas import Atlas

#: Rows that are read or written at once; a page of them takes the reactor some ten milliseconds.
PAGE_ROWS: Final = 5_000

_START: Final = "SELECT start FROM world"

# The second of two daemons that start at once waits here, and then finds a world.
_ONE_IMPORT: Final = "LOCK TABLE world IN SHARE ROW EXCLUSIVE MODE"

_IDS: Final = "SELECT nextval('entity_id') FROM generate_series(1, %s)"

_INSERT_AREAS: Final = """
    INSERT INTO area (key, name, description)
    SELECT key, name, description
    FROM jsonb_to_recordset(%s::jsonb) AS r (key text, name text, description text)
"""

_INSERT_ROOMS: Final = """
    INSERT INTO room (id, key, area, name, description, details)
    SELECT id, key, area, name, description, details
    FROM jsonb_to_recordset(%s::jsonb) AS r (
        id bigint, key text, area text, name text, description text, details jsonb)
"""

_INSERT_EXITS: Final = """
    INSERT INTO exit (room, direction, target, name, door)
    SELECT room, direction, "to", name, door
    FROM jsonb_to_recordset(%s::jsonb) AS r (
        room bigint, direction text, "to" bigint, name text, door bigint)
"""

# Both sides of a door are on one page, or the second finds the door of the first.
_INSERT_DOORS: Final = """
    INSERT INTO door (id, closed)
    SELECT DISTINCT door, closed
    FROM jsonb_to_recordset(%s::jsonb) AS r (door bigint, closed boolean) WHERE door IS NOT NULL
    ON CONFLICT (id) DO NOTHING
"""

_INSERT_STOPS: Final = """
    INSERT INTO npc_stop (npc, step, room)
    SELECT r.id, s.step, s.room::bigint
    FROM jsonb_to_recordset(%s::jsonb) AS r (id bigint, route jsonb),
        jsonb_array_elements_text(r.route) WITH ORDINALITY AS s (room, step)
"""

# The container of a thing comes on the same page, or on one before.
_INSERT_ITEMS: Final = """
    WITH r AS (
        SELECT * FROM jsonb_to_recordset(%s::jsonb) AS r (
            id bigint, key text, name text, keywords text[], description text, fixed boolean,
            room bigint, container bigint, size smallint, capacity smallint, lid boolean,
            closed boolean)
    )
    INSERT INTO item (id, key, name, keywords, description, fixed, room, container, container_size,
        size, capacity, lid, closed)
    SELECT r.id, r.key, r.name, r.keywords, r.description, r.fixed, r.room, r.container,
        coalesce(same.size, earlier.size), r.size, r.capacity, r.lid, r.closed
    FROM r
    LEFT JOIN r same ON same.id = r.container
    LEFT JOIN item earlier ON earlier.id = r.container
"""

_INSERT_NPCS: Final = """
    INSERT INTO npc (id, key, name, keywords, description, greeting, topics, idle, room)
    SELECT id, key, name, keywords, description, greeting, topics, idle, room
    FROM jsonb_to_recordset(%s::jsonb) AS r (
        id bigint, key text, name text, keywords text[], description text, greeting text,
        topics jsonb, idle text[], room bigint)
"""

_INSERT_WORLD: Final = "INSERT INTO world (start) VALUES (%s)"


async def import_atlas(cursor: Cursor, atlas: Atlas) -> bool:
    """Write checked areas down, unless a world is there; returns whether they were."""
    await cursor.execute(_ONE_IMPORT)
    await cursor.execute(_START)
    if cursor.fetchall():
        return False
    rows = found(atlas, await _reserve(cursor, entities(atlas)))
    areas = [
        {"key": area.key, "name": area.name, "description": area.description}
        for area in atlas.areas
    ]
    await _write(cursor, _INSERT_AREAS, areas)
    await _write(cursor, _INSERT_ROOMS, rows.rooms)
    await _write(cursor, _INSERT_DOORS, rows.exits)
    await _write(cursor, _INSERT_EXITS, rows.exits)
    await _write(cursor, _INSERT_ITEMS, rows.items)
    await _write(cursor, _INSERT_NPCS, rows.npcs)
    await _write(cursor, _INSERT_STOPS, rows.npcs)
    await cursor.execute(_INSERT_WORLD, (rows.start,))
    return True


async def _reserve(cursor: Cursor, number: int) -> list[int]:
    ids: list[int] = []
    for reserved in range(0, number, PAGE_ROWS):
        await cursor.execute(_IDS, (min(PAGE_ROWS, number - reserved),))
        ids.extend(id for (id,) in cursor.fetchall())
    return sorted(ids)


async def _write(cursor: Cursor, statement: str, rows: Sequence[object]) -> None:
    for start in range(0, len(rows), PAGE_ROWS):
        page = msgspec.json.encode(rows[start : start + PAGE_ROWS])
        await cursor.execute(statement, (page.decode(),))
