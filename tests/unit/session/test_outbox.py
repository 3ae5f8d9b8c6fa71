"""What a session is sent: counted, bounded, replayable."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.session.outbox import Frame, Outbox, OutboxLimits


def play(text: str) -> Frame:
    return Frame(text.encode(), play=True)


def control(text: str) -> Frame:
    return Frame(text.encode(), play=False)


def state(of: str, text: str) -> Frame:
    return Frame(text.encode(), play=True, state=of, full=True)


def delta(of: str, text: str) -> Frame:
    return Frame(text.encode(), play=True, state=of)


def known(of: str, frames: list[Frame]) -> list[Frame]:
    """What one knows of a state: the last full one, and all changes since."""
    told: list[Frame] = []
    for frame in frames:
        if frame.state == of:
            told = [frame] if frame.full else [*told, frame]
    return told


class OutboxTests(SynchronousTestCase):
    """`Outbox` counts messages of play when they are flushed."""

    def setUp(self) -> None:
        self.outbox = Outbox(OutboxLimits(pending=10, replay_messages=3, replay_bytes=8))

    def send(self, *frames: Frame) -> list[bytes]:
        for frame in frames:
            self.outbox.offer(frame)
        return self.outbox.flush()

    def test_order(self) -> None:
        """Everything comes out once, in the order in which it came in."""
        self.assertEqual([b"a", b"x", b"b"], self.send(play("a"), control("x"), play("b")))
        self.assertEqual([], self.outbox.flush())

    def test_only_play_counts(self) -> None:
        """Control messages have no number."""
        self.send(play("a"), control("x"), play("b"))
        self.assertEqual(2, self.outbox.count)

    def test_counted_when_flushed(self) -> None:
        """What only waits has no number yet."""
        self.outbox.offer(play("a"))
        self.assertEqual(0, self.outbox.count)

    def test_clear(self) -> None:
        """What is cleared is gone, waiting and sent alike; the count stays."""
        self.send(play("a"))
        self.outbox.offer(play("b"))
        self.outbox.clear()
        self.assertEqual([], self.outbox.flush())
        self.assertEqual((0, 1), (self.outbox.pending, self.outbox.count))
        self.assertFalse(self.outbox.holds_since(0))

    def test_overflow(self) -> None:
        """More pending bytes than allowed is told, and nothing is thrown away."""
        self.assertTrue(self.outbox.offer(play("123456789")))
        self.assertFalse(self.outbox.offer(play("12")))
        self.assertEqual([b"123456789", b"12"], self.outbox.flush())
        self.assertEqual(0, self.outbox.pending)

    def test_states_are_dropped_first(self) -> None:
        """Beyond the limit, what a later full state replaces is dropped, and not counted."""
        room, other = state("room", "RR"), state("room", "SS")
        self.assertTrue(self.outbox.offer(room))
        self.assertTrue(self.outbox.offer(delta("room", "r")))
        self.assertTrue(self.outbox.offer(play("abc")))
        self.assertTrue(self.outbox.offer(delta("char", "c")))
        self.assertTrue(self.outbox.offer(other))
        self.assertEqual(9, self.outbox.pending)
        self.assertTrue(self.outbox.offer(delta("room", "tt")))
        self.assertEqual(8, self.outbox.pending)
        self.assertEqual([b"abc", b"c", b"SS", b"tt"], self.outbox.flush())
        self.assertEqual(4, self.outbox.count)

    def test_states_that_are_needed(self) -> None:
        """The last full state and what came after it are kept, and what is no state."""
        frames = (delta("room", "ab"), state("char", "cd"), delta("char", "ef"), control("ghijk"))
        self.assertEqual([True] * 3 + [False], [self.outbox.offer(frame) for frame in frames])
        self.assertEqual([b"ab", b"cd", b"ef", b"ghijk"], self.outbox.flush())

    @given(st.lists(st.tuples(st.sampled_from(("", "room", "char")), st.booleans()), max_size=20))
    def test_what_is_read_last(self, told: list[tuple[str, bool]]) -> None:
        """Whatever is dropped, who reads the rest knows the same of each state."""
        outbox = Outbox(OutboxLimits(pending=10))
        frames = [
            Frame(f"{number:02}{of[:1] or 'x'}".encode(), True, of, full and bool(of))
            for number, (of, full) in enumerate(told)
        ]
        for frame in frames:
            outbox.offer(frame)
        read = outbox.flush()
        for kind in ("room", "char"):
            self.assertEqual(
                known(kind, frames), known(kind, [f for f in frames if f.data in read])
            )
        self.assertEqual([f.data for f in frames if not f.state], [d for d in read if b"x" in d])

    def test_replay(self) -> None:
        """A client that names its count gets the rest."""
        self.send(play("a"), control("x"), play("b"), play("c"))
        self.assertEqual([b"b", b"c"], self.outbox.replay(1))
        self.assertEqual([], self.outbox.replay(3))

    def test_replay_is_bounded_by_messages(self) -> None:
        """The oldest beyond the limit are gone, and that is told."""
        self.send(*(play(str(number)) for number in range(4)))
        self.assertTrue(self.outbox.holds_since(1))
        self.assertFalse(self.outbox.holds_since(0))
        self.assertRaises(ValueError, self.outbox.replay, 0)

    def test_replay_is_bounded_by_bytes(self) -> None:
        """Eight bytes are kept, however few messages that is."""
        self.send(play("12345"), play("6789"))
        self.assertEqual([b"6789"], self.outbox.replay(1))
        self.assertFalse(self.outbox.holds_since(0))

    def test_never_the_future(self) -> None:
        """A count beyond ours is not held."""
        self.send(play("a"))
        self.assertFalse(self.outbox.holds_since(2))

    @given(
        st.lists(st.tuples(st.binary(max_size=4), st.booleans(), st.booleans()), max_size=40),
        st.integers(0, 40),
    )
    def test_replay_continues(self, sent: list[tuple[bytes, bool, bool]], seen: int) -> None:
        """What a client saw, and what it is replayed, is all that was sent, in order."""
        outbox = Outbox(OutboxLimits(replay_messages=5, replay_bytes=12))
        numbered: list[bytes] = []
        for data, counts, flush in sent:
            outbox.offer(Frame(data, counts))
            if counts:
                numbered.append(data)
            if flush:
                outbox.flush()
        outbox.flush()
        self.assertEqual(len(numbered), outbox.count)
        if outbox.holds_since(seen):
            self.assertEqual(numbered, numbered[:seen] + outbox.replay(seen))
