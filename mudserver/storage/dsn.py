"""Where a database is and as whom to enter it, in libpq's terms."""

import re
from collections.abc import Mapping
from typing import Self
from urllib.parse import quote, urlencode

import psycopg2
from attrs import field, frozen
from psycopg2.extensions import make_dsn, parse_dsn

_PORTS = re.compile(r"[0-9]*(,[0-9]*)*")


@frozen(str=False)
class Dsn:
    """
    The parameters of a connection, as libpq names them; what is missing gets libpq's default.

    Neither ``str`` nor ``repr`` shows a password.

    Attributes:
        parameters: By libpq's keyword: host, port, user, password, dbname, sslmode and so on.
    """

    parameters: Mapping[str, str] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read ``postgresql://user:password@host:port/database?options`` or ``key=value`` pairs.

        Raises:
            ValueError: It is neither. The message doesn't repeat what may be a password.
        """
        try:
            parameters = parse_dsn(text)
        except (psycopg2.ProgrammingError, ValueError, UnicodeError) as error:
            # libpq quotes the piece that it stumbled over, and that may be the password.
            secretive = "@" in text or "password" in text.lower()
            words = "" if secretive else f" ({str(error).strip()})"
            raise ValueError(
                "not an address of a database; expected"
                f" postgresql://user:password@host:port/database?options{words}"
            ) from None
        # A password's own @ or / makes libpq take pieces of it for host, port or database, and
        # show them later.
        if (
            not _PORTS.fullmatch(parameters.get("port", ""))
            or "@" in parameters.get("host", "").lstrip("@")
            or ("://" in text and "@" in parameters.get("dbname", ""))
        ):
            raise ValueError(
                "not an address of a database: in the password, write / as %2F, @ as %40,"
                " : as %3A and % as %25"
            )
        return cls(parameters)

    @property
    def host(self) -> str:
        """The host's name, or the directory of its Unix socket; empty for libpq's default."""
        return self.parameters.get("host", "") or self.parameters.get("hostaddr", "")

    @property
    def database(self) -> str:
        """The database's name; libpq's default is the role's."""
        return self.parameters.get("dbname", "") or self.parameters.get("user", "")

    def extended(self, parameters: Mapping[str, str]) -> Self:
        """Return the same with more parameters; the new win."""
        return type(self)({**self.parameters, **parameters})

    def conninfo(self) -> str:
        """Return it as libpq takes it. The password is in it: never log this."""
        return make_dsn(**dict(self.parameters))

    def __str__(self) -> str:
        user = self.parameters.get("user", "")
        host = self.parameters.get("host", "")
        port = self.parameters.get("port", "")
        query = {}
        if "/" in host or "," in host or "," in port:
            query = {key: value for key, value in (("host", host), ("port", port)) if value}
            host = port = ""
        if user and not host:
            query["user"] = user
            user = ""
        return (
            "postgresql://"
            + (f"{quote(user, safe='')}@" if user else "")
            + (f"[{host}]" if ":" in host else quote(host, safe=""))
            + (f":{port}" if port else "")
            + f"/{quote(self.parameters.get('dbname', ''), safe='')}"
            + (f"?{urlencode(query, safe='/,', quote_via=quote)}" if query else "")
        )
