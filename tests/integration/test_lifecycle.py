"""The daemon as a process: how it starts and stops, what ends it, and what it tells meanwhile."""

import json
import os
import re
import signal
import socket
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from twisted.trial.unittest import TestCase

from tests.integration.daemon import Daemon, mudctl, twistd
from tests.integration.postgres import fresh_database
from tests.integration.program import ROOT, Exit, until
from tests.integration.telnet_client import connect
from tests.integration.web_client import enter, register, request

PASSWORD = "correct horse battery"


#: An application that is told to stop when it is made, before anything runs.
_HASTY = """
import os, signal
from twisted.application.service import Application
from mudserver.service import Options, makeService

application = Application("hasty")
options = Options()
options.parseOptions([])
makeService(options).setServiceParent(application)
os.kill(os.getpid(), signal.SIGTERM)
"""


class StopTests(TestCase):
    """On its embedded database, it stops in good order and starts again, whatever ended it."""

    timeout = 120

    async def stops(self, how: signal.Signals) -> None:
        daemon = Daemon(self)
        await daemon.start()
        ann = await connect(self, daemon.telnet)
        await ann.register("Ann", PASSWORD)
        login = await register(daemon.http, "Bob", PASSWORD)
        bob = await enter(self, login)
        ended = await daemon.stop(how)
        self.assertEqual(ended.status, 0, ended.output)
        self.assertNotIn("Traceback", ended.output)
        await ann.expect("The server restarts.")
        await ann.closed()
        closing = await bob.expect("closing", code=3001)
        self.assertGreaterEqual(closing["reconnect_after"], 0)
        self.assertEqual(await bob.closed(), 3001)
        await daemon.alone()
        self.assertFalse((daemon.state / "postgres" / "cluster" / "postmaster.pid").exists())
        self.assertFalse(daemon.control.exists())

        await daemon.start()
        again = await connect(self, daemon.telnet)
        await again.log_in("Ann", PASSWORD)
        await enter(self, login)

    async def test_sigterm(self) -> None:
        """SIGTERM lets players go with 3001 or a farewell, ends the database and exits 0; the
        next start finds the accounts.
        """
        await self.stops(signal.SIGTERM)

    async def test_sigint(self) -> None:
        """So does Ctrl-C."""
        await self.stops(signal.SIGINT)

    async def test_stopped_while_starting(self) -> None:
        """A stop before all is open is a stop all the same: status 0, and nothing left."""
        daemon = Daemon(self)
        program = daemon.launch("--log-level=debug")
        await program.said.expect("running bootstrap script")
        ended = await daemon.stop()
        self.assertEqual(ended.status, 0, ended.output)
        self.assertNotIn("Traceback", ended.output)
        await daemon.alone()
        await daemon.start()

    async def test_stopped_before_it_runs(self) -> None:
        """So is one in the moment before the reactor runs."""
        daemon = Daemon(self)
        application = daemon.directory / "hasty.tac"
        application.write_text(_HASTY)
        program = twistd(
            self,
            "--nodaemon",
            "--pidfile=",
            f"--python={application}",
            environment={"MUDSERVER_STATE_DIR": str(daemon.state)},
            directory=daemon.directory,
        )
        ended = await program.ended()
        self.assertEqual(ended.status, 0, ended.output)
        self.assertIn("Received SIGTERM.", ended.output)
        await daemon.alone()

    async def test_stopped_with_many(self) -> None:
        """Those who don't leave are dropped; all others are told when to come back."""
        daemon = Daemon(self, fresh_database(self), "--limits-exempt=127.0.0.1")
        await daemon.start()
        clients = [await connect(self, daemon.telnet) for _ in range(100)]
        for client in clients:
            await client.expect("Name: ")
        stubborn = socket.create_connection(("127.0.0.1", daemon.telnet))
        self.addCleanup(stubborn.close)
        ended = await daemon.stop()
        self.assertEqual(ended.status, 0, ended.output)
        for client in clients:
            await client.expect("The server restarts.")
            await client.closed()

    async def test_second_signal(self) -> None:
        """A second signal waits for nobody's goodbye."""
        daemon = Daemon(self, fresh_database(self), "--limits-closing=60", "--limits-drain=3600")
        await daemon.start()
        login = await register(daemon.http, "Bob", PASSWORD)
        bob = await enter(self, login)
        bob.transport.pauseProducing()  # type: ignore[attr-defined]
        daemon.program.signal(signal.SIGTERM)
        await daemon.log.expect("connections are told to leave")
        ended = await daemon.stop(signal.SIGINT)
        self.assertEqual(ended.status, 0, ended.output)
        self.assertIn("Received SIGINT again: hurrying.", ended.output)

    async def test_killed(self) -> None:
        """After kill -9 no process is left, and the next start needs no help."""
        daemon = Daemon(self)
        await daemon.start()
        ann = await connect(self, daemon.telnet)
        await ann.register("Ann", PASSWORD)
        self.assertGreater(len(daemon.running()), 1)
        await daemon.kill()
        await ann.closed()
        await daemon.alone()
        self.assertTrue(daemon.control.exists())

        await daemon.start()
        again = await connect(self, daemon.telnet)
        await again.log_in("Ann", PASSWORD)
        self.assertIn("Ann", (await mudctl(self, daemon, "sessions")).output)

    async def test_killed_and_started_at_once(self) -> None:
        """The next start waits for what the killed one left running."""
        daemon = Daemon(self)
        await daemon.start()
        await daemon.kill()
        await daemon.start()
        ended = await daemon.stop()
        self.assertEqual(ended.status, 0, ended.output)

    async def test_database_killed(self) -> None:
        """The embedded database comes back when it is killed, and until then the daemon isn't
        ready; players stay, and what they do is saved after all.
        """
        daemon = Daemon(self)
        await daemon.start()
        login = await register(daemon.http, "Bob", PASSWORD)
        bob = await enter(self, login)
        pidfile = daemon.state / "postgres" / "cluster" / "postmaster.pid"
        os.kill(int(pidfile.read_text().split("\n")[0]), signal.SIGKILL)
        await daemon.log.expect("PostgreSQL ended by itself")
        bob.command("get ticket", "one")
        health = await request(daemon.operations, "GET", "/healthz")
        self.assertEqual(health.status, 200)
        ready = await request(daemon.operations, "GET", "/readyz")
        self.assertEqual((ready.status, ready.text), (503, "not ready: database\n"))
        await daemon.log.expect("PostgreSQL accepts connections again")
        await bob.expect("ack", id="one")
        ready = await request(daemon.operations, "GET", "/readyz")
        self.assertEqual(ready.status, 200)


