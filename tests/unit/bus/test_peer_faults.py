"""What a peer of the bus does where something is wrong."""

from itertools import pairwise
from pathlib import Path

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred, TimeoutError, fail, succeed
from twisted.logger import formatEvent
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.backoff import Backoff
from mudserver.bus.breaker import BreakerLimits
from mudserver.bus.envelopes import Deliver, Publish, Refused, Shed
from mudserver.bus.link import Link, LinkOwner
from mudserver.bus.peer import AmpBus
from mudserver.bus.peer_limits import PeerLimits
from mudserver.bus.rights import ALL_RIGHTS
from mudserver.bus.unconfirmed import DurableLimits
from mudserver.errors import BusUnavailable, CloseCode, Overloaded, Unavailable
from mudserver.ids import Epoch, Generation, SessionId
from mudserver.interfaces.authority import NameState
from mudserver.interfaces.bus import GATEWAYS, WORLD, Message, Request
from mudserver.interfaces.continuity import FromWorld, Moved
from mudserver.interfaces.play import Ended, PasswordWanted
from mudserver.interfaces.undelivered import KeepUndelivered, Undelivered
from mudserver.telemetry.metrics import PrometheusMeter
from tests.contract.bus import GATEWAY, WHO, message
from tests.contract.bus_links import lossy
from tests.unit.bus.network import Keeper, Network
from tests.unit.logs import Captured

LIMITS = PeerLimits(
    durable=DurableLimits(messages=5, failures=3, age=60.0, receipt=5.0, backoff=Backoff(1.0, 4.0)),
    breaker=BreakerLimits(failures=3, trial=10.0, backoff=Backoff(2.0, 8.0)),
    asked=4,
    answering=3,
)


class PeerTest(SynchronousTestCase):
    """Two peers of a hub."""

    def setUp(self) -> None:
        self.network = Network()
        self.keeper = Keeper()
        self.meter = PrometheusMeter()
        self.world = self.network.peer("world", keeper=self.keeper, meter=self.meter, limits=LIMITS)
        self.gateway = self.network.peer("gateway", limits=LIMITS)
        self.network.settle()

    def tearDown(self) -> None:
        """A peer that is stopped leaves no timer behind."""
        self.network.stop()
        self.assertEqual(self.network.clock.getDelayedCalls(), [])

    def measured(self, name: str, **labels: str) -> float:
        return self.meter.registry.get_sample_value(f"mud_{name}", labels) or 0.0

    def ask(self, timeout: float = 10.0) -> "Deferred[NameState]":
        asked = self.world.request(GATEWAY, WHO, timeout)
        self.network.settle()
        return asked

    def fail_to_ask(self, times: int) -> None:
        for _ in range(times):
            self.failureResultOf(self.ask(), BusUnavailable)


