"""The routing core of the bus, beside a naive model of what it promises."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.envelopes import (
    Answer,
    Ask,
    Deliver,
    Fail,
    Present,
    Publish,
    Receipt,
    Respond,
    Subscribe,
    Unsubscribe,
    Watch,
    Withdraw,
)
from mudserver.bus.exchange import Exchange
from mudserver.bus.members import Member, Outgoing
from mudserver.bus.rights import ALL_RIGHTS
from mudserver.bus.subjects import matches
from mudserver.bus.under_way import LEFT_BEHIND

PATTERNS = ("a.b", "a.*", ">", "*.b")
SUBJECTS = ("a.b", "a.c", "d")


@dataclass(eq=False)
class Peer:
    """What the model knows of a member, and what the member got."""

    member: Member
    here: bool = True
    numbers: int = 0
    subscriptions: dict[int, tuple[str, str]] = field(default_factory=dict)
    sent: Counter[str] = field(default_factory=Counter)
    got: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    owes: set[tuple[str, str]] = field(default_factory=set)
    watches: dict[int, str] = field(default_factory=dict)
    questions: dict[int, tuple["Peer", int]] = field(default_factory=dict)


@dataclass(eq=False)
class Pending:
    """A durable message that not all have confirmed."""

    publisher: Peer
    id: str
    waiting: set[Peer]
    confirmed: int = 0


@dataclass(eq=False)
class Standing:
    """One who responds on a subject."""

    peer: Peer
    rank: int


class Model(RuleBasedStateMachine):
    """Members come and go, and say whatever is lawful; each answer is what the model expects."""

    peers = Bundle("peers")
    subscriptions = Bundle("subscriptions")
    names = st.sampled_from(["w", "g1", "g2"])
    subjects = st.sampled_from(SUBJECTS)

    def __init__(self) -> None:
        super().__init__()
        self.exchange = Exchange()
        self.all: list[Peer] = []
        self.pending: dict[tuple[str, str], Pending] = {}
        self.standing: dict[str, list[Standing]] = defaultdict(list)
        self.turns: dict[tuple[str, str], list[tuple[Peer, int]]] = defaultdict(list)

    # ------------------------------------------------------------ coming and going

    @initialize(target=peers)
    def begin(self) -> MultipleResults[Peer]:
        return multiple(*(self.enter(name) for name in ("w", "g1", "g2")))

    @rule(target=peers, name=names)
    def join(self, name: str) -> Peer:
        return self.enter(name)

    def enter(self, name: str) -> Peer:
        peer = Peer(self.exchange.join(name, ALL_RIGHTS))
        assert peer.member.sender not in {each.member.sender for each in self.all}
        self.all.append(peer)
        return peer

    @rule(peer=consumes(peers))
    def leave(self, peer: Peer) -> None:
        before = self.first()
        peer.here = False
        for there in self.standing.values():
            there[:] = [each for each in there if each.peer is not peer]
        self.turns.clear()
        wanted: list[tuple[Member, object]] = self.presents(before)
        for asker in self.here():
            for number, (responder, _) in tuple(asker.questions.items()):
                if responder is peer:
                    del asker.questions[number]
                    wanted.append((asker.member, ("failed", number)))
        for key, message in tuple(self.pending.items()):
            if message.publisher is peer:
                self.forget(key)
            elif peer in message.waiting:
                self.forget(key)
                wanted.append((message.publisher.member, Receipt("", message.id, 0)))
        got = [
            (member, ("failed", each.id) if isinstance(each, Fail) else each)
            for member, each in self.exchange.leave(peer.member)
        ]
        self.same(got, wanted)

    # ------------------------------------------------------------ messages

    @rule(
        target=subscriptions,
        peer=peers,
        pattern=st.sampled_from(PATTERNS),
        group=st.sampled_from(["", "crew", "others"]),
    )
    def subscribe(self, peer: Peer, pattern: str, group: str) -> tuple[Peer, int]:
        peer.numbers += 1
        assert self.say(peer, Subscribe(peer.numbers, pattern, group)) == []
        peer.subscriptions[peer.numbers] = (pattern, group)
        self.turns.clear()
        return peer, peer.numbers

    @rule(subscription=consumes(subscriptions))
    def unsubscribe(self, subscription: tuple[Peer, int]) -> None:
        peer, number = subscription
        if not peer.here:
            return
        assert self.say(peer, Unsubscribe(number)) == []
        peer.subscriptions.pop(number)
        self.turns.clear()

    @rule(peer=peers, subject=subjects, times=st.integers(1, 4))
    def publish(self, peer: Peer, subject: str, times: int) -> None:
        for _ in range(times):
            out = self.send(peer, subject)
            self.check_receivers(peer, subject, "", out)

    @rule(peer=peers, subject=subjects, name=st.sampled_from(["m1", "m2"]))
    def publish_durable(self, peer: Peer, subject: str, name: str) -> None:
        out = self.send(peer, subject, name)
        self.forget((peer.member.sender, name))
        if not self.entitled(subject):
            assert out == [(peer.member, Receipt("", name, 0))]
            return
        receivers = self.check_receivers(peer, subject, name, out)
        self.pending[peer.member.sender, name] = Pending(peer, name, receivers)
        for each in receivers:
            each.owes.add((peer.member.sender, name))

    def send(self, peer: Peer, subject: str, name: str = "") -> Outgoing:
        peer.sent[subject] += 1
        return self.say(peer, Publish(subject, peer.sent[subject], name, b"payload"))

    def check_receivers(self, sender: Peer, subject: str, name: str, out: Outgoing) -> set[Peer]:
        """All who are in no group get it, and of each group one whose turn it is."""
        seq = sender.sent[subject]
        delivered: dict[Member, tuple[int, ...]] = {}
        for member, envelope in out:
            assert isinstance(envelope, Deliver)
            assert member not in delivered, "one to each"
            numbers = delivered[member] = envelope.subscriptions
            assert envelope == Deliver(
                numbers, sender.member.sender, subject, seq, name, b"payload"
            )
        receivers = {each for each in self.here() if each.member in delivered}
        for each in receivers:
            each.got[sender.member.sender, subject].append(seq)
        self.check_subscriptions(subject, delivered)
        return receivers

    def check_subscriptions(self, subject: str, delivered: dict[Member, tuple[int, ...]]) -> None:
        got = {(peer, number) for peer in self.here() for number in delivered.get(peer.member, ())}
        assert len(got) == sum(map(len, delivered.values()))
        alone, groups = self.by_group(subject)
        assert alone <= got
        assert got <= alone.union(*groups.values())
        for key, members in groups.items():
            (picked,) = got & members
            turns = self.turns[key]
            assert picked not in turns, "not again before all others"
            turns.append(picked)
            if len(turns) == len(members):
                turns.clear()

    @rule(peer=peers, data=st.data())
    def confirm(self, peer: Peer, data: st.DataObject) -> None:
        if not peer.owes:
            return
        key = data.draw(st.sampled_from(sorted(peer.owes)))
        peer.owes.remove(key)
        message = self.pending[key]
        message.waiting.remove(peer)
        message.confirmed += 1
        wanted: Outgoing = []
        if not message.waiting:
            wanted = [(message.publisher.member, Receipt("", message.id, message.confirmed))]
            self.forget(key)
        assert self.say(peer, Receipt(*key, 1)) == wanted

    # ------------------------------------------------------------ requests

    @rule(peer=peers, subject=st.sampled_from(["a.b", "d"]), rank=st.integers(0, 1))
    def respond(self, peer: Peer, subject: str, rank: int) -> None:
        before = self.first()
        there = [each for each in self.standing[subject] if each.peer is not peer]
        self.standing[subject] = [*there, Standing(peer, rank)]
        wanted = self.presents(before)
        self.same(self.say(peer, Respond(subject, rank)), wanted)

    @rule(peer=peers, subject=subjects)
    def withdraw(self, peer: Peer, subject: str) -> None:
        before = self.first()
        there = [each for each in self.standing[subject] if each.peer is not peer]
        self.standing[subject] = there
        wanted = self.presents(before)
        self.same(self.say(peer, Withdraw(subject)), wanted)

    @rule(peer=peers, pattern=st.sampled_from(PATTERNS))
    def watch(self, peer: Peer, pattern: str) -> None:
        peer.numbers += 1
        peer.watches[peer.numbers] = pattern
        out = self.say(peer, Watch(peer.numbers, pattern))
        assert out == [(peer.member, self.present(peer.numbers, pattern))]

    @rule(peer=peers, subject=subjects)
    def ask(self, peer: Peer, subject: str) -> None:
        peer.numbers += 1
        [(member, envelope)] = self.say(peer, Ask(peer.numbers, subject, 10.0, b"?"))
        first = self.first().get(subject)
        if first is None:
            assert isinstance(envelope, Fail)
            assert (member, envelope.id) == (peer.member, peer.numbers)
        else:
            assert isinstance(envelope, Ask)
            assert member is first.peer.member
            peer.questions[peer.numbers] = (first.peer, envelope.id)

    @rule(peer=peers, data=st.data())
    def answer(self, peer: Peer, data: st.DataObject) -> None:
        if not peer.questions:
            return
        number = data.draw(st.sampled_from(sorted(peer.questions)))
        responder, passed = peer.questions.pop(number)
        assert self.say(responder, Answer(passed, b"!")) == [(peer.member, Answer(number, b"!"))]

    # ------------------------------------------------------------ what holds always

    @invariant()
    def in_order(self) -> None:
        """Nobody got anything of one publisher on one subject out of order, or twice."""
        for peer in self.all:
            for numbers in peer.got.values():
                assert numbers == sorted(set(numbers))

    @invariant()
    def nothing_else(self) -> None:
        """The exchange holds what the model does."""
        here = tuple(self.here())
        assert self.exchange.unconfirmed == len(self.pending)
        assert self.exchange.questions == sum(len(each.questions) for each in here)
        assert self.exchange.held == (
            len(here)
            + sum(len(each.subscriptions) + len(each.watches) for each in here)
            + sum(len(each) for each in self.standing.values())
            + len(self.pending)
            + sum(len(each.questions) for each in here)
        )
        assert not self.exchange.strays

    def teardown(self) -> None:
        """When all have left, nothing of them is."""
        for peer in tuple(self.here()):
            self.leave(peer)
        assert self.exchange.held == 0
        for _ in range(LEFT_BEHIND):
            self.exchange.expire(0.0)
        assert not list(leftovers(self.exchange))

    # ------------------------------------------------------------ the model

    def say(self, peer: Peer, envelope: object) -> Outgoing:
        return self.exchange.received(peer.member, envelope, 0.0)  # type: ignore[arg-type]

    def here(self) -> Iterator[Peer]:
        return (each for each in self.all if each.here)

    def by_group(
        self, subject: str
    ) -> tuple[set[tuple[Peer, int]], dict[tuple[str, str], set[tuple[Peer, int]]]]:
        alone: set[tuple[Peer, int]] = set()
        groups: dict[tuple[str, str], set[tuple[Peer, int]]] = defaultdict(set)
        for peer in self.here():
            for number, (pattern, group) in peer.subscriptions.items():
                if matches(pattern, subject):
                    (groups[pattern, group] if group else alone).add((peer, number))
        return alone, groups

    def entitled(self, subject: str) -> bool:
        alone, groups = self.by_group(subject)
        return bool(alone or groups)

    def forget(self, key: tuple[str, str]) -> None:
        message = self.pending.pop(key, None)
        for peer in message.waiting if message else ():
            peer.owes.discard(key)

    def first(self) -> dict[str, Standing]:
        """Return who is asked where: the highest rank, and of these the latest."""
        return {
            subject: max(reversed(there), key=lambda each: each.rank)
            for subject, there in self.standing.items()
            if there
        }

    def present(self, number: int, pattern: str) -> Present:
        return Present(
            number, tuple(sorted(each for each in self.first() if matches(pattern, each)))
        )

    def presents(self, before: dict[str, Standing]) -> list[tuple[Member, object]]:
        """Return what those are told who watch where something has changed."""
        after = self.first()
        changed = {each for each in SUBJECTS if before.get(each) is not after.get(each)}
        return [
            (peer.member, self.present(number, pattern))
            for peer in self.here()
            for number, pattern in peer.watches.items()
            if any(matches(pattern, each) for each in changed)
        ]

    @staticmethod
    def same(got: object, wanted: object) -> None:
        """The same, in any order."""
        assert isinstance(got, list)
        assert isinstance(wanted, list)
        assert len(got) == len(wanted), (got, wanted)
        assert all(each in wanted for each in got), (got, wanted)


def leftovers(value: object) -> Iterator[object]:
    """Find whatever is not empty in what an object of the bus is made of."""
    if isinstance(value, (dict, set, list, tuple)):
        if value:
            yield value
    elif type(value).__module__.startswith("mudserver.bus"):
        names = [*getattr(value, "__dict__", ()), *getattr(type(value), "__slots__", ())]
        for name in names:
            if name not in ("__weakref__", "_limits", "strays"):
                yield from leftovers(getattr(value, name))


class ExchangeModelTest(SynchronousTestCase):
    def test_model(self) -> None:
        """Whoever says what: the right ones get it, and in the end nothing is left."""
        run_state_machine_as_test(
            Model, settings=settings(max_examples=60, stateful_step_count=40, deadline=None)
        )
