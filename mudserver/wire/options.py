"""
Which telnet options are on: the Q method of RFC 1143, for both sides.

An option has two independent states: *us*, what we do (we say WILL, the peer says DO), and
*him*, what the peer does (it says WILL, we say DO). Both follow one table, `_STEPS`. We answer
a request only if it changes something, which is why two tables never loop.

RFC 1143 assumes a peer that keeps the rules. One that does not could ask for ever, so requests to
enable an option are answered `MAX_ENABLE_REQUESTS` times per option and side, and then ignored; a
request to disable is always answered, and there is at most one for each time it was enabled.
The table counts both kinds, so that its owner can close on a nuisance.

TIMING-MARK (RFC 860) is not a state: each DO asks for one mark, and WILL or WONT delivers it. It
stays out of the Q method, where the second DO would find the option on and get no answer.
"""

from collections.abc import Mapping
from enum import Enum, IntEnum
from typing import Final, TypeAlias

from attrs import define, field, frozen

from mudserver.wire.telnet import Code, Negotiation, Verb, command, negotiate

MAX_ENABLE_REQUESTS: Final = 32
"""Requests to enable one option on one side that are answered; a client needs one or two."""


class Option(IntEnum):
    """The options that have a name here, with where each is defined."""

    ECHO = 1  # RFC 857
    SGA = 3  # RFC 858
    TIMING_MARK = 6  # RFC 860
    TTYPE = 24  # RFC 1091, MTTS
    EOR = 25  # RFC 885
    NAWS = 31  # RFC 1073
    LINEMODE = 34  # RFC 1184
    NEW_ENVIRON = 39  # RFC 1572, MNES
    CHARSET = 42  # RFC 2066
    MSDP = 69
    MSSP = 70
    MCCP2 = 86
    MCCP3 = 87
    MXP = 91
    GMCP = 201


class Side(Enum):
    """Whose behaviour an option governs, in the words of RFC 1143."""

    US = "us"
    HIM = "him"


class State(Enum):
    """What RFC 1143 keeps for one option and side; OPPOSITE is its queue bit."""

    NO = "no"
    YES = "yes"
    WANTNO = "wantno"
    WANTNO_OPPOSITE = "wantno, then wantyes"
    WANTYES = "wantyes"
    WANTYES_OPPOSITE = "wantyes, then wantno"


@frozen
class Policy:
    """
    The options we agree to when the peer asks for them. All others are refused.

    What we ask for ourselves needs no entry: an option in neither set can still be
    offered or requested, and is refused when it comes unasked.
    """

    us: frozenset[int] = frozenset()
    him: frozenset[int] = frozenset()

    def agrees(self, side: Side, option: int) -> bool:
        """Whether we let the peer switch this on."""
        return option in (self.us if side is Side.US else self.him)


DEFAULT_POLICY: Final = Policy(us=frozenset({Option.EOR, Option.SGA}))
"""Prompt marks as the client likes them. ECHO is not here: it is on while we ask for a password."""


@frozen
class Enabled:
    """The option is on now, agreed by both."""

    side: Side
    option: int


@frozen
class Disabled:
    """The option is off now: we or the peer ended it."""

    side: Side
    option: int


@frozen
class Declined:
    """The peer refused what we offered or requested; the option stays off."""

    side: Side
    option: int


@frozen
class Marked:
    """The peer answered a timing mark of ours, by WILL or WONT: it has read all we sent before."""


Change: TypeAlias = Enabled | Disabled | Declined | Marked


@frozen
class Reaction:
    """What a negotiation from the peer leads to: bytes to send, and a change; mostly neither."""

    send: bytes = b""
    change: Change | None = None


class _Input(Enum):
    """What moves a state: our wish, or the peer's word."""

    WISH_ON = "we want it on"
    WISH_OFF = "we want it off"
    SAYS_ON = "the peer says WILL or DO"
    SAYS_OFF = "the peer says WONT or DONT"


_Outcome: TypeAlias = type[Enabled] | type[Disabled] | type[Declined]


@frozen
class _Step:
    """Where a state goes, whether we say on (True), off (False) or nothing, and what changed."""

    state: State
    say: bool | None = None
    outcome: _Outcome | None = None


