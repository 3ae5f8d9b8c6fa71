"""Bans."""

from datetime import timedelta

from attrs import frozen

from mudserver.world.bans import BanKind
from mudserver.world.commands.moderation import Known


@frozen
class Ban:
    """
    Keep an account, a name or a network out.

    Attributes:
        target: A name, or a network such as 192.0.2.0/24.
        lasting: For how long; None for no end.
        why: The reason, as the banned are told; may be empty.
        kind: What to ban; None where that follows from the target: a network, or the account that
            the name belongs to, or else the name.
        player: Whose name that is, once it is known.
    """

    target: str
    lasting: timedelta | None = None
    why: str = ""
    kind: BanKind | None = None
    player: Known | None = None


@frozen
class Unban:
    """
    Take back all bans of what is called so.

    Attributes:
        target: As for `Ban`.
        player: Whose name that is, once it is known.
    """

    target: str
    player: Known | None = None


@frozen
class ListBans:
    """Who is banned?"""
