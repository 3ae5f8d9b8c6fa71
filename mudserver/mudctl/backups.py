"""``mudctl backup`` and ``mudctl restore``."""

from collections.abc import Mapping
from pathlib import Path

from twisted.internet.interfaces import IReactorUNIX
from twisted.protocols import amp

from mudserver.config import Settings, embedded_database
from mudserver.control.commands import GetDatabase
from mudserver.errors import ConfigError
from mudserver.storage.backup import Backup
from mudserver.storage.child import IReactorForChildren
from mudserver.storage.dsn import Dsn
from mudserver.storage.embedded import EmbeddedPostgres


class IReactorForTools(IReactorUNIX, IReactorForChildren):
    """What ``mudctl`` needs of a reactor."""


async def back_up(
    reactor: IReactorForTools, daemon: amp.AMP, environ: Mapping[str, str], file: Path
) -> str:
    """
    Save the database of a running daemon.

    Returns:
        What to tell the operator.

    Raises:
        Refused: The daemon can't say where its database is.
        OurError, OSError: As `Backup.save`.
    """
    answer = await daemon.callRemote(GetDatabase)
    dsn = Dsn({each["name"]: each["value"] for each in answer["parameters"]})
    programs = Path(answer["programs"]) if answer["programs"] else None
    await Backup(dsn, programs, reactor, environ).save(file)
    return f"{file} holds the whole database."


async def restore(
    reactor: IReactorForTools, settings: Settings, environ: Mapping[str, str], file: Path
) -> str:
    """
    Fill the empty database that the settings name; the embedded one is made and started for it.

    Returns:
        What to tell the operator.

    Raises:
        OurError, OSError: As `Backup.restore` and `EmbeddedPostgres.start`.
    """
    if settings.database:
        try:
            dsn = Dsn.parse(settings.database)
        except ValueError as error:
            raise ConfigError("database", "the settings", str(error)) from None
        await Backup(dsn, None, reactor, environ).restore(file)
        return f"{dsn} is restored."
    place = embedded_database(settings, environ)
    postgres = EmbeddedPostgres(reactor, place, environ)
    dsn = await postgres.start()
    try:
        await Backup(dsn, postgres.programs, reactor, environ).restore(file)
    finally:
        await postgres.stop()
    return f"The embedded database in {place} is restored."
