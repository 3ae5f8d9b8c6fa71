"""What journal stores must do, wherever they keep things."""

from attrs import evolve

from mudserver.errors import Fenced
from mudserver.ids import Epoch, InputNumber
from mudserver.interfaces.journal import Committed, Flush, InputRow
from mudserver.interfaces.rows import MutedRow
from mudserver.world.applied import CharacterPlaced, ItemPlaced, MuteLifted, MuteMade
from tests.contract.journal_inputs import InputsContract
from tests.contract.journal_moderation import ModerationContract
from tests.contract.journal_moves import MovesContract
from tests.contract.journal_refusals import RefusalsContract
from tests.contract.journals import S, answer


class JournalStoreContract(MovesContract, ModerationContract, RefusalsContract, InputsContract):
    """The suite of `IJournalStore`; `setUp` provides an empty database."""

    async def test_epochs_rise(self) -> None:
        """Each who takes over gets a higher epoch, whoever it is."""
        epochs = [await self.journal.take_lease(holder) for holder in ("a", "b", "a")]
        self.assertEqual(epochs, sorted(set(epochs)))

    async def test_nobody_has_the_lease(self) -> None:
        """Without a lease nothing is written."""
        await self.failing(self.journal.flush(Epoch(1), 1, Flush()), Fenced)

    async def test_two_worlds(self) -> None:
        """Once another world has taken over, the first one writes nothing more, the second does."""
        await self.begin()
        await self.flush(CharacterPlaced(self.ann.id, self.places["steps"]))
        second = await self.journal.take_lease("they")
        late = Flush((CharacterPlaced(self.ann.id, self.places["mole"]),))
        await self.failing(self.journal.flush(self.epoch, self.number + 1, late), Fenced)
        await self.failing(self.journal.flush(self.epoch, self.number, late), Fenced)
        self.assertEqual((await self.now(self.ann)).room, self.places["steps"])
        theirs = Flush((CharacterPlaced(self.ann.id, self.places["hall"]),))
        await self.journal.flush(second, 1, theirs)
        await self.failing(self.journal.flush(self.epoch, 1, late), Fenced)
        await self.failing(self.journal.flush(self.epoch, 2, late), Fenced)
        self.assertEqual((await self.now(self.ann)).room, self.places["hall"])

    async def test_same_flush_again(self) -> None:
        """A flush that was committed already is committed, and changes nothing a second time."""
        await self.begin()
        await self.flush(CharacterPlaced(self.ann.id, self.places["steps"]))
        again = Flush((CharacterPlaced(self.ann.id, self.places["mole"]),))
        await self.journal.flush(self.epoch, self.number, again)
        self.assertEqual((await self.now(self.ann)).room, self.places["steps"])
        await self.flush(CharacterPlaced(self.ann.id, self.places["mole"]))
        self.assertEqual((await self.now(self.ann)).room, self.places["mole"])

    async def test_lost_flushes(self) -> None:
        """A database that lacks a flush of ours, or has one that we never made, is not ours."""
        await self.begin()
        await self.failing(self.journal.flush(self.epoch, 2, Flush()), Fenced)
        for _ in range(3):
            await self.flush()
        await self.failing(self.journal.flush(self.epoch, 2, Flush()), Fenced)
        await self.failing(self.journal.flush(Epoch(self.epoch + 1), 4, Flush()), Fenced)
        await self.flush()

    async def test_all_kinds_at_once(self) -> None:
        """A cut of everything, in any order, is written as one."""
        await self.begin()
        await self.flush(
            answer(1),
            InputRow(S, self.ann.id, InputNumber(2)),
            MuteMade(self.ann.id, self.bob.id),
            MuteLifted(self.bob.id, self.ann.id),
            ItemPlaced(self.items["rope"].id, None, self.ann.id),
            ItemPlaced(self.items["lamp"].id, None, self.ann.id),
            CharacterPlaced(self.bob.id, self.rows.start),
            CharacterPlaced(self.ann.id, self.rows.start),
        )
        held = sorted((self.items["lamp"], self.items["rope"]), key=lambda item: item.id)
        self.assertEqual(
            await self.now(self.ann),
            evolve(
                self.ann,
                room=self.rows.start,
                items=tuple(evolve(item, room=None, holder=self.ann.id) for item in held),
                mutes=(MutedRow(self.bob.id, "Bob"),),
            ),
        )
        self.assertEqual(await self.now(self.bob), evolve(self.bob, room=self.rows.start))
        self.assertEqual(
            await self.journal.committed(S), Committed(self.ann.id, InputNumber(2), (answer(1),))
        )

    async def test_nothing(self) -> None:
        """A flush of nothing counts as one."""
        await self.begin()
        await self.flush()
        await self.flush()
