"""The command line of ``mudctl``."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence
from pathlib import Path

from mudserver.bus.issuing import LIFE
from mudserver.mudctl.bus_certificates import days, subject
from mudserver.mudctl.letters import age, letter_name
from mudserver.world.bans import BanKind
from mudserver.world.role import Role

_WHERE = """\
The admin socket is the one that --socket names, or else the one that the daemon's own settings
name: give its --config, or the MUDSERVER_ variables that it was started with.
"""


def parse(arguments: Sequence[str] | None = None) -> Namespace:
    """
    Read the command line; a misuse ends the process with status 2.

    Args:
        arguments: The words; None for those that the process was started with.

    Returns:
        ``socket`` and ``config`` (paths or None), ``command``, and what the command takes.
    """
    parser = ArgumentParser("mudctl", description="Speak to a running mudserver.", epilog=_WHERE)
    parser.add_argument("-s", "--socket", type=Path, help="the admin socket")
    parser.add_argument(
        "-c", "--config", type=Path, help="the daemon's TOML file, which says where the socket is"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("status", help="tell how the daemon is")
    commands.add_parser("sessions", help="list who plays")
    account = commands.add_parser("account", help="list accounts, or change one")
    actions = account.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="list all accounts")
    role = actions.add_parser("role", help="change what an account may do")
    role.add_argument("name")
    role.add_argument("role", choices=[each.value for each in Role])
    password = actions.add_parser(
        "password", help="give an account a new password (asked for, or a line of the input)"
    )
    password.add_argument("name")
    disable = actions.add_parser("disable", help="end an account's sessions, and take no log-in")
    disable.add_argument("name")
    enable = actions.add_parser("enable", help="let its owner log in to an account again")
    enable.add_argument("name")
    kick = commands.add_parser("kick", help="close a character's connection")
    kick.add_argument("character")
    kick.add_argument("reason", nargs="*")
    _add_moderation(commands)
    revoke = commands.add_parser("revoke", help="end all log-ins of an account")
    revoke.add_argument("name", metavar="account")
    character = commands.add_parser("character", help="write a character down, or read one")
    actions = character.add_subparsers(dest="action", required=True, metavar="ACTION")
    export = actions.add_parser("export", help="write a character to the output, as JSON")
    export.add_argument("name")
    admit = actions.add_parser("import", help="make a character of such a file")
    admit.add_argument("file", type=Path, help="the file; - for the input")
    admit.add_argument(
        "--account", help="whose it will be, rather than a new account's of the same name"
    )
    _add_letters(commands.add_parser("deadletters", help="look at what could not be delivered"))
    backup = commands.add_parser("backup", help="save the whole database in a file")
    backup.add_argument("file", type=Path)
    restore = commands.add_parser(
        "restore", help="fill an empty database from such a file, while no daemon runs on it"
    )
    restore.add_argument("file", type=Path)
    chat_log = commands.add_parser("chatlog", help="show what was said")
    chat_log.add_argument(
        "--channel", help="say, emote, tell or a channel's name; without, all but tells"
    )
    chat_log.add_argument("--name", help="only what this player said, or was told")
    chat_log.add_argument("--hours", type=float, default=24.0, help="how far back [24]")
    chat_log.add_argument("--limit", type=int, default=100, help="how many lines [100]")
    world = commands.add_parser("world", help="hand the world over to another process")
    actions = world.add_subparsers(dest="action", required=True, metavar="ACTION")
    reload = actions.add_parser("reload", help="let another one take over; nobody is disconnected")
    reload.add_argument(
        "--fresh", action="store_true", help="start one, even where another stands by already"
    )
    _add_bus(commands.add_parser("bus", help="prepare what joins several processes"))
    commands.add_parser("drain", help="send everyone away, save, and end the daemon")
    return parser.parse_args(arguments)


def _add_bus(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    certs = actions.add_parser(
        "certs", help="sign certificates, by an authority of your own; needs no daemon"
    )
    certs.add_argument("folder", type=Path, help="where the authority and the certificates are")
    certs.add_argument(
        "--peer",
        dest="peers",
        action="append",
        type=subject,
        metavar="ROLE[:NAME][+bus]",
        help="for whom, such as gateway:g1; without a name for all of a role; +bus for a world that"
        " hosts the hub. May be repeated [bus, world and gateway]",
    )
    certs.add_argument(
        "--days", type=days, default=LIFE.days, help=f"how long they last [{LIFE.days}]"
    )


def _add_letters(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="list them: each once, with what it was refused for")
    show = actions.add_parser("show", help="show one, with its contents")
    prune = actions.add_parser("prune", help="throw old ones away")
    replay = actions.add_parser("replay", help="deliver one after all, if that does no harm")
    take_in = actions.add_parser(
        "import", help="keep those of the bus that a process of another name left in a file"
    )
    take_in.add_argument("file", type=Path, help="the file: ROLE-PEER.spool")
    for action in (listing, prune):
        action.add_argument("--of", dest="box", help="those of the journal alone, and so on")
    for action in (show, replay):
        action.add_argument("letter", type=letter_name, help="its name, such as journal:17")
    prune.add_argument(
        "--older-than",
        type=age,
        required=True,
        metavar="AGE",
        help="how long ago the last attempt was: 30d, 12h; 0 for all",
    )


def _add_moderation(commands: "_SubParsersAction[ArgumentParser]") -> None:
    ban = commands.add_parser("ban", help="keep an account, a name or a network out")
    ban.add_argument("target", help="a name, an address, or a network such as 192.0.2.0/24")
    ban.add_argument(
        "words",
        nargs="*",
        metavar="TIME REASON",
        help="for how long, such as 30 (minutes), 2h, 1d or 1w, and why; both may be left out",
    )
    ban.add_argument(
        "--kind",
        choices=[each.value for each in BanKind],
        help="rather than a network, or the account of that name, or the name where nobody has it",
    )
    ban.add_argument(
        "--force", action="store_true", help="even a network that this server is run from"
    )
    unban = commands.add_parser("unban", help="take all bans of that name or network back")
    unban.add_argument("target")
    commands.add_parser("bans", help="list who is banned")
    logins = commands.add_parser("logins", help="list log-ins of an account, newest first")
    logins.add_argument("name", metavar="account")
    logins.add_argument("--limit", type=int, default=50, help="how many; 0 for all [default: 50]")
    audit = commands.add_parser("audit", help="list what staff and operators did, newest first")
    audit.add_argument("--actor", default="", help="only by whom")
    audit.add_argument("--action", default="", help="only what, such as ban")
    audit.add_argument("--target", default="", help="only to whom or what")
    audit.add_argument("--limit", type=int, default=50, help="how many; 0 for all [default: 50]")
