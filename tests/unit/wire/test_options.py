"""Which telnet options are on: the Q method."""

from collections import deque

from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.wire.options import (
    DEFAULT_POLICY,
    MAX_ENABLE_REQUESTS,
    Change,
    Declined,
    Disabled,
    Enabled,
    Marked,
    Option,
    OptionTable,
    Policy,
    Reaction,
    Side,
    State,
)
from mudserver.wire.telnet import Negotiation, Parser, Verb

WILL, WONT, DO, DONT = Verb.WILL, Verb.WONT, Verb.DO, Verb.DONT
US, HIM = Side.US, Side.HIM


def said(data: bytes) -> list[Negotiation]:
    """The negotiations in the bytes, which must hold nothing else."""
    negotiations = []
    for event in Parser().receive(data):
        assert isinstance(event, Negotiation), event
        negotiations.append(event)
    return negotiations


def sends(verb: Verb, option: int, change: Change | None = None) -> Reaction:
    """The reaction that answers with one negotiation."""
    return Reaction(bytes((255, verb, option)), change)


class AnswerTests(SynchronousTestCase):
    """What the peer asks for."""

    def setUp(self) -> None:
        """A table with the policy of the server."""
        self.table = OptionTable()

    def hear(self, verb: Verb, option: int) -> Reaction:
        return self.table.receive(Negotiation(verb, option))

    def test_what_the_policy_allows(self) -> None:
        """DO EOR and DO SGA are answered WILL, and the options are on."""
        for option in (Option.EOR, Option.SGA):
            self.assertEqual(self.hear(DO, option), sends(WILL, option, Enabled(US, option)))
            self.assertTrue(self.table.is_on(US, option))

    def test_all_else_is_refused(self) -> None:
        """Every other request is refused with WONT or DONT, and nothing is on."""
        for option in set(range(256)) - DEFAULT_POLICY.us - {Option.TIMING_MARK}:
            self.assertEqual(self.hear(DO, option), sends(WONT, option))
            self.assertFalse(self.table.is_on(US, option))
        for option in set(range(256)) - {Option.TIMING_MARK}:
            self.assertEqual(self.hear(WILL, option), sends(DONT, option))
            self.assertFalse(self.table.is_on(HIM, option))

    def test_no_change_is_not_answered(self) -> None:
        """What is so already, on or off, gets no answer."""
        self.hear(DO, Option.EOR)
        for verb, option in ((DO, Option.EOR), (DONT, Option.SGA), (WONT, Option.NAWS)):
            self.assertEqual(self.hear(verb, option), Reaction())

    def test_disabling_is_always_granted(self) -> None:
        """DONT and WONT end an option that is on, and are confirmed once."""
        self.table = OptionTable(Policy(us=frozenset({Option.EOR}), him=frozenset({Option.NAWS})))
        self.hear(DO, Option.EOR)
        self.hear(WILL, Option.NAWS)
        self.assertEqual(
            self.hear(DONT, Option.EOR), sends(WONT, Option.EOR, Disabled(US, Option.EOR))
        )
        self.assertEqual(
            self.hear(WONT, Option.NAWS), sends(DONT, Option.NAWS, Disabled(HIM, Option.NAWS))
        )
        self.assertEqual(self.hear(DONT, Option.EOR), Reaction())
        self.assertEqual(self.hear(WONT, Option.NAWS), Reaction())

    def test_sides_are_apart(self) -> None:
        """That we do something says nothing of the peer."""
        self.hear(DO, Option.SGA)
        self.assertEqual(self.hear(WILL, Option.SGA), sends(DONT, Option.SGA))
        self.assertTrue(self.table.is_on(US, Option.SGA))
        self.assertFalse(self.table.is_on(HIM, Option.SGA))

    def test_endless_requests(self) -> None:
        """One who asks again and again is refused a number of times, then ignored and counted."""
        answers = [self.hear(WILL, Option.NAWS) for _ in range(MAX_ENABLE_REQUESTS + 5)]
        self.assertEqual(answers[:-5], [sends(DONT, Option.NAWS)] * MAX_ENABLE_REQUESTS)
        self.assertEqual(answers[-5:], [Reaction()] * 5)
        self.assertEqual((self.table.unsolicited, self.table.ignored), (MAX_ENABLE_REQUESTS, 5))

    def test_endless_flips(self) -> None:
        """One who flips an option we accept ends with it off, and with no more answers."""
        answered = 0
        for _ in range(10 * MAX_ENABLE_REQUESTS):
            answered += bool(self.hear(DO, Option.SGA).send)
            answered += bool(self.hear(DONT, Option.SGA).send)
        self.assertEqual(answered, 2 * MAX_ENABLE_REQUESTS)
        self.assertEqual(self.table.unsolicited, answered)
        self.assertFalse(self.table.is_on(US, Option.SGA))

    def test_ignored_peer_is_still_asked(self) -> None:
        """The bound is on what the peer asks: our own offers work as before."""
        for _ in range(MAX_ENABLE_REQUESTS + 1):
            self.hear(DO, Option.ECHO)
        self.table.offer(Option.ECHO)
        self.assertEqual(self.hear(DO, Option.ECHO), Reaction(change=Enabled(US, Option.ECHO)))