class DurableTest(PeerTest):
    def test_given_up(self) -> None:
        """After so many tries a message becomes a dead letter that says how it fared; then, and not
        before, its sender hears that it is done with.
        """
        done: list[None] = []
        self.world.publish(GATEWAY, FromWorld(Epoch(1), message("1")), lambda: done.append(None))
        self.network.pass_time(1.0)
        self.assertEqual(done, [])
        self.network.pass_time(30.0)
        self.assertEqual(done, [None])
        (letter,) = self.keeper.letters
        self.assertEqual(
            (letter.subject, letter.kind, letter.error, letter.attempts),
            (GATEWAY, "PasswordWanted", "Nobody received it.", 3),
        )
        self.assertIn(b"PasswordWanted", letter.payload)
        self.assertEqual(self.world.unconfirmed, 0)
        self.assertEqual(self.measured("bus_dead_letters_total", reason="given_up"), 1.0)
        self.assertEqual(self.measured("bus_retries_total", reason="failed"), 2.0)

    def test_to_all_of_none(self) -> None:
        """What is for all gateways is no dead letter where there is none, though it is tried."""
        self.world.publish(GATEWAYS, message("1"))
        self.network.pass_time(30.0)
        self.assertEqual((self.keeper.letters, self.world.unconfirmed), ([], 0))
        self.assertEqual(self.measured("bus_retries_total", reason="failed"), 2.0)

    def test_of_no_use_without_them(self) -> None:
        """That a session is over, or elsewhere, is no dead letter where its gateway is gone."""
        session = SessionId("gateway-1")
        ended = Ended(session, CloseCode.KICKED, "Out!")
        for told in (ended, Moved(session, Generation(2))):
            self.world.publish("gateway.gone", FromWorld(Epoch(1), told))
        self.network.pass_time(30.0)
        self.assertEqual((self.keeper.letters, self.world.unconfirmed), ([], 0))
        self.network.lag.add("world")
        for _ in range(6):
            self.world.publish("gateway.gone", FromWorld(Epoch(1), ended))
        self.assertEqual([letter.kind for letter in self.keeper.letters], ["Ended"])

    def test_too_old(self) -> None:
        """Without a link a message is kept for so long, and then becomes a dead letter."""
        self.network.unreachable.add("world")
        self.network.cut("world")
        self.world.publish(GATEWAY, message("1"))
        self.network.pass_time(59.0)
        self.assertEqual((self.keeper.letters, self.world.unconfirmed), ([], 1))
        self.network.pass_time(2.0)
        self.assertEqual([letter.attempts for letter in self.keeper.letters], [0])

    def test_too_many(self) -> None:
        """When too many are not confirmed the newest become dead letters at once."""
        self.network.lag.add("world")
        for number in range(7):
            self.world.publish(GATEWAY, message(str(number)))
        self.assertEqual(len(self.keeper.letters), 2)
        self.assertIn(b"6", self.keeper.letters[-1].payload)
        self.assertEqual(self.measured("bus_dead_letters_total", reason="full"), 2.0)

    def test_none_waits_for_another(self) -> None:
        """A message that nobody takes holds up none for others."""
        got: list[Message] = []
        self.gateway.subscribe(GATEWAY, got.append)
        self.network.settle()
        self.world.publish("gateway.gone", message("1"))
        self.network.settle()
        self.world.publish(GATEWAY, message("2"))
        self.network.settle()
        self.assertEqual((got, self.world.unconfirmed), ([message("2")], 1))

    def test_for_one_who_has_ended(self) -> None:
        """A message that comes when its subscription has ended is for the next one."""
        got: list[Message] = []
        end = self.gateway.subscribe(GATEWAY, got.append)
        self.network.settle()
        self.world.publish(GATEWAY, message("1"))
        self.network.lag.add("gateway")
        self.network.settle()
        end()
        self.network.lag.clear()
        self.network.settle()
        self.assertEqual((got, self.world.unconfirmed), ([], 1))
        self.gateway.subscribe(GATEWAY, got.append)
        self.network.pass_time(2.0)
        self.assertEqual((got, self.world.unconfirmed), ([message("1")], 0))

    def test_hub_restarts(self) -> None:
        """A hub that dies, and knows nothing when it is back, costs no durable message."""
        got: list[Message] = []
        self.gateway.subscribe(GATEWAY, got.append)
        self.network.settle()
        self.network.lag.add("gateway")
        self.world.publish(GATEWAY, message("1"))
        self.network.settle()
        self.network.restart_hub()
        self.assertEqual(got, [])
        self.network.pass_time(10.0)
        self.assertEqual((got, self.world.unconfirmed), ([message("1")], 0))
        self.world.publish(GATEWAY, message("2"))
        self.network.settle()
        self.assertEqual(got, [message("1"), message("2")])

    def test_receipt_that_is_lost(self) -> None:
        """A message whose receipt doesn't come is sent again, and dropped where it is known."""
        got: list[Message] = []
        self.gateway.subscribe(GATEWAY, got.append)
        self.network.settle()
        self.network.lag.add("gateway")
        self.world.publish(GATEWAY, message("1"))
        self.network.pass_time(5.5)
        self.network.lag.clear()
        self.network.pass_time(5.0)
        self.assertEqual((got, self.world.unconfirmed), ([message("1")], 0))

    def test_late_receipt(self) -> None:
        """That nobody received a try which was given up before is no other failure."""
        self.gateway.subscribe(GATEWAY, lambda received: None)
        self.network.settle()
        self.network.lag.add("gateway")
        self.world.publish(GATEWAY, message("1"))
        self.network.pass_time(5.25)
        self.network.unreachable.add("gateway")
        self.network.cut("gateway")
        self.network.pass_time(1.0)
        self.assertEqual(self.measured("bus_retries_total", reason="failed"), 1.0)

    def test_stopped(self) -> None:
        """What is not confirmed when a process stops becomes dead letters, after a short wait."""
        self.gateway.subscribe(GATEWAY, lambda received: None)
        self.network.settle()
        self.network.lag.add("gateway")
        self.world.publish(GATEWAY, message("1"))
        stopped = self.world.stopService()
        self.network.pass_time(1.5)
        self.assertNoResult(stopped)
        self.assertEqual(self.keeper.letters, [])
        self.network.pass_time(1.0)
        self.successResultOf(stopped)
        self.world.publish(GATEWAY, message("2"))
        self.assertEqual(len(self.keeper.letters), 2)
        self.world.startService()

    def test_stopped_where_nobody_is(self) -> None:
        """What nobody takes is not waited for when a process stops."""
        self.world.publish(GATEWAY, message("1"))
        stopped = self.world.stopService()
        self.network.settle()
        self.successResultOf(stopped)
        self.assertEqual([letter.attempts for letter in self.keeper.letters], [1])
        self.world.startService()

    def test_stopped_as_the_link_breaks(self) -> None:
        """Receipts that won't come, since the link broke, are not waited for."""
        self.gateway.subscribe(GATEWAY, lambda received: None)
        self.network.settle()
        self.network.lag.add("gateway")
        self.world.publish(GATEWAY, message("1"))
        stopped = self.world.stopService()
        self.network.settle()
        self.assertNoResult(stopped)
        self.network.cut("world")
        self.successResultOf(stopped)
        self.assertEqual(len(self.keeper.letters), 1)
        self.world.startService()

    def test_stopped_in_time(self) -> None:
        """What is confirmed in time is no dead letter, and what waited to be sent is sent."""
        got: list[Message] = []
        self.gateway.subscribe(GATEWAY, got.append)
        self.network.settle()
        self.world.publish(GATEWAY, message("1"))
        self.world.publish(GATEWAY, lossy(2))
        stopped = self.world.stopService()
        self.network.settle()
        self.successResultOf(stopped)
        self.assertEqual((got, self.keeper.letters), ([message("1"), lossy(2)], []))
        self.world.startService()

    def test_tries_begin_anew(self) -> None:
        """When somebody is there again, failures from before don't count; a message is given up
        after so many in a row.
        """
        self.world.publish(GATEWAY, message("1"))
        self.network.pass_time(2.5)
        before = self.measured("bus_retries_total", reason="failed")
        self.assertEqual((before, self.keeper.letters), (1.0, []))
        self.world._outgoing.hasten((GATEWAY,))
        self.network.pass_time(60.0)
        self.assertEqual([letter.attempts for letter in self.keeper.letters], [5])

    def test_last_words(self) -> None:
        """What was published just before a process stops is still sent."""
        got: list[Message] = []
        self.gateway.subscribe(GATEWAY, got.append)
        self.network.settle()
        self.world.publish(GATEWAY, lossy(1))
        stopped = self.world.stopService()
        self.network.settle()
        self.successResultOf(stopped)
        self.assertEqual(got, [lossy(1)])
        self.world.startService()

    def test_kept_by_the_world(self) -> None:
        """A process without a database has its dead letters kept by the world."""
        kept: list[Undelivered] = []

        def respond(request: Request[object]) -> Deferred[object]:
            assert isinstance(request, KeepUndelivered)
            kept.extend(request.letters)
            return succeed(None)

        self.network.stop()
        self.network = Network()
        self.world = self.network.peer("world")
        self.gateway = self.network.peer("gateway", limits=LIMITS, asks_the_world=True)
        self.world.respond(WORLD, respond)
        self.network.settle()
        self.gateway.publish("gateway.gone", message("1"))
        self.network.pass_time(30.0)
        self.assertEqual([letter.subject for letter in kept], ["gateway.gone"])

    def test_spooled(self) -> None:
        """While nobody keeps dead letters they are in a file, also for the next process."""
        path = Path(self.mktemp())
        bus = self.network.peer("g2", limits=LIMITS, spool=path, asks_the_world=True)
        self.network.settle()
        bus.publish("gateway.gone", message("1"))
        self.network.pass_time(30.0)
        self.assertIn("gateway.gone", path.read_text())
        kept: list[object] = []

        def respond(request: Request[object]) -> Deferred[object]:
            kept.append(request)
            return succeed(None)

        self.world.respond(WORLD, respond)
        self.network.pass_time(70.0)
        self.assertEqual((len(kept), path.exists()), (1, False))


