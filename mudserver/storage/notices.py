"""LISTEN, on a connection of its own that comes back after it broke."""

from collections.abc import Callable
from typing import Final

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from mudserver.errors import MudError, StorageUnavailable
from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.notices import Heard, INotices, Topic
from mudserver.storage.connection import Connection, IReactorForConnections, Limits
from mudserver.storage.dsn import Dsn
from mudserver.storage.subscriptions import Subscriptions

#: Our name, as the server shows it to its operator.
APPLICATION: Final = "mudserver notices"

#: Seconds between two looks whether the server is still there, and still the primary: a server that
#: hangs, or from which nothing gets through any more, doesn't say so.
PULSE_SECONDS: Final = 2.0

#: Seconds before a lost connection is replaced; doubled with each failure up to the second number.
RECONNECT_SECONDS: Final = 0.1
MAX_RECONNECT_SECONDS: Final = 5.0

#: What the connection may take: it only says LISTEN, and asks for the pulse.
LIMITS: Final = Limits(connect=5.0, statement=5.0, lock=5.0, grace=2.0)

_LISTEN: Final = "; ".join(f"LISTEN {topic.value}" for topic in Topic)

# A standby, or a primary that was demoted, hears nothing of what others write.
_PULSE: Final = "SELECT current_setting('transaction_read_only') = 'on'"


@implementer(INotices)
class NoticeListener:
    """
    Hears what the database tells, and tells those who subscribed.

    A connection that breaks is replaced, at once and then with growing pauses, for as long as it
    goes on. What was sounded meanwhile is gone; so subscribers are told of the gap as soon as we
    listen again.

    Args:
        reactor: Reads, writes, times and looks up names.
        dsn: Where the database is, and as whom to enter it.
        meter: Gets ``notices`` by topic and ``notice_gaps`` (counters), and ``notices_listening``
            (gauge).
        pulse: Seconds between two looks whether the server is still there, and the primary.
        limits: What the connection may take.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorForConnections,
        dsn: Dsn,
        meter: IMeter,
        pulse: float = PULSE_SECONDS,
        limits: Limits = LIMITS,
    ) -> None:
        self._reactor = reactor
        self._dsn = dsn
        self._meter = meter
        self._pulse = pulse
        self._limits = limits
        self._subscriptions = Subscriptions()
        self._topics = {topic.value: topic for topic in Topic}
        self._running: Deferred[None] | None = None
        self._wake: Deferred[None] | None = None
        self._broken = False

    def subscribe(
        self, topic: Topic, heard: Heard, missed: Callable[[], None]
    ) -> Callable[[], None]:
        """Implement `INotices.subscribe`."""
        return self._subscriptions.add(topic, heard, missed)

    def start(self) -> None:
        """Begin to listen, as soon as the server lets us; nobody needs to wait for it."""
        self._running = Deferred.fromCoroutine(self._run())
        self._running.addErrback(self._ended)

    def stop(self) -> Deferred[None]:
        """Stop listening; fires when the connection is closed."""
        running, self._running = self._running, None
        if running is None:
            return succeed(None)
        running.cancel()
        return running

    def _ended(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("Notices of the database are not heard any more.", failure)

    async def _run(self) -> None:
        pause = RECONNECT_SECONDS
        while True:
            try:
                connection = await Connection.open(
                    self._reactor,
                    self._dsn,
                    self._limits,
                    APPLICATION,
                    lost=self._awake,
                    heard=self._heard,
                )
                try:
                    await connection.execute(_LISTEN)
                    await self._check(connection)
                    self._begun()
                    pause = RECONNECT_SECONDS
                    await self._watch(connection)
                finally:
                    connection.close()
                    self._meter.gauge("notices_listening", 0.0)
            except MudError as error:
                self._lost(str(error))
            except CancelledError:
                raise
            except Exception:  # noqa: BLE001 - whatever it is, we go on listening
                self._log.failure("Listening failed in a way that nobody foresaw.")
                self._lost("it failed in a way that nobody foresaw")
            await deferLater(self._reactor, pause)
            pause = min(pause * 2, MAX_RECONNECT_SECONDS)

    async def _watch(self, connection: Connection) -> None:
        """Wait until a connection is lost; returns or raises then."""
        while connection.usable:
            wake: Deferred[None] = Deferred()
            self._wake = wake
            pulse = self._reactor.callLater(self._pulse, self._awake)
            try:
                await wake
            finally:
                self._wake = None
                if pulse.active():
                    pulse.cancel()
            await self._check(connection)

    async def _check(self, connection: Connection) -> None:
        (read_only,) = (await connection.execute(_PULSE)).rows[0]
        if read_only:
            raise StorageUnavailable("the database: the server has become read-only")

    def _awake(self) -> None:
        """It is time for the pulse, or the connection has died."""
        wake, self._wake = self._wake, None
        if wake is not None:
            wake.callback(None)

    def _heard(self, channel: str, text: str) -> None:
        topic = self._topics.get(channel)
        if topic is not None:
            self._meter.count("notices", topic=topic.name.lower())
            self._subscriptions.tell(topic, text)

    def _begun(self) -> None:
        self._meter.gauge("notices_listening", 1.0)
        if self._broken:
            self._broken = False
            self._meter.count("notice_gaps")
            self._log.info("Notices of the database are heard again.")
        self._subscriptions.tell_missed()

    def _lost(self, problem: str) -> None:
        if not self._broken:
            self._broken = True
            self._log.warn(
                "Notices of the database are not heard for now: {problem}", problem=problem
            )
