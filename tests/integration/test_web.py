"""The web over real sockets: Twisted's HTTP client and Autobahn's WebSocket client come in."""

import json
import random
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from attrs import frozen
from autobahn.twisted.websocket import WebSocketClientFactory
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet import reactor, ssl
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import SSL4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, FileBodyProducer, ResponseDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse

from mudserver.bus.loopback import LoopbackBus
from mudserver.game.hasher import CHEAPEST, PasswordHasher
from mudserver.game.limits import AccountLimits, GameLimits, PresenceLimits
from mudserver.game.ports import GamePorts
from mudserver.game.service import WorldService
from mudserver.gateway.admission import Admission, AdmissionLimits
from mudserver.gateway.reaper import Reaper
from mudserver.gateway.roster import Roster
from mudserver.gateway.service import Door, GatewayService
from mudserver.gateway.shared import LinkLimits, Shared
from mudserver.gateway.switchboard import Switchboard
from mudserver.gateway.turnstile import Turnstile
from mudserver.gateway.web.channel import HttpLimits
from mudserver.gateway.web.policy import WebPolicy
from mudserver.gateway.web.site import WebSite
from mudserver.gateway.web.static_files import load_files
from mudserver.gateway.websocket import WebSocketFactory
from mudserver.ids import GatewayId
from mudserver.service.tls import CertificateFiles
from mudserver.storage.memory import MemoryAccountStore, MemoryDatabase, MemoryWorldStore
from mudserver.storage.memory_failed_logins import MemoryFailedLoginStore
from mudserver.storage.memory_history import MemoryHistoryStore
from mudserver.storage.memory_journal import MemoryJournalStore
from mudserver.tasks import Tasks
from mudserver.telemetry.metrics import NullMeter
from tests.contract.areas import harbour_world
from tests.integration.web_client import SUBPROTOCOL, WebSocketPlayer, open_websocket

HOST = "127.0.0.1"
PASSWORD = "a long sentence"
ANN = {"name": "Ann", "password": PASSWORD}


