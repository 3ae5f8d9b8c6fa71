"""Whatever happens to connections, in whatever order: nothing of them is left at the end."""

import json
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import CloseCode, NotAuthenticated, Unavailable
from mudserver.gateway.json_link import JsonLink
from mudserver.gateway.terminal_link import TerminalLink
from mudserver.ids import Generation, SessionId
from mudserver.interfaces.authority import NameState, Refresh, Registered
from mudserver.interfaces.bus import Request
from mudserver.interfaces.play import Attach, Attached, Detached, Input, PasswordWanted
from tests.unit.gateway.bench import HOME, FakeWire, GatewayTestCase, attended

MESSAGES: tuple[str, ...] = (
    '{"type": "command", "text": "look", "id": "c1"}',
    '{"type": "command", "text": "say hi"}',
    '{"type": "ping"}',
    '{"type": "occupants", "after": 0}',
    '{"type": "refresh", "ticket": "t"}',
    '{"type": "hello", "ticket": "t", "csrf": "c"}',
    '{"type": "bye"}',
    "rubbish",
)
LINES = ("Ann", "connect Ann secret", "y", "n", "", "secret", "look", "password")
CODES = (CloseCode.KICKED, CloseCode.NORMAL, CloseCode.REVOKED)


class Bench(GatewayTestCase):
    """The parts, outside of a test."""

    def runTest(self) -> None:
        pass


