"""What a peer sends that must arrive."""

from pathlib import Path

from twisted.internet.defer import Deferred, succeed

from mudserver.errors import CloseCode
from mudserver.ids import Epoch, Generation, SessionId
from mudserver.interfaces.bus import GATEWAYS, WORLD, Message, Request
from mudserver.interfaces.continuity import FromWorld, Moved, WorldClosing, WorldOpened
from mudserver.interfaces.play import Ended, PasswordWanted
from mudserver.interfaces.undelivered import KeepUndelivered, Undelivered
from tests.contract.bus import GATEWAY, message
from tests.contract.bus_links import lossy
from tests.unit.bus.network import Network
from tests.unit.bus.peers import LIMITS, PeerTest


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

    def test_one_who_is_gone(self) -> None:
        """What waits for one who is gone costs others nothing: of it the oldest is given up."""
        got: list[Message] = []
        self.gateway.subscribe(GATEWAY, got.append)
        self.network.settle()
        for number in range(5):
            self.world.publish("gateway.gone", message(str(number)))
        self.network.settle()
        self.world.publish(GATEWAY, message("here"))
        self.network.settle()
        self.assertEqual(got, [message("here")])
        (letter,) = self.keeper.letters
        self.assertEqual((letter.subject, self.world.unconfirmed), ("gateway.gone", 4))
        self.assertEqual(self.measured("bus_dead_letters_total", reason="full"), 1.0)

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

    def test_stopped_where_it_means_nothing(self) -> None:
        """That a world opened or goes is no dead letter of that world, whoever did not confirm it;
        nor is what means nothing to those who are gone.
        """
        self.gateway.subscribe(GATEWAYS, lambda received: None)
        self.network.settle()
        self.network.lag.add("gateway")
        for told in (WorldOpened(), WorldClosing()):
            self.world.publish(GATEWAYS, FromWorld(Epoch(1), told))
        self.world.publish(GATEWAYS, FromWorld(Epoch(1), message("1")))
        ended = Ended(SessionId("gateway-1"), CloseCode.KICKED, "Out!")
        self.world.publish("gateway.gone", FromWorld(Epoch(1), ended))
        stopped = self.world.stopService()
        self.network.pass_time(2.5)
        self.successResultOf(stopped)
        self.assertEqual([letter.kind for letter in self.keeper.letters], ["PasswordWanted"])
        self.world.startService()

    def test_closing_refused(self) -> None:
        """That one can't be told that a world goes is a dead letter: that is a fault."""
        other = self.network.peer("other", vocabulary=(PasswordWanted,))
        other.subscribe(GATEWAYS, lambda received: None)
        self.network.settle()
        self.world.publish(GATEWAYS, FromWorld(Epoch(1), WorldClosing()))
        self.network.settle()
        self.assertEqual([letter.kind for letter in self.keeper.letters], ["WorldClosing"])

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