# RFC 1143 section 7. A pair that is missing changes nothing and is not answered. The peer's word in
# state NO is missing too, for there the policy decides.
_STEPS: Final[Mapping[tuple[State, _Input], _Step]] = {
    (State.NO, _Input.WISH_ON): _Step(State.WANTYES, say=True),
    (State.YES, _Input.WISH_OFF): _Step(State.WANTNO, say=False),
    (State.YES, _Input.SAYS_OFF): _Step(State.NO, say=False, outcome=Disabled),
    (State.WANTNO, _Input.WISH_ON): _Step(State.WANTNO_OPPOSITE),
    (State.WANTNO, _Input.SAYS_ON): _Step(State.NO, outcome=Disabled),  # a breach: off is final
    (State.WANTNO, _Input.SAYS_OFF): _Step(State.NO, outcome=Disabled),
    (State.WANTNO_OPPOSITE, _Input.WISH_OFF): _Step(State.WANTNO),
    (State.WANTNO_OPPOSITE, _Input.SAYS_ON): _Step(State.YES, outcome=Enabled),  # a breach
    (State.WANTNO_OPPOSITE, _Input.SAYS_OFF): _Step(State.WANTYES, say=True, outcome=Disabled),
    (State.WANTYES, _Input.WISH_OFF): _Step(State.WANTYES_OPPOSITE),
    (State.WANTYES, _Input.SAYS_ON): _Step(State.YES, outcome=Enabled),
    (State.WANTYES, _Input.SAYS_OFF): _Step(State.NO, outcome=Declined),
    (State.WANTYES_OPPOSITE, _Input.WISH_ON): _Step(State.WANTYES),
    (State.WANTYES_OPPOSITE, _Input.SAYS_ON): _Step(State.WANTNO, say=False),
    (State.WANTYES_OPPOSITE, _Input.SAYS_OFF): _Step(State.NO, outcome=Disabled),
}

_SWITCHES: Final = frozenset(range(256)) - {Option.TIMING_MARK}

_VERBS: Final[Mapping[tuple[Side, bool], Verb]] = {
    (Side.US, True): Verb.WILL,
    (Side.US, False): Verb.WONT,
    (Side.HIM, True): Verb.DO,
    (Side.HIM, False): Verb.DONT,
}

_WORDS: Final[Mapping[Verb, tuple[Side, _Input]]] = {
    Verb.WILL: (Side.HIM, _Input.SAYS_ON),
    Verb.WONT: (Side.HIM, _Input.SAYS_OFF),
    Verb.DO: (Side.US, _Input.SAYS_ON),
    Verb.DONT: (Side.US, _Input.SAYS_OFF),
}


