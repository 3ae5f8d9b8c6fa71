"""The world in memory, as it is loaded when it begins."""

from collections.abc import Iterable, Mapping

from attrs import evolve
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mudserver.ids import AccountId, CharacterId
from mudserver.interfaces.logins import (
    LastLogin,
    LoginOutcome,
    LoginWay,
)
from mudserver.interfaces.rows import (
    CharacterRow,
    IdentifiedRow,
    MutedRow,
    WorldRows,
)
from mudserver.interfaces.stores import IWorldStore
from mudserver.storage.founding import entities, found
from mudserver.storage.memory_database import (
    MemoryDatabase,
    key_of,
)
from mudserver.storage.text import storable
from mudserver.world.area import Area
from mudserver.world.atlas import check


@implementer(IWorldStore)
class MemoryWorldStore:
    """
    A world in memory.

    Args:
        database: Shared with the account store, which makes the characters.
    """

    def __init__(self, database: MemoryDatabase) -> None:
        self._db = database

    def load(self) -> Deferred[WorldRows | None]:
        """Implement `IWorldStore.load`."""

        def work() -> WorldRows | None:
            if self._db.world is None:
                return None
            lying = [item for item in self._db.items.values() if item.room is not None]
            inside = sorted(self._db.contents(lying), key=lambda item: (-item.size, item.id))
            exits = sorted(
                (self._db.stored_exit(way) for way in self._db.world.exits),
                key=lambda way: (way.room, way.direction),
            )
            npcs = (evolve(npc, room=self._db.npcs[npc.id]) for npc in self._db.world.npcs)
            now = self._db.now()
            everywhere = (self._db.stored_silence(id) for id in sorted(self._db.silences))
            on_channels = (
                self._db.stored_silence(*key) for key in sorted(self._db.channel_silences)
            )
            silences = (
                row
                for row in (*everywhere, *on_channels)
                if row is not None and (row.until is None or row.until > now)
            )
            bans = (self._db.stored_ban(*key) for key in sorted(self._db.bans))
            return evolve(
                self._db.world,
                items=(*lying, *inside),
                exits=tuple(exits),
                npcs=tuple(npcs),
                silences=tuple(silences),
                follows=tuple(self._db.follows[id] for id in sorted(self._db.follows)),
                memberships=tuple(self._db.members[id] for id in sorted(self._db.members)),
                bans=tuple(ban for ban in bans if ban is not None and ban.in_force(now)),
            )

        return self._db.answer(work)

    def import_areas(self, areas: Iterable[Area]) -> Deferred[bool]:
        """Implement `IWorldStore.import_areas`."""

        def work() -> bool:
            atlas = check(areas)
            if self._db.world is not None:
                return False
            rows = found(atlas, self._db.next_entities(entities(atlas)))
            self._db.world = rows
            self._db.items = {item.id: item for item in rows.items}
            self._db.doors = {way.door: way.closed for way in rows.exits if way.door is not None}
            self._db.npcs = {npc.id: npc.room for npc in rows.npcs}
            return True

        return self._db.answer(work)

    def characters(self, account: AccountId) -> Deferred[tuple[CharacterRow, ...]]:
        """Implement `IWorldStore.characters`."""
        return self._db.answer(
            lambda: tuple(
                CharacterRow(
                    id=each.id,
                    account=each.account,
                    name=each.name,
                    room=each.room,
                    items=tuple(
                        sorted(
                            self._db.carried(each.id),
                            key=lambda item: (-item.size, item.id),
                        )
                    ),
                    mutes=self._mutes(each.id),
                    role=self._db.accounts[each.account].role,
                    last_login=self._last_login(each.account),
                    channels_off=tuple(
                        sorted(name for id, name in self._db.channels_off if id == each.id)
                    ),
                )
                for each in self._db.characters.values()
                if each.account == account
            )
        )

    def identify(self, names: Iterable[str]) -> Deferred[Mapping[str, IdentifiedRow]]:
        """Implement `IWorldStore.identify`."""

        def work() -> Mapping[str, IdentifiedRow]:
            keys = {storable(name).casefold() for name in names}
            return {
                key_of(each): IdentifiedRow(
                    each.id, each.name, each.account, self._db.accounts[each.account].role
                )
                for each in self._db.characters.values()
                if key_of(each) in keys
            }

        return self._db.answer(work)

    def _last_login(self, account: AccountId) -> LastLogin | None:
        rows = [
            row
            for row in self._db.logins.values()
            if row.account == account
            and row.outcome is LoginOutcome.ACCEPTED
            and row.way is not LoginWay.HTTP
        ]
        newest = max(rows, key=lambda row: row.at, default=None)
        return None if newest is None else LastLogin(newest.at, newest.address, newest.way)

    def _mutes(self, muter: CharacterId) -> tuple[MutedRow, ...]:
        now = self._db.now()
        mutes = (mute for mute in self._db.mutes.values() if mute.muter == muter)
        return tuple(
            MutedRow(mute.muted, self._db.characters[mute.muted].name, mute.until)
            for mute in sorted(mutes, key=lambda mute: mute.muted)
            if mute.until is None or mute.until > now
        )
