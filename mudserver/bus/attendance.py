"""Who responds where, and who wants to know."""

from collections import Counter
from collections.abc import Iterable

from attrs import frozen

from mudserver.bus.envelopes import Present
from mudserver.bus.members import Member, Outgoing
from mudserver.bus.pattern_tree import PatternTree
from mudserver.bus.subjects import matches


@frozen(eq=False)
class _Responder:
    """A member that responds on a subject."""

    member: Member
    rank: int


@frozen(eq=False)
class _Watch:
    """A member that wants to know who responds on a pattern."""

    member: Member
    id: int
    pattern: str


class Attendance:
    """
    The responders of an exchange, and those who watch them.

    On one subject those of the highest rank are asked, and of these the latest. What changes that
    for a subject is told to all who watch it, also where another one takes over: at once, but for a
    member that changes too much.

    Args:
        changes: Of one member that are told at once, between two calls of `tell_late`.
    """

    def __init__(self, changes: int) -> None:
        self._at_once = changes
        self._changes: Counter[Member] = Counter()
        self._untold: dict[_Watch, None] = {}
        # Who is asked stands last.
        self._responders: dict[str, list[_Responder]] = {}
        self._subjects: dict[Member, dict[str, _Responder]] = {}
        self._watches: dict[Member, dict[int, _Watch]] = {}
        self._watched: PatternTree[_Watch] = PatternTree()

    def __len__(self) -> int:
        """Return how many responders and watches there are."""
        return sum(map(len, self._responders.values())) + len(self._watched)

    def responds(self, member: Member) -> int:
        """Return on how many subjects a member responds."""
        return len(self._subjects.get(member, ()))

    def watches(self, member: Member) -> int:
        """Return how many watches a member has."""
        return len(self._watches.get(member, ()))

    def is_watching(self, member: Member, number: int) -> bool:
        """Tell whether a member has a watch of that number."""
        return number in self._watches.get(member, ())

    def is_responding(self, member: Member, subject: str) -> bool:
        """Tell whether a member responds there."""
        return subject in self._subjects.get(member, ())

    def responder(self, subject: str) -> Member | None:
        """Return who is asked on that subject."""
        there = self._responders.get(subject)
        return there[-1].member if there else None

    def respond(self, member: Member, subject: str, rank: int) -> Outgoing:
        """Have a member respond; where it does already, with another rank, as the latest."""
        before = self._first(subject)
        self._take_out(member, subject)
        responder = _Responder(member, rank)
        self._subjects.setdefault(member, {})[subject] = responder
        there = self._responders.setdefault(subject, [])
        place = len(there)
        while place and there[place - 1].rank > rank:
            place -= 1
        there.insert(place, responder)
        return self._changed(member, subject) if self._first(subject) is not before else []

    def withdraw(self, member: Member, subject: str) -> Outgoing:
        """Have a member respond no longer, where it does."""
        before = self._first(subject)
        self._take_out(member, subject)
        return self._changed(member, subject) if self._first(subject) is not before else []

    def tell_late(self) -> Outgoing:
        """Tell what was not told at once; to be called once a second."""
        self._changes.clear()
        return self._tell(self._untold)

    def watch(self, member: Member, number: int, pattern: str) -> Outgoing:
        """
        Begin a watch.

        Args:
            member: Whose.
            number: The member's own, which it has given to no other.
            pattern: Of which subjects.
        """
        watch = _Watch(member, number, pattern)
        self._watches.setdefault(member, {})[number] = watch
        self._watched.add(pattern, watch)
        return [(member, Present(number, self._there(pattern)))]

    def unwatch(self, member: Member, number: int) -> None:
        """End a watch, where there is one of that number."""
        there = self._watches.get(member, {})
        watch = there.pop(number, None)
        if watch is None:
            return
        if not there:
            del self._watches[member]
        self._forget(watch)

    def leave(self, member: Member) -> Outgoing:
        """Have a member neither respond nor watch."""
        for watch in self._watches.pop(member, {}).values():
            self._forget(watch)
        concerned: list[_Watch] = []
        for subject in tuple(self._subjects.get(member, ())):
            before = self._first(subject)
            self._take_out(member, subject)
            if self._first(subject) is not before:
                concerned += self._watched.find(subject)
        self._changes.pop(member, None)
        return self._tell(concerned)

    def _first(self, subject: str) -> _Responder | None:
        there = self._responders.get(subject)
        return there[-1] if there else None

    def _take_out(self, member: Member, subject: str) -> None:
        subjects = self._subjects.get(member, {})
        responder = subjects.pop(subject, None)
        if responder is None:
            return
        if not subjects:
            del self._subjects[member]
        there = self._responders[subject]
        there.remove(responder)
        if not there:
            del self._responders[subject]

    def _changed(self, member: Member, subject: str) -> Outgoing:
        """Tell that another one is asked on a subject, or none, now or later."""
        concerned = self._watched.find(subject)
        self._changes[member] += 1
        if self._changes[member] <= self._at_once:
            return self._tell(concerned)
        self._untold.update(dict.fromkeys(concerned))
        return []

    def _tell(self, watches: Iterable[_Watch]) -> Outgoing:
        """Tell each of those who watch all that is there, once."""
        concerned = dict.fromkeys(watches)
        for watch in concerned:
            self._untold.pop(watch, None)
        there = {pattern: self._there(pattern) for pattern in {each.pattern for each in concerned}}
        return [(each.member, Present(each.id, there[each.pattern])) for each in concerned]

    def _forget(self, watch: _Watch) -> None:
        self._watched.remove(watch.pattern, watch)
        self._untold.pop(watch, None)

    def _there(self, pattern: str) -> tuple[str, ...]:
        return tuple(sorted(each for each in self._responders if matches(pattern, each)))