@define
class OptionTable:
    """
    The options of one connection.

    Attributes:
        policy: What we agree to when the peer asks.
        unsolicited: Requests of the peer that we answered though we had asked for nothing.
        ignored: Requests of the peer that were over `MAX_ENABLE_REQUESTS` and got no answer.
        marks_due: Timing marks that we asked for and have not got yet.
    """

    policy: Policy = DEFAULT_POLICY
    unsolicited: int = field(default=0, init=False)
    ignored: int = field(default=0, init=False)
    marks_due: int = field(default=0, init=False)
    _states: dict[tuple[Side, int], State] = field(factory=dict, init=False)
    _requests: dict[tuple[Side, int], int] = field(factory=dict, init=False)

    def state(self, side: Side, option: int) -> State:
        """What RFC 1143 keeps for the option on that side."""
        return self._states.get((side, option), State.NO)

    def is_on(self, side: Side, option: int) -> bool:
        """Whether the option is on, agreed by both, with no request of ours under way."""
        return self.state(side, option) is State.YES

    def offer(self, option: int) -> bytes:
        """
        Offer to do this ourselves (WILL).

        Like `request`, `withdraw` and `forbid`, it returns what to send: nothing if that is so
        already, or is asked for already, or must wait for the answer to an earlier wish.

        Raises:
            ValueError: The option is not a byte, or is TIMING-MARK, which `mark` asks for.
        """
        return self._wish(Side.US, option, _Input.WISH_ON)

    def request(self, option: int) -> bytes:
        """Ask the peer to do this (DO); see `offer`."""
        return self._wish(Side.HIM, option, _Input.WISH_ON)

    def withdraw(self, option: int) -> bytes:
        """Stop doing this ourselves (WONT); see `offer`."""
        return self._wish(Side.US, option, _Input.WISH_OFF)

    def retract(self, option: int) -> bytes:
        """
        Stop doing this ourselves, even if our offer is still unanswered.

        RFC 1143 would have us wait. But some clients act on an offer and never answer it; to wait
        for them would leave what they type hidden for ever. An answer that comes after all
        finds the option off, and is declined like any request for it.
        """
        if self.state(Side.US, option) not in (State.WANTYES, State.WANTYES_OPPOSITE):
            return self.withdraw(option)
        del self._states[Side.US, option]
        return negotiate(Verb.WONT, option)

    def forbid(self, option: int) -> bytes:
        """Ask the peer to stop doing this (DONT); see `offer`."""
        return self._wish(Side.HIM, option, _Input.WISH_OFF)

    def mark(self) -> bytes:
        """Ask for a timing mark (RFC 860); whatever the answer, `receive` tells it as `Marked`."""
        self.marks_due += 1
        return negotiate(Verb.DO, Option.TIMING_MARK)

    def prompt_mark(self) -> bytes:
        """What follows a prompt: EOR if that was agreed (RFC 885), else GA unless SGA is on."""
        if self.is_on(Side.US, Option.EOR):
            return command(Code.EOR)
        return b"" if self.is_on(Side.US, Option.SGA) else command(Code.GA)

    def receive(self, negotiation: Negotiation) -> Reaction:
        """
        Take the peer's word.

        The answer to a DO TIMING-MARK stands for all data that came before it, so send it
        once that data has been taken.

        Returns:
            At most one answer and one change.
        """
        side, word = _WORDS[negotiation.verb]
        option = negotiation.option
        if option == Option.TIMING_MARK:
            return self._receive_mark(side, word)
        state = self.state(side, option)
        if state is State.NO:
            return self._consider(side, option) if word is _Input.SAYS_ON else Reaction()
        step = _STEPS.get((state, word))
        if step is None:
            return Reaction()
        if state is State.YES:
            self.unsolicited += 1
        return self._take(step, side, option)

    def _consider(self, side: Side, option: int) -> Reaction:
        """Answer the peer's request to enable an option that is off."""
        requests = self._requests.get((side, option), 0)
        if requests >= MAX_ENABLE_REQUESTS:
            self.ignored += 1
            return Reaction()
        self._requests[side, option] = requests + 1
        self.unsolicited += 1
        if self.policy.agrees(side, option):
            return self._take(_Step(State.YES, say=True, outcome=Enabled), side, option)
        return self._take(_Step(State.NO, say=False), side, option)

    def _receive_mark(self, side: Side, word: _Input) -> Reaction:
        """Give the mark that is asked for, or take one that is due; anything else means nothing."""
        if side is Side.US and word is _Input.SAYS_ON:
            return Reaction(send=negotiate(Verb.WILL, Option.TIMING_MARK))
        if side is Side.HIM and self.marks_due:
            self.marks_due -= 1
            return Reaction(change=Marked())
        return Reaction()

    def _wish(self, side: Side, option: int, wish: _Input) -> bytes:
        """Follow a wish of ours as far as it goes now."""
        if option not in _SWITCHES:
            raise ValueError(f"option {option} cannot be switched on or off")
        step = _STEPS.get((self.state(side, option), wish))
        return b"" if step is None else self._take(step, side, option).send

    def _take(self, step: _Step, side: Side, option: int) -> Reaction:
        """Move to where the step leads."""
        if step.state is State.NO:
            self._states.pop((side, option), None)
        else:
            self._states[side, option] = step.state
        return Reaction(
            send=b"" if step.say is None else negotiate(_VERBS[side, step.say], option),
            change=None if step.outcome is None else step.outcome(side, option),
        )
