"""Whatever comes in whatever order: the world stays whole, and ends up empty."""

import contextlib
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure

from mudserver.errors import PlayerError, StorageUnavailable, Unavailable
from mudserver.ids import SessionId
from mudserver.interfaces.authority import PasswordCredential, Register, Revoke
from mudserver.interfaces.bus import WORLD
from mudserver.interfaces.play import Attached, Ended, Settled, Show
from mudserver.world.area import Area
from mudserver.world.parties import MAX_MEMBERS
from tests.contract.areas import chest_world
from tests.unit.game.theatre import HOME, PASSWORD, GameTestCase, Opened

NAMES = ("Ann", "Bob", "Cid")
LINES = (
    "look",
    "say time and gulls",
    "get lamp",
    "get all",
    "drop all",
    "east",
    "west",
    "open chest",
    "close chest",
    "get all from chest",
    "put all in sack",
    "get all from sack",
    "put all in chest",
    "open north",
    "close north",
    "north",
    "south",
    "follow ann",
    "unfollow",
    "party invite ann",
    "party invite bob",
    "party join ann",
    "party join bob",
    "party leave",
    "party kick bob",
    "ptell hello",
    "mute cid",
    "unmute cid",
    "tell bob hello",
    "password",
    "password wrong-old-one brand-new-secret",
    "quit",
    "frobnicate",
    "",
)

names = st.sampled_from(NAMES)
some = st.integers(0, 5)
steps = st.one_of(
    st.tuples(st.just("attach"), names, some),
    st.tuples(st.just("resume"), names, some),
    st.tuples(st.just("give_up"), names, some),
    st.tuples(st.just("type"), st.sampled_from(LINES), some),
    st.tuples(st.just("type"), st.sampled_from(LINES), some),
    st.tuples(st.just("type"), st.sampled_from(LINES), some),
    st.tuples(st.just("lose"), st.just(""), some),
    st.tuples(st.just("leave"), st.just(""), some),
    st.tuples(st.just("stale"), st.just(""), some),
    st.tuples(st.just("kick"), names, some),
    st.tuples(st.just("revoke"), st.just(""), some),
    st.tuples(st.just("slow"), st.just(""), some),
    st.tuples(st.just("away"), st.just(""), some),
    st.tuples(st.just("well"), st.just(""), some),
    st.tuples(st.just("turn"), st.just(""), some),
    st.tuples(st.just("moment"), st.just(""), some),
    st.tuples(st.just("minute"), st.just(""), some),
)


