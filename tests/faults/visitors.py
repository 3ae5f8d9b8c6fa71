"""Accounts by the hundred, and what lets them in, written straight into the database."""

import secrets
import string
from collections.abc import Iterator, Sequence
from itertools import islice, product

from attrs import field, frozen
from psycopg2.extras import execute_values

from mudserver.game.tokens import hash_secret
from mudserver.storage.dsn import Dsn
from tests.integration.postgres import connected
from tests.integration.web_client import Message

#: How long such tokens last where nothing else is said.
_HOUR = 3_600.0

# A token can't be prolonged beyond thirty days from its beginning, so that old ones end as told.
_WRITE = """
    WITH given (name, place, token, csrf, life) AS (VALUES %s),
    rooms AS (SELECT array_agg(id ORDER BY id) AS ids FROM room),
    a AS (
        INSERT INTO account (name, password_hash) SELECT name, '-' FROM given
        RETURNING id, key, name
    ),
    n AS (INSERT INTO name (key, account) SELECT key, id FROM a),
    c AS (
        INSERT INTO character (account, name, room)
        SELECT a.id, a.name, ids[1 + place %% cardinality(ids)]
        FROM a JOIN given USING (name), rooms
    )
    INSERT INTO token (hash, csrf_hash, account, created, expires)
    SELECT token, csrf, a.id, now() + life - interval '30 days', now() + life
    FROM a JOIN given USING (name)
"""

_WRITE_TICKETS = "INSERT INTO ticket (hash, token, expires) VALUES %s"


@frozen
class Visitor:
    """
    Somebody with a token.

    Attributes:
        name: Of the account and its one character.
        token: The token.
        csrf: Its CSRF word.
    """

    name: str
    token: str = field(repr=False)
    csrf: str = field(repr=False)


def invite(dsn: Dsn, count: int, life: float = _HOUR) -> list[Visitor]:
    """
    Make accounts, their characters spread over the world, each with a token.

    Args:
        dsn: Where the database is.
        count: How many.
        life: Seconds for which the tokens last, whatever is done to prolong them.
    """
    visitors = [
        Visitor(name, secrets.token_hex(), secrets.token_hex()) for name in islice(_names(), count)
    ]
    rows = [
        (each.name, place, hash_secret(each.token), hash_secret(each.csrf), life)
        for place, each in enumerate(visitors)
    ]
    template = "(%s, %s, %s, %s, make_interval(secs => %s))"
    with connected(dsn) as connection, connection.cursor() as cursor:
        execute_values(cursor, _WRITE, rows, template, page_size=count)
    return visitors


def hellos(dsn: Dsn, visitors: Sequence[Visitor]) -> list[Message]:
    """Make a ticket for each; returns the messages that spend them."""
    tickets = [secrets.token_hex() for _ in visitors]
    rows = [
        (hash_secret(ticket), hash_secret(each.token))
        for ticket, each in zip(tickets, visitors, strict=True)
    ]
    template = "(%s, %s, now() + interval '5 minutes')"
    with connected(dsn) as connection, connection.cursor() as cursor:
        execute_values(cursor, _WRITE_TICKETS, rows, template, page_size=len(rows))
    return [
        {"type": "hello", "ticket": ticket, "csrf": each.csrf}
        for ticket, each in zip(tickets, visitors, strict=True)
    ]


def _names() -> Iterator[str]:
    for letters in product(string.ascii_lowercase, repeat=3):
        yield "Visitor" + "".join(letters)
