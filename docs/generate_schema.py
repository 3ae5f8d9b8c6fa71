"""
Renew ``docs/schema.md``, which shows the schema as a database has it.

Usage: ``python docs/generate_schema.py``, with the Python of an environment that has mudserver and
its ``embedded`` extra: a database is made for it and removed. A test fails while the page is stale.
"""

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, cast

import psycopg2
from attrs import frozen
from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812 - it is a class
from psycopg2.extensions import cursor as Psycopg2Cursor  # noqa: N812
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from mudserver.storage.child import IReactorForChildren
from mudserver.storage.dsn import Dsn
from mudserver.storage.embedded import EmbeddedPostgres
from mudserver.storage.migrate import migrate

PAGE: Final = Path(__file__).with_name("schema.md")

_HEAD: Final = """\
# The schema

Made by `docs/generate_schema.py` from a database that was just migrated; a test fails while it is
stale. The SQL itself is in `mudserver/storage/migrations/`; how to change it is in
[migrations.md](migrations.md).

Names in **bold** are of the primary key. A table of one row has a primary key that can only be
`true`. yoyo's own tables, in which migrations are noted, are left out.
"""

# Partitions are left out; they are like their table.
_TABLES: Final = """
    SELECT oid, relname, coalesce(obj_description(oid, 'pg_class'), '') FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
        AND relname NOT LIKE '%yoyo%'
    ORDER BY relname
"""

_COLUMNS: Final = """
    SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
        CASE
            WHEN a.attgenerated <> '' THEN 'always ' || pg_get_expr(d.adbin, d.adrelid)
            WHEN a.attidentity <> '' THEN 'numbered'
            ELSE coalesce(pg_get_expr(d.adbin, d.adrelid), '')
        END,
        coalesce(col_description(a.attrelid, a.attnum), '')
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
"""

# In the order: primary key, foreign keys, unique, exclusions, checks.
_CONSTRAINTS: Final = """
    SELECT c.conname, c.contype, pg_get_constraintdef(c.oid, true),
        ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY AS k (attnum, place)
            JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
            ORDER BY place),
        coalesce((SELECT relname FROM pg_class WHERE oid = c.confrelid), '')
    FROM pg_constraint c WHERE c.conrelid = %s AND c.contype IN ('p', 'f', 'u', 'x', 'c')
    ORDER BY position(c.contype::text IN 'pfuxc'), c.conname
"""

_INDEXES: Final = """
    SELECT c.relname, pg_get_indexdef(i.indexrelid)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = %s AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
    ORDER BY c.relname
"""

_SEQUENCES: Final = """
    SELECT relname, coalesce(obj_description(oid, 'pg_class'), '') FROM pg_class s
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'S' AND NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype IN ('a', 'i')
            AND d.refobjsubid > 0)
    ORDER BY relname
"""

_SHORT_TYPES: Final = {"timestamp with time zone": "timestamptz", "character varying": "varchar"}


@frozen
class Column:
    """A column of a table; ``default`` is SQL, or says how it is made."""

    name: str
    type: str
    required: bool
    default: str
    comment: str


@frozen
class Constraint:
    """A constraint of a table, with PostgreSQL's letter for its kind."""

    name: str
    kind: str
    definition: str
    columns: tuple[str, ...]
    target: str


@frozen
class Table:
    """A table."""

    name: str
    comment: str
    columns: tuple[Column, ...]
    constraints: tuple[Constraint, ...]
    indexes: tuple[tuple[str, str], ...]

    def of_kind(self, kind: str) -> tuple[Constraint, ...]:
        """Return its constraints of that kind."""
        return tuple(each for each in self.constraints if each.kind == kind)

    @property
    def key(self) -> tuple[str, ...]:
        """The columns of its primary key."""
        return tuple(column for each in self.of_kind("p") for column in each.columns)

    def column(self, name: str) -> Column:
        """Return one of its columns."""
        return next(column for column in self.columns if column.name == name)


