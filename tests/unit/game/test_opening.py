"""How worlds open and close where gateways outlive them."""

from collections.abc import Callable
from functools import partial

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from mudserver.errors import BusUnavailable, Forbidden, StorageUnavailable, Unavailable
from mudserver.game import journal, opening, states
from mudserver.ids import Epoch, GatewayId, SessionId
from mudserver.interfaces.authority import Describe, Register, Transport
from mudserver.interfaces.bus import WORLD, Message, Request
from mudserver.interfaces.continuity import (
    AllReattached,
    StatesWanted,
    WorldClosing,
    WorldOpened,
)
from mudserver.interfaces.play import Settled, Show
from mudserver.interfaces.standby import Resumption, ResumptionWanted
from mudserver.interfaces.undelivered import KeepUndelivered, Undelivered
from tests.unit.game.succession import HoldingGateway, SuccessionTestCase
from tests.unit.game.theatre import EPOCH, HOME, PASSWORD, WHEREABOUTS, GameTestCase


class OpeningTest(SuccessionTestCase):
    """Two gateways: Ann plays by one, Bob by the other."""

    def setUp(self) -> None:
        super().setUp()
        self.other = HoldingGateway(self.bus, GatewayId("other"))
        self.cid = self.come_in_at_other("Bob")
        self.holding.held.pop(self.bob, None)
        self.kill()
        self.holding.forget()
        self.other.forget()

    def come_in_at_other(self, name: str) -> SessionId:
        return self.come_in(name, Transport.WEBSOCKET, self.other)

    def bring_back(self, gateway: HoldingGateway) -> None:
        asking = gateway.ask()
        self.advance(0.0)
        self.successResultOf(asking)
        gateway.all_back()
        self.advance()

    def test_says_so(self) -> None:
        """A world that has opened tells all gateways."""
        self.open_next()
        self.assertIn(WorldOpened(), self.holding.to_all)
        self.assertGreater(self.holding.epoch, 1)

    def test_outranks_older_ones(self) -> None:
        """It responds with its epoch as its rank: whoever asks, asks the newest world."""
        ranks: list[int] = []
        respond = self.bus.respond

        def note(
            subject: str,
            responder: Callable[[Request[object]], Deferred[object]],
            *,
            rank: int = 0,
        ) -> Callable[[], None]:
            ranks.append(rank)
            return respond(subject, responder, rank=rank)

        self.bus.respond = note  # type: ignore[method-assign]
        self.open_next()
        self.assertEqual(ranks, [self.holding.epoch])

    def test_waits_for_all(self) -> None:
        """What Ann told Bob is carried out when Bob is back, too."""
        self.open_next()
        self.holding.type_held(self.ann, "tell bob are you there?", "t")
        self.bring_back(self.holding)
        self.assertEqual(self.holding.settled(self.ann), [])
        self.assertEqual(self.holding.types(self.ann), [])
        self.bring_back(self.other)
        (settled,) = self.holding.settled(self.ann)
        self.assertIsNone(settled.refusal)
        self.assertEqual(self.other.lines(self.cid)[-1], 'Ann tells you, "are you there?"')
        self.assertEqual(self.holding.types(self.ann)[:2], ["char.state", "room.state"])
        self.assertFalse(self.game.opening.holding)

    def test_not_for_ever(self) -> None:
        """Who is late is waited for two seconds, and named in the log."""
        self.open_next()
        self.holding.type_held(self.ann, "say hello")
        self.bring_back(self.holding)
        self.assertEqual(self.holding.settled(self.ann), [])
        with capturedLogs() as logs:
            self.advance(opening.HOLD_SECONDS)
        self.assertEqual([each["late"] for each in logs if "late" in each], ["other"])
        self.assertEqual(len(self.holding.settled(self.ann)), 1)
        self.bring_back(self.other)
        self.assertEqual(self.other.types(self.cid), ["char.state", "room.state"])

    def test_gone_is_not_waited_for(self) -> None:
        """A gateway that goes meanwhile is not waited for."""
        self.open_next()
        self.bring_back(self.holding)
        self.assertTrue(self.game.opening.holding)
        self.other.withdraw()
        self.advance(0.0)
        self.assertFalse(self.game.opening.holding)

    def test_one_that_comes_is(self) -> None:
        """A gateway that comes while others are waited for is waited for, too."""
        self.other.withdraw()
        self.open_next()
        self.other.come()
        self.bring_back(self.holding)
        self.assertTrue(self.game.opening.holding)
        self.bring_back(self.other)
        self.assertFalse(self.game.opening.holding)

    def test_in_order(self) -> None:
        """What waited comes in its order, and what comes meanwhile behind it."""
        self.open_next()
        self.bring_back(self.other)
        asking = self.holding.ask()
        self.advance(0.0)
        self.successResultOf(asking)
        amount = opening.PORTION + 10
        for number in range(amount):
            self.holding.type_held(self.ann, f"say {number}")
            if number == amount - 5:
                self.holding.all_back()
        self.advance()
        self.advance()
        said = [body["text"] for body in self.holding.bodies(self.ann, "chat")]
        self.assertEqual(said, [str(number) for number in range(len(said))])
        self.assertEqual(len(said), amount)
        self.assertEqual(self.holding.unsettled[self.ann], {})

    def test_bounded(self) -> None:
        """What is too much is dropped, and counted, since its number has it asked for later; what
        has no number, such as that a connection is lost, is kept.
        """
        opened: list[int] = []
        own = opening.Opening(
            states=self.game.states,
            clock=self.clock,
            utc_now=self.utc_now,
            meter=self.meter,
            apart=True,
            room=3,
        )
        own.begin()
        for number in range(5):
            own.hold(partial(opened.append, number))
        own.hold(partial(opened.append, 5), durable=True)
        self.assertEqual(self.meter.counts["inputs_dropped opening"], 2)
        self.clock.advance(opening.HOLD_SECONDS)
        self.assertEqual((opened, own.holding), ([0, 1, 2, 5], False))
        self.open_next()

    def test_of_another_world(self) -> None:
        """That all came back to the world before means nothing to this one."""
        late = AllReattached(self.holding.id, 1, 0.0, epoch=self.game.gateways.epoch)
        self.open_next()
        self.other.withdraw()
        self.bus.publish(WORLD, late)
        self.advance()
        self.assertTrue(self.game.opening.holding)
        self.bring_back(self.holding)
        self.assertFalse(self.game.opening.holding)

    def test_of_one_that_is_not_there(self) -> None:
        """Whoever says that a gateway is back which is not there is not heard, however often."""
        self.open_next()
        for number in range(3):
            self.bus.publish(WORLD, AllReattached(GatewayId(f"nobody-{number}"), 1, 60.0))
        told = self.successResultOf(self.bus.request(WORLD, ResumptionWanted()))
        self.assertEqual(told, Resumption(2, 0, 0, 0.0, WHEREABOUTS))

    def test_told(self) -> None:
        """Operators learn when it opened, and the longest pause of players; so does the world that
        was before.
        """
        self.open_next()
        self.assertEqual(self.game.opening.at, self.utc_now())
        self.bus.publish(WORLD, AllReattached(self.holding.id, 3, 0.25))
        before = self.successResultOf(self.bus.request(WORLD, ResumptionWanted()))
        self.bus.publish(WORLD, AllReattached(self.other.id, 3, 0.125))
        self.assertEqual(before, Resumption(1, 1, 3, 0.25, WHEREABOUTS))
        after = self.successResultOf(self.bus.request(WORLD, ResumptionWanted()))
        self.assertEqual(after, Resumption(0, 2, 6, 0.25, WHEREABOUTS))
        self.advance()
        self.holding.withdraw()
        after = self.successResultOf(self.bus.request(WORLD, ResumptionWanted()))
        self.assertEqual(after, Resumption(0, 1, 3, 0.125, WHEREABOUTS))

    def test_again_by_itself(self) -> None:
        """A world that was superseded and is opened again closes as any other."""
        self.open_next()
        assert self.database.lease is not None
        self.database.lease = evolve(self.database.lease, epoch=Epoch(99))
        self.bring_back(self.holding)
        self.bring_back(self.other)
        self.holding.type_held(self.ann, "get lamp")
        self.advance()
        self.assertEqual(len(self.fenced), 1)
        self.successResultOf(self.service.stopService())
        self.assertNotIn(WorldClosing(), self.holding.to_all)
        self.successResultOf(self.service.startService())
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.holding.to_all[-1], WorldClosing())