class UnlawfulTest(PeerTest):
    def test_unknown_kind(self) -> None:
        """What a receiver can't understand becomes a dead letter at once, without another try."""
        older = self.network.peer("older", vocabulary=())
        older.subscribe(GATEWAYS, lambda received: None)
        self.network.settle()
        self.world.publish(GATEWAYS, message("1"))
        self.network.settle()
        (letter,) = self.keeper.letters
        self.assertEqual((letter.attempts, self.world.unconfirmed), (1, 0))
        self.assertIn("PasswordWanted", letter.error)
        self.assertEqual(self.measured("bus_dead_letters_total", reason="refused"), 1.0)

    def test_others_still_get_it(self) -> None:
        """Who understands a message gets it though another does not."""
        got: list[Message] = []
        older = self.network.peer("older", vocabulary=())
        older.subscribe(GATEWAYS, lambda received: None)
        self.gateway.subscribe(GATEWAYS, got.append)
        self.network.settle()
        self.world.publish(GATEWAYS, message("1"))
        self.network.pass_time(20.0)
        self.assertEqual(got, [message("1")])

    def test_lossy(self) -> None:
        """
        A lossy message of a kind that a later release has is not missed by an earlier one; the log
        is told of the first, and from time to time of how many.
        """
        lost: list[str] = []
        older = self.network.peer("older", vocabulary=())
        older.subscribe(GATEWAYS, lambda received: None, lost=lambda: lost.append("lost"))
        self.network.settle()
        with Captured() as logged:
            for _ in range(100):
                self.world.publish(GATEWAYS, lossy(1))
            self.network.settle()
            self.assertEqual(lost, [])
            self.network.pass_time(61.0)
            self.world.publish(GATEWAYS, lossy(1))
            self.network.settle()
        told = [event["count"] for event in logged if "understood" in str(event["log_format"])]
        self.assertEqual(told, [1, 100])

    def test_lossy_and_spoiled(self) -> None:
        """A lossy message that can't be read is missing, and told as such."""
        lost: list[str] = []
        self.gateway.subscribe(GATEWAY, lambda received: None, lost=lambda: lost.append("lost"))
        self.network.settle()
        spoiled = self.network.codec.encode(lossy(1))[:-1]
        self.network.inject("gateway", Deliver((1,), "world/1", GATEWAY, 1, "", spoiled))
        self.assertEqual(lost, ["lost"])

    def test_not_allowed(self) -> None:
        """What the hub doesn't allow is logged; a durable message becomes a dead letter at once."""
        self.network.rights["world"] = evolve(ALL_RIGHTS, publish=(GATEWAY,))
        self.network.cut("world")
        self.network.pass_time(1.0)
        with Captured() as logged:
            self.world.publish(WORLD, message("1"))
            self.network.settle()
        (letter,) = self.keeper.letters
        self.assertEqual((letter.attempts, letter.subject), (1, WORLD))
        self.assertIn("not allowed", letter.error)
        self.assertTrue(any("refuses" in str(event["log_format"]) for event in logged))

    def test_unlawful_id(self) -> None:
        """A durable message without a lawful id is refused, and not received."""
        got: list[Message] = []
        self.gateway.subscribe(GATEWAY, got.append)
        payload = self.network.codec.encode(message("1"))
        for id in ("x", "i:0:0", "i:5:9"):
            self.network.inject("gateway", Deliver((1,), "world/1", GATEWAY, 1, id, payload))
        self.assertEqual(got, [])

    def test_not_for_peers(self) -> None:
        """What only peers say, the hub does not; it is logged and changes nothing."""
        with Captured() as logged:
            self.network.inject("world", Publish(GATEWAY, 1, "", b""))
            self.network.inject("world", Refused("ask", "x", "no"))
        self.assertEqual(len(logged), 2)

    def test_unsendable(self) -> None:
        """What can't be written is logged and counted, and raises nothing."""
        huge = PasswordWanted("s" * 2_000_000)  # type: ignore[arg-type]
        self.world.publish(GATEWAY, huge)
        self.assertEqual(self.measured("bus_unsendable_total"), 1.0)
        self.failureResultOf(
            self.world.request(GATEWAY, KeepUndelivered((huge,))),  # type: ignore[arg-type]
            Unavailable,
        )


