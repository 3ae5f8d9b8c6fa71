"""Time that jumps, or stands still."""

import signal
from typing import ClassVar

from twisted.internet import reactor
from twisted.internet.task import deferLater

from tests.faults import frames
from tests.faults.case import FaultCase
from tests.faults.peer import enter, open_websocket
from tests.integration.telnet_client import connect

HOUR = 3_600


class WallClockTests(FaultCase):
    """Somebody sets the machine's clock."""

    async def test_jump(self) -> None:
        """An hour forward, and then two back: nobody is closed, nothing comes early or late, and
        who comes meanwhile is let in.
        """
        eve = await self.account("Eve")
        peer = await enter(self, self.daemon.http, await eve.hello())
        for number, shift in enumerate((HOUR, -HOUR), 1):
            self.probe.order(f"shift {shift}")
            silent = await open_websocket(self, self.daemon.http)
            late = await self.account(f"Late{'ab'[number - 1]}")
            other = await enter(self, self.daemon.http, await late.hello())
            other.command("say Good day.", "1")
            await other.hear("ack", id="1")
            await peer.hear("chat", **{"from": f"Late{'ab'[number - 1]}"})
            self.assertEqual((await silent.ended()).code, 3502)
            await self.counted(number, "closes", transport="websocket", code="3502")
            peer.command("say Good day.", str(number))
            await peer.hear("ack", id=str(number))
            other.say({"type": "bye"})
            self.assertEqual((await other.ended()).code, 1000)
            await self.counted(number, "closes", transport="websocket", code="1000")
        for code in ("3005", "3012", "lost"):
            await self.counted(0, "closes", transport="websocket", code=code)
        self.assertFalse(peer.lost)
        peer.say({"type": "bye"})
        await peer.closed()
        await self.survived()


class StallTests(FaultCase):
    """The process stands still, as on a machine that is suspended or overloaded."""

    patience: ClassVar = {"heartbeat": 1.0, "pong": 4.0, "telnet-heartbeat": 60.0}

    async def test_stall(self) -> None:
        """Five seconds later everybody is still there: he, too, whose answer to a ping came
        meanwhile; who wasn't there before the stall is still found out.
        """
        eve, zoe = await self.account("Eve"), await self.account("Zoe")
        alive = await enter(self, self.daemon.http, await eve.hello())
        ghost = await enter(self, self.daemon.http, await zoe.hello())
        alive.answers_pings = ghost.answers_pings = ghost.answers_close = False

        def pinged() -> bytes | None:
            for frame in alive.frames:
                if frame.opcode == frames.PING:
                    return frame.payload
            return None

        payload = await alive.until(pinged, "ping")
        self.daemon.program.signal(signal.SIGSTOP)
        alive.answers_pings = True
        alive.send(frames.PONG, payload)
        terminal = await connect(self, self.daemon.telnet)
        await deferLater(reactor, 5.0)
        self.daemon.program.signal(signal.SIGCONT)
        await terminal.expect("Name: ")
        await ghost.hear("closing", code=3012)
        await self.counted(1, "closes", transport="websocket", code="3012")
        alive.command("say I was here.", "1")
        await alive.hear("ack", id="1")
        now = await self.probe.measures()
        self.assertGreater(now.long_ticks, self.before.long_ticks)
        alive.say({"type": "bye"})
        self.assertEqual((await alive.ended()).code, 1000)
        await terminal.hang_up()
        await ghost.closed()
        await self.survived(long_ticks=True)
