"""A bus on which everything goes wrong that can: what must arrive arrives once."""

from collections import Counter
from random import Random

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.backoff import Backoff
from mudserver.bus.commands import PeerInfo
from mudserver.bus.link import Link, LinkOwner
from mudserver.bus.peer import AmpBus
from mudserver.bus.peer_limits import PeerLimits
from mudserver.bus.unconfirmed import DurableLimits
from mudserver.errors import Unavailable
from mudserver.interfaces.authority import NameState
from mudserver.interfaces.bus import GATEWAYS, WORLD, Message, Request
from mudserver.interfaces.play import PasswordWanted, Settled
from tests.contract.bus import WHO, message
from tests.contract.bus_links import lossy
from tests.torture.rough_link import RoughLink, Roughness
from tests.unit.bus.network import Keeper, Network

#: The last of them found a message that came out of order over two links.
SEEDS = (1, 2, 77)
ROUNDS = 100

LIMITS = PeerLimits(
    durable=DurableLimits(failures=1_000, receipt=1.0, backoff=Backoff(0.1, 1.0)),
    reconnect=Backoff(0.1, 0.5),
)


class TortureTest(SynchronousTestCase):
    def test_all_that_can_go_wrong(self) -> None:
        """
        Though envelopes are lost, late and doubled, and links break: each durable message is
        received once by the one it is for, and none becomes a dead letter; lossy ones come at most
        once, in order, and where one is missing that is told; each request is answered or fails.
        """
        for seed in SEEDS:
            Torture(self, seed, Roughness()).run()

    def test_broadcasts(self) -> None:
        """As long as links hold, the same goes for what is sent to all."""
        for seed in SEEDS:
            Torture(self, seed, Roughness(cut=0.0), to_all=True).run()


class Torture:
    """One course of things, by a seed."""

    def __init__(
        self, case: SynchronousTestCase, seed: int, roughness: Roughness, *, to_all: bool = False
    ) -> None:
        self.case = case
        self.seed = f"seed {seed}"
        self.dice = Random(seed)
        self.roughness = roughness
        self.network = Network()
        self.keeper = Keeper()
        self.peers = [self.peer(name) for name in ("a", "b", "c")]
        self.subjects = [GATEWAYS] if to_all else [f"gateway.{name}" for name in ("a", "b", "c")]
        self.subscribers = [Subscriber() for _ in self.peers]
        for number, (peer, subscriber) in enumerate(zip(self.peers, self.subscribers, strict=True)):
            subject = self.subjects[number % len(self.subjects)]
            peer.subscribe(subject, subscriber.receive, lost=subscriber.lose)
        self.peers[1].respond(WORLD, respond)
        self.replies: list[object] = []

    def peer(self, name: str) -> AmpBus:
        def make_link(owner: LinkOwner) -> Link:
            return RoughLink(
                owner,
                PeerInfo(name, "world", "i1"),
                self.network.clock,
                dice=self.dice,
                roughness=self.roughness,
            )

        return self.network.peer(name, keeper=self.keeper, limits=LIMITS, make_link=make_link)

    def run(self) -> None:
        """Publish, and see what arrives."""
        while not all(bus.linked for bus in self.peers):
            self.network.pass_time(0.25)
        publisher = self.peers[0]
        for number in range(ROUNDS):
            for subject in self.subjects:
                publisher.publish(subject, message(str(number)))
                publisher.publish(subject, lossy(number))
            if not number % 10:
                asked = self.peers[2].request(WORLD, WHO, timeout=2.0)
                asked.addErrback(lambda failure: failure.trap(Unavailable))
                asked.addBoth(self.replies.append)
            self.network.pass_time(self.dice.random() * 0.1, step=0.05)
        for _ in range(120):
            self.network.pass_time(0.5)
            if not publisher.unconfirmed:
                break
        self.network.pass_time(3.0)
        self.check()
        self.network.stop()

    def check(self) -> None:
        """Hold what arrived against what was sent."""
        case, seed = self.case, self.seed
        for subscriber in self.subscribers:
            case.assertEqual(
                subscriber.durable, Counter(str(number) for number in range(ROUNDS)), seed
            )
            case.assertEqual(subscriber.lossy, sorted(set(subscriber.lossy)), seed)
            whole = subscriber.lossy == list(range(ROUNDS))
            case.assertTrue(whole or subscriber.losses, f"{seed}: nothing was told")
        case.assertEqual(self.keeper.letters, [], seed)
        case.assertEqual(len(self.replies), ROUNDS // 10, seed)


def respond(request: Request[object]) -> Deferred[object]:
    return succeed(NameState.FREE)


class Subscriber:
    """Notes what arrives."""

    def __init__(self) -> None:
        self.durable: Counter[str] = Counter()
        self.lossy: list[int] = []
        self.losses = 0

    def receive(self, received: Message) -> None:
        if isinstance(received, PasswordWanted):
            self.durable[received.session] += 1
        else:
            assert isinstance(received, Settled)
            self.lossy.append(received.number)

    def lose(self) -> None:
        self.losses += 1