class LossTest(PeerTest):
    def test_shed(self) -> None:
        """What the hub dropped is told once for many, after what came before it."""
        told: list[str] = []
        self.gateway.subscribe(GATEWAY, lambda received: None, lost=lambda: told.append("a"))
        self.gateway.subscribe(GATEWAYS, lambda received: None, lost=lambda: told.append("b"))
        for _ in range(3):
            self.network.inject("gateway", Shed((1,)), settle=False)
        self.assertEqual(told, [])
        self.network.settle()
        self.assertEqual(told, ["a"])

    def test_hole(self) -> None:
        """A hole in a publisher's numbers is told to those who receive there."""
        got: list[Message | str] = []
        self.gateway.subscribe(GATEWAY, got.append, lost=lambda: got.append("lost"))
        payload = self.network.codec.encode(lossy(1))
        for seq in (4, 5, 5, 7, 6, 8):
            self.network.inject("gateway", Deliver((1,), "world/1", GATEWAY, seq, "", payload))
        self.assertEqual(got, [lossy(1)] * 3 + ["lost"] + [lossy(1)])

    def test_groups_have_holes(self) -> None:
        """Who gets a part of a stream, others of the group getting the rest, misses nothing."""
        got: list[Message | str] = []
        self.world.subscribe(GATEWAY, got.append, group="g", lost=lambda: got.append("lost"))
        payload = self.network.codec.encode(lossy(1))
        for seq in (1, 3, 9):
            self.network.inject("world", Deliver((1,), "other/1", GATEWAY, seq, "", payload))
        self.assertEqual(got, [lossy(1)] * 3)
        self.assertEqual(self.measured("bus_gaps_total"), 0.0)

    def test_one_who_fails_when_told(self) -> None:
        """One who fails when told of a loss costs no other the word."""
        told: list[str] = []

        def fail_always() -> None:
            raise ZeroDivisionError

        self.gateway.subscribe(GATEWAY, lambda received: None, lost=fail_always)
        self.gateway.subscribe(GATEWAY, lambda received: None, lost=lambda: told.append("a"))
        self.network.inject("gateway", Shed((1, 2)))
        self.assertEqual((told, len(self.flushLoggedErrors(ZeroDivisionError))), (["a"], 1))

    def test_dropped_without_a_link(self) -> None:
        """Lossy messages go nowhere without a link, and are counted."""
        self.network.unreachable.add("world")
        self.network.cut("world")
        self.world.publish(GATEWAY, lossy(1))
        self.assertEqual(self.measured("bus_unlinked_drops_total"), 1.0)


