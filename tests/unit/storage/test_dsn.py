"""Addresses of databases, and that they keep their secrets."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.storage.dsn import Dsn

FULL = "postgresql://ann:hunter2@db.example.org:5433/mud?sslmode=verify-full"


class DsnTests(SynchronousTestCase):
    def test_url(self) -> None:
        """A URL is taken as libpq takes it, options included."""
        dsn = Dsn.parse(FULL)
        self.assertEqual(
            dsn.parameters,
            {
                "user": "ann",
                "password": "hunter2",
                "host": "db.example.org",
                "port": "5433",
                "dbname": "mud",
                "sslmode": "verify-full",
            },
        )

    def test_pairs(self) -> None:
        """So are pairs of keywords and values."""
        dsn = Dsn.parse("host=/run/postgresql dbname='my mud'")
        self.assertEqual((dsn.host, dsn.database), ("/run/postgresql", "my mud"))

    def test_conninfo(self) -> None:
        """What is handed to libpq means the same, whatever is in it."""
        dsn = Dsn({"host": "/a b/c'd\\e", "password": "p' \\", "dbname": "mud"})
        self.assertEqual(Dsn.parse(dsn.conninfo()), dsn)

    def test_extended(self) -> None:
        """New parameters win over old ones, and the old DSN is as it was."""
        dsn = Dsn.parse(FULL)
        self.assertEqual(dsn.extended({"port": "1", "user": "ben"}).parameters["port"], "1")
        self.assertEqual(dsn.parameters["port"], "5433")

    def test_shown_without_secrets(self) -> None:
        """Neither form of text shows a password; one shows all else that matters."""
        dsn = Dsn.parse(FULL + "&sslpassword=hunter2")
        self.assertEqual(str(dsn), "postgresql://ann@db.example.org:5433/mud")
        self.assertNotIn("hunter2", repr(dsn))

    def test_shown_as_a_url(self) -> None:
        """What is shown can be read back, for sockets, several hosts and IPv6 as well."""
        for parameters in (
            {},
            {"dbname": "mud"},
            {"user": "ann"},
            {"host": "/run/my postgres", "user": "ann", "dbname": "mud"},
            {"host": "one,two", "port": "1,2", "dbname": "mud"},
            {"host": "one,two", "port": "1", "user": "ann"},
            {"host": "::1", "port": "5", "user": "a@b/c", "dbname": "m?d"},
        ):
            self.assertEqual(Dsn.parse(str(Dsn(parameters))).parameters, parameters)

    def test_nonsense(self) -> None:
        """What is no address is refused with an example of one."""
        for text in ("mud", "http://db/mud", "postgresql://db/mud?colour=red", "host=db port=x"):
            error = self.assertRaises(ValueError, Dsn.parse, text)
            self.assertIn("address of a database", str(error))

    def test_secret_in_nonsense(self) -> None:
        """A refusal doesn't quote what may be the password, and says how to write it."""
        for text in (
            "postgresql://ann:hunter2%zz@db/mud",
            "postgresql://ann:hunter2/x@db/mud",
            "postgresql://ann:x@hunter2@db/mud",
            "postgresql://ann:x/hunter2@db/mud",
            "host=db password='hunter2",
        ):
            error = self.assertRaises(ValueError, Dsn.parse, text)
            self.assertNotIn("hunter2", str(error))

    @given(st.text(max_size=40))
    def test_any_text(self, text: str) -> None:
        """Any text is read or refused, and nothing else happens."""
        try:
            dsn = Dsn.parse(text)
        except ValueError:
            return
        str(dsn)
