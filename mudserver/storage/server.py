"""The process of a PostgreSQL server, as our child."""

from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger, LogLevel

from mudserver.errors import EmbeddedPostgresError
from mudserver.storage.binaries import Binaries
from mudserver.storage.child import Runner
from mudserver.storage.postmaster_pid import exists, recorded_pid
from mudserver.storage.socket_directory import FROM_CLUSTER

#: Seconds that a starting server may go without a word. A recovery reports every ten.
SILENCE_DEADLINE = 60.0

#: Seconds in which a line that says the same as an earlier one counts for little, and how many
#: such lines are kept in mind.
REPETITION = 60.0
MAX_SAID = 100

_READY = "database system is ready to accept connections"

_LEVELS = {
    # PostgreSQL's word for the normal course of things.
    "LOG": LogLevel.debug,
    "WARNING": LogLevel.warn,
    # What a statement failed of, its client is told as well.
    "ERROR": LogLevel.debug,
    # What a connection, or the start, failed of.
    "FATAL": LogLevel.warn,
    "PANIC": LogLevel.critical,
}


_SETTINGS = tuple(
    word
    for name, value in {
        "listen_addresses": "",
        "unix_socket_directories": FROM_CLUSTER,
        "unix_socket_permissions": "0700",
        "log_destination": "stderr",
        "logging_collector": "off",
        # Ours has the time, and the words are looked at.
        "log_line_prefix": "",
        "lc_messages": "C",
        # Statements are never logged, since passwords' hashes and what players say are in them.
        "log_statement": "none",
        "log_min_error_statement": "panic",
        "log_min_duration_statement": "-1",
    }.items()
    for word in ("-c", f"{name}={value}")
)


class Server:
    """
    One run of ``postgres``.

    Its log goes to ours, line by line. What it says of each of many connections, as when all of
    them break, is said once.
    """

    _log = Logger()

    def __init__(self, runner: Runner, binaries: Binaries, cluster: Path) -> None:
        """
        Start it.

        Args:
            runner: Starts it, as the user to whom the cluster belongs.
            binaries: PostgreSQL's programs, of the version that made the cluster.
            cluster: The data directory, beside the socket's; no other server may serve it.
        """
        self._level = LogLevel.debug
        self._clock: IReactorTime = runner.reactor
        self._said: dict[str, float] = {}
        self._accepting: Deferred[None] = Deferred()
        self._child = runner.spawn(
            binaries.postgres,
            "-D",
            str(cluster),
            *_SETTINGS,
            environ=_id_in_use_again(cluster),
            line_received=self._heard,
        )
        self._silence = runner.reactor.callLater(SILENCE_DEADLINE, self._settle, "is silent")
        self._child.ended().addCallback(lambda _: self._settle("ended"))

    def accepting(self) -> Deferred[None]:
        """
        Wait until it accepts connections; for one caller.

        Returns:
            Fails with `EmbeddedPostgresError` when it ends instead, or is silent for
            `SILENCE_DEADLINE`; the message has its last words.
        """
        return self._accepting

    def ended(self) -> Deferred[None]:
        """Wait for its end; never fails, and may be cancelled."""
        return self._child.ended()

    def end(self) -> Deferred[None]:
        """Shut it down, fast, or by force where that takes long; never fails."""
        return self._child.end()

    def explanation(self) -> str:
        """Return how it ended and what it said last, for people."""
        return self._child.explanation()

    def _settle(self, problem: str | None) -> None:
        """Tell whether it accepts connections, unless that was settled before."""
        if self._silence.active():
            self._silence.cancel()
        if self._accepting.called:
            return
        if problem is None:
            self._accepting.callback(None)
        else:
            self._accepting.errback(
                EmbeddedPostgresError(f"PostgreSQL {problem}: {self.explanation()}")
            )

    def _said_just_now(self, text: str) -> bool:
        """Whether something of more than everyday interest was said before."""
        if self._level is LogLevel.debug:
            return False
        now = self._clock.seconds()
        said = self._said.get(text)
        if said is not None and now - said < REPETITION:
            return True
        if len(self._said) >= MAX_SAID:
            self._said.clear()
        self._said[text] = now
        return False

    def _heard(self, line: str) -> None:
        severity, separator, text = line.partition(":  ")
        if separator and severity in _LEVELS:
            self._level = _LEVELS[severity]
        else:
            # A continuation, such as a hint, counts as much as what it continues.
            text = line
        level = LogLevel.debug if self._said_just_now(text) else self._level
        self._log.emit(level, "PostgreSQL: {line}", line=text)
        if self._silence.active():
            self._silence.reset(SILENCE_DEADLINE)
        if _READY in line:
            self._settle(None)


def _id_in_use_again(cluster: Path) -> dict[str, str]:
    """
    Return what tells the server that the process in ``postmaster.pid`` is none of its kind.

    The caller has seen that it isn't; its id was used again, as after a reboot or the restart of a
    container. By this variable, made for pg_ctl, which puts its shell's id there, the server
    learns of one id that doesn't count. To delete the file would also forget the shared memory
    that it names, by which the server sees whether processes of its predecessor still write.
    """
    pid = recorded_pid(cluster)
    return {"PG_GRANDPARENT_PID": str(pid)} if pid is not None and exists(pid) else {}