class LogTests(TestCase):
    """What the log is like."""

    timeout = 120

    async def test_json(self) -> None:
        """As JSON, each line is one object."""
        daemon = Daemon(self, fresh_database(self), "--log-format=json")
        await daemon.start()
        ended = await daemon.stop()
        events = [json.loads(line) for line in ended.output.splitlines()]
        self.assertTrue(any(event.get("log_format") == "{name} is open." for event in events))

    async def test_addresses(self) -> None:
        """It says each address in one line, and how to make oneself owner."""
        daemon = Daemon(self, fresh_database(self))
        await daemon.start()
        await daemon.log.expect("account role NAME owner")
        for line in (
            f"telnet listens on 127.0.0.1:{daemon.telnet}\n",
            f"http listens on 127.0.0.1:{daemon.http}\n",
            f"operations listens on 127.0.0.1:{daemon.operations}\n",
            f"control listens on {daemon.control}\n",
            f"telnet localhost {daemon.telnet}\n",
            f"http://localhost:{daemon.http}/\n",
        ):
            self.assertIn(line, daemon.log.text)

    async def test_no_secrets(self) -> None:
        """No password, token, ticket or resume secret is in it, at its most talkative."""
        daemon = Daemon(self, fresh_database(self), "--log-level=debug")
        await daemon.start()
        ann = await connect(self, daemon.telnet)
        await ann.register("Ann", PASSWORD)
        login = await register(daemon.http, "Bob", PASSWORD)
        hello = await login.hello()
        bob = await enter(self, login)
        secret = (next(m for m in bob.messages if m["type"] == "welcome"))["resume"]
        bob.command(f"password {PASSWORD} another horse battery")
        other = await connect(self, daemon.telnet)
        await other.expect("Name: ")
        other.send("connect Ann not the password")
        await other.expect("Name: ")
        ended = await daemon.stop()
        for word in (PASSWORD, "another horse", "not the password", login.token, secret):
            self.assertNotIn(word, ended.output)
        for field in ("ticket", "csrf"):
            self.assertNotIn(hello[field], ended.output)


