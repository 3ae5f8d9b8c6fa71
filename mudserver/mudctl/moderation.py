"""``mudctl ban``, ``unban``, ``bans``, ``audit`` and ``logins``."""

import pwd
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from twisted.protocols import amp

from mudserver.control.commands import PAGE, WORDY_PAGE, Ban, ListAudit, ListBans, ListLogins, Unban
from mudserver.mudctl.pages import pages
from mudserver.mudctl.table import show_table
from mudserver.world.duration import NoDuration, read_duration

_UID: Final = "uid "


async def ban(daemon: amp.AMP, options: Namespace) -> None:
    """Keep somebody out."""
    lasting, why = _term(options.words)
    answer = await daemon.callRemote(
        Ban,
        target=options.target,
        kind=options.kind,
        lasting=lasting,
        why=why,
        force=options.force,
    )
    print(f"{answer['banned']} is banned.")


async def unban(daemon: amp.AMP, options: Namespace) -> None:
    """Take bans back."""
    answer = await daemon.callRemote(Unban, target=options.target)
    print(f"{answer['lifted']} is no longer banned.")


async def bans(daemon: amp.AMP, options: Namespace) -> None:
    """List bans."""
    del options
    rows = await pages(daemon, ListBans, "bans", "place", WORDY_PAGE)
    show_table(
        ("kind", "name", "by", "since", "until", "why"),
        [
            (
                row["kind"],
                row["name"],
                row["by"],
                row["since"],
                row["until"] or "for good",
                row["why"],
            )
            for row in rows
        ],
    )


async def audit(daemon: amp.AMP, options: Namespace) -> None:
    """List what staff and operators did, the newest first."""
    rows: list[Mapping[str, Any]] = []
    before = 0
    while not options.limit or len(rows) < options.limit:
        page = await daemon.callRemote(
            ListAudit,
            actor=options.actor,
            action=options.action,
            target=options.target,
            before=before,
        )
        rows += page["deeds"]
        if len(page["deeds"]) < WORDY_PAGE:
            break
        before = rows[-1]["id"]
    show_table(
        ("at", "via", "who", "from", "what", "whom", "arguments"),
        [
            (
                row["at"],
                row["via"],
                _who(row["actor"]),
                row["origin"],
                row["action"],
                row["target"],
                _arguments(row["details"]),
            )
            for row in rows[: options.limit or None]
        ],
    )


async def logins(daemon: amp.AMP, options: Namespace) -> None:
    """List log-ins of an account, the newest first."""
    rows: list[Mapping[str, Any]] = []
    before = 0
    while not options.limit or len(rows) < options.limit:
        page = await daemon.callRemote(ListLogins, name=options.name, before=before)
        rows += page["logins"]
        if len(page["logins"]) < PAGE:
            break
        before = rows[-1]["id"]
    show_table(
        ("at", "until", "from", "by", "outcome", "tries"),
        [
            (
                row["at"],
                row["last"] if row["last"] != row["at"] else "",
                row["address"],
                row["way"],
                row["outcome"],
                str(row["tries"]),
            )
            for row in rows[: options.limit or None]
        ],
    )


def _term(words: Sequence[str]) -> tuple[str, str]:
    """Tell the time at the beginning, if there is one, from the reason."""
    try:
        read_duration(words[0] if words else "")
    except NoDuration:
        return "", " ".join(words)
    return words[0], " ".join(words[1:])


def _who(actor: str) -> str:
    """Return an operator's name beside the number, where this machine knows it."""
    number = actor.removeprefix(_UID)
    if number == actor or not number.isdecimal():
        return actor
    try:
        return f"{actor} ({pwd.getpwuid(int(number)).pw_name})"
    except KeyError:
        return actor


def _arguments(details: str) -> str:
    said = msgspec.json.decode(details, type=dict[str, str])
    return ", ".join(f"{name}: {value}" for name, value in said.items())
