"""What earlier worlds have answered is looked up, until all of it is read."""

from itertools import pairwise

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock

from mudserver.errors import MudError, StorageUnavailable
from mudserver.game import recollection, service
from mudserver.game.answers import Answers
from mudserver.game.sessions import Session
from mudserver.ids import InputNumber, SessionId
from mudserver.interfaces.journal import Committed
from mudserver.interfaces.play import Refusal
from mudserver.storage.memory_database import MemoryDatabase
from mudserver.storage.memory_journal import MemoryJournalStore
from tests.unit.game.succession import SuccessionTestCase


class Spoilt(MemoryJournalStore):
    """
    A journal in which some sessions can't be read.

    Attributes:
        spoilt: Which.
        tries: When one of them was asked for, in seconds of the clock.
    """

    def __init__(self, database: MemoryDatabase, clock: Clock, *spoilt: SessionId) -> None:
        super().__init__(database)
        self.spoilt = spoilt
        self.tries: list[float] = []
        self._clock = clock

    def committed(self, session: SessionId) -> "Deferred[Committed | None]":
        if session in self.spoilt:
            self.tries.append(self._clock.seconds())
            return fail(MudError("spoilt"))
        return super().committed(session)


class RecollectionTest(SuccessionTestCase):
    """A world has answered Ann; the next one opens."""

    def setUp(self) -> None:
        super().setUp()
        self.carry_out(self.ann, "get moon", "a")
        self.carry_out(self.ann, "get lamp", "b")
        self.refused, _ = self.holding.settled(self.ann)
        self.succeed()
        self.holding.forget()

    def answers(self, session: SessionId) -> Answers:
        found = self.game.sessions.get(session)
        assert found is not None
        return found.answers

    def read_all(self) -> None:
        """Let the time pass after which all is read."""
        self.advance(recollection.FIRST_SECONDS)
        self.advance(recollection.PAUSE_SECONDS)

    def answer(self, text: str, command: str) -> Refusal | None:
        """Let Ann type a line; return how it was answered."""
        self.carry_out(self.ann, text, command)
        *_, answer = self.holding.settled(self.ann)
        self.assertEqual(answer.command, command)
        return answer.refusal

    def test_looked_up(self) -> None:
        """An id that an earlier world has answered is answered alike, another one carried out."""
        self.assertEqual(self.answers(self.ann).unread, 2)
        self.assertEqual(self.answer("get lamp", "a"), self.refused.refusal)
        self.assertIsNone(self.answer("drop lamp", "b"))
        self.assertEqual(self.holding.lines(self.ann), [])
        self.assertIsNone(self.answer("drop lamp", "c"))
        self.assertEqual(self.holding.lines(self.ann), ["You put down a brass lamp."])

    def test_twice(self) -> None:
        """What was looked up once is known."""
        self.assertEqual(self.answer("get lamp", "a"), self.refused.refusal)
        self.database.failure = StorageUnavailable("away")
        self.assertEqual(self.answer("get lamp", "a"), self.refused.refusal)

    def test_nothing_answered(self) -> None:
        """Where nothing was answered nothing is looked up."""
        self.assertEqual(self.answers(self.bob).unread, 0)

    def test_read(self) -> None:
        """After a while all is read, and nothing looked up any more."""
        self.read_all()
        self.assertEqual(self.answers(self.ann).unread, 0)
        self.database.failure = StorageUnavailable("away")
        self.assertIsNone(self.answer("say hello", "c"))
        self.assertEqual(self.answer("get lamp", "a"), self.refused.refusal)

    def test_away(self) -> None:
        """What can't be looked up is not carried out, but may be tried again."""
        self.database.failure = StorageUnavailable("away")
        refusal = self.answer("drop lamp", "c")
        assert refusal is not None
        self.assertEqual(refusal.code, "unavailable")
        self.database.failure = None
        self.assertIsNone(self.answer("drop lamp", "c"))

    def test_takes_too_long(self) -> None:
        """Nobody waits for it for ever."""
        self.database.hold()
        self.holding.type_held(self.ann, "say hello", "c")
        self.advance(recollection.LOOK_UP_SECONDS)
        (answer,) = self.holding.settled(self.ann)
        assert answer.refusal is not None
        self.assertEqual(answer.refusal.code, "unavailable")

    def test_read_later(self) -> None:
        """While the database is away it is tried again and again."""
        self.database.failure = StorageUnavailable("away")
        self.read_all()
        self.database.failure = None
        self.assertEqual(self.answers(self.ann).unread, 2)
        self.advance(recollection.RETRY_SECONDS)
        self.assertEqual(self.answers(self.ann).unread, 0)

    def test_gone(self) -> None:
        """Who has left meanwhile is not read."""
        answers = self.answers(self.ann)
        self.game.presence.kick("Ann", "Out.")
        self.read_all()
        self.assertEqual(answers.unread, 2)

    def test_leaves_meanwhile(self) -> None:
        """Who leaves while an id is looked up does no more."""
        self.database.hold()
        number = self.holding.type_held(self.ann, "history chat", "c")
        self.advance(0.0)
        self.game.presence.kick("Ann", "Out.")
        self.advance(0.0)
        self.database.release()
        self.advance()
        (answer,) = self.holding.settled(self.ann)
        assert answer.refusal is not None
        self.assertEqual((answer.number, answer.refusal.code), (number, "not_allowed"))

    def test_stops_meanwhile(self) -> None:
        """A world that stops carries out what is being looked up, rather than refuse it."""
        self.database.hold()
        self.holding.type_held(self.ann, "drop lamp", "c")
        self.holding.type_held(self.ann, "east", "d")
        self.advance(0.0)
        stopping = self.service.stopService()
        self.advance(0.0)
        self.assertEqual(self.holding.settled(self.ann), [])
        self.database.release()
        self.advance()
        self.successResultOf(stopping)
        answers = [(each.command, each.refusal) for each in self.holding.settled(self.ann)]
        self.assertEqual(answers, [("c", None), ("d", None)])

    def test_stops_at_last(self) -> None:
        """What can't be looked up keeps no world from stopping."""
        self.database.hold()
        self.holding.type_held(self.ann, "drop lamp", "c")
        self.advance(0.0)
        stopping = self.service.stopService()
        self.advance(service.FINISH_SECONDS)
        (answer,) = self.holding.settled(self.ann)
        assert answer.refusal is not None
        self.assertEqual(answer.refusal.code, "unavailable")
        self.database.release()
        self.advance()
        self.successResultOf(stopping)

    def due(self, *unread: int) -> tuple[Session, ...]:
        """Let all be read, and each session have so many unread answers after that."""
        self.read_all()
        sessions = tuple(self.game.sessions)
        for session, count in zip(sessions, unread, strict=True):
            session.answers = Answers(session.id)
            session.answers.go_on(InputNumber(3), (), 0.0, InputNumber(3), count)
        return sessions

    def test_unforeseen(self) -> None:
        """Whatever reading fails by, it is logged, and tried again after a growing pause."""
        self.database.failure = MudError("spoilt")
        self.read_all()
        self.assertEqual(len(self.flushLoggedErrors(MudError)), 1)
        self.advance(recollection.RETRY_SECONDS)
        self.assertEqual(len(self.flushLoggedErrors(MudError)), 1)
        self.database.failure = None
        self.advance(recollection.RETRY_SECONDS)
        self.assertEqual(self.answers(self.ann).unread, 2)
        self.advance(recollection.RETRY_SECONDS)
        self.assertEqual(self.answers(self.ann).unread, 0)

    def test_never_read(self) -> None:
        """One session that can't be read is given up after some tries, and keeps back no other."""
        ann, bob = self.due(2, 2)
        store = Spoilt(self.database, self.clock, ann.id)
        reading = recollection.Recollection(
            store=store, sessions=self.game.sessions, clock=self.clock, tasks=self.game.tasks
        )
        reading.went_on(ann)
        reading.went_on(bob)
        before = self.clock.seconds()
        self.advance(recollection.FIRST_SECONDS)
        self.assertEqual((ann.answers.unread, bob.answers.unread), (2, 2))
        for _ in range(3):
            self.advance(recollection.RETRY_SECONDS)
        self.assertEqual((ann.answers.unread, bob.answers.unread), (2, 0))
        while self.clock.seconds() < before + 600.0:
            self.advance(recollection.RETRY_SECONDS)
        self.assertEqual(len(store.tries), recollection.MAX_TRIES)
        self.assertEqual(len(self.flushLoggedErrors(MudError)), recollection.MAX_TRIES)
        store.spoilt = ()
        reading.went_on(ann)
        self.advance(recollection.FIRST_SECONDS)
        self.assertEqual(ann.answers.unread, 0)

    def test_stops_while_it_fails(self) -> None:
        """A world that stops does not wait for the next try."""
        self.database.failure = MudError("spoilt")
        self.read_all()
        self.assertEqual(len(self.flushLoggedErrors(MudError)), 1)
        self.database.failure = None
        tasks = self.game.tasks
        self.successResultOf(tasks.stop())
        self.assertEqual(len(tasks), 0)

    def test_growing_pauses(self) -> None:
        """The pauses between tries grow, up to the longest; and anew behind what could be read."""
        for mended, pauses in (
            (None, [0, 5, 10, 20, 40, 60, 60, 60, 60]),
            (38, [0, 5, 10, 21, 5, 10]),
        ):
            ann, bob = self.due(2, 2)
            store = Spoilt(self.database, self.clock, ann.id, bob.id)
            reading = recollection.Recollection(
                store=store, sessions=self.game.sessions, clock=self.clock, tasks=self.game.tasks
            )
            reading.went_on(ann)
            reading.went_on(bob)
            for second in range(400):
                if second == mended:
                    store.spoilt = (bob.id,)
                self.advance(1.0)
            waits = [round(after - before) for before, after in pairwise(store.tries)]
            self.assertEqual(waits, pauses)
            self.flushLoggedErrors(MudError)

    def test_stops_while_it_reads(self) -> None:
        """That reading ends with the world is no failure of it."""
        self.database.hold()
        self.advance(recollection.FIRST_SECONDS)
        self.successResultOf(self.game.tasks.stop())
        self.database.release()
        self.assertEqual(self.answers(self.ann).unread, 2)

    def test_some_at_a_time(self) -> None:
        """Of many answers some are read, those of a session at least, and others after a pause."""
        sessions = self.due(9, 2)
        reading = recollection.Recollection(
            store=self.journal_store,
            sessions=self.game.sessions,
            clock=self.clock,
            tasks=self.game.tasks,
            portion=10,
        )
        for session in sessions:
            reading.went_on(session)
        left = []
        for seconds in (recollection.FIRST_SECONDS, recollection.PAUSE_SECONDS):
            self.clock.advance(seconds)
            self.clock.advance(0.0)
            left.append([session.answers.unread for session in sessions])
        self.assertEqual(left, [[0, 2], [0, 0]])


class UnheardTest(SuccessionTestCase):
    """What an earlier world has answered by an id that came before, and was not heard."""

    def setUp(self) -> None:
        super().setUp()
        self.carry_out(self.ann, "get lamp", "a")
        self.holding.deaf = True
        self.carry_out(self.ann, "get lamp", "a")
        self.carry_out(self.ann, "drop feather")
        self.advance(5.0)
        self.holding.deaf = False
        self.holding.forget()

    def test_answered(self) -> None:
        """It is answered as it was, in its place."""
        self.succeed()
        answers = [(each.number, each.refusal is None) for each in self.holding.settled(self.ann)]
        self.assertEqual(answers, [(2, True), (3, True)])

    def test_away(self) -> None:
        """As long as that can't be looked up it has no answer; it comes again."""
        self.kill()
        self.open_next()
        asking = self.holding.ask()
        self.advance(0.0)
        self.successResultOf(asking)
        self.database.failure = StorageUnavailable("away")
        self.holding.all_back()
        self.advance(3.0)
        self.assertEqual([each.number for each in self.holding.settled(self.ann)], [3])
        self.database.failure = None
        self.holding.send_again(self.ann)
        self.advance()
        self.assertEqual([each.number for each in self.holding.settled(self.ann)], [3, 2])
