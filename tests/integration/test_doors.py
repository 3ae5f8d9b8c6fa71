"""The way in: introductions by proxies, turns, and what happens when file descriptors run short."""

import resource
from ipaddress import ip_address
from pathlib import Path
from struct import pack

from twisted.trial.unittest import TestCase

from tests.integration.daemon import Daemon, mudctl
from tests.integration.postgres import fresh_database
from tests.integration.program import until
from tests.integration.telnet_client import TelnetClient, connect
from tests.integration.web_client import enter, register, request

PASSWORD = "correct horse battery"
CLIENT = "198.51.100.7"

LINE = f"PROXY TCP4 {CLIENT} 192.0.2.1 50000 4000\r\n".encode()


def header(tls: bool) -> bytes:
    """The same in version 2, with word of TLS."""
    parts = b"\x20" + pack("!HBL", 5, 1 if tls else 0, 0)
    body = ip_address(CLIENT).packed + ip_address("192.0.2.1").packed + pack("!HH", 50_000, 4_000)
    body += parts
    return b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + pack("!H", len(body)) + body


def account(name: str) -> bytes:
    """A request that is granted over a secure connection only."""
    body = b'{"name": "%s", "password": "%s"}' % (name.encode(), PASSWORD.encode())
    return (
        b"POST /api/accounts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    )


class ProxyTests(TestCase):
    """The PROXY protocol, on both ports."""

    timeout = 120

    async def start(self, *options: str) -> Daemon:
        daemon = Daemon(
            self,
            fresh_database(self),
            "--telnet=haproxy:tcp:0:interface=127.0.0.1",
            "--http=haproxy:tcp:0:interface=127.0.0.1",
            *options,
        )
        await daemon.start()
        return daemon

    async def test_telnet(self) -> None:
        """Who plays by telnet is where the proxy says; what is no header is no connection."""
        daemon = await self.start()
        for name, introduction in (("Ann", LINE), ("Beth", header(tls=False))):
            client = await connect(self, daemon.telnet)
            client.write(introduction)
            await client.register(name, PASSWORD)
        sessions = (await mudctl(self, daemon, "sessions")).output
        self.assertEqual(sessions.count(CLIENT), 2, sessions)
        stranger = await connect(self, daemon.telnet)
        stranger.send("connect Ann " + PASSWORD)
        await stranger.closed()
        self.assertEqual(stranger.raw, b"")
        page = await request(daemon.operations, "GET", "/metrics")
        self.assertIn('mud_refusals_total{reason="bad_proxy_header"} 1.0', page.text)

    async def test_http(self) -> None:
        """A password is taken where the proxy says that the client speaks TLS with it."""
        daemon = await self.start()
        for name, introduction, status in (
            ("Ann", LINE, "403"),
            ("Beth", header(tls=False), "403"),
            ("Carl", header(tls=True), "201"),
            ("Dora", b"PROXY UNKNOWN\r\n", "201"),
        ):
            client = await connect(self, daemon.http)
            client.write(introduction + account(name))
            await client.expect(f"HTTP/1.1 {status} ")
            await client.closed()

    async def test_untrusted(self) -> None:
        """Nobody else introduces anybody."""
        daemon = await self.start("--trusted-proxies=192.0.2.99")
        client = await connect(self, daemon.telnet)
        client.write(LINE)
        await client.expect("A name has")
        await client.register("Ann", PASSWORD)
        self.assertNotIn(CLIENT, (await mudctl(self, daemon, "sessions")).output)
        web = await connect(self, daemon.http)
        web.write(header(tls=True) + account("Beth"))
        await web.expect("HTTP/1.1 400 ")


class TurnTests(TestCase):
    """New connections of one address."""

    timeout = 120

    async def test_delayed(self) -> None:
        """Beyond the burst they are delayed, then refused; all that were not refused come in."""
        daemon = Daemon(
            self, fresh_database(self), "--limits-arrivals=20", "--limits-arrival-burst=5"
        )
        await daemon.start()
        clients = [await connect(self, daemon.telnet) for _ in range(8)]
        for client in clients:
            await client.expect("Name: ")
        crowd = [await connect(self, daemon.telnet) for _ in range(40)]
        await until(lambda: any(client.lost for client in crowd), lambda: "nobody was refused")
        kept = [client for client in crowd if not client.lost]
        for client in kept[:5]:
            await client.expect("Name: ")
        page = await request(daemon.operations, "GET", "/metrics")
        self.assertIn('mud_refusals_total{reason="too_many_arrivals"}', page.text)


class DescriptorTests(TestCase):
    """File descriptors run short."""

    timeout = 120

    async def test_short(self) -> None:
        """Nobody is accepted any more, on no port of players; who is in plays on, operators come
        in; and when there is room, those who waited do, too.
        """
        daemon = Daemon(self, fresh_database(self), "--limits-exempt=127.0.0.1")
        await daemon.start()
        ann = await connect(self, daemon.telnet, "Ann")
        await ann.register("Ann", PASSWORD)
        login = await register(daemon.http, "Bob", PASSWORD)
        bob = await enter(self, login)

        pid = daemon.program.pid
        used = open_descriptors(pid)
        _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 100, hard))
        crowd = [await connect(self, daemon.telnet, f"guest {number}") for number in range(150)]
        await daemon.log.expect("Nobody is accepted for now")
        web = await connect(self, daemon.http, "web")
        web.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")

        await ann.ask("say Quite a crowd.", 'You say, "Quite a crowd."')
        await bob.expect("chat", text="Quite a crowd.")
        page = await request(daemon.operations, "GET", "/metrics")
        self.assertIn("mud_accepting 0.0", page.text)
        for number in range(3):
            await ann.ask(f"say {number}", f'You say, "{number}"')
            self.assertIn("Ann", (await mudctl(self, daemon, "sessions")).output)
        greeted = [client for client in crowd if "Name: " in client.said.text]
        self.assertLess(len(greeted), 100)
        self.assertEqual(web.raw, b"")

        for client in greeted:
            await client.hang_up()
        await daemon.log.expect("Connections are accepted again.")
        for client in crowd:
            if client not in greeted and not client.lost:
                await self.leave(client)
        await web.expect("HTTP/1.1 200 ")
        # Once for the whole crowd, and perhaps again for those who came in late.
        self.assertLessEqual(daemon.log.text.count("Nobody is accepted for now"), 3)
        for word in ("Traceback", "Unhandled"):
            self.assertNotIn(word, daemon.log.text)
        ended = await daemon.stop()
        self.assertEqual(ended.status, 0)

    async def leave(self, client: TelnetClient) -> None:
        await client.expect("Name: ")
        await client.hang_up()


def open_descriptors(pid: int) -> int:
    """How many file descriptors a process has."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
