"""What a peer of the bus does where something is wrong."""

from itertools import pairwise

from attrs import evolve

from mudserver.bus.envelopes import Deliver, Publish, Refused, Shed
from mudserver.bus.link import Link, LinkOwner
from mudserver.bus.peer import AmpBus
from mudserver.bus.rights import ALL_RIGHTS
from mudserver.errors import Unavailable
from mudserver.interfaces.bus import GATEWAYS, WORLD, Message
from mudserver.interfaces.play import PasswordWanted
from mudserver.interfaces.undelivered import KeepUndelivered
from tests.contract.bus import GATEWAY, message
from tests.contract.bus_links import lossy
from tests.unit.bus.peers import PeerTest, lines
from tests.unit.logs import Captured


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
            self.assertEqual(len(lines(logs, "No link to the bus comes about")), 1)
            names[0] = "lawful"
            self.network.pass_time(5.0)
            self.network.cut("other")
            names[0] = "not.lawful"
            self.network.pass_time(20.0)
        told = lines(logs, "No link to the bus comes about")
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
