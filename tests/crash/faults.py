"""The ways in which players are struck, and when."""

from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from attrs import frozen
from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.crash.stage import Stage
from tests.integration.program import until

#: Seconds that players play before they are struck, at most.
LONGEST_PLAY = 0.8

#: Seconds that they play before they are struck where that comes soon, at most.
SHORTEST_PLAY = 0.15

#: Seconds that the database is away, at most, if it isn't the daemon that starts it again.
LONGEST_OUTAGE = 1.0

#: Seconds that what a killed daemon was at may last, at most; the next one starts in between.
LONGEST_HOLD = 5.0


@frozen
class Fault:
    """
    One way.

    Attributes:
        name: What is done, for people.
        strike: Does it, while players play.
        external: Whether the database is outside the daemon.
        kills_daemon: Whether the daemon is gone afterwards, or its database only.
        at_start: Whether the daemon has just been started, and players are just coming in.
    """

    name: str
    strike: Callable[[Stage, Random], Coroutine[Any, Any, None]]
    external: bool = False
    kills_daemon: bool = True
    at_start: bool = False

    def __str__(self) -> str:
        return f"{self.name}, {'external' if self.external else 'embedded'} PostgreSQL"


async def pause(random: Random, longest: float) -> None:
    """Let some time go by, but not more than so many seconds."""
    await deferLater(reactor, random.uniform(0.0, longest))


async def _kill_daemon(stage: Stage, random: Random) -> None:
    await pause(random, LONGEST_PLAY)
    await stage.kill_daemon()


async def _kill_daemon_soon(stage: Stage, random: Random) -> None:
    await pause(random, SHORTEST_PLAY)
    await stage.kill_daemon()


async def _kill_daemon_while_it_writes(stage: Stage, random: Random) -> None:
    await pause(random, LONGEST_PLAY)
    await _kill_daemon_in_transaction(stage, random, stage.hold_writes(), stage.waiting)


async def _kill_daemon_at_commit(stage: Stage, random: Random) -> None:
    await pause(random, LONGEST_PLAY)
    await _kill_daemon_in_transaction(stage, random, stage.hold_commits(), stage.committing)


async def _kill_daemon_in_transaction(
    stage: Stage, random: Random, hold: Psycopg2Connection, held: Callable[[], bool]
) -> None:
    """Kill the daemon; what it was at may end before the next one starts, or after."""
    await until(held, lambda: "nothing was written")
    await stage.kill_daemon()
    if stage.external:
        starting = Deferred.fromCoroutine(stage.start_daemon())
        await pause(random, LONGEST_HOLD)
        hold.close()
        await starting
    hold.close()


async def _kill_postgres(stage: Stage, random: Random) -> None:
    await pause(random, LONGEST_PLAY)
    stage.kill_postgres()
    await _revive_postgres(stage, random)


async def _kill_postgres_at_commit(stage: Stage, random: Random) -> None:
    await pause(random, LONGEST_PLAY)
    stage.hold_commits()
    await until(stage.committing, lambda: "nothing was committed")
    stage.kill_postgres()
    await _revive_postgres(stage, random)


async def _kill_connection(stage: Stage, random: Random) -> None:
    await pause(random, LONGEST_PLAY)
    stage.kill_backend()


async def _kill_both(stage: Stage, random: Random) -> None:
    await pause(random, LONGEST_PLAY)
    stage.kill_postgres()
    await pause(random, SHORTEST_PLAY)
    await stage.kill_daemon()
    await _revive_postgres(stage, random)


async def _revive_postgres(stage: Stage, random: Random) -> None:
    await pause(random, LONGEST_OUTAGE)
    await stage.revive_postgres()


FAULTS = (
    Fault("daemon killed", _kill_daemon),
    Fault("daemon killed at its start", _kill_daemon_soon, at_start=True),
    Fault("daemon killed while it writes", _kill_daemon_while_it_writes),
    Fault("PostgreSQL killed", _kill_postgres, kills_daemon=False),
    Fault("connection killed", _kill_connection, kills_daemon=False),
    Fault("daemon killed", _kill_daemon, external=True),
    Fault("daemon killed at its commit", _kill_daemon_at_commit, external=True),
    Fault("daemon killed while it writes", _kill_daemon_while_it_writes, external=True),
    Fault("PostgreSQL killed", _kill_postgres_at_commit, external=True, kills_daemon=False),
    Fault("PostgreSQL and the daemon killed", _kill_both, external=True),
)
