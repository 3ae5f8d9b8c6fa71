"""Who gets what is published: subscriptions, and groups of which one gets it."""

from collections import deque
from collections.abc import Sequence
from typing import Final

from attrs import define, field, frozen

from mudserver.bus.members import Member
from mudserver.bus.pattern_tree import PatternTree

#: Subjects of which it is remembered who receives there. All are forgotten beyond, and whenever a
#: subscription begins or ends.
MAX_ROUTES: Final = 10_000

#: A member, and its own numbers of those subscriptions that a message is for.
Receiver = tuple[Member, tuple[int, ...]]


@frozen(eq=False)
class _Subscription:
    """A member's interest in a pattern."""

    member: Member
    id: int
    pattern: str
    group: str


@define(eq=False)
class _Group:
    """Subscriptions to one pattern that take turns; the next one stands first."""

    members: deque[_Subscription] = field(factory=deque)

    def pick(self) -> _Subscription:
        picked = self.members[0]
        self.members.rotate(-1)
        return picked


@frozen
class _Route:
    """Who receives on a subject: always, and by turns."""

    always: tuple[Receiver, ...]
    groups: tuple[_Group, ...]


class Routes:
    """
    All subscriptions of an exchange.

    To find who gets a message takes time by the number of those who do, where nothing has
    changed since the last one on that subject.
    """

    def __init__(self) -> None:
        self._members: dict[Member, dict[int, _Subscription]] = {}
        self._alone: PatternTree[_Subscription] = PatternTree()
        self._grouped: PatternTree[_Group] = PatternTree()
        self._groups: dict[tuple[str, str], _Group] = {}
        self._routes: dict[str, _Route] = {}

    def __len__(self) -> int:
        """Return how many subscriptions there are."""
        return sum(map(len, self._members.values()))

    def count(self, member: Member) -> int:
        """Return how many subscriptions a member has."""
        return len(self._members.get(member, ()))

    def has(self, member: Member, number: int) -> bool:
        """Tell whether a member has a subscription of that number."""
        return number in self._members.get(member, ())

    def add(self, member: Member, number: int, pattern: str, group: str) -> None:
        """
        Begin a subscription.

        Args:
            member: Whose.
            number: The member's own, which it has given to no other.
            pattern: On which subjects.
            group: With whom it takes turns; empty for with nobody.
        """
        subscription = _Subscription(member, number, pattern, group)
        self._members.setdefault(member, {})[number] = subscription
        if group:
            joined = self._groups.get((pattern, group))
            if joined is None:
                joined = self._groups[pattern, group] = _Group()
                self._grouped.add(pattern, joined)
            joined.members.append(subscription)
        else:
            self._alone.add(pattern, subscription)
        self._routes.clear()

    def remove(self, member: Member, number: int) -> None:
        """End a subscription, where there is one of that number."""
        there = self._members.get(member, {})
        subscription = there.pop(number, None)
        if subscription is None:
            return
        if not there:
            del self._members[member]
        self._drop(subscription)

    def leave(self, member: Member) -> None:
        """End all subscriptions of a member."""
        self._routes.clear()
        for subscription in self._members.pop(member, {}).values():
            self._drop(subscription)

    def find(self, subject: str) -> Sequence[Receiver]:
        """Return who gets a message that is sent there now; it is the next one's turn then."""
        route = self._routes.get(subject)
        if route is None:
            route = self._make(subject)
        if not route.groups:
            return route.always
        found = dict(route.always)
        for group in route.groups:
            picked = group.pick()
            found[picked.member] = (*found.get(picked.member, ()), picked.id)
        return tuple(found.items())

    def _make(self, subject: str) -> _Route:
        always: dict[Member, tuple[int, ...]] = {}
        for each in self._alone.find(subject):
            always[each.member] = (*always.get(each.member, ()), each.id)
        route = _Route(tuple(always.items()), tuple(self._grouped.find(subject)))
        if len(self._routes) >= MAX_ROUTES:
            self._routes.clear()
        self._routes[subject] = route
        return route

    def _drop(self, subscription: _Subscription) -> None:
        self._routes.clear()
        if not subscription.group:
            self._alone.remove(subscription.pattern, subscription)
            return
        key = (subscription.pattern, subscription.group)
        group = self._groups[key]
        group.members.remove(subscription)
        if not group.members:
            del self._groups[key]
            self._grouped.remove(subscription.pattern, group)
