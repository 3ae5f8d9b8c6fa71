"""What journal stores do with rows that can't be."""

import json
from datetime import timedelta
from random import Random

from attrs import evolve

from mudserver.errors import NotReplayable
from mudserver.ids import AccountId, CharacterId, CommandId, InputNumber, SessionId
from mudserver.interfaces.journal import MAX_REFUSED, Flush, InputRow, JournalRow, RefusedRow
from mudserver.world.applied import (
    ChannelOff,
    ChannelSilenceMade,
    CharacterPlaced,
    ItemPlaced,
    MuteLifted,
    MuteMade,
    SilenceMade,
)
from mudserver.world.bans import BanKind
from tests.contract.journals import LONG_AGO, NO_ONE, NOTHING, NOWHERE, JournalContract, S, answer


class RefusalsContract(JournalContract):
    """Of `IJournalStore`: rows that are refused for good, and dead letters."""

    def impossible(self) -> list[tuple[JournalRow, str, str]]:
        """Rows that no schema of ours takes, with the code and constraint of the refusal."""
        ann, start = self.ann.id, self.rows.start
        lamp, bollard = self.items["lamp"].id, self.items["bollard"].id
        t = SessionId("t")
        us, nobody = self.ann.account, AccountId(9_000_004)
        return [
            (CharacterPlaced(self.bob.id, NOWHERE), "23503", "character_room_fkey"),
            (CharacterPlaced(NO_ONE, start), "", ""),
            (ItemPlaced(lamp, None, None), "23514", "item_in_one_place"),
            (ItemPlaced(lamp, start, ann), "23514", "item_in_one_place"),
            (ItemPlaced(bollard, None, ann), "23514", "item_fixed_in_room"),
            (ItemPlaced(lamp, NOWHERE, None), "23503", "item_room_fkey"),
            (ItemPlaced(lamp, None, NO_ONE), "23503", "item_holder_fkey"),
            (ItemPlaced(NOTHING, start, None), "", ""),
            (SilenceMade(nobody, nobody, LONG_AGO, None, "x" * 201), "23514", "silence_why_check"),
            (SilenceMade(us, nobody, LONG_AGO, None, ""), "23503", "silence_by_fkey"),
            (
                ChannelSilenceMade(us, "chat", us, LONG_AGO, None, "x" * 201),
                "23514",
                "channel_silence_why_check",
            ),
            (
                ChannelSilenceMade(us, "Chat!", us, LONG_AGO, None, ""),
                "23514",
                "channel_silence_channel_check",
            ),
            (
                ChannelSilenceMade(us, "chat", nobody, LONG_AGO, None, ""),
                "23503",
                "channel_silence_by_fkey",
            ),
            (ChannelOff(ann, "no channel"), "23514", "channel_off_channel_check"),
            (ChannelOff(NO_ONE, "chat"), "23503", "channel_off_character_fkey"),
            (evolve(self.deed("a"), key=""), "23514", "audit_key_check"),
            (evolve(self.deed("a"), actor=""), "23514", "audit_actor_check"),
            (evolve(self.deed("a"), action=""), "23514", "audit_action_check"),
            (self.ban(BanKind.NAME, "zoe", LONG_AGO), "23514", "ban_lasts"),
            (self.ban(BanKind.NAME, "zoe", why="x" * 201), "23514", "ban_why_check"),
            (self.ban(BanKind.NAME, "Zoe"), "23514", "ban_of_name"),
            (evolve(self.ban(BanKind.NAME, "zoe"), name=""), "23514", "ban_name_check"),
            (evolve(self.ban(BanKind.NAME, "zoe"), by=nobody), "23503", "ban_by_fkey"),
            (self.ban(BanKind.ACCOUNT, str(nobody)), "23503", "ban_account_fkey"),
            (MuteMade(ann, ann), "23514", "mute_of_another"),
            (MuteMade(ann, self.bob.id, LONG_AGO, LONG_AGO), "23514", "mute_lasts"),
            (MuteMade(self.bob.id, ann, why="x" * 201), "23514", "mute_why_check"),
            (MuteMade(ann, NO_ONE), "23503", "mute_muted_fkey"),
            (MuteMade(NO_ONE, ann), "23503", "mute_muter_fkey"),
            (InputRow(t, NO_ONE, InputNumber(1)), "23503", "session_input_character_fkey"),
            (InputRow(t, ann, InputNumber(0)), "23514", "session_input_number_check"),
            (
                InputRow(SessionId(""), ann, InputNumber(1)),
                "23514",
                "session_input_session_check",
            ),
            (answer(1, session=t), "23503", "command_answer_session_fkey"),
            (evolve(answer(1), ordinal=0), "23514", "command_answer_ordinal_check"),
            (evolve(answer(1), code="x"), "23514", "command_answer_whole"),
            (
                evolve(answer(1), command=CommandId("x" * 65)),
                "23514",
                "command_answer_command_check",
            ),
        ]

    def possible(self) -> tuple[JournalRow, ...]:
        """Rows that are always taken."""
        return (
            CharacterPlaced(self.ann.id, self.places["mole"]),
            ItemPlaced(self.items["rope"].id, None, self.ann.id),
            MuteMade(self.ann.id, self.bob.id),
            InputRow(S, self.ann.id, InputNumber(7)),
            answer(3),
        )

    async def test_refused_flush_changes_nothing(self) -> None:
        """What the schema doesn't allow is refused with its code, and takes the whole cut along."""
        await self.begin()
        for row, sqlstate, constraint in self.impossible():
            cut = Flush((*self.possible(), row))
            await self.refused(self.journal.flush(self.epoch, 1, cut), sqlstate, constraint)
            self.assertEqual(await self.now(self.ann), self.ann)
            self.assertEqual(await self.now(self.bob), self.bob)
            self.assertEqual(await self.loaded(), self.rows)
            self.assertIsNone(await self.journal.committed(S))
        await self.flush(*self.possible())

    async def test_named_twice(self) -> None:
        """A cut in which an entity stands twice is refused."""
        await self.begin()
        for row in (
            CharacterPlaced(self.ann.id, self.rows.start),
            ItemPlaced(self.items["lamp"].id, self.rows.start, None),
        ):
            await self.refused(self.journal.flush(self.epoch, 1, Flush((row, row))), "", "")

    async def test_sift_names_the_refused(self) -> None:
        """Of a refused cut, the rows that are to blame are found, each with its own refusal."""
        await self.begin()
        for row, sqlstate, constraint in self.impossible():
            (refused,) = await self.journal.sift((*self.possible(), row))
            letter = refused.letter
            self.assertEqual(letter.row, row)
            self.assertEqual((letter.sqlstate, letter.constraint), (sqlstate, constraint))
            self.assertNotEqual(letter.error, "")

    async def test_sift_changes_nothing(self) -> None:
        """Sifting leaves everything as it was, and counts as no flush."""
        await self.begin()
        await self.journal.sift((*self.possible(), self.impossible()[0][0]))
        self.assertEqual(await self.journal.sift(self.possible()), ())
        self.assertEqual(await self.now(self.ann), self.ann)
        self.assertIsNone(await self.journal.committed(S))
        self.assertEqual(await self.journal.sift(()), ())
        await self.flush(*self.possible())

    async def test_sift_reads_back(self) -> None:
        """With each refused row comes what is stored in its place."""
        await self.begin()
        rope = self.items["rope"]
        await self.flush(
            CharacterPlaced(self.bob.id, self.places["mole"]),
            ItemPlaced(rope.id, None, self.ann.id),
            MuteMade(self.bob.id, self.ann.id),
        )
        lamp = self.items["lamp"]

        async def stored(row: JournalRow) -> object:
            (refused,) = await self.journal.sift((row,))
            return refused.stored

        self.assertEqual(
            await stored(CharacterPlaced(self.bob.id, NOWHERE)),
            CharacterPlaced(self.bob.id, self.places["mole"]),
        )
        self.assertIsNone(await stored(CharacterPlaced(self.ann.id, NOWHERE)))
        self.assertIsNone(await stored(CharacterPlaced(NO_ONE, self.rows.start)))
        self.assertEqual(await stored(ItemPlaced(lamp.id, NOWHERE, None)), lamp)
        self.assertEqual(
            await stored(ItemPlaced(rope.id, None, NO_ONE)),
            evolve(rope, room=None, holder=self.ann.id),
        )
        self.assertIsNone(await stored(ItemPlaced(NOTHING, self.rows.start, None)))
        self.assertEqual(
            await stored(MuteMade(self.ann.id, NO_ONE)), MuteLifted(self.ann.id, NO_ONE)
        )
        self.assertIsNone(await stored(InputRow(S, NO_ONE, InputNumber(1))))

    async def test_answers_follow_their_input(self) -> None:
        """Answers are refused for their own faults, not because they are tried before the input."""
        await self.begin()
        good = [answer(n) for n in range(1, 9)]
        wrong = evolve(answer(9), code="x")
        refused = await self.journal.sift((*good, wrong, InputRow(S, self.ann.id, InputNumber(20))))
        self.assertEqual([each.letter.row for each in refused], [wrong])

    async def test_sift_any(self) -> None:
        """Whichever rows are refused: exactly these are found, and the others can be flushed."""
        await self.begin()
        random = Random(7)
        total = 0
        for size in (1, 2, 3, 7, 64, 100):
            good: list[JournalRow] = [
                InputRow(SessionId(f"{size}.{n}"), self.ann.id, InputNumber(1)) for n in range(size)
            ]
            for wanted in {1, size // 3, size} - {0}:
                bad = set(random.sample(range(size), wanted))
                rows = [
                    InputRow(SessionId(f"bad {n}"), NO_ONE, InputNumber(1)) if n in bad else row
                    for n, row in enumerate(good)
                ]
                refused = await self.journal.sift(rows)
                self.assertEqual(
                    {each.letter.row for each in refused}, {rows[n] for n in bad}, (size, bad)
                )
                await self.flush(*(row for n, row in enumerate(rows) if n not in bad))
                total += size - wanted
        self.assertGreater(total, 100)

    async def test_sift_is_bounded(self) -> None:
        """Where everything is refused, it ends after some, and the rest is for the next time."""
        await self.begin()
        rows = [InputRow(SessionId(f"{n}"), NO_ONE, InputNumber(1)) for n in range(MAX_REFUSED + 5)]
        first = await self.journal.sift(rows)
        self.assertEqual(len(first), MAX_REFUSED)
        found = {each.letter.row for each in first}
        rest = await self.journal.sift([row for row in rows if row not in found])
        self.assertEqual(len(rest), 5)

    async def refusal(self, row: JournalRow) -> RefusedRow:
        """Have one row refused."""
        (refused,) = await self.journal.sift((row,))
        return refused

    async def test_letters_are_kept(self) -> None:
        """What was refused is kept with the reason, in the transaction of the rest."""
        await self.begin()
        wrong = ItemPlaced(self.items["bollard"].id, None, self.ann.id)
        refused = await self.refusal(wrong)
        await self.flush(*self.possible(), letters=[refused.letter])
        ((what, error, sqlstate, constraint, attempts),) = await self.letters()
        self.assertEqual((what, sqlstate), ("ItemPlaced", "23514"))
        self.assertEqual((constraint, attempts), ("item_fixed_in_room", 1))
        self.assertIn("item_fixed_in_room", error)
        self.assertEqual((await self.now(self.ann)).room, self.places["mole"])

    async def test_letters_again(self) -> None:
        """The same change refused again is one letter, which counts its attempts."""
        await self.begin()
        wrong = ItemPlaced(self.items["bollard"].id, None, self.ann.id)
        other = ItemPlaced(self.items["lamp"].id, None, NO_ONE)
        for rows in ((wrong,), (wrong, other), (wrong,)):
            await self.flush(letters=[(await self.refusal(row)).letter for row in rows])
        attempts = {letter[3]: letter[4] for letter in await self.letters()}
        self.assertEqual(attempts, {"item_fixed_in_room": 3, "item_holder_fkey": 1})

    async def test_letters_of_a_refused_flush(self) -> None:
        """A flush that is refused leaves no letter behind."""
        await self.begin()
        refused = await self.refusal(ItemPlaced(self.items["lamp"].id, None, NO_ONE))
        cut = Flush((CharacterPlaced(NO_ONE, self.rows.start),), (refused.letter,))
        await self.refused(self.journal.flush(self.epoch, 1, cut), "", "")
        self.assertEqual(await self.letters(), [])

    async def die(self, item: str, holder: CharacterId) -> None:
        """Have a change refused, and kept."""
        refused = await self.refusal(ItemPlaced(self.items[item].id, None, holder))
        await self.flush(letters=[refused.letter])

    async def test_box(self) -> None:
        """Operators read dead letters page by page, and one with its contents."""
        await self.begin()
        self.assertEqual(self.box.name, "journal")
        self.assertEqual(await self.box.page(0, 10), ())
        await self.die("bollard", self.ann.id)
        await self.die("lamp", NO_ONE)
        await self.die("bollard", self.ann.id)
        first, second = await self.box.page(0, 10)
        self.assertEqual(await self.box.page(0, 1), (first,))
        self.assertEqual(await self.box.page(first.number, 10), (second,))
        self.assertEqual((first.what, first.attempts, second.attempts), ("ItemPlaced", 2, 1))
        self.assertIn("(23514, item_fixed_in_room)", first.reason)
        self.assertLessEqual(first.first_at, first.last_at)
        self.assertEqual(first.last_at.utcoffset(), timedelta(0))
        opened = await self.box.open(first.number)
        assert opened is not None
        self.assertEqual(opened.letter, first)
        contents = json.loads(opened.contents)
        self.assertEqual((contents["holder"], contents["room"]), (self.ann.id, None))
        self.assertIsNone(await self.box.open(second.number + 1))

    async def test_box_is_pruned(self) -> None:
        """Old ones are thrown away, by their last attempt."""
        await self.begin()
        await self.die("bollard", self.ann.id)
        await self.die("lamp", NO_ONE)
        await self.forget_before(48.0)
        await self.die("lamp", NO_ONE)
        _, newer = await self.box.page(0, 10)
        self.assertEqual(await self.box.prune(newer.last_at), 1)
        self.assertEqual(await self.box.page(0, 10), (newer,))
        self.assertEqual(await self.box.prune(newer.last_at + timedelta(days=1)), 1)
        self.assertEqual(await self.box.page(0, 10), ())

    async def test_box_is_swept(self) -> None:
        """After 90 days without an attempt they go by themselves."""
        await self.begin()
        await self.die("bollard", self.ann.id)
        await self.forget_before(89 * 24.0)
        await self.journal.sweep()
        self.assertEqual(len(await self.box.page(0, 10)), 1)
        await self.forget_before(2 * 24.0)
        await self.journal.sweep()
        self.assertEqual(await self.box.page(0, 10), ())

    async def test_box_replays_nothing(self) -> None:
        """What the journal could not write is never written later."""
        await self.begin()
        await self.die("lamp", NO_ONE)
        (letter,) = await self.box.page(0, 10)
        await self.failing(self.box.replay(letter.number), NotReplayable)
        self.assertEqual(await self.box.page(0, 10), (letter,))
