"""What a peer asks, and when it doesn't."""

from twisted.internet.defer import CancelledError, Deferred, TimeoutError, fail, succeed

from mudserver.errors import BusUnavailable, Overloaded, Unavailable
from mudserver.interfaces.authority import NameState
from mudserver.interfaces.bus import Message, Request
from tests.contract.bus import GATEWAY, WHO, message
from tests.contract.bus_links import lossy
from tests.unit.bus.peers import PeerTest


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
