"""Machines at the end of what they have, and the end of the process."""

import resource
import signal
from collections.abc import Sequence
from typing import ClassVar

from mudserver.storage.dsn import Dsn
from tests.faults.case import PATIENCE, FaultCase
from tests.faults.peer import ATTACKER, WebSocketPeer, connect, enter, together
from tests.faults.visitors import hellos, invite
from tests.integration.postgres import connected
from tests.integration.telnet_client import connect as connect_telnet
from tests.integration.web_client import PLAY, Message

_EXEMPT = f"--limits-exempt={ATTACKER}/32"

#: Descriptors of the daemon: those that it starts with, and a few dozen.
DESCRIPTORS = 110

#: How many come back at once.
STAMPEDE = 1_000

#: Descriptors that we need for that.
_OURS = 4_096

_MUTES = "SELECT count(*) FROM mute"


class DescriptorTests(FaultCase):
    """No file descriptors are left."""

    options: ClassVar = (_EXEMPT, "--database-pool=4")
    descriptors: ClassVar = DESCRIPTORS
    patience: ClassVar = {"handshake": 8.0}

    async def test_out_of_descriptors(self) -> None:
        """Some are kept for others than players: who is here plays on, operators see what happens,
        and newcomers are let in again once there is room.
        """
        crowd = [await connect(self, self.daemon.http) for _ in range(2 * DESCRIPTORS)]
        self.assertGreater(await self.grown("accept_pauses"), 0)
        self.assertEqual((await self.probe.measures()).of("accepting"), 0)
        self.assertLess(self.probe.descriptors().total(), DESCRIPTORS)
        for each in crowd:
            await each.hang_up()
        terminal = await connect_telnet(self, self.daemon.telnet)
        await terminal.expect("Name: ")
        await terminal.hang_up()
        await self.survived()


class StampedeTests(FaultCase):
    """A network comes back, and all its players with it."""

    timeout = 240
    options: ClassVar = (_EXEMPT,)
    patience: ClassVar = dict.fromkeys(PATIENCE, 12.0)

    async def prepare(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(_OURS, hard)), hard))

    async def test_stampede(self) -> None:
        """A thousand lose their connections at once, and come back at once: each resumes what it
        played, and gets what it missed.
        """
        visitors = invite(self.dsn, STAMPEDE)
        peers = await self._come(hellos(self.dsn, visitors))
        await self.counted(STAMPEDE, "attachments", outcome="entered")
        for peer in peers:
            peer.transport.abortConnection()
        await self.counted(STAMPEDE, "closes", transport="websocket", code="lost")
        back = [
            {**hello, "resume": _resume(peer)}
            for hello, peer in zip(hellos(self.dsn, visitors), peers, strict=True)
        ]
        again = await self._come(back)
        await self.counted(STAMPEDE, "resumes", outcome="recovered")
        for peer in again:
            self.assertTrue((await peer.hear("welcome"))["recovered"])
            peer.say({"type": "bye"})
        for peer in again:
            self.assertEqual((await peer.ended()).code, 1000)
        await self.counted(STAMPEDE, "closes", transport="websocket", code="1000")
        await self.survived()

    async def _come(self, messages: Sequence[Message]) -> list[WebSocketPeer]:
        return await together(enter(self, self.daemon.http, each) for each in messages)


class TerminationTests(FaultCase):
    """The process is asked to end while much goes on."""

    options: ClassVar = (_EXEMPT, "--limits-drain=5")

    async def test_sigterm(self) -> None:
        """Everybody is told to come back, and when; what was acknowledged is kept; the end is 0."""
        peers = await self._crowd(self.dsn, 40)
        for peer in peers:
            peer.command("mute Ann", "mute")
            for number in range(20):
                peer.command(f"say word {number}", str(number))
        await peers[0].hear("ack", id="mute")
        self.daemon.program.signal(signal.SIGTERM)
        late = await connect(self, self.daemon.operations)
        await late.hang_up()
        reasons = [await peer.hear("closing", code=3001) for peer in peers]
        waits = {reason["reconnect_after"] for reason in reasons}
        self.assertGreater(len(waits), 1)
        for peer in peers:
            self.assertEqual((await peer.ended()).code, 3001)
        await self.others.bob.expect("closing", code=3001)
        await self.others.ann.closed()
        await self.others.rest()
        ended = await self.daemon.program.ended()
        self.assertEqual(ended.status, 0)
        self.assertEqual(ended.output.count("Connection closed: 3001"), len(peers) + 2)
        for word in ("Traceback", "Unhandled", "#critical"):
            self.assertNotIn(word, ended.output)
        acknowledged = sum({"type": "ack", "id": "mute"} in peer.messages for peer in peers)
        with connected(self.dsn) as connection, connection.cursor() as cursor:
            cursor.execute(_MUTES)
            ((kept,),) = cursor.fetchall()
        self.assertGreaterEqual(kept, acknowledged)
        self.others.answered_in_order()

    async def _crowd(self, dsn: Dsn, size: int) -> list[WebSocketPeer]:
        greetings = hellos(dsn, invite(dsn, size))
        return await together(enter(self, self.daemon.http, each) for each in greetings)


def _resume(peer: WebSocketPeer) -> Message:
    """Return what a client says that counted what it got."""
    (welcome,) = [each for each in peer.messages if each["type"] == "welcome"]
    seq = welcome["seq"] + sum(each["type"] in PLAY for each in peer.messages)
    return {"session": welcome["session"], "secret": welcome["resume"], "seq": seq}