class TacTests(TestCase):
    """``twistd -y tac/mudserver.tac`` is the same daemon, set up by the environment."""

    timeout = 120

    def environment(self, directory: Path) -> dict[str, str]:
        return {
            "MUDSERVER_STATE_DIR": str(directory / "state"),
            "MUDSERVER_TELNET": "tcp:0:interface=127.0.0.1",
            "MUDSERVER_HTTP": "tcp:0:interface=127.0.0.1",
            "MUDSERVER_OPERATIONS": "tcp:0:interface=127.0.0.1",
        }

    async def run_tac(self, directory: Path, environment: Mapping[str, str]) -> Exit:
        program = twistd(
            self,
            "--nodaemon",
            "--pidfile=",
            f"--python={ROOT / 'tac' / 'mudserver.tac'}",
            environment=environment,
            directory=directory,
        )
        if "MUDSERVER_ROLE" not in environment:
            await program.said.expect("is open.")
            client = await connect(
                self, int(re.findall(r"telnet listens on 127.0.0.1:(\d+)", program.said.text)[0])
            )
            await client.expect("Name: ")
            program.signal(signal.SIGTERM)
        return await program.ended()

    async def test_runs(self) -> None:
        """It opens, and SIGTERM ends it with 0."""
        directory = Daemon(self).directory
        ended = await self.run_tac(directory, self.environment(directory))
        self.assertEqual(ended.status, 0, ended.output)

    async def test_refuses(self) -> None:
        """A wrong variable is said without a traceback."""
        directory = Daemon(self).directory
        environment = {**self.environment(directory), "MUDSERVER_ROLE": "king"}
        ended = await self.run_tac(directory, environment)
        self.assertEqual(ended.status, 1)
        self.assertIn("the environment: MUDSERVER_ROLE: expected one of", ended.output)
        self.assertNotIn("Traceback", ended.output)


class OperationsTests(TestCase):
    """The operators' port and the word to systemd."""

    timeout = 120

    async def test_pages(self) -> None:
        """It says that we are alive and ready, and what was measured."""
        daemon = Daemon(self, fresh_database(self))
        await daemon.start()
        client = await connect(self, daemon.telnet)
        await client.register("Ann", PASSWORD)
        for path in ("/healthz", "/readyz"):
            page = await request(daemon.operations, "GET", path)
            self.assertEqual((page.status, page.text), (200, "ok\n"))
        page = await request(daemon.operations, "GET", "/metrics")
        self.assertEqual(page.status, 200)
        for line in ('mud_connections_total{transport="telnet"} 1.0', "mud_sessions 1.0"):
            self.assertIn(line, page.text)
        page = await request(daemon.operations, "GET", "/elsewhere")
        self.assertEqual(page.status, 404)

    async def test_systemd(self) -> None:
        """systemd is told when all is open, and when we stop."""
        daemon = Daemon(self, fresh_database(self), environment={"NOTIFY_SOCKET": "notify"})
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as systemd:
            systemd.setblocking(False)
            systemd.bind(f"/proc/self/fd/{os.open(daemon.directory, os.O_PATH)}/notify")
            daemon.launch()
            await until(lambda: heard(systemd, b"READY=1"), lambda: daemon.log.text)
            await daemon.log.expect("is open.")  # which is read from another pipe
            await daemon.stop()
            self.assertTrue(heard(systemd, b"STOPPING=1"))


def heard(systemd: socket.socket, word: bytes) -> bool:
    """Read a word if there is one."""
    try:
        return systemd.recv(100) == word
    except BlockingIOError:
        return False