class BreakerTest(PeerTest):
    def test_opens(self) -> None:
        """A destination that does not answer is left alone for a while; others are asked."""
        self.fail_to_ask(3)
        asked = self.world.request(GATEWAY, WHO)
        error = self.failureResultOf(asked, BusUnavailable).value
        self.assertIn("for a while", str(error))
        self.assertEqual(error.retry_after, 2.0)
        self.assertEqual(self.measured("bus_breakers", destination="gateway", state="open"), 1.0)
        self.gateway.respond("gateway.b", lambda request: succeed(NameState.FREE))
        self.network.settle()
        other = self.world.request("gateway.b", WHO)
        self.network.settle()
        self.assertIs(self.successResultOf(other), NameState.FREE)

    def test_trial(self) -> None:
        """After the pause one request is a trial; when it is answered all are asked again."""
        self.fail_to_ask(3)
        self.gateway.respond(GATEWAY, lambda request: succeed(NameState.FREE))
        self.network.pass_time(2.0)
        self.assertIs(self.successResultOf(self.ask()), NameState.FREE)
        self.assertIs(self.successResultOf(self.ask()), NameState.FREE)
        for state in ("open", "half_open", "closed"):
            self.assertEqual(
                self.measured("bus_breaker_transitions_total", destination="gateway", state=state),
                1.0,
            )
        self.assertEqual(self.measured("bus_breakers", destination="gateway", state="open"), 0.0)

    def test_presence(self) -> None:
        """Who watches a destination asks there again as soon as somebody responds."""
        self.world.watch("gateway.*", lambda there: None)
        self.fail_to_ask(3)
        self.gateway.respond(GATEWAY, lambda request: succeed(NameState.FREE))
        self.network.settle()
        self.assertIs(self.successResultOf(self.ask()), NameState.FREE)

    def test_forgotten(self) -> None:
        """A destination to which nothing is sent any more is not shown as silent for ever."""
        self.fail_to_ask(3)
        self.network.pass_time(60.0, step=1.0)
        self.assertEqual(self.measured("bus_breakers", destination="gateway", state="open"), 1.0)
        self.network.pass_time(60.0, step=1.0)
        self.assertEqual(self.measured("bus_breakers", destination="gateway", state="open"), 0.0)

    def test_another_link(self) -> None:
        """With another link all are asked again: it may have been the link."""
        self.fail_to_ask(3)
        self.network.cut("world")
        self.gateway.respond(GATEWAY, lambda request: succeed(NameState.FREE))
        self.network.pass_time(0.5)
        self.assertIs(self.successResultOf(self.ask()), NameState.FREE)

    def test_timeouts(self) -> None:
        """No answer in time counts as a failure; a refusal is an answer."""
        answers: list[Deferred[object]] = []

        def respond(request: Request[object]) -> Deferred[object]:
            answers.append(Deferred())
            return answers[-1]

        self.gateway.respond(GATEWAY, respond)
        self.network.settle()
        late = [self.ask(timeout=1.0) for _ in range(2)]
        self.network.pass_time(1.5)
        for each in late:
            self.failureResultOf(each, BusUnavailable)
        asked = self.ask()
        answers[-1].errback(Unavailable("Busy."))
        self.network.settle()
        self.failureResultOf(asked, Unavailable)
        for _ in range(3):
            asked = self.ask(timeout=1.0)
            self.network.pass_time(1.5)
            self.failureResultOf(asked, BusUnavailable)
        self.failureResultOf(self.world.request(GATEWAY, WHO), BusUnavailable)
        self.assertEqual(len(answers), 6)

    def test_cancelled_trial(self) -> None:
        """When the trial is given up another one may be it, at once."""
        self.fail_to_ask(3)
        self.gateway.respond(GATEWAY, lambda request: succeed(NameState.FREE))
        self.network.pass_time(2.0)
        trial = self.world.request(GATEWAY, WHO)
        trial.cancel()
        self.failureResultOf(trial, CancelledError)
        self.assertIs(self.successResultOf(self.ask()), NameState.FREE)

    def test_messages(self) -> None:
        """Messages that nobody takes open a breaker, too."""
        for number in range(3):
            self.world.publish(GATEWAY, message(str(number)))
        self.network.settle()
        error = self.failureResultOf(self.world.request(GATEWAY, WHO), BusUnavailable).value
        self.assertIn("for a while", str(error))

    def test_messages_to_one_who_comes(self) -> None:
        """As soon as somebody is seen to respond there, what waits is sent again."""
        got: list[Message] = []
        self.world.watch("gateway.*", lambda there: None)
        self.world.publish(GATEWAY, message("1"))
        self.network.settle()
        self.gateway.subscribe(GATEWAY, got.append)
        self.gateway.respond(GATEWAY, lambda request: succeed(None))
        self.network.settle()
        self.assertEqual(got, [message("1")])

    def test_retries_wait(self) -> None:
        """What is sent again waits while the breaker is open, and goes out when it closes."""
        got: list[Message] = []
        self.fail_to_ask(3)
        self.world.publish(GATEWAY, message("1"))
        self.network.settle()
        self.gateway.subscribe(GATEWAY, got.append)
        self.network.pass_time(1.5)
        self.assertEqual(got, [])
        self.network.pass_time(1.0)
        self.assertEqual((got, self.world.unconfirmed), ([message("1")], 0))
        self.gateway.respond(GATEWAY, lambda request: succeed(NameState.FREE))
        self.network.settle()
        self.assertIs(self.successResultOf(self.ask()), NameState.FREE)

    def test_new_messages_go_out(self) -> None:
        """A breaker holds back retries alone, so that no order is broken."""
        got: list[Message] = []
        self.fail_to_ask(3)
        self.gateway.subscribe(GATEWAY, got.append)
        self.network.settle()
        sent = [message("1"), lossy(2), message("3")]
        for each in sent:
            self.world.publish(GATEWAY, each)
        self.network.settle()
        self.assertEqual(got, sent)


