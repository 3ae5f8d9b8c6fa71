"""The database as a service: a server of our own or another's, its schema, and the pool."""

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorThreads
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from mudserver.interfaces.meter import IMeter
from mudserver.interfaces.notices import INotices
from mudserver.interfaces.operations import DatabaseAddress
from mudserver.interfaces.undelivered import IReplay
from mudserver.storage.accounts import PostgresAccountStore
from mudserver.storage.archive import PostgresCharacterArchive
from mudserver.storage.audit import PostgresAuditStore
from mudserver.storage.connection import Connection, IReactorForConnections
from mudserver.storage.dsn import Dsn
from mudserver.storage.embedded import EmbeddedPostgres
from mudserver.storage.failed_logins import PostgresFailedLoginStore
from mudserver.storage.history import PostgresHistoryStore
from mudserver.storage.journal import PostgresJournalStore
from mudserver.storage.letters import PostgresLetterBox
from mudserver.storage.migrate import migrate
from mudserver.storage.notices import NoticeListener
from mudserver.storage.patience import patiently
from mudserver.storage.pool import Pool, PoolLimits
from mudserver.storage.succession import PostgresSuccession
from mudserver.storage.undelivered import PostgresBusLetters, PostgresUndelivered
from mudserver.storage.world import PostgresWorldStore


class IReactorForDatabases(IReactorForConnections, IReactorThreads):
    """What a database needs of a reactor."""


