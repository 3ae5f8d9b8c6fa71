"""What waits to go over a link."""

from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Final

from attrs import define, field

from mudserver.bus.boxes import BOX_BYTES, HEAD_BYTES, box, encode, pieces
from mudserver.bus.envelopes import Envelope, Present

#: What an envelope that waits takes besides its bytes, so that many small ones count, too.
ENTRY_BYTES: Final = 256

#: Of what a watch is told, how often it waits at the most. Of more, the one before the newest is
#: dropped: who comes and goes all the time must not fill the links of those who watch.
MAX_PRESENT: Final = 32


@define
class Backlog:
    """
    Envelopes that wait, in the order in which they go.

    Attributes:
        size: What they take, in bytes; each with `ENTRY_BYTES`.
    """

    _box_bytes: int = BOX_BYTES
    _waiting: OrderedDict[int, tuple[Envelope, bytes]] = field(factory=OrderedDict, init=False)
    _lossy: deque[int] = field(factory=deque, init=False)
    _present: dict[int, deque[int]] = field(factory=dict, init=False)
    _begun: deque[bytes] = field(factory=deque, init=False)
    _number: int = field(default=0, init=False)
    size: int = field(default=0, init=False)

    def __bool__(self) -> bool:
        return bool(self._waiting or self._begun)

    def add(self, envelope: Envelope) -> None:
        """
        Let an envelope wait behind the others.

        Raises:
            Unsendable: It is too large, or something in it can't be written.
        """
        encoded = encode(envelope)
        self._number += 1
        self._waiting[self._number] = (envelope, encoded)
        self.size += len(encoded) + ENTRY_BYTES
        if envelope.lossy:
            self._lossy.append(self._number)
        elif isinstance(envelope, Present):
            self._supersede(envelope.id)

    def shed(self, limit: int) -> Sequence[Envelope]:
        """Drop lossy ones, the oldest first, until no more than so many bytes wait."""
        dropped = []
        while self.size > limit and self._lossy:
            envelope, encoded = self._waiting.pop(self._lossy.popleft())
            self.size -= len(encoded) + ENTRY_BYTES
            dropped.append(envelope)
        return dropped

    def _supersede(self, watch: int) -> None:
        """Drop one of what a watch is told, where too much of it waits; the newest is added."""
        numbers = self._present.setdefault(watch, deque())
        if len(numbers) >= MAX_PRESENT:
            _, encoded = self._waiting.pop(numbers.pop())
            self.size -= len(encoded) + ENTRY_BYTES
        numbers.append(self._number)

    def take(self) -> bytes | None:
        """Return the next box, as full as it gets; None where nothing waits."""
        taken: list[bytes] = []
        room = self._box_bytes - HEAD_BYTES
        while self._begun or self._begin():
            if len(self._begun[0]) > room:
                break
            piece = self._begun.popleft()
            self.size -= len(piece)
            room -= len(piece)
            taken.append(piece)
        return box(taken) if taken else None

    def _begin(self) -> bool:
        """Go on to the next envelope, which from now on is not shed; tell whether there is one."""
        if not self._waiting:
            return False
        number, (envelope, encoded) = self._waiting.popitem(last=False)
        if self._lossy and self._lossy[0] == number:
            self._lossy.popleft()
        elif isinstance(envelope, Present):
            numbers = self._present[envelope.id]
            numbers.popleft()
            if not numbers:
                del self._present[envelope.id]
        if len(encoded) <= self._box_bytes - HEAD_BYTES:
            self._begun.append(encoded)
            self.size -= ENTRY_BYTES
        else:
            self._begun.extend(pieces(encoded, self._box_bytes))
            self.size += sum(map(len, self._begun)) - len(encoded) - ENTRY_BYTES
        return True