def page(connection: Psycopg2Connection) -> str:
    """Return the page as it should be for a migrated database."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        tables = [_table(cursor, *row) for row in cursor.fetchall()]
        cursor.execute(_SEQUENCES)
        sequences = cursor.fetchall()
    parts = [
        _HEAD,
        _diagram(tables),
        *(_section(table) for table in tables),
        _sequences(sequences),
    ]
    return "\n".join(parts)


def _table(cursor: Psycopg2Cursor, oid: int, name: str, comment: str) -> Table:
    cursor.execute(_COLUMNS, (oid,))
    columns = tuple(
        Column(column, _SHORT_TYPES.get(type, type), *rest)
        for column, type, *rest in cursor.fetchall()
    )
    cursor.execute(_CONSTRAINTS, (oid,))
    constraints = tuple(
        Constraint(constraint, kind, definition, tuple(over), target)
        for constraint, kind, definition, over, target in cursor.fetchall()
    )
    cursor.execute(_INDEXES, (oid,))
    return Table(name, comment, columns, constraints, tuple(cursor.fetchall()))


# ------------------------------------------------------------ the diagram


def _diagram(tables: Iterable[Table]) -> str:
    """Draw the tables with the columns of their keys, and what refers to what."""
    lines = ["## Diagram\n", "```mermaid", "erDiagram"]
    for table in tables:
        lines += [f"    {line}" for line in _entity(table)]
    for table in tables:
        lines += [f"    {line}" for line in _references(table)]
    return "\n".join([*lines, "```", ""])


def _entity(table: Table) -> Iterator[str]:
    foreign = {column for each in table.of_kind("f") for column in each.columns}
    unique = {each.columns[0] for each in table.of_kind("u") if len(each.columns) == 1}
    yield f"{table.name} {{"
    for column in table.columns:
        marks = [
            mark
            for mark, names in (("PK", table.key), ("FK", foreign), ("UK", unique))
            if column.name in names
        ]
        if marks:
            yield f"    {column.type.replace(' ', '_')} {column.name} {', '.join(marks)}"
    yield "}"


def _references(table: Table) -> Iterator[str]:
    unique = {frozenset(each.columns) for each in (*table.of_kind("u"), *table.of_kind("p"))}
    for each in table.of_kind("f"):
        required = all(table.column(name).required for name in each.columns)
        target = "||" if required else "|o"
        source = "o|" if frozenset(each.columns) in unique else "o{"
        yield f'{each.target} {target}--{source} {table.name} : "{", ".join(each.columns)}"'


# ------------------------------------------------------------ the tables


def _section(table: Table) -> str:
    lines = [f"## {table.name}\n", f"{table.comment}\n"]
    lines += _grid(
        ("column", "type", "null", "default", "meaning"),
        (
            (
                f"**{column.name}**" if column.name in table.key else column.name,
                column.type,
                "" if column.required else "null",
                _code(column.default),
                _cell(column.comment),
            )
            for column in table.columns
        ),
    )
    rules = [(each.name, _code(each.definition)) for each in table.constraints]
    rules += [(name, _code(_index(sql))) for name, sql in table.indexes]
    lines += ["", *_grid(("constraint or index", "what"), rules), ""]
    return "\n".join(lines)


def _index(sql: str) -> str:
    """Return what an index is over, without its name and its table's."""
    unique = "UNIQUE " if sql.startswith("CREATE UNIQUE ") else ""
    return unique + sql.partition(" USING ")[2]


def _sequences(sequences: Iterable[tuple[str, str]]) -> str:
    rows = ((name, _cell(comment)) for name, comment in sequences)
    return "\n".join(["## Sequences\n", *_grid(("sequence", "meaning"), rows), ""])


def _grid(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    cells = tuple(head)
    return [f"| {' | '.join(line)} |" for line in (cells, ("---",) * len(cells), *rows)]


def _code(sql: str) -> str:
    return f"`{_cell(' '.join(sql.split()))}`" if sql else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


# ------------------------------------------------------------ the database


async def _renew(folder: Path) -> None:
    postgres = EmbeddedPostgres(cast(IReactorForChildren, reactor), folder, os.environ)
    dsn = await postgres.start()
    try:
        _write(dsn)
    finally:
        await postgres.stop()


def _write(dsn: Dsn) -> None:
    migrate(dsn)
    with closing(psycopg2.connect(dsn.conninfo())) as connection:
        PAGE.write_text(page(connection), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE}\n")


def main() -> None:
    """Write the page."""
    with tempfile.TemporaryDirectory(prefix="mudserver-schema-") as folder:
        # The server may run as another user, who must pass.
        Path(folder).chmod(0o711)
        react(lambda _: Deferred.fromCoroutine(_renew(Path(folder, "postgres"))))


if __name__ == "__main__":
    main()
