"""
What a session is about to be sent, and what it was sent of late.

Messages of play are numbered by counting (``docs/protocol.md``): each gets its number when
it is flushed. The number is in no frame, so that one frame serves all who see the same; the
outbox and its replay buffer hold references to it.
"""

from collections.abc import Sequence

from attrs import define, field, frozen


@frozen
class Frame:
    """
    A message in its wire form.

    Attributes:
        data: The bytes for the transport.
        play: Whether it is numbered and replayed.
        state: Of what it tells the state, or a change of it; empty where it tells of no state.
        full: Whether it tells all of that state, so that what was told before needn't be read.
    """

    data: bytes
    play: bool
    state: str = ""
    full: bool = False


@frozen
class OutboxLimits:
    """
    How much an outbox holds.

    Attributes:
        pending: Bytes that wait for a flush; more, and the reader is too slow.
        replay_messages: Messages kept for a reconnect.
        replay_bytes: Bytes kept for a reconnect.
    """

    pending: int = 256 * 1024
    replay_messages: int = 300
    replay_bytes: int = 256 * 1024


@define
class Outbox:
    """
    Bounded, counted and replayable.

    Attributes:
        count: How many messages of play were flushed so far.
        pending: How many bytes wait for a flush.
    """

    _limits: OutboxLimits
    count: int = field(init=False, default=0)
    pending: int = field(init=False, default=0)
    _waiting: list[Frame] = field(init=False, factory=list)
    # No deque: its first block takes 600 bytes, and few sessions are sent that many messages.
    _sent: list[bytes] = field(init=False, factory=list)
    _sent_bytes: int = field(init=False, default=0)

    def offer(self, frame: Frame) -> bool:
        """
        Add a frame.

        Returns:
            False when more waits now than the limit allows, though all states were dropped
            that a later one replaces: the reader is too slow, and its connection should end.
            The frame is kept all the same, for a resume.
        """
        self._waiting.append(frame)
        self.pending += len(frame.data)
        if self.pending <= self._limits.pending:
            return True
        self._drop_replaced()
        return self.pending <= self._limits.pending

    def flush(self) -> list[bytes]:
        """Take out all that waits, in order; messages of play are counted and remembered."""
        waiting = self._waiting
        burst = [frame.data for frame in waiting]
        played = [frame.data for frame in waiting if frame.play]
        self.count += len(played)
        self._sent += played
        self._sent_bytes += self.pending if len(played) == len(burst) else sum(map(len, played))
        waiting.clear()
        self.pending = 0
        self._forget()
        return burst

    def holds_since(self, count: int) -> bool:
        """Whether all messages after that count are still here."""
        return self.count - len(self._sent) <= count <= self.count

    def replay(self, count: int) -> list[bytes]:
        """
        Return the messages of play after that count, in order.

        Raises:
            ValueError: Some are gone, or that many were never sent: see `holds_since`.
        """
        if not self.holds_since(count):
            raise ValueError(f"can't replay from {count}")
        missed = self.count - count
        return self._sent[len(self._sent) - missed :]

    def restore(self, count: int, sent: Sequence[bytes]) -> None:
        """
        Go on behind what another gateway has sent; what waits here already comes after that.

        Args:
            count: How many messages of play were sent.
            sent: The last of them, in order.

        Raises:
            ValueError: Those are more than were sent.
        """
        if len(sent) > count:
            raise ValueError(f"{len(sent)} messages of {count}")
        self.count = count
        self._sent = list(sent)
        self._sent_bytes = sum(map(len, sent))
        self._forget()

    def clear(self) -> None:
        """Let go of all that waits and all that is remembered: nobody comes back for it."""
        self._waiting.clear()
        self.pending = 0
        self._sent.clear()
        self._sent_bytes = 0

    def _drop_replaced(self) -> None:
        """Drop states, and changes of them, that wait before the full state of the same thing."""
        replaced: set[str] = set()
        kept: list[Frame] = []
        for frame in reversed(self._waiting):
            if frame.state in replaced:
                self.pending -= len(frame.data)
                continue
            if frame.full:
                replaced.add(frame.state)
            kept.append(frame)
        kept.reverse()
        self._waiting = kept

    def _forget(self) -> None:
        """Drop the oldest of what is remembered beyond the limits."""
        limits, sent = self._limits, self._sent
        forgotten = max(0, len(sent) - limits.replay_messages)
        if forgotten:
            self._sent_bytes -= sum(map(len, sent[:forgotten]))
        while self._sent_bytes > limits.replay_bytes:
            self._sent_bytes -= len(sent[forgotten])
            forgotten += 1
        if forgotten:
            del sent[:forgotten]