class WishTests(SynchronousTestCase):
    """What we ask for."""

    def setUp(self) -> None:
        """A table with the policy of the server."""
        self.table = OptionTable()

    def hear(self, verb: Verb, option: int) -> Reaction:
        return self.table.receive(Negotiation(verb, option))

    def test_password(self) -> None:
        """ECHO goes on when we offer it and off when we withdraw it, and is refused unasked."""
        echo = Option.ECHO
        self.assertEqual(self.hear(DO, echo), sends(WONT, echo))
        self.assertEqual(self.table.offer(echo), b"\xff\xfb\x01")
        self.assertFalse(self.table.is_on(US, echo))
        self.assertEqual(self.hear(DO, echo), Reaction(change=Enabled(US, echo)))
        self.assertTrue(self.table.is_on(US, echo))
        self.assertEqual(self.table.withdraw(echo), b"\xff\xfc\x01")
        self.assertFalse(self.table.is_on(US, echo))
        self.assertEqual(self.hear(DONT, echo), Reaction(change=Disabled(US, echo)))
        self.assertEqual(self.hear(DO, echo), sends(WONT, echo))

    def test_declined(self) -> None:
        """A refusal of ours is told, not answered, and does not count as a request."""
        self.table.offer(Option.EOR)
        self.table.request(Option.NAWS)
        self.assertEqual(self.hear(DONT, Option.EOR), Reaction(change=Declined(US, Option.EOR)))
        self.assertEqual(self.hear(WONT, Option.NAWS), Reaction(change=Declined(HIM, Option.NAWS)))
        self.assertEqual(self.table.unsolicited, 0)

    def test_wishes_for_the_peer(self) -> None:
        """What we request and forbid goes out as DO and DONT."""
        self.assertEqual(self.table.request(Option.NAWS), b"\xff\xfd\x1f")
        self.hear(WILL, Option.NAWS)
        self.assertTrue(self.table.is_on(HIM, Option.NAWS))
        self.assertEqual(self.table.forbid(Option.NAWS), b"\xff\xfe\x1f")

    def test_wish_already_granted(self) -> None:
        """A wish for what is so, or is asked for, sends nothing."""
        self.assertEqual(self.table.withdraw(Option.ECHO), b"")
        self.table.offer(Option.ECHO)
        self.assertEqual(self.table.offer(Option.ECHO), b"")
        self.hear(DO, Option.ECHO)
        self.assertEqual(self.table.offer(Option.ECHO), b"")

    def test_change_of_mind_waits(self) -> None:
        """A wish made while the opposite is under way goes out when that is answered."""
        table, echo = self.table, Option.ECHO
        table.offer(echo)
        self.assertEqual(table.withdraw(echo), b"")
        self.assertIs(table.state(US, echo), State.WANTYES_OPPOSITE)
        self.assertEqual(self.hear(DO, echo), sends(WONT, echo))
        self.assertEqual(table.offer(echo), b"")
        self.assertIs(table.state(US, echo), State.WANTNO_OPPOSITE)
        self.assertEqual(self.hear(DONT, echo), sends(WILL, echo, Disabled(US, echo)))
        self.assertEqual(self.hear(DO, echo), Reaction(change=Enabled(US, echo)))

    def test_change_of_mind_twice(self) -> None:
        """Two changes of mind cancel each other."""
        table, echo = self.table, Option.ECHO
        for wish in (table.offer, table.withdraw, table.offer):
            wish(echo)
        self.assertEqual(self.hear(DO, echo), Reaction(change=Enabled(US, echo)))
        for wish in (table.withdraw, table.offer, table.withdraw):
            wish(echo)
        self.assertEqual(self.hear(DONT, echo), Reaction(change=Disabled(US, echo)))

    def test_withdrawn_offer_is_refused(self) -> None:
        """A refusal of what we no longer want leaves it off, and needs nothing more."""
        self.table.offer(Option.ECHO)
        self.table.withdraw(Option.ECHO)
        self.assertEqual(self.hear(DONT, Option.ECHO), Reaction(change=Disabled(US, Option.ECHO)))
        self.assertIs(self.table.state(US, Option.ECHO), State.NO)

    def test_peer_that_breaks_the_rules(self) -> None:
        """WONT answered by DO settles as RFC 1143 says: off, or on if we want it on again."""
        echo = Option.ECHO
        for again, change in ((False, Disabled(US, echo)), (True, Enabled(US, echo))):
            table = OptionTable()
            table.offer(echo)
            table.receive(Negotiation(DO, echo))
            table.withdraw(echo)
            if again:
                table.offer(echo)
            self.assertEqual(table.receive(Negotiation(DO, echo)), Reaction(change=change))
            self.assertIs(table.state(US, echo), State.YES if again else State.NO)

    def test_what_cannot_be_switched(self) -> None:
        """TIMING-MARK is no state, and a number that is no byte is no option."""
        for wish in (self.table.offer, self.table.request, self.table.withdraw, self.table.forbid):
            for option in (Option.TIMING_MARK, 256, -1):
                self.assertRaises(ValueError, wish, option)

    def test_prompt_mark(self) -> None:
        """A prompt ends with GA, with nothing once SGA is on, and with EOR once that is on."""
        self.assertEqual(self.table.prompt_mark(), b"\xff\xf9")
        self.hear(DO, Option.SGA)
        self.assertEqual(self.table.prompt_mark(), b"")
        self.table.offer(Option.EOR)
        self.assertEqual(self.table.prompt_mark(), b"")
        self.hear(DO, Option.EOR)
        self.assertEqual(self.table.prompt_mark(), b"\xff\xef")


