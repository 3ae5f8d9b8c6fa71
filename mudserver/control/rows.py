"""How values are told to ``mudctl`` (`mudserver.control.commands`), and what it says is read."""

from datetime import UTC, datetime
from typing import Any

from mudserver.control.commands import MAX_REASON, Refused
from mudserver.interfaces.archive import ImportedCharacter
from mudserver.interfaces.audit import AuditEntry
from mudserver.interfaces.history import LogLine
from mudserver.interfaces.letters import Letter
from mudserver.interfaces.logins import LoginEntry
from mudserver.interfaces.operations import DatabaseAddress, Reloaded, SessionSummary, Status
from mudserver.interfaces.rows import AccountRow
from mudserver.wire.text import clean
from mudserver.world import commands
from mudserver.world.bans import Ban, BanKind
from mudserver.world.duration import NoDuration, read_duration
from mudserver.world.reading import MAX_WHY_CHARS

#: The arguments of an AMP box, by name.
Row = dict[str, Any]


def status_row(status: Status) -> Row:
    """Tell how a process is."""
    world = status.world
    return {
        "version": status.version,
        "uptime": status.uptime,
        "role": status.role,
        "peer": status.peer,
        "phase": status.phase,
        "linked": status.linked,
        "sessions": len(status.sessions),
        "connections": status.connections,
        "draining": status.draining,
        "epoch": None if world is None else world.epoch,
        "opened": None if world is None else world.opened.isoformat(timespec="seconds"),
        "pause": None if world is None else world.pause,
    }


def database_row(address: DatabaseAddress) -> Row:
    """Tell where the database is."""
    parameters = address.parameters.items()
    return {
        "parameters": [{"name": name, "value": value} for name, value in parameters],
        "programs": address.programs,
    }


def session_row(session: SessionSummary) -> Row:
    """Tell of a session."""
    return {
        "character": session.character,
        "account": session.account,
        "transport": session.transport,
        "address": session.address,
        "linkdead": session.linkdead,
    }


def account_row(account: AccountRow) -> Row:
    """Tell of an account."""
    return {
        "name": account.name,
        "role": account.role.value,
        "created": account.created.isoformat(timespec="seconds"),
        "disabled": account.disabled,
        "characters": ", ".join(account.characters),
    }


def ban_row(ban: Ban) -> Row:
    """Tell of a ban; the next page begins after its ``place``."""
    return {
        "place": f"{ban.kind.value} {ban.key}",
        "kind": ban.kind.value,
        "name": ban.name,
        "by": ban.orderer or "an operator",
        "since": _moment(ban.since),
        "until": "" if ban.until is None else _moment(ban.until),
        "why": ban.why,
    }


def login_row(entry: LoginEntry) -> Row:
    """Tell of a log-in, or of tries that failed."""
    row = entry.row
    return {
        "id": entry.id,
        "at": _moment(row.at),
        "last": _moment(row.last_at),
        "address": row.address,
        "way": row.way.value,
        "outcome": row.outcome.value,
        "tries": row.tries,
    }


def deed_row(entry: AuditEntry) -> Row:
    """Tell of what was done."""
    row = entry.row
    return {
        "id": entry.id,
        "at": _moment(row.at),
        "via": row.via.value,
        "actor": row.actor,
        "origin": row.origin,
        "action": row.action,
        "target": row.target,
        "details": row.details,
    }


def letter_row(letter: Letter) -> Row:
    """Tell of a dead letter."""
    return {
        "number": letter.number,
        "what": letter.what,
        "reason": letter.reason[:MAX_REASON],
        "attempts": letter.attempts,
        "first": letter.first_at.isoformat(timespec="seconds"),
        "last": letter.last_at.isoformat(timespec="seconds"),
    }


def reloaded_row(reloaded: Reloaded) -> Row:
    """Tell of a world that has taken over."""
    return {
        "peer": reloaded.peer,
        "host": reloaded.host,
        "process": reloaded.process,
        "waiting": reloaded.waiting,
        "gateways": reloaded.gateways,
        "sessions": reloaded.sessions,
        "pause": reloaded.pause,
    }


def imported_row(imported: ImportedCharacter) -> Row:
    """Tell of a character that has come from another world."""
    return {
        "name": imported.name,
        "account": imported.account,
        "strangers": imported.strangers,
    }


def chat_row(line: LogLine) -> str:
    """Write down a line of chat, for people and for grep."""
    said = line.line
    to = f" to {said.target_name}" if said.target is not None else ""
    place = f" ({line.room})" if line.room else ""
    mark = " [silenced]" if line.hushed else ""
    who = f"[{said.channel}] {said.name}{to}{place}"
    return f"{said.at:%Y-%m-%d %H:%M:%S}Z{mark} {who}: {said.text}"


def read_ban(target: str, kind: str | None, lasting: str, why: str) -> commands.Ban:
    """
    Read what is to be banned.

    Raises:
        Refused: It can't be understood.
    """
    kinds = {each.value: each for each in BanKind}
    if kind is not None and kind not in kinds:
        raise Refused(f"There is no ban of kind {kind!r}; there are {', '.join(kinds)}.")
    if len(why) > MAX_WHY_CHARS:
        raise Refused(f"A reason has at most {MAX_WHY_CHARS} characters.")
    try:
        term = read_duration(lasting) if lasting else None
    except NoDuration:
        raise Refused(f"{lasting!r} is no time such as 30, 2h, 1d or 1w.") from None
    return commands.Ban(target, term, clean(why), None if kind is None else kinds[kind])


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
