"""``mudctl status`` and ``mudctl world``: how processes are, and one world after the other."""

from argparse import Namespace
from typing import Final

from twisted.protocols import amp

from mudserver.control.commands import GetStatus, ReloadWorld

_MINUTE, _HOUR, _DAY = 60, 3600, 86400

#: Roles of processes that have a link to the bus.
_LINKED: Final = frozenset({"gateway", "world"})


async def status(daemon: amp.AMP, options: Namespace) -> None:
    """Show how a process is."""
    del options
    found = await daemon.callRemote(GetStatus)
    role = found["role"]
    print(f"version      {found['version']}")
    print(f"uptime       {_duration(found['uptime'])}")
    print(f"role         {role}{', ' + found['peer'] if found['peer'] else ''}")
    if role in _LINKED:
        print(f"bus          {'linked' if found['linked'] else 'not linked'}")
    if found["phase"]:
        print(f"world        {found['phase']}")
        print(f"sessions     {found['sessions']}")
    if found["epoch"] is not None:
        print(f"since        {found['opened']}, epoch {found['epoch']}")
        print(f"last pause   {found['pause']:.2f} s")
    if role in ("all", "gateway"):
        print(f"connections  {found['connections']}")
    print(f"state        {'draining' if found['draining'] else 'running'}")


async def world(daemon: amp.AMP, options: Namespace) -> None:
    """Hand the world over; there is no other action."""
    new = await daemon.callRemote(ReloadWorld, fresh=options.fresh)
    print(f"The world is {new['peer']} now, process {new['process']} on {new['host']}.")
    print(
        f"{_number(new['sessions'], 'session')} of {_number(new['gateways'], 'gateway')} went on"
        f" after {new['pause']:.2f} s at most."
    )
    if new["waiting"]:
        print(f"{_number(new['waiting'], 'gateway')} had not come over yet.")


def _number(amount: int, what: str) -> str:
    return f"{amount:,} {what}{'' if amount == 1 else 's'}"


def _duration(seconds: float) -> str:
    whole = int(seconds)
    days, hours, minutes = whole // _DAY, whole % _DAY // _HOUR, whole % _HOUR // _MINUTE
    return f"{days}d {hours}h {minutes}m" if days else f"{hours}h {minutes}m {whole % _MINUTE}s"
