"""The server's process, as far as it can be known by what it says."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from twisted.internet.error import ProcessTerminated
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import provider

from mudserver.errors import EmbeddedPostgresError
from mudserver.storage.binaries import Binaries
from mudserver.storage.child import Child, IReactorForChildren, Runner
from mudserver.storage.privilege import Launch
from mudserver.storage.server import MAX_SAID, REPETITION, SILENCE_DEADLINE, Server


class Transport:
    def closeChildFD(self, descriptor: int) -> None:
        pass


class Spawner(Clock):
    child: Child
    command: Sequence[str]
    environ: Mapping[str, str]

    def spawnProcess(
        self, child: Child, executable: str, command: Sequence[str], env: Mapping[str, str]
    ) -> None:
        self.child, self.command, self.environ = child, command, env
        child.makeConnection(cast(IProcessTransport, Transport()))


class ServerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.cluster = Path(self.mktemp())
        self.cluster.mkdir()
        self.spawner = Spawner()
        self.server = self.start()

    def start(self) -> Server:
        launch = Launch(("setpriv", "--"), dies_with_us=True)
        runner = Runner(cast(IReactorForChildren, self.spawner), launch, {"LC_ALL": "C"})
        binaries = Binaries(Path("/bin/pg"), 18, "a test")
        return Server(runner, binaries, self.cluster)

    def say(self, line: str) -> None:
        self.spawner.child.errReceived(line.encode() + b"\n")

    def observed(self) -> list[tuple[object, object]]:
        """Return what is logged from now on, as it grows: levels and lines."""
        events: list[tuple[object, object]] = []

        @provider(ILogObserver)
        def observe(event: LogEvent) -> None:
            events.append((event["log_level"], event.get("line")))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        return events

    def exit(self) -> None:
        self.spawner.child.processEnded(Failure(ProcessTerminated(1)))

    def test_command(self) -> None:
        """It is started by the launch, on a socket beside the data, and never on TCP."""
        command = " ".join(self.spawner.command)
        self.assertTrue(command.startswith(f"setpriv -- /bin/pg/postgres -D {self.cluster}"))
        self.assertIn("unix_socket_directories=../socket", self.spawner.command)
        self.assertIn("listen_addresses=", self.spawner.command)
        self.assertEqual(self.spawner.environ, {"LC_ALL": "C"})

    def test_accepting(self) -> None:
        """It accepts connections when it says so, and what it says later changes nothing."""
        accepting = self.server.accepting()
        self.say("LOG:  starting PostgreSQL")
        self.assertNoResult(accepting)
        self.say("LOG:  database system is ready to accept connections")
        self.successResultOf(accepting)
        self.assertEqual(self.spawner.getDelayedCalls(), [])
        self.exit()
        self.successResultOf(self.server.ended())

    def test_ends_instead(self) -> None:
        """If it ends instead, its last words say why."""
        self.say("FATAL:  out of coffee")
        self.exit()
        failure = self.failureResultOf(self.server.accepting(), EmbeddedPostgresError)
        self.assertIn("out of coffee", failure.getErrorMessage())
        self.assertEqual(self.spawner.getDelayedCalls(), [])

    def test_silence(self) -> None:
        """It may take long to recover as long as it speaks, but not be silent."""
        accepting = self.server.accepting()
        for _ in range(5):
            self.spawner.advance(SILENCE_DEADLINE - 1)
            self.say("LOG:  redo in progress")
        self.assertNoResult(accepting)
        self.spawner.advance(SILENCE_DEADLINE)
        self.failureResultOf(accepting, EmbeddedPostgresError)
        self.exit()

    def test_cancelled(self) -> None:
        """Whoever no longer waits is not told."""
        accepting = self.server.accepting()
        accepting.cancel()
        self.failureResultOf(accepting)
        self.say("LOG:  database system is ready to accept connections")
        self.exit()
        self.successResultOf(self.server.ended())

    def test_levels(self) -> None:
        """What it says is logged by its own measure, continuations like what they continue."""
        events = self.observed()
        for line in ("LOG:  a", "\tmore", "FATAL:  b", "HINT:  c", "PANIC:  d"):
            self.say(line)
        self.assertEqual(
            events,
            [
                (LogLevel.debug, "a"),
                (LogLevel.debug, "\tmore"),
                (LogLevel.warn, "b"),
                (LogLevel.warn, "HINT:  c"),
                (LogLevel.critical, "d"),
            ],
        )
        self.exit()
        self.failureResultOf(self.server.accepting(), EmbeddedPostgresError)

    def test_repetitions(self) -> None:
        """What it says of each of many connections is of interest once, and again after a while."""
        events = self.observed()
        for line in ("FATAL:  b", "HINT:  c", "FATAL:  b", "HINT:  c", "FATAL:  d", "FATAL:  b"):
            self.say(line)
        self.spawner.advance(REPETITION)
        self.say("FATAL:  b")
        warned = [line for level, line in events if level is LogLevel.warn]
        self.assertEqual(warned, ["b", "HINT:  c", "d", "b"])
        self.assertEqual(len(events), 7)
        self.exit()
        self.failureResultOf(self.server.accepting(), EmbeddedPostgresError)

    def test_repetitions_are_bounded(self) -> None:
        """What was said is kept in mind up to a limit, and then said again."""
        events = self.observed()
        for number in range(MAX_SAID):
            self.say(f"FATAL:  {number}")
        for _ in range(2):
            self.say("FATAL:  one more")
        self.say("FATAL:  0")
        warned = [line for level, line in events if level is LogLevel.warn]
        self.assertEqual(warned[MAX_SAID:], ["one more", "0"])
        self.exit()
        self.failureResultOf(self.server.accepting(), EmbeddedPostgresError)

    def test_id_in_use_again(self) -> None:
        """A process that is no server but has the recorded id is declared not to count."""
        (self.cluster / "postmaster.pid").write_text("1\n/data\n")
        self.start()
        self.assertEqual(self.spawner.environ["PG_GRANDPARENT_PID"], "1")
        (self.cluster / "postmaster.pid").write_text("4194304\n/data\n")
        self.start()
        self.assertNotIn("PG_GRANDPARENT_PID", self.spawner.environ)
