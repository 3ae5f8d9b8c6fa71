"""A populated database, and what happens in it."""

from collections.abc import Iterator
from itertools import count
from typing import Final

from attrs import frozen

from mudserver.ids import CharacterId, CommandId, InputNumber, ItemId, RoomId, SessionId
from mudserver.interfaces.journal import AnswerRow, InputRow
from mudserver.storage.dsn import Dsn
from mudserver.world.applied import CharacterPlaced, ItemPlaced
from tests.integration.postgres import connected

CHARACTERS: Final = 20_000
ITEMS: Final = 50_000
ROOMS: Final = 1_000
SESSIONS: Final = 2_000

# Ids: rooms from 1, characters from 100,001, items from 200,001. Of five items, two are held.
_FILL: Final = f"""
    INSERT INTO area (key, name, description) VALUES ('moor', 'The moor', '');
    INSERT INTO room (id, key, area, name, description)
        SELECT n, 'room-' || n, 'moor', 'A place', 'Heather, and wind.'
        FROM generate_series(1, {ROOMS}) n;
    CREATE TEMPORARY TABLE numbered AS
        SELECT n, translate(to_char(n, 'FM000000'), '0123456789', 'abcdefghij') AS name
        FROM generate_series(1, {CHARACTERS}) n;
    WITH made AS (
        INSERT INTO account (id, name, password_hash) SELECT n, name, '$argon2id$' FROM numbered
    )
    INSERT INTO name (key, account) SELECT name, n FROM numbered;
    INSERT INTO character (id, account, name, room)
        SELECT n + 100000, n, name, n % {ROOMS} + 1 FROM numbered;
    INSERT INTO item (id, key, name, keywords, description, room, holder)
        SELECT n + 200000, 'thing-' || n, 'a thing', '{{thing}}', 'It is made of wood.',
            CASE WHEN n % 5 < 3 THEN n % {ROOMS} + 1 END,
            CASE WHEN n % 5 >= 3 THEN n % {CHARACTERS} + 100001 END
        FROM generate_series(1, {ITEMS}) n;
"""


@frozen
class Deed:
    """
    What one command changed, and what is kept of the command.

    Attributes:
        change: A step, or a thing taken or put down.
        input: How far its session is.
        answer: What it was answered.
    """

    change: CharacterPlaced | ItemPlaced
    input: InputRow
    answer: AnswerRow


def populate(dsn: Dsn) -> None:
    """Fill a migrated, empty database."""
    with connected(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(_FILL)
        cursor.execute("VACUUM ANALYZE")


def deeds() -> Iterator[Deed]:
    """Yield what players do, for ever: of five commands, three are steps."""
    for number in count():
        turn, player = divmod(number, SESSIONS)
        session = SessionId(f"{player:032x}")
        walker = CharacterId(100_001 + number * 7 % CHARACTERS)
        thing = ItemId(200_001 + number * 7 % ITEMS)
        room = RoomId(1 + (number * 31 + turn) % ROOMS)
        change: CharacterPlaced | ItemPlaced
        if number % 5 < 3:
            change = CharacterPlaced(walker, room)
        elif turn % 2:
            change = ItemPlaced(thing, room, None)
        else:
            change = ItemPlaced(thing, None, CharacterId(100_001 + player))
        yield Deed(
            change,
            InputRow(session, CharacterId(100_001 + player), InputNumber(turn + 1)),
            AnswerRow(session, CommandId(f"c{turn}"), turn + 1, InputNumber(turn + 1), None, None),
        )
