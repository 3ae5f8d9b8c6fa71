"""A world where crowds spread out, and the people who live in it."""

from pathlib import Path
from typing import Final

from argon2 import PasswordHasher

from mudserver.storage.dsn import Dsn
from tests.integration.postgres import connected

#: Rooms, in a ring; some twenty of two thousand players stand in each.
ROOMS: Final = 100

PASSWORD: Final = "correct horse battery"

_HEAD: Final = """
area: moor
name: The Moor
description: Wide.
start: place-0
rooms:
"""
_ROOM: Final = """
  place-{here}:
    name: Place {here}
    description: Heather, wind, and a path from one side to the other.
    exits: {{east: place-{east}, west: place-{west}}}
    items:
      stone-{here}:
        name: a stone
        description: It is grey.
"""

_PEOPLE: Final = """
    WITH people AS (
        SELECT n, 'Sk' || translate(to_char(n, 'FM000000'), '0123456789', 'abcdefghij') AS name
        FROM generate_series(1, %(count)s) n
    ), places AS (
        SELECT id, row_number() OVER (ORDER BY key) - 1 AS place FROM room
    ), made AS (
        INSERT INTO account (name, password_hash) SELECT name, %(hash)s FROM people
        RETURNING id, name, key
    ), named AS (
        INSERT INTO name (key, account) SELECT key, id FROM made
    ), born AS (
        INSERT INTO character (account, name, room)
        SELECT made.id, people.name, places.id
        FROM people JOIN made USING (name) JOIN places ON places.place = people.n %% %(rooms)s
        RETURNING name
    )
    SELECT name FROM born ORDER BY name
"""


def write_area(folder: Path) -> None:
    """Write the world as an area file into a new folder."""
    folder.mkdir()
    rooms = (
        _ROOM.format(here=here, east=(here + 1) % ROOMS, west=(here - 1) % ROOMS)
        for here in range(ROOMS)
    )
    (folder / "moor.yaml").write_text(_HEAD + "".join(rooms))


def settle(dsn: Dsn, count: int) -> list[str]:
    """Make so many accounts, with a character each, spread over all rooms; returns their names."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    values = {"count": count, "hash": cheap.hash(PASSWORD), "rooms": ROOMS}
    with connected(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(_PEOPLE, values)
        return [name for (name,) in cursor.fetchall()]
