"""Characters that come from another world, or go there."""

from collections.abc import Iterator
from datetime import datetime

from attrs import frozen
from twisted.internet.defer import Deferred
from zope.interface import Interface

from mudserver.ids import (
    AccountId,
)
from mudserver.interfaces.audit import AuditRow


@frozen
class CarriedItem:
    """
    A thing that a character carries.

    Attributes:
        key: Of the thing, or of the one that it is a copy of.
        closed: Whether it is a container that is closed.
        contents: What is in it, in order.
    """

    key: str
    closed: bool = False
    contents: "tuple[CarriedItem, ...]" = ()

    @property
    def everything(self) -> "Iterator[CarriedItem]":
        """The thing itself, and all that is in it."""
        yield self
        for item in self.contents:
            yield from item.everything


@frozen
class CharacterRecord:
    """
    A character as any world can understand it: by keys and names, without ids.

    Attributes:
        created: When it was made (UTC).
        room: The key of the room where it was last; None for one that has never played.
        items: What it carries, in order. A key may come several times.
        muted: The names of those whom it mutes without an end.
        channels_off: The names of the channels that it has turned off.
    """

    name: str
    created: datetime
    room: str | None
    items: tuple[CarriedItem, ...]
    muted: tuple[str, ...]
    channels_off: tuple[str, ...] = ()

    @property
    def item_keys(self) -> tuple[str, ...]:
        """The keys of all that it carries, in containers too."""
        return tuple(each.key for item in self.items for each in item.everything)


@frozen
class ImportedCharacter:
    """
    What became of a record.

    Attributes:
        name: The character's name.
        account: The name of the account that has it now.
        strangers: How many of those whom it muted are nobody here; these were left out.
    """

    name: str
    account: str
    strangers: int


class ICharacterArchive(Interface):
    """
    Characters that come from another world, or go there.

    Every Deferred may fail with `StorageUnavailable`, and with `StorageRefused` where a value is
    not what the schema allows.
    """

    def export(name: str) -> Deferred[CharacterRecord | None]:
        """Read a character as it is stored; case doesn't matter. Fires with None for nobody."""

    def admit(
        record: CharacterRecord, account: AccountId | None, audit: AuditRow | None = None
    ) -> Deferred[ImportedCharacter]:
        """
        Make a character of a record, all or nothing.

        It gets a thing of its own for each of its items, like the one that has that key here. A
        channel that it has turned off is off for it here, too, should there be one of that name.

        Args:
            record: What another world says of it.
            account: Whose it will be; None for a new account of the same name, by which nobody
                can log in until it is given a password.
            audit: A row for the audit log, written in the same transaction.

        Returns:
            Fires when it is committed. Fails with `NameTaken`; with `UnknownKeys` where its room or
            one of its items is not to be had here; with `BadDocument` where one holds another that
            here is no smaller.
        """
