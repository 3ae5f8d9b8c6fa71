"""From an event to those who see it."""

import json

from twisted.logger import LogLevel, capturedLogs

from mudserver.game.fanout import MAX_VIEW_BYTES
from mudserver.game.limits import AccountLimits, GameLimits, PresenceLimits
from mudserver.ids import GatewayId, SessionId
from mudserver.interfaces.authority import Origin, Register
from mudserver.interfaces.bus import WORLD
from mudserver.interfaces.play import Show
from tests.unit.game.theatre import PASSWORD, FakeGateway, GameTestCase

LETTERS = "abcdefghijklmnopqrstuvwxyz"


class CrowdTest(GameTestCase):
    """One line in a full room."""

    def enter_all(self, amount: int, gateway: FakeGateway) -> list[SessionId]:
        names = [f"Guide{first}{second}" for first in LETTERS for second in LETTERS][:amount]
        for number, name in enumerate(names):
            home = Origin(f"198.51.100.{number}", secure=True)
            self.successResultOf(self.bus.request(WORLD, Register(name, PASSWORD, home)))
        return [self.enter(name, gateway) for name in names]

    def test_encoded_once_for_each_kind_of_viewer(self) -> None:
        """However many hear a line, it is encoded twice: for the speaker, and for the others."""
        speaker, *_ = self.enter_all(30, self.gateway)
        encoded = self.meter.observed["view_bytes chat"]
        self.type(speaker, "say hello")
        self.assertEqual(self.meter.observed["view_bytes chat"] - encoded, 2)
        listeners = [
            len(message.sessions)
            for message in self.gateway.messages
            if isinstance(message, Show) and message.view.type == "chat"
        ]
        self.assertEqual(sorted(listeners), [1, 29])

    def test_each_gateway_told_once(self) -> None:
        """Two gateways share the encoded view; each is told once for all of its sessions."""
        other = FakeGateway(self.bus, GatewayId("h"))
        speaker = self.enter("Ann")
        self.enter_all(20, other)
        encoded = self.meter.observed["view_bytes chat"]
        self.type(speaker, "say hello")
        self.assertEqual(self.meter.observed["view_bytes chat"] - encoded, 2)
        (shown,) = [m for m in other.messages if isinstance(m, Show) and m.view.type == "chat"]
        self.assertEqual(len(shown.sessions), 20)

    def test_entering_costs_the_newcomer(self) -> None:
        """Of a crowd that one joins, only the newcomer gets the whole room, encoded once."""
        self.enter_all(20, self.gateway)
        states = self.meter.observed["view_bytes room.state"]
        deltas = self.meter.observed["view_bytes room.delta"]
        self.gateway.forget()
        newcomer = self.enter("Ann")
        self.assertEqual(self.meter.observed["view_bytes room.state"] - states, 1)
        self.assertEqual(self.meter.observed["view_bytes room.delta"] - deltas, 1)
        (state,) = [
            message
            for message in self.gateway.messages
            if isinstance(message, Show) and message.view.type == "room.state"
        ]
        self.assertEqual(state.sessions, (newcomer,))


