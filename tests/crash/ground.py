"""A small world where players get in each other's way, and what a database holds of it."""

from pathlib import Path
from typing import Final

from mudserver.storage.dsn import Dsn
from tests.crash.history import CONTAINERS, DOORS, FIXED, Stored
from tests.integration.postgres import connected

#: Where the ways out of each room lead.
WAYS: Final = {
    "hall": {"north": "yard", "east": "barn"},
    "yard": {"south": "hall", "east": "well"},
    "barn": {"west": "hall", "north": "well"},
    "well": {"south": "barn", "west": "yard"},
}

#: What lies in each room at the beginning.
ITEMS: Final = {
    "hall": ("lamp", "coin", "rope"),
    "yard": ("book", "bell"),
    "barn": ("knife", "mask"),
    "well": ("drum", "pipe", "ring"),
}

_ROOM = """
  {key}:
    name: The {name}
    description: A place.
    exits: {{{exits}}}
    items:
"""
_ITEM = """
      {key}:
        name: a {key}
        description: A thing.
"""

_CONTAINER = """
      {key}:
        name: a {key}
        description: A thing that holds things.
        fixed: true
        holds: 50
"""
_CELLAR = """
  cellar:
    name: The Cellar
    description: A place where nobody goes.
    exits: {up: {to: hall, name: a hatch, closed: true}}
"""

_ROOMS = "SELECT c.name, coalesce(r.key, '') FROM character c LEFT JOIN room r ON r.id = c.room"
_PLACES = """
    SELECT i.key, coalesce(r.key, '') || coalesce(c.name, '') || coalesce(o.key, '')
    FROM item i LEFT JOIN room r ON r.id = i.room LEFT JOIN character c ON c.id = i.holder
    LEFT JOIN item o ON o.id = i.container WHERE NOT i.fixed
    UNION ALL
    SELECT 'hatch', CASE WHEN closed THEN 'closed' ELSE 'open' END FROM door
"""
_MUTES = """
    SELECT a.name, b.name FROM mute m
    JOIN character a ON a.id = m.muter JOIN character b ON b.id = m.muted
"""


def write_area(folder: Path) -> None:
    """Write the world as an area file into a new folder."""
    rooms = ""
    for key, ways in WAYS.items():
        exits = ", ".join(f"{direction}: {target}" for direction, target in ways.items())
        if key in (FIXED[door] for door in DOORS):
            exits += ", down: {to: cellar, name: a hatch, closed: true}"
        rooms += _ROOM.format(key=key, name=key.capitalize(), exits=exits)
        rooms += "".join(_ITEM.format(key=item) for item in ITEMS[key])
        rooms += "".join(_CONTAINER.format(key=each) for each in CONTAINERS if FIXED[each] == key)
    rooms += _CELLAR
    folder.mkdir()
    text = f"area: ground\nname: The Ground\ndescription: Small.\nstart: hall\nrooms:\n{rooms}"
    (folder / "ground.yaml").write_text(text)


def read(dsn: Dsn) -> Stored:
    """Read all of it at one moment."""
    with connected(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        found = []
        for statement in (_ROOMS, _PLACES, _MUTES):
            cursor.execute(statement)
            found.append(cursor.fetchall())
        cursor.execute("COMMIT")
    rooms, places, mutes = found
    return Stored(
        rooms=dict(rooms),
        items=tuple(sorted((item, place) for item, place in places)),
        mutes=frozenset((muter, muted) for muter, muted in mutes),
    )
