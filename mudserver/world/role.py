"""What an account may do beyond playing."""

from enum import Enum


class Role(Enum):
    """What an account may do beyond playing; the values are stored."""

    PLAYER = "player"
    BUILDER = "builder"
    ADMIN = "admin"
    OWNER = "owner"

    @property
    def moderates(self) -> bool:
        """Whether it keeps order among the players: staff, for all that concerns mutes."""
        return self in {Role.ADMIN, Role.OWNER}

    def outranks(self, other: "Role") -> bool:
        """Tell whether it stands above another one."""
        ranks = list(Role)
        return ranks.index(self) > ranks.index(other)