class InterleavingsTest(GameTestCase):
    def make_areas(self) -> tuple[Area, ...]:
        return chest_world()

    def setUp(self) -> None:
        super().setUp()
        self.successResultOf(self.bus.request(WORLD, Register("Cid", PASSWORD, HOME)))
        self.opened: list[SessionId] = []
        self.tokens: list[str] = []
        self.ids = 0
        self.asked: dict[SessionId, set[str]] = {}

    @settings(
        max_examples=150,
        deadline=None,
        suppress_health_check=[HealthCheck.differing_executors],
    )
    @given(st.lists(steps, max_size=60))
    def test_any(self, script: list[tuple[str, str, int]]) -> None:
        """Sessions, rooms, timers and the journal agree at each step, and end at nothing."""
        self.setUp()
        for deed, word, number in script:
            getattr(self, f"do_{deed}")(word, number)
            self.check_whole()
        self.do_well("", 0)
        self.advance(10.0)
        for session in self.opened:
            self.gateway.detach(session)
        for _ in range(4):
            self.advance(125.0)
        self.check_empty()
        self.check_told()
        self.tearDown()

    # ------------------------------------------------------------ deeds

    def do_attach(self, name: str, _: int) -> None:
        self.attach(name, None)

    def do_resume(self, name: str, number: int) -> None:
        self.attach(name, self.pick(number))

    def do_give_up(self, name: str, number: int) -> None:
        attaching = self.gateway.attach(PasswordCredential(name, PASSWORD))
        attaching.addCallbacks(self.noted, self.refused)
        if number % 2:
            self.clock.advance(0)
        attaching.cancel()

    def attach(self, name: str, resume: SessionId | None) -> None:
        attaching = self.gateway.attach(PasswordCredential(name, PASSWORD), resume=resume)
        attaching.addCallbacks(self.noted, self.refused)

    def noted(self, attached: Attached) -> None:
        if attached.session not in self.opened:
            self.opened.append(attached.session)

    def refused(self, failure: Failure) -> None:
        failure.trap(PlayerError, Unavailable, CancelledError)

    def pick(self, number: int) -> SessionId | None:
        return self.opened[-1 - number % len(self.opened)] if self.opened else None

    def with_session(self, number: int, deed: Callable[[SessionId], object]) -> None:
        session = self.pick(number)
        if session is not None:
            deed(session)

    def do_type(self, line: str, number: int) -> None:
        def type(session: SessionId) -> None:
            self.ids += 1
            self.asked.setdefault(session, set()).add(f"c{self.ids}")
            self.gateway.type(session, line, f"c{self.ids}")

        self.with_session(number, type)

    def do_lose(self, _: str, number: int) -> None:
        self.with_session(number, self.gateway.detach)

    def do_leave(self, _: str, number: int) -> None:
        self.with_session(number, lambda each: self.gateway.detach(each, by_choice=True))

    def do_stale(self, _: str, number: int) -> None:
        self.with_session(number, lambda each: self.gateway.detach(each, generation=0))

    def do_kick(self, name: str, _: int) -> None:
        with contextlib.suppress(PlayerError):
            self.game.presence.kick(name, "Out.")

    def do_revoke(self, _: str, number: int) -> None:
        sessions = list(self.game.sessions)
        if sessions:
            token = sessions[number % len(sessions)].attended.token
            self.game.presence.end_tokens([token])
        self.bus.request(WORLD, Revoke("unknown")).addErrback(self.refused)

    def do_slow(self, _: str, __: int) -> None:
        self.database.hold()

    def do_away(self, _: str, __: int) -> None:
        self.database.failure = StorageUnavailable("away")

    def do_well(self, _: str, __: int) -> None:
        self.database.failure = None
        self.database.release()

    def do_turn(self, _: str, __: int) -> None:
        self.clock.advance(0)

    def do_moment(self, _: str, __: int) -> None:
        self.advance(0.05)

    def do_minute(self, _: str, __: int) -> None:
        self.advance(61.0)

    # ------------------------------------------------------------ what must hold

    def check_whole(self) -> None:
        """The table of sessions and the world tell the same; everything is in one place."""
        world = self.game.world
        played = {session.character for session in self.game.sessions}
        self.assertEqual(played, set(world.characters))
        places = [
            character for room in world.rooms.values() for character in room.occupants.characters
        ]
        self.assertEqual(sorted(places), sorted(played))
        outermost = [item for room in world.rooms.values() for item in room.items]
        outermost += [item for each in world.characters.values() for item in each.items]
        items = [each.id for item in outermost for each in item.everything]
        self.assertEqual(len(items), len(set(items)))
        self.assertEqual(set(items), set(world.items))

    def check_empty(self) -> None:
        """Nothing is left of anyone, and all is saved."""
        game = self.game
        self.assertEqual(len(game.sessions), 0)
        self.assertEqual(len(game.loop), 0)
        self.assertEqual(len(game.tasks), 0)
        self.assertEqual(len(game.farewells._ending), 0)
        self.assertEqual(game.presence._expected._arriving, {})
        self.assertEqual(len(game.attachments), 0)
        self.assertTrue(game.journal.clean)
        # The inhabitants' pastime, the look at the journal, the next sweep, the next write of
        # failed log-ins, the next round of revalidation, the next look at expired tokens, the next
        # at the days of history, the next write of log-ins.
        self.assertEqual(len(self.clock.getDelayedCalls()), 8)
        stored = dict(self.database.items)
        self.assertEqual(len(stored), 6)
        for item in game.world.items.values():
            row = stored.pop(item.id)
            self.assertEqual((row.room, row.holder), (item.room, item.holder))
            self.assertEqual((row.container, row.closed), (item.container, item.closed))
        self.assertTrue(all(row.holder or row.container in stored for row in stored.values()))
        doors = {
            way.door: way.closed
            for room in game.world.rooms.values()
            for way in room.exits.values()
        }
        self.assertEqual(self.database.doors, {id: doors[id] for id in self.database.doors})
        for character in self.database.characters:
            self.assertEqual(game.world.follows.of(character), self.database.follows.get(character))
            party = {each.character: each for each in game.world.parties.members(character)}
            self.assertEqual(party.get(character), self.database.members.get(character))
            self.assertLessEqual(len(party), MAX_MEMBERS)

    def check_told(self) -> None:
        """Nobody is shown anything before they are in or after they are out; answers come once."""
        opened: set[SessionId] = set()
        ended: set[SessionId] = set()
        answered: dict[SessionId, set[str]] = {}
        for message in self.gateway.messages:
            if isinstance(message, Opened):
                opened.add(message.session)
            elif isinstance(message, Show):
                self.assertLessEqual(set(message.sessions), opened - ended)
            elif isinstance(message, Ended):
                self.assertNotIn(message.session, ended)
                ended.add(message.session)
            elif isinstance(message, Settled) and message.command is not None:
                mine = answered.setdefault(message.session, set())
                self.assertNotIn(message.command, mine)
                mine.add(message.command)
        for session, commands in answered.items():
            self.assertLessEqual(commands, self.asked[session])
