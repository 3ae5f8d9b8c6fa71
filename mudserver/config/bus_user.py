"""Whose processes may join the bus."""

import re
from typing import Final, Self

from attrs import frozen

_ROLES: Final = ("gateway", "world")
_USER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}")


@frozen(str=False)
class BusUser:
    """
    A user of this machine.

    Attributes:
        user: Its name, or its number.
        role: As what its processes may join; empty for all roles.
    """

    user: str
    role: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read ``USER`` or ``USER:ROLE``.

        Raises:
            ValueError: It is neither.
        """
        user, colon, role = text.partition(":")
        if not _USER.fullmatch(user) or (colon and role not in _ROLES):
            raise ValueError("expected USER or USER:ROLE, where the role is gateway or world")
        return cls(user, role)

    def __str__(self) -> str:
        return f"{self.user}:{self.role}" if self.role else self.user
