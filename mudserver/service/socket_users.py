"""Users of this machine, by their numbers."""

import pwd
from collections.abc import Iterable, Mapping
from typing import Final

from mudserver.bus.rights import GATEWAY_ROLE, WORLD_ROLE
from mudserver.config import BusUser
from mudserver.errors import ConfigError

_EVERY_ROLE: Final = frozenset({GATEWAY_ROLE, WORLD_ROLE})


def roles_by_user(users: Iterable[BusUser], own: int) -> Mapping[int, frozenset[str]]:
    """
    Return as what the processes of each user may join the bus, by user id.

    Args:
        users: As the operator names them; one named twice may have both roles.
        own: Our own id: who runs as we do could do all that we do anyway.

    Raises:
        ConfigError: There is no such user.
    """
    found: dict[int, frozenset[str]] = {own: _EVERY_ROLE}
    for each in users:
        roles = frozenset({each.role}) if each.role else _EVERY_ROLE
        number = _number(each.user)
        found[number] = found.get(number, frozenset()) | roles
    return found


def _number(user: str) -> int:
    if user.isdecimal():
        return int(user)
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        raise ConfigError("bus_users", "the settings", f"there is no user {user!r}") from None
