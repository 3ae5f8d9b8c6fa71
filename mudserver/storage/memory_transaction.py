"""Transactions in memory: all that one does is done, or nothing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from mudserver.storage.memory_database import MemoryDatabase

#: What tables hold, by their names.
Tables = Mapping[str, Any]

_TABLES: Final = (
    "characters",
    "items",
    "doors",
    "npcs",
    "follows",
    "members",
    "mutes",
    "silences",
    "channel_silences",
    "channels_off",
    "bans",
    "lines",
    "audit",
    "inputs",
    "answers",
    "letters",
)


def snapshot(db: MemoryDatabase) -> Tables:
    """Return what the tables hold now."""
    return {name: getattr(db, name).copy() for name in _TABLES}


def restore(db: MemoryDatabase, tables: Tables) -> None:
    """Have the tables hold what they held."""
    for name, table in tables.items():
        setattr(db, name, table)


@contextmanager
def all_or_nothing(db: MemoryDatabase) -> Iterator[None]:
    """Take back all that is done within, if it fails."""
    before = snapshot(db)
    done = False
    try:
        yield
        done = True
    finally:
        if not done:
            restore(db, before)