class RequestTest(PeerTest):
    def test_too_many_asked(self) -> None:
        """When too many questions wait another one fails at once."""
        self.gateway.respond(GATEWAY, lambda request: Deferred())
        self.network.settle()
        self.network.lag.add("gateway")
        waiting = [self.ask(timeout=1.0) for _ in range(4)]
        error = self.failureResultOf(self.ask(), Overloaded).value
        self.assertIn("wait for their answers", str(error))
        self.network.pass_time(1.5)
        for each in waiting:
            self.failureResultOf(each)

    def test_too_many_answering(self) -> None:
        """When too many questions are being answered another one is refused."""
        self.gateway.respond(GATEWAY, lambda request: Deferred())
        self.network.settle()
        waiting = [self.ask(timeout=1.0) for _ in range(4)]
        self.failureResultOf(waiting.pop(), Overloaded)
        self.network.pass_time(1.5)
        for each in waiting:
            self.failureResultOf(each, BusUnavailable)

    def test_patience(self) -> None:
        """Work for an asker who has given up is cancelled."""
        cancelled: list[str] = []
        self.gateway.respond(
            GATEWAY, lambda request: Deferred(lambda _: cancelled.append("cancelled"))
        )
        self.network.settle()
        asked = self.ask(timeout=2.0)
        self.network.pass_time(2.5)
        self.failureResultOf(asked, BusUnavailable)
        self.assertEqual(cancelled, ["cancelled"])

    def test_given_up(self) -> None:
        """Who cancels a request gets nothing, and its place is free."""
        self.gateway.respond(GATEWAY, lambda request: Deferred())
        self.network.settle()
        for _ in range(10):
            asked = self.ask(timeout=1.0)
            asked.cancel()
            self.failureResultOf(asked, CancelledError)
            self.network.pass_time(0.6)

    def test_responder_that_is_too_late_itself(self) -> None:
        """A responder that fails by a time-out of its own fails like any other, and at once."""
        self.gateway.respond(GATEWAY, lambda request: fail(TimeoutError()))
        self.network.settle()
        self.failureResultOf(self.ask(), Unavailable)
        self.assertEqual(len(self.flushLoggedErrors(TimeoutError)), 1)

    def test_wrong_reply(self) -> None:
        """A reply that can't be written is our fault: logged there, and told without details."""
        self.gateway.respond(GATEWAY, lambda request: succeed(object()))
        self.network.settle()
        error = self.failureResultOf(self.ask(), Unavailable).value
        self.assertNotIn("object", str(error))
        self.assertEqual(len(self.flushLoggedErrors()), 1)

    def test_request_that_is_unknown(self) -> None:
        """A request that the responder's release doesn't know fails, and is logged there."""
        older = self.network.peer("older", vocabulary=())
        older.respond("standby.x", lambda request: succeed(None))
        self.network.settle()
        asked = self.world.request("standby.x", WHO)
        self.network.settle()
        self.failureResultOf(asked, Unavailable)

    def test_responder_that_stops(self) -> None:
        """A process that stops gives up what it was asked, and says so."""
        cancelled: list[str] = []
        self.gateway.respond(
            GATEWAY, lambda request: Deferred(lambda _: cancelled.append("cancelled"))
        )
        self.network.settle()
        asked = self.ask()
        stopped = self.gateway.stopService()
        self.network.settle()
        self.failureResultOf(asked, Unavailable)
        self.assertEqual(cancelled, ["cancelled"])
        self.successResultOf(stopped)
        self.gateway.startService()

    def test_asker_that_stops(self) -> None:
        """What a process that stops has asked fails."""
        self.gateway.respond(GATEWAY, lambda request: Deferred())
        self.network.settle()
        asked = self.ask()
        stopped = self.world.stopService()
        self.network.settle()
        self.failureResultOf(asked, BusUnavailable)
        self.successResultOf(stopped)
        self.world.startService()

    def test_without_a_link(self) -> None:
        """Without a link a request fails at once, and touches no breaker."""
        self.network.unreachable.add("world")
        self.network.cut("world")
        self.fail_to_ask(10)
        self.gateway.respond(GATEWAY, lambda request: succeed(NameState.FREE))
        self.network.unreachable.clear()
        self.network.pass_time(5.0)
        self.assertIs(self.successResultOf(self.ask()), NameState.FREE)