class Interleavings(RuleBasedStateMachine):
    """Transports, clients, the world and time, all at will."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench()
        self.bench.setUp()
        self.world = self.bench.world
        self.links: list[tuple[JsonLink | TerminalLink, FakeWire]] = []
        self.welcomes: list[dict[str, Any]] = []
        self.sessions: list[SessionId] = []
        self.generations: dict[SessionId, int] = {}

    def pick(self, index: int) -> tuple[JsonLink | TerminalLink, FakeWire]:
        return self.links[index % len(self.links)]

    index = st.integers(0, 9)

    # ------------------------------------------------------------ transports

    @rule(json=st.booleans(), opened=st.booleans())
    @precondition(lambda self: len(self.links) < 8)
    def connect(self, json: bool, opened: bool) -> None:
        wire, shared = FakeWire(), self.bench.shared
        place = shared.admission.admit(HOME.address)
        link: JsonLink | TerminalLink
        if json:
            link = JsonLink(shared, wire, HOME, place)
        else:
            link = TerminalLink(shared, wire, HOME, place, "Hello.")
        link.accepted()
        if opened:
            link.opened()
        self.links.append((link, wire))

    @rule(index=index)
    @precondition(lambda self: self.links)
    def lose(self, index: int) -> None:
        self.pick(index)[0].lost("reset")

    @rule(index=index, by_peer=st.booleans())
    @precondition(lambda self: self.links)
    def part(self, index: int, by_peer: bool) -> None:
        self.pick(index)[0].parting(1002, by_peer)

    @rule(index=index, full=st.booleans())
    @precondition(lambda self: self.links)
    def fill(self, index: int, full: bool) -> None:
        link = self.pick(index)[0]
        if full:
            link.full()
        else:
            link.drained()

    @rule(index=index)
    @precondition(lambda self: self.links)
    def answer_probe(self, index: int) -> None:
        self.pick(index)[0].answered()

    # ------------------------------------------------------------ clients

    @rule(index=index, message=st.sampled_from(MESSAGES), line=st.sampled_from(LINES))
    @precondition(lambda self: self.links)
    def speak(self, index: int, message: str, line: str) -> None:
        link = self.pick(index)[0]
        if isinstance(link, JsonLink):
            link.received(message.encode(), binary=False)
        else:
            link.line(line)

    @rule(index=index, welcome=index, seq=st.integers(0, 4))
    @precondition(lambda self: self.links and self.welcomes)
    def resume(self, index: int, welcome: int, seq: int) -> None:
        link = self.pick(index)[0]
        known = self.welcomes[welcome % len(self.welcomes)]
        resume = {"session": known["session"], "secret": known["resume"], "seq": seq}
        hello = {"type": "hello", "ticket": "t", "csrf": "c", "resume": resume}
        if isinstance(link, JsonLink):
            link.received(json.dumps(hello).encode(), binary=False)

    # ------------------------------------------------------------ the world

    @rule(goes_on=st.booleans(), index=index)
    @precondition(lambda self: self.world.asked)
    def answer(self, goes_on: bool, index: int) -> None:
        self.world.asked.insert(0, self.world.asked.pop(index % len(self.world.asked)))
        request, answer = self.world.asked[0]
        if answer.called:
            self.world.asked.pop(0)  # whoever asked has given up
        else:
            self.world.answer(self.reply(request, goes_on))
        self.note_welcomes()

    def reply(self, request: Request[object], goes_on: bool) -> object:
        if isinstance(request, Attach):
            recovered = goes_on and request.resume is not None
            session = request.resume if recovered and request.resume else request.session
            self.generations[session] = self.generations.get(session, 0) + 1
            self.sessions.append(session)
            return Attached(
                session, Generation(self.generations[session]), attended(), "Ann", recovered
            )
        if isinstance(request, Refresh):
            return attended()
        return NameState.KNOWN if goes_on else Registered("Ann", ("Ann",))

    def note_welcomes(self) -> None:
        for link, wire in self.links:
            if isinstance(link, JsonLink):
                self.welcomes += [m for m in wire.messages() if m["type"] == "welcome"]

    @rule(index=index, error=st.sampled_from((NotAuthenticated("No."), Unavailable("Away."))))
    @precondition(lambda self: self.world.asked)
    def refuse(self, index: int, error: Exception) -> None:
        _, answer = self.world.asked.pop(index % len(self.world.asked))
        if not answer.called:
            answer.errback(error)

    @rule(index=index, play=st.booleans())
    @precondition(lambda self: self.sessions)
    def show(self, index: int, play: bool) -> None:
        self.world.show("Hello.", *self.sessions[index % len(self.sessions) :], play=play)

    @rule(
        index=index,
        what=st.sampled_from(("settle", "end", "password")),
        code=st.sampled_from(CODES),
    )
    @precondition(lambda self: self.sessions)
    def tell(self, index: int, what: str, code: CloseCode) -> None:
        session = self.sessions[index % len(self.sessions)]
        match what:
            case "settle":
                self.world.settle(session, 1, "c1")
            case "end":
                self.world.end(session, code)
            case _:
                self.world.send(PasswordWanted(session))

    # ------------------------------------------------------------ time

    @rule(seconds=st.sampled_from((0.0, 0.5, 3.0, 12.0, 70.0)))
    def wait(self, seconds: float) -> None:
        self.bench.pass_time(seconds)

    # ------------------------------------------------------------ what is always so

    @invariant()
    def seats_and_links_agree(self) -> None:
        """Each session has at most one connection, and that one carries it."""
        seats = [seat for seat in self.bench.shared.switchboard._seats.values() if seat.carrier]
        carriers = [seat.carrier for seat in seats]
        assert len(set(carriers)) == len(carriers)
        for seat in seats:
            assert seat.carrier is not None
            assert getattr(seat.carrier, "_seat") is seat  # noqa: B009 (carriers are links here)
        for link, _ in self.links:
            assert link._seat is None or link._seat.carrier is link

    def teardown(self) -> None:
        try:
            for link, wire in self.links:
                link.lost("The test is over.")
                assert not wire.aborted or wire.closed or link._state.code is not None
            self.bench.pass_time(0.0)
            self.check_inputs()
            self.bench.assert_nothing_left()
            everyone = self.bench.shared.admission._everyone
            assert not everyone._counts
        finally:
            self.bench.shared.reaper.stop()

    def check_inputs(self) -> None:
        """Inputs of a session are numbered without a gap; each attachment is detached once."""
        numbers: dict[SessionId, int] = {}
        detached: set[tuple[SessionId, Generation]] = set()
        for message in self.world.messages:
            if isinstance(message, Input):
                assert message.number == numbers.get(message.session, 0) + 1
                numbers[message.session] = message.number
                assert (message.session, message.generation) not in detached
            if isinstance(message, Detached):
                key = (message.session, message.generation)
                assert key not in detached
                detached.add(key)


class InterleavingsTest(SynchronousTestCase):
    def test_nothing_is_left(self) -> None:
        """Whatever happened, nothing of any connection is left when all are gone."""
        run_state_machine_as_test(
            Interleavings,
            settings=settings(max_examples=60, stateful_step_count=40, deadline=None),
        )
