"""The same changes by psycopg2 alone: nothing is checked, fenced, ordered or forgotten."""

from collections.abc import Sequence
from typing import Final

from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812
from psycopg2.extensions import cursor as Psycopg2Cursor  # noqa: N812
from psycopg2.extras import execute_values

from mudserver.world.applied import CharacterPlaced, ItemPlaced
from tests.bench.storage.ground import Deed

_PLACE: Final = """
    UPDATE character c SET room = v.room FROM (VALUES %s) AS v (id, room) WHERE c.id = v.id
"""
_MOVE: Final = """
    UPDATE item i SET room = v.room::bigint, holder = v.holder::bigint
    FROM (VALUES %s) AS v (id, room, holder) WHERE i.id = v.id
"""
_INPUT: Final = """
    INSERT INTO session_input (session, character, number) VALUES %s ON CONFLICT (session)
    DO UPDATE SET character = excluded.character, number = excluded.number, at = excluded.at
"""
_ANSWER: Final = """
    INSERT INTO command_answer (session, command, ordinal, number, code, message) VALUES %s
    ON CONFLICT (session, command) DO UPDATE SET ordinal = excluded.ordinal
"""
_READ: Final = "SELECT id, name, room FROM character WHERE account = %s"


def write_values(connection: Psycopg2Connection, deeds: Sequence[Deed], answers: bool) -> None:
    """Write deeds in one transaction, by one `execute_values` for each table."""
    places = [deed.change for deed in deeds if isinstance(deed.change, CharacterPlaced)]
    moves = [deed.change for deed in deeds if isinstance(deed.change, ItemPlaced)]
    size = len(deeds)
    with connection, connection.cursor() as cursor:
        if places:
            rows = [(each.character, each.room) for each in places]
            execute_values(cursor, _PLACE, rows, page_size=size)
        if moves:
            things = [(each.item, each.room, each.holder) for each in moves]
            execute_values(cursor, _MOVE, things, page_size=size)
        if answers:
            inputs = [(d.input.session, d.input.character, d.input.number) for d in deeds]
            execute_values(cursor, _INPUT, inputs, page_size=size)
            execute_values(cursor, _ANSWER, [_answer(deed) for deed in deeds], page_size=size)


def write_singly(connection: Psycopg2Connection, deeds: Sequence[Deed], answers: bool) -> None:
    """Write each deed in a transaction of its own, row by row."""
    for deed in deeds:
        with connection, connection.cursor() as cursor:
            _write(cursor, deed, answers)


def _write(cursor: Psycopg2Cursor, deed: Deed, answers: bool) -> None:
    match deed.change:
        case CharacterPlaced(character, room):
            cursor.execute("UPDATE character SET room = %s WHERE id = %s", (room, character))
        case ItemPlaced(item, room, holder):
            cursor.execute(
                "UPDATE item SET room = %s, holder = %s WHERE id = %s", (room, holder, item)
            )
    if answers:
        row = (deed.input.session, deed.input.character, deed.input.number)
        cursor.execute(_INPUT, (row,))
        cursor.execute(_ANSWER, (_answer(deed),))


def read_singly(connection: Psycopg2Connection, accounts: Sequence[int]) -> None:
    """Read the characters of accounts, one statement for each."""
    with connection, connection.cursor() as cursor:
        for account in accounts:
            cursor.execute(_READ, (account,))
            cursor.fetchall()


def _answer(deed: Deed) -> tuple[object, ...]:
    answer = deed.answer
    return (
        answer.session,
        answer.command,
        answer.ordinal,
        answer.number,
        answer.code,
        answer.message,
    )
