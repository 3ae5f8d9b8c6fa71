"""Parties and follows outlast a world that is killed."""

from twisted.trial.unittest import TestCase

from tests.integration.daemon import Daemon
from tests.integration.postgres import fresh_database
from tests.integration.web_client import enter, log_in, register

PASSWORD = "correct horse battery"


class PartyTests(TestCase):
    timeout = 120

    async def test_killed(self) -> None:
        """What was acknowledged before a SIGKILL is there in the next world, in its order."""
        daemon = Daemon(self, fresh_database(self))
        await daemon.start()
        ann, bob, cid = [
            await enter(self, await register(daemon.http, name, PASSWORD))
            for name in ("Ann", "Bob", "Cid")
        ]
        for guest, name in ((bob, "bob"), (cid, "cid")):
            await ann.acknowledged(f"party invite {name}", name)
            await guest.expect(
                "text", text="Ann invites you into a party; to come, type: party join Ann"
            )
            await guest.acknowledged("party join ann", "join")
        await cid.acknowledged("follow bob", "follow")
        await ann.acknowledged("party leave", "leave")
        await daemon.kill()
        await daemon.start()
        ann, bob, cid = [
            await enter(self, await log_in(daemon.http, name, PASSWORD))
            for name in ("Ann", "Bob", "Cid")
        ]
        ann.command("party")
        await ann.expect("text", text="You are in no party; to make one, type: party invite NAME")
        cid.command("party")
        await cid.expect("text", text="Your party:\n  Bob (leads)\n  Cid")
        bob.command("ptell on we go")
        await cid.expect("chat", channel="party", line="[party] Bob: on we go")
        await bob.acknowledged("north", "north")
        await cid.expect("text", text="You follow Bob north.")
        await cid.acknowledged("party leave", "leave")
        await bob.expect("text", text="Cid leaves the party. You are alone, and the party is over.")