class TimingMarkTests(SynchronousTestCase):
    """RFC 860, which is no state."""

    def setUp(self) -> None:
        """A table with the policy of the server."""
        self.table = OptionTable()

    def hear(self, verb: Verb) -> Reaction:
        return self.table.receive(Negotiation(verb, Option.TIMING_MARK))

    def test_every_request_gets_a_mark(self) -> None:
        """DO TIMING-MARK is answered WILL each time, without bound, and leaves no state."""
        for _ in range(10 * MAX_ENABLE_REQUESTS):
            self.assertEqual(self.hear(DO), sends(WILL, Option.TIMING_MARK))
        self.assertFalse(self.table.is_on(US, Option.TIMING_MARK))
        self.assertEqual(self.table.unsolicited, 0)

    def test_either_answer_is_a_mark(self) -> None:
        """WILL and WONT both answer a mark of ours, one for one, without a reply."""
        self.assertEqual(self.table.mark(), b"\xff\xfd\x06")
        self.assertEqual(self.table.mark(), b"\xff\xfd\x06")
        self.assertEqual(self.table.marks_due, 2)
        self.assertEqual(self.hear(WILL), Reaction(change=Marked()))
        self.assertEqual(self.hear(WONT), Reaction(change=Marked()))
        self.assertEqual(self.table.marks_due, 0)

    def test_unasked_marks_mean_nothing(self) -> None:
        """A mark we did not ask for, or DONT, is neither answered nor told."""
        for verb in (WILL, WONT, DONT):
            self.assertEqual(self.hear(verb), Reaction())
        self.assertEqual(self.table.marks_due, 0)


