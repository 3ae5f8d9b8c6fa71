"""A town of rough links: what must arrive arrives, once, whatever dies meanwhile."""

from twisted.trial.unittest import TestCase

from tests.torture.blows import Blow
from tests.torture.ordeal import Ordeal


class TortureTests(TestCase):
    """
    One ordeal.

    Attributes:
        seconds: How long.
        seed: Decides what happens.
        blows: What strikes.
    """

    timeout = 7_200
    seconds = 60.0
    seed = 1
    blows = tuple(Blow)

    async def test_endured(self) -> None:
        """
        While envelopes on the bus are lost, late and doubled, links, worlds and the hub die, and,
        if so told, players go on at another gateway, or quit and log in anew: each tell and each
        line on a channel is shown once to each who is entitled to it, or is a dead letter; each
        command with an id has one answer; what was acknowledged is stored; what is said in a room
        comes in its order; all messages are counted; nobody else loses the connection; all end
        well.
        """
        ordeal = Ordeal(
            self, self.seed, self.seconds, self.blows, lambda line: print(line, flush=True)
        )
        await ordeal.endure()
