"""How journal stores keep what was typed, and what it was answered."""

from attrs import evolve
from twisted.internet.defer import gatherResults

from mudserver.ids import CommandId, InputNumber, SessionId
from mudserver.interfaces.journal import Committed, InputRow, Progress
from mudserver.storage.retention import KEEP_ANSWERS
from tests.contract.journals import JournalContract, S, answer


class InputsContract(JournalContract):
    """Of `IJournalStore`: inputs and answers."""

    async def test_unknown_session(self) -> None:
        """Of a session that committed nothing nothing is known."""
        await self.begin()
        self.assertIsNone(await self.journal.committed(S))
        self.assertIsNone(await self.journal.committed(SessionId("")))

    async def test_inputs_and_answers(self) -> None:
        """The newest number counts; answers come in their order, done or refused."""
        await self.begin()
        await self.flush(InputRow(S, self.ann.id, InputNumber(4)), answer(2, code="closed"))
        await self.flush(
            InputRow(S, self.ann.id, InputNumber(9)),
            InputRow(SessionId("other"), self.bob.id, InputNumber(99)),
            answer(10, session=SessionId("other")),
            answer(3),
            answer(1),
        )
        self.assertEqual(
            await self.journal.committed(S),
            Committed(
                self.ann.id, InputNumber(9), (answer(1), answer(2, code="closed"), answer(3))
            ),
        )

    async def test_progress(self) -> None:
        """How far a session has come is told with the answers behind what is settled, no others."""
        await self.begin()
        await self.flush(
            InputRow(S, self.ann.id, InputNumber(18)),
            InputRow(SessionId("other"), self.bob.id, InputNumber(99)),
            answer(10, session=SessionId("other")),
            *(answer(n) for n in (4, 2, 7, 9)),
        )
        for settled, numbers in ((0, (2, 4, 7, 9)), (8, (7, 9)), (14, (9,)), (18, ()), (50, ())):
            self.assertEqual(
                await self.journal.progress(S, InputNumber(settled)),
                Progress(self.ann.id, InputNumber(18), 9, tuple(answer(n) for n in numbers)),
            )

    async def test_progress_of_many(self) -> None:
        """Many may be asked about at once, the same behind several inputs, too."""
        await self.begin()
        t = SessionId("t")
        await self.flush(
            InputRow(S, self.ann.id, InputNumber(4)),
            InputRow(t, self.bob.id, InputNumber(3)),
            answer(1),
            answer(2, code="closed"),
        )
        asked = [(S, 2), (t, 0), (S, 4), (SessionId("nobody"), 0), (SessionId(""), 0), (S, 2)]
        found = await gatherResults(
            [self.journal.progress(session, InputNumber(number)) for session, number in asked]
        )
        of_s = Progress(self.ann.id, InputNumber(4), 2, (answer(2, code="closed"),))
        of_t = Progress(self.bob.id, InputNumber(3))
        self.assertEqual(found, [of_s, of_t, evolve(of_s, answers=()), None, None, of_s])

    async def test_single_answers(self) -> None:
        """An answer is found by session and id, as long as it is kept."""
        await self.begin()
        t = SessionId("t")
        await self.flush(
            InputRow(S, self.ann.id, InputNumber(2)),
            InputRow(t, self.bob.id, InputNumber(3)),
            answer(1),
            answer(2, code="closed"),
            answer(3, session=t),
        )
        one, two, three = answer(1), answer(2, code="closed"), answer(3, session=t)
        asked = [(S, one), (S, three), (t, one), (S, two), (t, three), (S, one)]
        found = await gatherResults(
            [self.journal.answer(session, row.command) for session, row in asked]
        )
        self.assertEqual(found, [one, None, None, two, three, one])
        self.assertIsNone(await self.journal.answer(SessionId(""), CommandId("")))
        await self.forget_before(25.0)
        self.assertIsNone(await self.journal.answer(S, one.command))
        self.assertEqual(
            await self.journal.progress(S, InputNumber(0)),
            Progress(self.ann.id, InputNumber(2), 2),
        )

    async def test_many_sessions(self) -> None:
        """Many may be asked for at once; each gets its own, and the unknown nothing."""
        await self.begin()
        sessions = [SessionId(f"session {n}") for n in range(20)]
        await self.flush(
            *(InputRow(each, self.ann.id, InputNumber(n + 1)) for n, each in enumerate(sessions)),
            *(answer(n + 1, session=each) for each in sessions for n in range(int(each[8:]) % 3)),
        )
        wanted = [*sessions, S, sessions[0]]
        asked = await gatherResults([self.journal.committed(each) for each in wanted])
        *known, unknown, again = asked
        self.assertIsNone(unknown)
        self.assertEqual(again, known[0])
        for n, each in enumerate(sessions):
            answers = tuple(answer(k + 1, session=each) for k in range(n % 3))
            self.assertEqual(known[n], Committed(self.ann.id, InputNumber(n + 1), answers))

    async def test_answer_again(self) -> None:
        """An id that is used anew has its new answer."""
        await self.begin()
        newer = evolve(answer(1, code="closed"), ordinal=5)
        await self.flush(InputRow(S, self.ann.id, InputNumber(4)), answer(1), answer(2))
        await self.flush(newer)
        done = await self.journal.committed(S)
        assert done is not None
        self.assertEqual(done.answers, (answer(2), newer))

    async def test_answers_are_bounded(self) -> None:
        """Of more than a thousand answers of a session, the oldest are forgotten."""
        await self.begin()
        t = SessionId("t")
        await self.flush(
            InputRow(S, self.ann.id, InputNumber(4)),
            InputRow(t, self.ann.id, InputNumber(4)),
            answer(1, session=t),
            *(answer(n) for n in range(1, KEEP_ANSWERS + 1)),
        )
        await self.flush(answer(KEEP_ANSWERS + 2), answer(KEEP_ANSWERS + 1))
        done, other = await self.journal.committed(S), await self.journal.committed(t)
        assert done is not None
        assert other is not None
        ordinals = [each.ordinal for each in done.answers]
        self.assertEqual(ordinals, list(range(3, KEEP_ANSWERS + 3)))
        self.assertEqual(other.answers, (answer(1, session=t),))

    async def test_answers_age(self) -> None:
        """After 24 hours an answer is not told any more; a sweep takes it away, and the session."""
        await self.begin()
        await self.flush(InputRow(S, self.ann.id, InputNumber(4)), answer(1))
        await self.forget_before(23.9)
        await self.flush(InputRow(SessionId("t"), self.bob.id, InputNumber(4)))
        self.assertFalse(await self.journal.sweep())
        done = await self.journal.committed(S)
        assert done is not None
        self.assertEqual(done.answers, (answer(1),))
        await self.forget_before(0.2)
        done = await self.journal.committed(S)
        self.assertEqual(done, Committed(self.ann.id, InputNumber(4), ()))
        self.assertFalse(await self.journal.sweep())
        self.assertIsNone(await self.journal.committed(S))
        self.assertIsNotNone(await self.journal.committed(SessionId("t")))