class ClosingTest(SuccessionTestCase):
    """A world stops in good order."""

    def test_left_to_the_next(self) -> None:
        """Nobody leaves; all is committed and settled, and then gateways are told."""
        self.holding.type_held(self.ann, "get lamp", "a")
        self.holding.type_held(self.ann, "east", "b")
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.holding.unsettled[self.ann], {})
        self.assertEqual(self.holding.to_all[-1], WorldClosing())
        self.assertEqual(self.holding.ended(self.ann) + self.holding.ended(self.bob), [])
        self.assertNotIn("left", str(self.holding.bodies(self.bob, "presence")[1:]))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.open_next()
        self.assertEqual([each.applied for each in self.come_back().sessions], [2, 0])
        room = self.holding.bodies(self.ann, "room.state")[-1]
        self.assertIn("The Mole", str(room))

    def test_takes_nothing_more(self) -> None:
        """What comes while it stops is for the next world; whoever asks something asks again."""
        self.database.hold()
        self.holding.type_held(self.ann, "get lamp")
        self.clock.advance(0)
        stopping = self.service.stopService()
        self.holding.type_held(self.ann, "say late")
        self.failureResultOf(self.bus.request(WORLD, Describe("x")), BusUnavailable)
        self.assertNotIn(WorldClosing(), self.holding.to_all)
        self.database.release()
        self.successResultOf(stopping)
        self.assertEqual(list(self.holding.unsettled[self.ann]), [2])
        self.open_next()
        self.come_back()
        self.assertEqual([body["text"] for body in self.holding.bodies(self.ann, "chat")], ["late"])

    def test_lost_link(self) -> None:
        """A grace that runs begins anew in the next world."""
        self.holding.detach(self.bob)
        self.advance(100.0)
        self.successResultOf(self.service.stopService())
        self.open_next()
        self.holding.held[self.bob] = evolve(self.holding.held[self.bob], linkdead=True)
        self.come_back()
        self.advance(100.0)
        self.assertEqual(len(self.game.sessions), 2)
        self.advance(30.0)
        self.assertEqual(len(self.game.sessions), 1)

    def test_who_quit(self) -> None:
        """Who has quit is gone, and doesn't come back."""
        self.database.hold()
        self.holding.type_held(self.ann, "get lamp")
        self.holding.type_held(self.ann, "quit")
        self.clock.advance(0)
        stopping = self.service.stopService()
        self.database.release()
        self.successResultOf(stopping)
        told = [each for each in self.holding.of(self.ann) if isinstance(each, Settled)]
        self.assertEqual([each.number for each in told], [1, 2])
        self.assertEqual(len(self.holding.ended(self.ann)), 1)
        self.assertNotIn(self.ann, self.holding.held)
        self.open_next()

    def test_who_quit_a_superseded_world(self) -> None:
        """Who has quit a world that was superseded is not waited for when it stops."""
        self.database.hold()
        self.holding.type_held(self.ann, "get lamp")
        self.holding.type_held(self.ann, "quit")
        self.advance()
        assert self.database.lease is not None
        self.database.lease = evolve(self.database.lease, epoch=Epoch(99))
        self.database.release()
        self.assertEqual(len(self.fenced), 1)
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_who_comes_back_meanwhile(self) -> None:
        """Who comes back to a world that stops is for the next one."""
        self.kill()
        self.open_next()
        self.database.hold()
        asking = self.holding.ask()
        self.advance()
        stopping = self.service.stopService()
        self.database.release()
        self.advance()
        self.successResultOf(stopping)
        self.failureResultOf(asking, Unavailable)
        self.open_next()
        self.assertEqual(len(self.come_back().sessions), 2)

    def test_not_saved(self) -> None:
        """A world that can't save doesn't say that it has."""
        self.holding.type_held(self.ann, "get lamp")
        self.clock.advance(0)
        self.database.failure = StorageUnavailable("away")
        stopping = self.service.stopService()
        self.clock.pump([1.0] * int(journal.STOP_SECONDS))
        self.failureResultOf(stopping, StorageUnavailable)
        self.assertNotIn(WorldClosing(), self.holding.to_all)

    def test_while_opening(self) -> None:
        """A world that stops while it opens leaves what it held back to the next one."""
        self.kill()
        self.open_next()
        self.holding.ask()
        self.advance(0.0)
        self.holding.type_held(self.ann, "say hello")
        self.successResultOf(self.service.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(list(self.holding.unsettled[self.ann]), [1])
        self.open_next()
        self.come_back()
        self.assertEqual(list(self.holding.unsettled[self.ann]), [])


class TogetherTest(GameTestCase):
    """Gateways in the same process."""

    def test_no_delay(self) -> None:
        """Nothing waits, whoever is there."""
        HoldingGateway(self.bus, GatewayId("h"))
        self.assertFalse(self.game.opening.holding)

    def test_players_are_told(self) -> None:
        """A world that stops lets everyone leave: they are to reconnect."""
        told: list[Message] = []
        ann = self.enter("Ann")
        holding = HoldingGateway(self.bus, GatewayId("h"))
        self.successResultOf(self.service.stopService())
        self.assertEqual(len(self.gateway.ended(ann)), 1)
        self.assertEqual(holding.to_all, told)


class StatesTest(SuccessionTestCase):
    """Full states, by the wish of a gateway."""

    def want(self, *sessions: SessionId, gateway: GatewayId | None = None) -> None:
        self.bus.publish(WORLD, StatesWanted(gateway or self.holding.id, sessions))

    def test_shown(self) -> None:
        """Those named are shown all of it, the others nothing."""
        self.want(self.ann, SessionId("nobody"))
        self.advance()
        self.assertEqual(self.holding.types(self.ann), ["char.state", "room.state"])
        self.assertEqual(self.holding.types(self.bob), [])

    def test_anothers(self) -> None:
        """A gateway gets those of its own sessions alone."""
        self.want(self.ann, gateway=GatewayId("other"))
        self.advance()
        self.assertEqual(self.holding.types(self.ann), [])

    def test_some_at_a_time(self) -> None:
        """Of many, each piece of work shows some; asked for twice, they are shown once."""
        found = [self.game.sessions.get(id) for id in (self.ann, self.bob, self.ann)]
        shown = states.States(
            world=self.game.world,
            sessions=self.game.sessions,
            loop=self.game.loop,
            fan_out=self.game.fan_out,
            portion=1,
        )
        shown.show(each for each in found if each is not None)
        self.assertEqual((len(shown.due), len(self.game.loop)), (2, 1))
        self.advance()
        for session in (self.ann, self.bob):
            self.assertEqual(self.holding.types(session), ["char.state", "room.state"])
        self.assertEqual(len(shown.due), 0)

    def test_by_room(self) -> None:
        """Those who are in one room are shown it together, in whichever order they were named."""
        self.successResultOf(self.bus.request(WORLD, Register("Cid", PASSWORD, HOME)))
        cid = self.come_in("Cid")
        self.open_doors()
        self.carry_out(cid, "east")
        self.holding.forget()
        found = [self.game.sessions.get(id) for id in (self.ann, cid, self.bob)]
        shown = states.States(
            world=self.game.world,
            sessions=self.game.sessions,
            loop=self.game.loop,
            fan_out=self.game.fan_out,
            portion=2,
        )
        shown.show(each for each in found if each is not None)
        self.advance()
        rooms = [
            set(each.sessions)
            for each in self.holding.messages
            if isinstance(each, Show) and each.view.type == "room.state"
        ]
        self.assertEqual(sorted(rooms, key=len), [{cid}, {self.ann, self.bob}])

    def test_who_leaves(self) -> None:
        """Who has left meanwhile is shown nothing."""
        self.want(self.ann)
        self.game.presence.kick("Ann", "Out.")
        self.game.loop.stop()
        self.assertNotIn("char.state", self.holding.types(self.bob))


class KeepTest(GameTestCase):
    """What gateways could not deliver."""

    LETTER = Undelivered("g/1", "world", "Detached", b"x", "nobody there", 3, EPOCH, EPOCH)

    def keep(self) -> Request[None]:
        return KeepUndelivered((self.LETTER,))

    def test_kept(self) -> None:
        """It is kept; what comes once more, since nobody knew whether it was kept, counts once."""
        for _ in range(2):
            self.successResultOf(self.bus.request(WORLD, self.keep()))
        (kept,) = self.undelivered.letters.values()
        self.assertEqual((kept.id, kept.attempts), ("g/1", 3))

    def test_in_anothers_name(self) -> None:
        """What was not for a world is not kept: it could be replayed in the world's name."""
        foreign = evolve(self.LETTER, subject="gateway.g")
        request = KeepUndelivered((self.LETTER, foreign))
        self.failureResultOf(self.bus.request(WORLD, request), Forbidden)
        self.assertEqual(len(self.undelivered.letters), 0)

    def test_not_now(self) -> None:
        """Where it can't be, the gateway tries again."""
        self.undelivered.failure = StorageUnavailable("away")
        self.failureResultOf(self.bus.request(WORLD, self.keep()), Unavailable)
