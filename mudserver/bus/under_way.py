"""How much of each peer is under way to each subject."""

from collections import Counter, deque
from typing import Final

from attrs import define, field

from mudserver.bus.members import Member

#: Times that `UnderWay.age` is called until what a member leaves behind counts no longer: it may
#: wait in the links of others still, and the peer is back in no time.
LEFT_BEHIND: Final = 5

_Where = tuple[str, str]


@define(eq=False)
class UnderWay:
    """
    Bytes of durable messages and questions, by the name of their peer and by subject.

    What a member that leaves had under way counts a while longer for the peer of that name, so that
    to come again gives it no more room.
    """

    _sizes: Counter[_Where] = field(factory=Counter, init=False)
    _left: Counter[_Where] = field(factory=Counter, init=False)
    # When it counts no longer, of which subject, how much: in that order.
    _leaving: deque[tuple[int, _Where, int]] = field(factory=deque, init=False)
    _age: int = field(default=0, init=False)

    def __len__(self) -> int:
        """Return for how many subjects of peers something counts."""
        return len(self._sizes) + len(self._left)

    def size(self, member: Member, subject: str) -> int:
        """Return how many bytes count for a member's peer there."""
        where = _peer(member), subject
        return self._sizes[where] + self._left[where]

    def begin(self, member: Member, subject: str, size: int) -> None:
        """Something of a member is under way from now on."""
        self._sizes[_peer(member), subject] += size

    def end(self, member: Member, subject: str, size: int) -> None:
        """It has arrived, or is given up."""
        _take(self._sizes, (_peer(member), subject), size)

    def leave_behind(self, member: Member, subject: str, size: int) -> None:
        """The member leaves, and nobody waits for it any more."""
        where = _peer(member), subject
        _take(self._sizes, where, size)
        if not size:
            return
        self._left[where] += size
        self._leaving.append((self._age + LEFT_BEHIND, where, size))

    def age(self) -> None:
        """Forget what was left behind long ago; to be called once a second."""
        self._age += 1
        while self._leaving and self._leaving[0][0] <= self._age:
            _, where, size = self._leaving.popleft()
            _take(self._left, where, size)


def _peer(member: Member) -> str:
    """Return the name of a member's peer, whichever run of its process that is."""
    return member.name.partition("/")[0]


def _take(sizes: Counter[_Where], where: _Where, size: int) -> None:
    sizes[where] -= size
    if not sizes[where]:
        del sizes[where]