@frozen
class Reply:
    """An answer, read to its end."""

    status: int
    headers: Headers
    body: bytes

    def header(self, name: str) -> str:
        return ", ".join(self.headers.getRawHeaders(name, []))

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def make_certificate(path: Path) -> ssl.Certificate:
    """Write a certificate of this machine and its key, which last as long as a test."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(pem)
    loaded: ssl.Certificate = ssl.Certificate.loadPEM(pem)
    return loaded


class Body(Protocol):
    """Collects the body of an answer, to its end."""

    def __init__(self) -> None:
        self.complete: Deferred[bytes] = Deferred()
        self._data = b""

    def dataReceived(self, data: bytes) -> None:
        self._data += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if reason.check(ResponseDone):
            self.complete.callback(self._data)
        else:
            self.complete.errback(reason)


class WebTestCase(TestCase):
    """A world in memory, and a gateway before it, in the clear and with TLS."""

    timeout = 60

    async def setUp(self) -> None:  # type: ignore[override]
        bus, meter = LoopbackBus(reactor), NullMeter()
        database = MemoryDatabase()
        store = MemoryWorldStore(database)
        await store.import_areas(harbour_world())
        world = WorldService(
            GamePorts(
                bus=bus,
                accounts=MemoryAccountStore(database),
                failed_logins=MemoryFailedLoginStore(database),
                world=store,
                journal=MemoryJournalStore(database),
                history=MemoryHistoryStore(database),
                hasher=PasswordHasher(IReactorFromThreads(reactor), CHEAPEST, meter),
                clock=reactor,
                utc_now=lambda: datetime.now(UTC),
                token_bytes=secrets.token_bytes,
                pick=random.random,
                meter=meter,
            ),
            GameLimits(AccountLimits(), PresenceLimits(sessions=50, grace=120.0)),
        )
        gateway = GatewayId("g")
        self.shared = Shared(
            gateway=gateway,
            bus=bus,
            clock=reactor,
            switchboard=Switchboard(gateway, bus, reactor, meter),
            roster=Roster(),
            reaper=Reaper(reactor),
            tasks=Tasks(meter),
            meter=meter,
            limits=LinkLimits(),
            token_bytes=secrets.token_bytes,
            pick=random.random,
            utc_now=lambda: datetime.now(UTC),
            admission=Admission(AdmissionLimits()),
        )
        self.site = WebSite(
            self.shared,
            WebPolicy(),
            load_files(),
            WebSocketFactory(self.shared, reactor),
            HttpLimits(),
        )
        pem = Path(self.mktemp())
        self.trust = ssl.trustRootFromCertificates([make_certificate(pem)])
        doors = GatewayService(
            self.shared,
            (
                Door("http", "", TCP4ServerEndpoint(reactor, 0, interface=HOST), self.site),
                Door(
                    "https",
                    "",
                    TCP4ServerEndpoint(reactor, 0, interface=HOST),
                    TLSMemoryBIOFactory(CertificateFiles(pem, pem), False, self.site),
                ),
            ),
            Turnstile(reactor, random.random, meter),
        )
        await world.startService()
        self.addCleanup(world.stopService)
        await doors.startService()
        self.addCleanup(doors.stopService)
        self.port, self.tls_port = (address.port for _, address in doors.addresses())  # type: ignore[attr-defined]
        self.agent = Agent(reactor, BrowserLikePolicyForHTTPS(self.trust))

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        tls: bool = False,
    ) -> Reply:
        """Ask over a connection of its own; a body goes as JSON."""
        lines = Headers()
        for name, value in ({} if headers is None else headers).items():
            lines.setRawHeaders(name, [value])
        producer = None
        if body is not None:
            lines.setRawHeaders("Content-Type", ["application/json"])
            producer = FileBodyProducer(BytesIO(json.dumps(body).encode()))
        base = f"https://localhost:{self.tls_port}" if tls else f"http://{HOST}:{self.port}"
        response: IResponse = await self.agent.request(
            method.encode(), f"{base}{path}".encode(), lines, producer
        )
        collected = Body()
        response.deliverBody(collected)
        return Reply(response.code, response.headers, await collected.complete)

    async def log_in(self) -> dict[str, str]:
        """Register Ann and log her in as a program does; returns the header to be used."""
        self.assertEqual((await self.ask("POST", "/api/accounts", ANN)).status, 201)
        reply = await self.ask("POST", "/api/session", ANN)
        self.assertEqual(reply.status, 200)
        return {"Authorization": f"Bearer {reply.json['token']}"}

    async def hello(self, bearer: Mapping[str, str]) -> dict[str, str]:
        """Return the message that a ticket is spent by."""
        reply = await self.ask("POST", "/api/session/ticket", {}, bearer)
        return {"type": "hello", **reply.json}


class ApiTests(WebTestCase):
    """The API, before a real world."""

    async def test_life_of_an_account(self) -> None:
        """Register, be refused, log in, look, change the password, log out."""
        made = await self.ask("POST", "/api/accounts", ANN)
        self.assertEqual((made.status, made.json), (201, {"account": "Ann", "characters": ["Ann"]}))
        taken = await self.ask("POST", "/api/accounts", {**ANN, "name": "ANN"})
        self.assertEqual((taken.status, taken.json["error"]["code"]), (409, "name_taken"))
        for body in ({**ANN, "name": "A1"}, {"name": "Beth", "password": "short"}):
            self.assertEqual((await self.ask("POST", "/api/accounts", body)).status, 422)
        wrong = await self.ask("POST", "/api/session", {**ANN, "password": "a wrong one"})
        self.assertEqual((wrong.status, wrong.json["error"]["code"]), (401, "wrong_credentials"))

        logins = [await self.ask("POST", "/api/session", ANN) for _ in range(2)]
        for login in logins:
            self.assertEqual(set(login.json), {"token", "csrf", "ticket", "expires"})
            self.assertEqual(login.header("Set-Cookie"), "")
        first, second = ({"Authorization": f"Bearer {login.json['token']}"} for login in logins)
        looked = await self.ask("GET", "/api/session", headers=first)
        self.assertEqual(looked.json["account"], "Ann")
        self.assertEqual(looked.json["csrf"], logins[0].json["csrf"])
        self.assertGreater(datetime.fromisoformat(looked.json["expires"]), datetime.now(UTC))

        change = {"old": PASSWORD, "new": "a longer sentence"}
        changed = await self.ask("POST", "/api/account/password", change, first)
        self.assertEqual((changed.status, changed.body), (204, b""))
        again = await self.ask("POST", "/api/account/password", change, first)
        self.assertEqual(again.status, 401)
        self.assertEqual((await self.ask("GET", "/api/session", headers=first)).status, 200)
        self.assertEqual((await self.ask("GET", "/api/session", headers=second)).status, 401)

        self.assertEqual((await self.ask("DELETE", "/api/session", headers=first)).status, 204)
        self.assertEqual((await self.ask("GET", "/api/session", headers=first)).status, 401)

    async def test_browser(self) -> None:
        """A page gets the cookie, and changes nothing without the CSRF word."""
        page = {"Origin": f"http://{HOST}:{self.port}"}
        self.assertEqual((await self.ask("POST", "/api/accounts", ANN, page)).status, 201)
        login = await self.ask("POST", "/api/session", ANN, page)
        self.assertEqual(set(login.json), {"csrf", "ticket", "expires"})
        cookie, *attributes = login.header("Set-Cookie").split("; ")
        self.assertTrue(cookie.startswith(f"mud-{self.port}="))
        self.assertEqual(
            set(attributes), {"Path=/", "HttpOnly", "SameSite=Strict", "Max-Age=2592000"}
        )
        page["Cookie"] = cookie
        self.assertEqual((await self.ask("GET", "/api/session", headers=page)).status, 200)
        for word in ({}, {"X-CSRF-Token": login.json["csrf"][::-1]}):
            reply = await self.ask("POST", "/api/session/ticket", {}, {**page, **word})
            self.assertEqual((reply.status, reply.json["error"]["code"]), (403, "bad_csrf"))
        page["X-CSRF-Token"] = login.json["csrf"]
        self.assertEqual((await self.ask("POST", "/api/session/ticket", {}, page)).status, 200)
        logout = await self.ask("DELETE", "/api/session", headers=page)
        self.assertEqual(logout.status, 204)
        self.assertIn("Max-Age=0", logout.header("Set-Cookie"))
        self.assertEqual((await self.ask("GET", "/api/session", headers=page)).status, 401)

    async def test_tls(self) -> None:
        """The same over TLS; the cookie is one that nobody else could have set."""
        page = {"Origin": f"https://localhost:{self.tls_port}"}
        self.assertEqual((await self.ask("GET", "/", tls=True)).status, 200)
        self.assertEqual((await self.ask("POST", "/api/accounts", ANN, page, tls=True)).status, 201)
        login = await self.ask("POST", "/api/session", ANN, page, tls=True)
        cookie, *attributes = login.header("Set-Cookie").split("; ")
        self.assertTrue(cookie.startswith("__Host-mud="))
        self.assertIn("Secure", attributes)
        page["Cookie"] = cookie
        reply = await self.ask("GET", "/api/session", headers=page, tls=True)
        self.assertEqual(reply.json["account"], "Ann")

    async def test_large(self) -> None:
        """A client that is refused in the middle of a large body reads why."""
        reply = await self.ask("POST", "/api/session", {"name": "Ann", "password": 300_000 * "x"})
        self.assertEqual((reply.status, reply.json["error"]["code"]), (413, "too_long"))


class PageTests(WebTestCase):
    """The web client."""

    async def test_page(self) -> None:
        """It is at the root, and all that it refers to is there."""
        page = await self.ask("GET", "/")
        self.assertEqual(page.status, 200)
        self.assertIn("script-src 'self'", page.header("Content-Security-Policy"))
        for path in ("/app.js", "/style.css", "/favicon.svg"):
            reply = await self.ask("GET", path)
            self.assertEqual(reply.status, 200)
            headers = {"If-None-Match": reply.header("ETag")}
            again = await self.ask("GET", path, headers=headers)
            self.assertEqual((again.status, again.body), (304, b""))


class WebSocketTests(WebTestCase):
    """The WebSocket."""

    async def closed_after(self, payload: bytes, binary: bool = False) -> int:
        """Open one, send that as its first message, and return the code it is closed with."""
        player = await open_websocket(self, self.port)
        player.sendMessage(payload, binary)
        return await player.closed()

    async def test_ticket(self) -> None:
        """A ticket opens the world, once."""
        bearer = await self.log_in()
        hello = await self.hello(bearer)
        player = await open_websocket(self, self.port)
        self.assertEqual(player.websocket_protocol_in_use, SUBPROTOCOL)
        player.say(hello)
        welcome = await player.expect("welcome")
        self.assertEqual((welcome["character"], welcome["recovered"]), ("Ann", False))
        await player.expect("room.state")
        self.assertEqual(await self.closed_after(json.dumps(hello).encode()), 3500)

    async def test_log_out(self) -> None:
        """Who logs out is out of the world, too."""
        bearer = await self.log_in()
        player = await open_websocket(self, self.port)
        player.say(await self.hello(bearer))
        await player.expect("welcome")
        self.assertEqual((await self.ask("DELETE", "/api/session", headers=bearer)).status, 204)
        self.assertEqual(await player.closed(), 3500)

    async def test_refused(self) -> None:
        """What a first message may not be, each with its code."""
        forged = b'{"type": "hello", "ticket": "forged", "csrf": "x"}'
        for payload, binary, code in (
            (forged, False, 3500),
            (b'{"type": "login", "name": "Nobody", "password": "a wrong one"}', False, 3502),
            (b'{"type": "command", "text": "look"}', False, 3501),
            (b'{"type": "ping"}', False, 3501),
            (b'{"type": "nonsense"}', False, 3501),
            (b"rubbish", False, 3501),
            (10_000 * b"[", False, 3501),
            (forged, True, 1003),
            (b"\xff\xfe", False, 1007),
            (b'"' + 11_000 * b"x" + b'"', False, 1009),
        ):
            self.assertEqual(await self.closed_after(payload, binary), code, payload[:40])

    async def test_goodbye(self) -> None:
        """The reason is told in a message, too, for clients that can't see close codes."""
        player = await open_websocket(self, self.port)
        player.sendMessage(b"rubbish")
        closing = await player.expect("closing")
        self.assertEqual(closing["code"], 3501)
        await player.closed()

    async def test_nothing_left(self) -> None:
        """When all have gone, nothing is left of them here."""
        for _ in range(3):
            self.assertEqual(await self.closed_after(b"rubbish"), 3501)
        await self.shared.roster.emptied()
        self.assertEqual(len(self.site), 0)

    async def test_foreign_page(self) -> None:
        """A foreign page doesn't get in, and is told so in HTTP."""
        headers = {"Upgrade": "websocket", "Origin": "http://evil.example"}
        reply = await self.ask("GET", "/ws", headers=headers)
        self.assertEqual((reply.status, reply.body), (403, b"That page may not ask here.\n"))

    async def test_tls(self) -> None:
        """Over TLS, the channel is handed over just as well."""
        factory = WebSocketClientFactory(f"wss://localhost:{self.tls_port}/ws", reactor=reactor)
        factory.protocol = WebSocketPlayer
        factory.noisy = False
        factory.setProtocolOptions(openHandshakeTimeout=0, closeHandshakeTimeout=0)
        endpoint = SSL4ClientEndpoint(
            reactor, HOST, self.tls_port, ssl.optionsForClientTLS("localhost", self.trust)
        )
        player = await endpoint.connect(factory)
        assert isinstance(player, WebSocketPlayer)
        self.addCleanup(player.hang_up)
        await player.opened
        player.sendMessage(b"rubbish")
        self.assertEqual(await player.closed(), 3501)