class LinkTest(PeerTest):
    def test_pauses(self) -> None:
        """A hub that isn't there is looked for with growing pauses, up to the longest."""
        self.network.unreachable.add("world")
        self.network.cut("world")
        self.network.attempts.clear()
        self.network.pass_time(20.0, step=0.01)
        moments = [moment for name, moment in self.network.attempts if name == "world"]
        pauses = [round(b - a, 1) for a, b in pairwise(moments)]
        self.assertEqual(pauses[:5], [0.4, 0.8, 1.6, 3.0, 3.0])
        self.assertEqual((self.world.linked, self.measured("bus_unlinked")), (False, 1.0))
        self.network.unreachable.clear()
        self.network.pass_time(4.0)
        self.assertEqual((self.world.linked, self.measured("bus_unlinked")), (True, 0.0))

    def test_links_that_break_at_once(self) -> None:
        """Links that are made and break at once are failures, too; a steady one begins anew."""
        pauses = []
        for steady in (0.0, 0.0, 0.0, 11.0, 0.0):
            self.network.pass_time(steady)
            self.network.cut("world")
            before = self.network.clock.seconds()
            while not self.world.linked:
                self.network.pass_time(0.01)
            pauses.append(round(self.network.clock.seconds() - before, 1))
        self.assertEqual(pauses, [0.2, 0.4, 0.8, 0.2, 0.4])

    def test_refused_again_and_again(self) -> None:
        """Why the hub lets nobody in is logged once, and again when a link was there between."""
        names = ["not.lawful"]
        with Captured() as logs:
            self.network.peer("other", make_link=lambda owner: self.network.link(owner, names[0]))
            self.network.pass_time(20.0)
            self.assertEqual(len(_lines(logs, "No link to the bus comes about")), 1)
            names[0] = "lawful"
            self.network.pass_time(5.0)
            self.network.cut("other")
            names[0] = "not.lawful"
            self.network.pass_time(20.0)
        told = _lines(logs, "No link to the bus comes about")
        self.assertEqual(len(told), 2)
        self.assertIn("That is no name for a peer.", told[0])

    def test_watching_nobody(self) -> None:
        """Who watches, and sees nobody, is told so once, whatever links come and go."""
        seen: list[frozenset[str]] = []
        self.network.unreachable.add("world")
        self.network.cut("world")
        self.world.watch("gateway.*", seen.append)
        self.assertEqual(seen, [frozenset()])
        self.network.unreachable.clear()
        for _ in range(2):
            self.network.pass_time(4.0)
            self.assertTrue(self.world.linked)
            self.network.cut("world")
        self.assertEqual(seen, [frozenset()])

    def test_stop_without_a_link(self) -> None:
        """A process whose hub isn't there stops at once, but for what it must keep."""
        self.network.unreachable.add("world")
        self.network.cut("world")
        self.world.publish(GATEWAY, message("1"))
        self.successResultOf(self.world.stopService())
        self.assertEqual(len(self.keeper.letters), 1)
        self.world.startService()

    def test_other_links(self) -> None:
        """Links are made by whatever is given for that."""
        made: list[Link] = []

        def make_link(owner: LinkOwner) -> Link:
            made.append(self.network.link(owner, "third"))
            return made[-1]

        bus: AmpBus = self.network.peer("third", make_link=make_link)
        self.network.settle()
        self.assertTrue(bus.linked and len(made) == 1)


def _lines(logs: Captured, words: str) -> list[str]:
    return [line for line in map(formatEvent, logs) if words in line]