@define
class End:
    """One of two tables that talk to each other, and what is on its way to it."""

    table: OptionTable
    coming: deque[Negotiation] = field(factory=deque)
    changes: list[Change] = field(factory=list)

    def hear(self) -> bytes:
        """Take the next message, as the network delivers it."""
        reaction = self.table.receive(self.coming.popleft())
        if reaction.change is not None:
            self.changes.append(reaction.change)
        return reaction.send


OPTIONS = (Option.ECHO, Option.EOR)
POLICIES = st.builds(
    Policy, us=st.frozensets(st.sampled_from(OPTIONS)), him=st.frozensets(st.sampled_from(OPTIONS))
)
WISHES = st.tuples(
    st.integers(0, 1),
    st.sampled_from(["offer", "request", "withdraw", "forbid", "mark", "hear"]),
    st.sampled_from(OPTIONS),
)


class TwoTablesTests(SynchronousTestCase):
    """Two tables that negotiate with each other."""

    @given(POLICIES, POLICIES, st.lists(WISHES, max_size=30))
    def test_they_settle(
        self, ours: Policy, theirs: Policy, steps: list[tuple[int, str, Option]]
    ) -> None:
        """Whatever both want, they agree in the end, after at most two messages for each wish."""
        ends = (End(OptionTable(ours)), End(OptionTable(theirs)))
        wishes = messages = 0

        def post(sender: int, data: bytes) -> None:
            nonlocal messages
            sent = said(data)
            messages += len(sent)
            ends[1 - sender].coming.extend(sent)

        for who, what, option in steps:
            end = ends[who]
            if what == "hear":
                post(who, end.hear() if end.coming else b"")
                continue
            wishes += 1
            match what:
                case "offer":
                    post(who, end.table.offer(option))
                case "request":
                    post(who, end.table.request(option))
                case "withdraw":
                    post(who, end.table.withdraw(option))
                case "forbid":
                    post(who, end.table.forbid(option))
                case _:
                    post(who, end.table.mark())
        while any(end.coming for end in ends):
            for who, end in enumerate(ends):
                post(who, end.hear() if end.coming else b"")
            self.assertLessEqual(messages, 2 * wishes)

        for one, other in (ends, ends[::-1]):
            self.assertEqual((one.table.marks_due, one.table.ignored), (0, 0))
            for option in OPTIONS:
                state = one.table.state(US, option)
                self.assertIn(state, (State.NO, State.YES))
                self.assertIs(other.table.state(HIM, option), state)
        for end in ends:
            self.told_the_truth(end)

    def told_the_truth(self, end: End) -> None:
        """The last change that was told of an option is how it stands now."""
        for side in Side:
            for option in OPTIONS:
                told = [
                    change
                    for change in end.changes
                    if not isinstance(change, Marked)
                    and (change.side, change.option) == (side, option)
                ]
                on = bool(told) and isinstance(told[-1], Enabled)
                self.assertEqual(end.table.is_on(side, option), on)

    @given(
        POLICIES,
        st.lists(st.builds(Negotiation, st.sampled_from(Verb), st.sampled_from(OPTIONS))),
    )
    def test_one_answer_at_most(self, policy: Policy, words: list[Negotiation]) -> None:
        """No word of a peer, however senseless, gets more than one answer, about that option."""
        table = OptionTable(policy)
        for word in words:
            answers = said(table.receive(word).send)
            self.assertLessEqual(len(answers), 1)
            for answer in answers:
                self.assertEqual(answer.option, word.option)

    @given(
        POLICIES,
        st.lists(st.builds(Negotiation, st.sampled_from(Verb), st.sampled_from(OPTIONS))),
    )
    def test_what_was_said_again(self, policy: Policy, words: list[Negotiation]) -> None:
        """A word said twice gets no second answer, unless it asks again for what was refused."""
        table = OptionTable(policy)
        for word in words:
            first = said(table.receive(word).send)
            again = said(table.receive(word).send)
            refused = [Negotiation(WONT if word.verb is DO else DONT, word.option)]
            self.assertTrue(again == [] or (first == again == refused))
