"""``mudctl``: from the command line to the admin socket and back."""

import os
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable, Mapping
from getpass import getpass
from pathlib import Path
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.task import react
from twisted.protocols import amp

from mudserver.config import Settings, control_socket, load
from mudserver.control.commands import (
    DisableAccount,
    Drain,
    EnableAccount,
    Kick,
    ListAccounts,
    ListSessions,
    Refused,
    RevokeAll,
    SetPassword,
    SetRole,
)
from mudserver.errors import ConfigError, OurError, StartupError
from mudserver.mudctl import moderation, worlds
from mudserver.mudctl.backups import IReactorForTools, back_up, restore
from mudserver.mudctl.bus_certificates import make_certificates
from mudserver.mudctl.characters import export_character, import_character, read_document
from mudserver.mudctl.chat_log import read_chat_log
from mudserver.mudctl.letters import deadletters
from mudserver.mudctl.options import parse
from mudserver.mudctl.pages import pages
from mudserver.mudctl.table import show_table
from mudserver.unix_sockets import short_path

#: Seconds to wait for the daemon to take the connection.
CONNECT_SECONDS: Final = 5


def main() -> None:
    """Run ``mudctl``; ends the process with 0, 1 (refused) or 2 (misused)."""
    options = parse()
    try:
        if options.command == "restore":
            settings = load({}, os.environ, options.config)
            react(_restore, (settings, options.file.absolute()))
        elif options.command == "bus":
            make_certificates(options)
        else:
            react(_run, (options, _socket(options)))
    except ConfigError as error:
        sys.exit(_complain(str(error), 2))
    except StartupError as error:
        sys.exit(_complain(str(error), 1))


def _run(reactor: IReactorForTools, options: Namespace, path: Path) -> Deferred[None]:
    return Deferred.fromCoroutine(_converse(reactor, options, path))


def _restore(reactor: IReactorForTools, settings: Settings, file: Path) -> Deferred[None]:
    async def attempt() -> None:
        try:
            _check_readable(file)
            print(await restore(reactor, settings, os.environ, file))
        except (OurError, OSError) as error:
            sys.exit(_complain(str(error), 1))

    return Deferred.fromCoroutine(attempt())


async def _converse(reactor: IReactorForTools, options: Namespace, path: Path) -> None:
    try:
        with short_path(path) as address:
            daemon = await connectProtocol(
                UNIXClientEndpoint(reactor, address, CONNECT_SECONDS), amp.AMP()
            )
    except (ConnectError, OSError) as error:
        sys.exit(_complain(f"no mudserver answers at {path}: {error}{_others(path)}", 1))
    try:
        if options.command == "backup":
            print(await back_up(reactor, daemon, os.environ, options.file.absolute()))
        else:
            await COMMANDS[options.command](daemon, options)
    except (Refused, OurError, OSError) as error:
        sys.exit(_complain(str(error), 1))
    except (ConnectionClosed, amp.AmpError) as error:
        sys.exit(_complain(f"the mudserver at {path} did not answer: {error}", 1))
    finally:
        daemon.transport.loseConnection()


def _socket(options: Namespace) -> Path:
    """Find the admin socket."""
    if options.socket is not None:
        return Path(options.socket).absolute()
    return control_socket(load({}, os.environ, options.config), os.environ)


def _others(path: Path) -> str:
    """Name other admin sockets in the same place, those of several processes."""
    found = sorted(str(each) for each in path.parent.glob("*.sock") if each != path)
    return f"\nOthers are there for --socket: {', '.join(found)}" if found else ""


def _check_readable(file: Path) -> None:
    """Fail with `OSError` unless a file can be read: before a database is made for it."""
    with file.open("rb"):
        pass


def _complain(text: str, status: int) -> int:
    print(f"mudctl: {text}", file=sys.stderr)
    return status


async def _sessions(daemon: amp.AMP, options: Namespace) -> None:
    del options
    rows = await pages(daemon, ListSessions, "sessions", "character")
    show_table(
        ("character", "account", "transport", "address", "state"),
        [
            (
                row["character"],
                row["account"],
                row["transport"],
                row["address"],
                "link-dead" if row["linkdead"] else "playing",
            )
            for row in rows
        ],
    )


async def _account(daemon: amp.AMP, options: Namespace) -> None:
    match options.action:
        case "list":
            await _accounts(daemon)
        case "role":
            await daemon.callRemote(SetRole, name=options.name, role=options.role)
            print(f"{options.name} is now {options.role}.")
        case "disable":
            await daemon.callRemote(DisableAccount, name=options.name)
            print(f"{options.name} is disabled.")
        case "enable":
            await daemon.callRemote(EnableAccount, name=options.name)
            print(f"{options.name} is enabled.")
        case "password":
            password = _new_password(options.name)
            await daemon.callRemote(SetPassword, name=options.name, password=password)
            print(f"{options.name} has a new password.")


async def _accounts(daemon: amp.AMP) -> None:
    rows = await pages(daemon, ListAccounts, "accounts", "name")
    show_table(
        ("account", "role", "created", "state", "characters"),
        [
            (
                row["name"],
                row["role"],
                row["created"],
                "disabled" if row["disabled"] else "active",
                row["characters"],
            )
            for row in rows
        ],
    )


async def _character(daemon: amp.AMP, options: Namespace) -> None:
    match options.action:
        case "export":
            sys.stdout.write((await export_character(daemon, options.name)).decode())
        case "import":
            document = read_document(options.file)
            print(await import_character(daemon, document, options.account))


async def _kick(daemon: amp.AMP, options: Namespace) -> None:
    reason = " ".join(options.reason) or "You were asked to leave."
    await daemon.callRemote(Kick, character=options.character, reason=reason)
    print(f"{options.character} is kicked.")


async def _revoke(daemon: amp.AMP, options: Namespace) -> None:
    answer = await daemon.callRemote(RevokeAll, name=options.name)
    print(f"{answer['tokens']} log-ins of {options.name} are ended.")


async def _chat_log(daemon: amp.AMP, options: Namespace) -> None:
    rows = await read_chat_log(daemon, options.channel, options.name, options.hours, options.limit)
    sys.stdout.write(rows)


async def _drain(daemon: amp.AMP, options: Namespace) -> None:
    del options
    await daemon.callRemote(Drain)
    print("The daemon drains.")


#: What each command does.
COMMANDS: Final[Mapping[str, Callable[[amp.AMP, Namespace], Awaitable[None]]]] = {
    "status": worlds.status,
    "sessions": _sessions,
    "account": _account,
    "character": _character,
    "deadletters": deadletters,
    "kick": _kick,
    "revoke": _revoke,
    "chatlog": _chat_log,
    "ban": moderation.ban,
    "unban": moderation.unban,
    "bans": moderation.bans,
    "audit": moderation.audit,
    "logins": moderation.logins,
    "world": worlds.world,
    "drain": _drain,
}


def _new_password(name: str) -> str:
    """Ask for a password twice on a terminal, or read a line of it."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass(f"New password of {name}: ")
    if getpass("Again: ") != password:
        raise Refused("Those two differ.")
    return password
