"""Where events happen: applied to the world, noted for saving, shown to those who see them."""

from collections.abc import Callable, Iterable, Sequence, Set
from functools import partial
from typing import Final

from twisted.logger import Logger
from twisted.python.failure import Failure

from mudserver.errors import Overloaded
from mudserver.game.dirt import Receipt, Settle
from mudserver.game.fanout import FanOut
from mudserver.game.journal import Journal
from mudserver.game.loop import GameLoop, Lane
from mudserver.game.view_names import ViewNames
from mudserver.ids import CharacterId, NpcId
from mudserver.interfaces.audit import AuditRow
from mudserver.interfaces.meter import IMeter
from mudserver.world.applied import (
    Change,
    ChannelSilenceLifted,
    ChannelSilenceMade,
    MuteLifted,
    MuteMade,
    SilenceLifted,
    SilenceMade,
)
from mudserver.world.bans import Ban, BanLifted
from mudserver.world.events import TOLD_WHEN_SAVED, Arrived, Event, Said
from mudserver.world.inhabitants import idle, react, wander
from mudserver.world.world import World

#: Where what inhabitants do queues.
INHABITANTS: Final = Lane("inhabitants")

#: Changes that are someone's protection, and written without delay.
_URGENT: Final = (
    MuteMade,
    MuteLifted,
    SilenceMade,
    SilenceLifted,
    ChannelSilenceMade,
    ChannelSilenceLifted,
    Ban,
    BanLifted,
)

#: Events that inhabitants may react to.
_HEARD: Final = (Arrived, Said)


class Stage:
    """
    Lets events happen, one after the other. Only called from within the game loop.

    Args:
        world: Where they happen.
        loop: Where the inhabitants' reactions queue.
        journal: Where changes are noted.
        fan_out: What shows them.
        meter: Gets ``reactions_dropped`` (counter).
    """

    _log = Logger()

    def __init__(
        self, *, world: World, loop: GameLoop, journal: Journal, fan_out: FanOut, meter: IMeter
    ) -> None:
        self._world = world
        self._loop = loop
        self._journal = journal
        self._fan_out = fan_out
        self._meter = meter

    def perform(
        self,
        events: Iterable[Event],
        receipt: Receipt | None = None,
        settle: Settle | None = None,
        notes: Sequence[AuditRow] = (),
    ) -> bool:
        """
        Let players' events happen, and have inhabitants react to them afterwards.

        Args:
            events: In their order.
            receipt: The input that they come from, to be committed with what they change; not
                used where that is nothing.
            settle: Told what became of that, where they come from no input; not used, either.
            notes: For the audit log, committed together with what they change; not used, either.

        Returns:
            Whether anything changed that must be saved.

        Raises:
            KeyError: An event speaks of what isn't there; those before it have happened.
        """
        happened = tuple(events)
        changed = self._happen(happened, receipt, settle, notes)
        for event in happened:
            if isinstance(event, _HEARD) and self._world.occupants(event.room).npcs:
                names = None if receipt is None else receipt.names
                self._submit(partial(react, self._world, event), names)
        return changed

    def restore(self, events: Iterable[Event], spared: Set[CharacterId]) -> None:
        """
        Have events be true that happened in an earlier world: nobody is told of them again.

        Args:
            events: In their order.
            spared: Those who are to be shown the whole of what they see anyway.
        """
        changes: list[Change] = []
        for event in events:
            applied = self._world.apply(event)
            changes.extend(applied.changes)
            self._fan_out.update(applied.deltas, spared)
        if changes:
            self._journal.append(changes)

    def pass_time(self, npc: NpcId, pick: float) -> None:
        """Have an inhabitant do something to pass the time, where a player sees it."""
        self._submit(partial(idle, self._world, npc, pick))

    def walk(self, npc: NpcId, pick: float) -> None:
        """Have an inhabitant walk on along its route, where a player sees it."""
        self._submit(partial(wander, self._world, npc, pick))

    def _happen(
        self,
        events: Iterable[Event],
        receipt: Receipt | None = None,
        settle: Settle | None = None,
        notes: Sequence[AuditRow] = (),
        names: ViewNames | None = None,
    ) -> bool:
        changes: list[Change] = []
        whole = False
        answer = None if receipt is None else receipt.answer
        command = None if answer is None else answer.command
        names = names if receipt is None else receipt.names
        try:
            for event in events:
                applied = self._world.apply(event)
                changes.extend(applied.changes)
                if not isinstance(event, TOLD_WHEN_SAVED):
                    self._fan_out.tell(event, applied.deltas, command, names)
            whole = True
        finally:
            if changes:
                urgent = any(isinstance(change, _URGENT) for change in changes)
                self._journal.append(
                    [*changes, *notes], receipt if whole else None, settle=settle, urgent=urgent
                )
        return bool(changes)

    def _submit(
        self, deeds: Callable[[], tuple[Event, ...]], names: ViewNames | None = None
    ) -> None:
        def work() -> None:
            self._happen(deeds(), names=names)

        try:
            self._loop.submit(INHABITANTS, work, _nobody_to_tell)
        except Overloaded:
            self._meter.count("reactions_dropped")


def _nobody_to_tell(_: Failure) -> None:
    """Failures of inhabitants are logged by the loop; no player waits for them."""
