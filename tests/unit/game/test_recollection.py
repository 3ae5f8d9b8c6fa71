"""What earlier worlds have answered is looked up, until all of it is read."""

from mudserver.errors import StorageUnavailable
from mudserver.game import recollection, service
from mudserver.game.answers import Answers
from mudserver.ids import InputNumber, SessionId
from mudserver.interfaces.play import Refusal
from tests.unit.game.succession import SuccessionTestCase


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

    def test_some_at_a_time(self) -> None:
        """Of many answers some are read, those of a session at least, and others after a pause."""
        self.read_all()
        sessions = tuple(self.game.sessions)
        for session, unread in zip(sessions, (9, 2), strict=True):
            session.answers = Answers(session.id)
            session.answers.go_on(InputNumber(3), (), 0.0, InputNumber(3), unread)
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