class EntryTest(GameTestCase):
    """Ever more come into one room."""

    limits = GameLimits(AccountLimits(), PresenceLimits(sessions=500, grace=120.0))

    def setUp(self) -> None:
        super().setUp()
        self.came = 0

    def come(self, amount: int) -> list[Show]:
        """Bring in so many; return what was shown of it."""
        self.gateway.forget()
        for number in range(self.came, self.came + amount):
            name = "Guide" + "".join(LETTERS[number // 26**place % 26] for place in (2, 1, 0))
            home = Origin(f"10.0.{number // 250}.{number % 250}", secure=True)
            self.successResultOf(self.bus.request(WORLD, Register(name, PASSWORD, home)))
            self.enter(name)
        self.came += amount
        return [message for message in self.gateway.messages if isinstance(message, Show)]

    def test_newcomers(self) -> None:
        """What newcomers are shown costs the same in a crowd of sixty and in one of three hundred.

        It is their own state, encoded for each of them, and a page of whom they meet.
        """
        self.come(60)
        sizes = []
        for _ in range(2):
            shown = self.come(20)
            own = [show for show in shown if show.view.type.endswith(".state")]
            self.assertEqual({len(show.sessions) for show in own}, {1})
            self.assertEqual(len(own), 20 * 2)
            sizes.append(sum(len(show.view.body) for show in own))
            self.come(300 - self.came)
        fewer, more = sizes
        self.assertLess(more, fewer * 1.05)

    def test_others(self) -> None:
        """Of each newcomer the others are shown two short messages, encoded once for all of them.

        Beyond the first page, it is who came, and how many there are.
        """
        for crowd in (60, 200):
            self.come(crowd - self.came)
            shown = self.come(1)
            told = [show for show in shown if len(show.sessions) == crowd]
            self.assertEqual([show.view.type for show in told], ["presence", "room.delta"])
            self.assertEqual(
                json.loads(told[1].view.body)["patch"],
                [{"op": "replace", "path": "/occupants/total", "value": crowd + 1}],
            )
            self.assertLess(sum(len(show.view.body) for show in told), 350)
            self.assertEqual(len(shown) - len(told), 2)


class WeightTest(GameTestCase):
    """Large messages are noticed before they are too large."""

    def describe(self, size: int) -> None:
        world = self.game.world
        world.room(world.start).description = "x" * size

    def look(self, session: SessionId) -> list[tuple[LogLevel, str, int]]:
        with capturedLogs() as events:
            self.type(session, "look")
        return [
            (event["log_level"], event["type"], event["size"])
            for event in events
            if "size" in event and event["log_source"].__class__.__name__ == "FanOut"
        ]

    def test_half(self) -> None:
        """A message of half the limit is named in the log, once; and again when it grows."""
        session = self.enter("Ann")
        self.assertEqual(self.look(session), [])
        self.describe(MAX_VIEW_BYTES // 2)
        ((level, type, size),) = self.look(session)
        self.assertEqual((level, type), (LogLevel.warn, "room.state"))
        self.assertGreater(size, MAX_VIEW_BYTES // 2)
        self.assertEqual(self.look(session), [])
        self.describe(MAX_VIEW_BYTES // 2 + 100)
        self.assertEqual(len(self.look(session)), 1)

    def test_too_large(self) -> None:
        """One that is too large is a fault of ours: an error in the log, and shown whole."""
        session = self.enter("Ann")
        self.describe(MAX_VIEW_BYTES)
        self.gateway.forget()
        ((level, type, _),) = self.look(session)
        self.assertEqual((level, type), (LogLevel.error, "room.state"))
        (state,) = self.gateway.bodies(session, "room.state")
        self.assertEqual(len(state["room"]["description"]), MAX_VIEW_BYTES)  # type: ignore[index]


class AnswerTest(GameTestCase):
    """Words that answer a command say which."""

    def test_named(self) -> None:
        """The id is in the text that the one who asked is shown, whatever characters it has."""
        session = self.enter("Ann")
        self.type(session, "inventory", 'c"1\u2028')
        self.assertEqual(self.gateway.bodies(session, "text")[-1]["id"], 'c"1\u2028')

    def test_not_named(self) -> None:
        """A command without an id is answered without one."""
        session = self.enter("Ann")
        self.type(session, "inventory")
        self.assertNotIn("id", self.gateway.bodies(session, "text")[-1])

    def test_others(self) -> None:
        """Nobody else is shown it, and messages that have no such field have none."""
        ann, bob = self.enter("Ann"), self.enter("Bob")
        self.type(ann, "say hello", "c1")
        self.type(ann, "get all", "c2")
        for session in (ann, bob):
            self.assertNotIn("id", self.gateway.bodies(session, "chat")[-1])
        self.assertNotIn("id", self.gateway.bodies(bob, "text")[-1])
        self.assertEqual(self.gateway.bodies(ann, "text")[-1]["id"], "c2")

    def test_told_when_saved(self) -> None:
        """What is shown only after its commit names its command, too."""
        session = self.enter("Ann")
        self.type(session, "mute bob", "c1")
        self.assertEqual(self.gateway.bodies(session, "text")[-1]["id"], "c1")
