"""``docs/schema.md`` shows the schema as a database has it."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.database import migrated_database
from tests.integration.postgres import ROOT, connected

DOCS = ROOT / "docs"


class SchemaPageTests(SynchronousTestCase):
    """The page, and what its generator makes of a migrated database."""

    maxDiff = None

    def test_not_stale(self) -> None:
        """The page is as it should be; else run ``python docs/generate_schema.py``."""
        page = (DOCS / "schema.md").read_text(encoding="utf-8")
        with connected(migrated_database(self)) as connection:
            self.assertEqual(_generator().page(connection), page)

    def test_everything_is_shown(self) -> None:
        """Each table has its place in the diagram and a part with all columns and comments."""
        page = (DOCS / "schema.md").read_text(encoding="utf-8")
        with connected(migrated_database(self)) as connection, connection.cursor() as cursor:
            cursor.execute(
                """
                SELECT relname, attname, coalesce(col_description(attrelid, attnum), '')
                FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid
                WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
                    AND NOT relispartition AND relname NOT LIKE '%yoyo%'
                    AND attnum > 0 AND NOT attisdropped
                """
            )
            columns = cursor.fetchall()
        self.assertIn(("account", "key", "The name without case."), columns)
        for table, column, comment in columns:
            self.assertIn(f"\n    {table} {{\n", page)
            (part,) = re.findall(rf"^## {table}\n(.*?)(?=^## )", page, re.MULTILINE | re.DOTALL)
            self.assertRegex(part, rf"\n\| (\*\*)?{column}(\*\*)? \| .*{re.escape(comment)} \|\n")


def _generator() -> ModuleType:
    spec = spec_from_file_location("generate_schema", DOCS / "generate_schema.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