class DatabaseService(Service):
    """
    Makes the database ready, and the pool that leads to it.

    Args:
        reactor: Runs all of it.
        source: The embedded server, or where another one is.
        limits: The size of the pool.
        meter: Counts and measures.
        patience: Seconds that another's server gets to come up; ours is started by us.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorForDatabases,
        source: EmbeddedPostgres | Dsn,
        limits: PoolLimits,
        meter: IMeter,
        patience: float = 0.0,
    ) -> None:
        self._reactor = reactor
        self._source = source
        self._limits = limits
        self._meter = meter
        self._patience = patience
        self._pool: Pool | None = None
        self._listener: NoticeListener | None = None
        self._dsn: Dsn | None = None

    @property
    def ready(self) -> bool:
        """Whether a query could be answered now."""
        return self._pool is not None and self._pool.available

    def archive(self) -> PostgresCharacterArchive:
        """
        Make the archive of characters.

        Raises:
            RuntimeError: The service has not started.
        """
        if self._pool is None:
            raise RuntimeError("the database has not started")
        return PostgresCharacterArchive(self._pool)

    def audit(self) -> PostgresAuditStore:
        """
        Make what reads the audit log.

        Raises:
            RuntimeError: The service has not started.
        """
        if self._pool is None:
            raise RuntimeError("the database has not started")
        return PostgresAuditStore(self._pool)

    def stores(self) -> tuple[PostgresAccountStore, PostgresWorldStore]:
        """
        Make the stores of accounts and of the world; each batches for all who share it.

        Raises:
            RuntimeError: The service has not started.
        """
        if self._pool is None:
            raise RuntimeError("the database has not started")
        return (
            PostgresAccountStore(self._pool, self._reactor, self._meter),
            PostgresWorldStore(self._pool, self._reactor, self._meter),
        )

    def failed_logins(self) -> PostgresFailedLoginStore:
        """
        Make the store of failed log-ins.

        Raises:
            RuntimeError: The service has not started.
        """
        if self._pool is None:
            raise RuntimeError("the database has not started")
        return PostgresFailedLoginStore(self._pool)

    def history(self) -> PostgresHistoryStore:
        """
        Make the store of what was said.

        Raises:
            RuntimeError: The service has not started.
        """
        if self._pool is None:
            raise RuntimeError("the database has not started")
        return PostgresHistoryStore(self._pool)

    def journal(self) -> PostgresJournalStore:
        """
        Make the store of the journal.

        Raises:
            RuntimeError: The service has not started.
        """
        if self._pool is None:
            raise RuntimeError("the database has not started")
        return PostgresJournalStore(self._pool, self._reactor, self._meter)

    def letter_box(self) -> PostgresLetterBox:
        """
        Make what operators read the journal's dead letters by.

        Raises:
            RuntimeError: The service has not started.
        """
        if self._pool is None:
            raise RuntimeError("the database has not started")
        return PostgresLetterBox(self._pool)

    def undelivered(self) -> PostgresUndelivered:
        """
        Make what keeps messages that the bus could not deliver.

        Raises:
            RuntimeError: The service has not started.
        """
        if self._pool is None:
            raise RuntimeError("the database has not started")
        return PostgresUndelivered(self._pool)

    def bus_letters(self, replay: IReplay) -> PostgresBusLetters:
        """
        Make what operators read such messages by.

        Args:
            replay: Has them delivered after all.

        Raises:
            RuntimeError: The service has not started.
        """
        if self._pool is None:
            raise RuntimeError("the database has not started")
        return PostgresBusLetters(self._pool, replay)

    def succession(self, name: str) -> PostgresSuccession:
        """
        Make a place among those who could be the world.

        Args:
            name: By which the others name us.

        Raises:
            RuntimeError: The service has not started.
        """
        if self._dsn is None:
            raise RuntimeError("the database has not started")
        return PostgresSuccession(self._reactor, self._dsn, name, self._meter)

    @property
    def notices(self) -> INotices:
        """
        What tells of changes by others.

        Raises:
            RuntimeError: The service has not started.
        """
        if self._listener is None:
            raise RuntimeError("the database has not started")
        return self._listener

    @property
    def address(self) -> DatabaseAddress:
        """
        Where the database is, and its password.

        Raises:
            RuntimeError: The service has not started.
        """
        if self._dsn is None:
            raise RuntimeError("the database has not started")
        ours = self._source if isinstance(self._source, EmbeddedPostgres) else None
        programs = "" if ours is None else str(ours.programs)
        return DatabaseAddress(self._dsn.parameters, programs)

    def startService(self) -> Deferred[None]:
        """
        Start the server or wait for it, migrate the schema, open the pool.

        Returns:
            Fires when queries are answered. Fails with `StartupError`, `StorageUnavailable`
            or `StorageRefused`, whose messages say what to do.
        """
        Service.startService(self)
        return Deferred.fromCoroutine(self._start())

    def stopService(self) -> Deferred[None]:
        """Close the pool, and stop the server if it is ours; fires when both are done."""
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop())

    async def _start(self) -> None:
        if isinstance(self._source, EmbeddedPostgres):
            dsn = await self._source.start()
            await self._open(dsn)
        else:
            dsn = self._source
            await patiently(self._reactor, lambda: self._open(dsn), self._patience)

    async def _open(self, dsn: Dsn) -> None:
        # Before the thread that migrates, since that can't be interrupted; and a refusal is told
        # from what passes only here.
        probe = await Connection.open(
            self._reactor, dsn, self._limits.connection, "mudserver", lost=lambda: None
        )
        probe.close()
        applied = await self._migrate(dsn)
        self._log.info("database is {dsn}; {applied} migrations applied", dsn=dsn, applied=applied)
        pool = Pool(self._reactor, dsn, self._meter, self._limits)
        await pool.start()
        self._dsn, self._pool = dsn, pool
        self._listener = NoticeListener(self._reactor, dsn, self._meter)
        self._listener.start()

    async def _migrate(self, dsn: Dsn) -> int:
        """Migrate in a thread, since that blocks."""
        thread = ThreadPool(minthreads=0, maxthreads=1, name="migrate")
        thread.start()
        try:
            return await deferToThreadPool(self._reactor, thread, migrate, dsn)
        finally:
            thread.stop()

    async def _stop(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.stop()
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()
        if isinstance(self._source, EmbeddedPostgres):
            await self._source.stop()
