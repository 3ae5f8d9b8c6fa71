"""The HTTP API: every call, every way it can be refused, and who may do what by cookie."""

from collections.abc import Mapping

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import (
    BadName,
    BadPassword,
    Banned,
    BusUnavailable,
    Forbidden,
    InsecureConnection,
    NameTaken,
    NotAuthenticated,
    Overloaded,
    StorageUnavailable,
    TooManyTries,
    WrongCredentials,
)
from mudserver.gateway.origin import ForwardedAddress
from mudserver.gateway.web.policy import WebPolicy
from mudserver.interfaces.authority import (
    ChangePassword,
    Describe,
    IssueTicket,
    LogIn,
    Origin,
    Register,
    Registered,
    Revoke,
    Transport,
)
from tests.unit.gateway.web_bench import (
    ATTENDED,
    DESCRIBED,
    ELSEWHERE,
    HERE,
    LOGGED_IN,
    TICKET,
    Bench,
    Response,
    request,
)

ANN = b'{"name": "Ann", "password": "a long sentence"}'
NEW = b'{"old": "a long sentence", "new": "a longer sentence"}'
PAGE = {"Origin": "http://localhost:4001"}
BEARER = {"Authorization": "Bearer the-token"}
COOKIE = {"Cookie": "mud-4001=the-token", **PAGE}
SAFE_COOKIE = {"X-CSRF-Token": "the-csrf", **COOKIE}
LOCAL = Origin(HERE, secure=True)

CALLS = (
    ("POST", "/api/accounts", ANN),
    ("POST", "/api/session", ANN),
    ("GET", "/api/session", None),
    ("POST", "/api/session/ticket", b""),
    ("POST", "/api/account/password", NEW),
    ("DELETE", "/api/session", None),
)
WITH_PASSWORD = (CALLS[0], CALLS[1], CALLS[4])
FOR_THE_LOGGED_IN = CALLS[2:]
CHANGING = CALLS[3:]


class ApiTestCase(SynchronousTestCase):
    """A site before a world in which all goes well."""

    def setUp(self) -> None:
        self.bench = Bench()
        self.world = self.bench.world
        self.world.answers = {
            Register: Registered("Ann", ("Ann",)),
            LogIn: LOGGED_IN,
            Describe: DESCRIBED,
            IssueTicket: TICKET,
            ChangePassword: None,
            Revoke: None,
        }

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        host: str | None = "localhost:4001",
    ) -> Response:
        """Ask, and see that nothing secret can be kept on the way."""
        response = self.bench.ask(method, path, body, headers, host)
        self.assertEqual(response.header("Cache-Control"), "no-store")
        if response.body:
            self.assertEqual(response.header("Content-Type"), "application/json")
        return response


class CallTests(ApiTestCase):
    """What each call does."""

    def test_register(self) -> None:
        """An account is made, and answered with its characters."""
        response = self.ask("POST", "/api/accounts", ANN)
        self.assertEqual(response.status, 201)
        self.assertEqual(response.json, {"account": "Ann", "characters": ["Ann"]})
        self.assertEqual(self.world.requests, [Register("Ann", "a long sentence", LOCAL)])
        self.assertIsNone(response.header("Set-Cookie"))

    def test_log_in_by_program(self) -> None:
        """Without an Origin, the token is in the body and there is no cookie."""
        response = self.ask("POST", "/api/session", ANN)
        self.assertEqual(response.status, 200)
        self.assertEqual(
            response.json,
            {
                "token": "the-token",
                "csrf": "the-csrf",
                "ticket": "the-ticket",
                "expires": "2026-01-02T03:04:05Z",
            },
        )
        self.assertIsNone(response.header("Set-Cookie"))
        self.assertEqual(
            self.world.requests, [LogIn("Ann", "a long sentence", LOCAL, Transport.WEBSOCKET)]
        )

    def test_log_in_by_browser(self) -> None:
        """With an Origin, the token is in the cookie and nowhere in the body."""
        response = self.ask("POST", "/api/session", ANN, PAGE)
        self.assertEqual(response.status, 200)
        self.assertEqual(set(response.json), {"csrf", "ticket", "expires"})
        self.assertNotIn(b"the-token", response.body)
        self.assertEqual(
            response.header("Set-Cookie"),
            "mud-4001=the-token; Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000",
        )

    def test_describe(self) -> None:
        """Whose token it is, by cookie or openly; a page needs no CSRF word to ask that."""
        expected = {
            "account": "Ann",
            "characters": ["Ann", "Beth"],
            "csrf": "the-csrf",
            "expires": "2026-01-02T03:04:05Z",
        }
        for headers in (BEARER, COOKIE):
            response = self.ask("GET", "/api/session", headers=headers)
            self.assertEqual((response.status, response.json), (200, expected))
        self.assertEqual(self.world.requests, [Describe("the-token")] * 2)

    def test_ticket(self) -> None:
        """A ticket and the CSRF word; the body may be empty or an empty object."""
        for headers in (BEARER, SAFE_COOKIE):
            for body in (b"", b"{}"):
                response = self.ask("POST", "/api/session/ticket", body, headers)
                self.assertEqual(response.status, 200)
                self.assertEqual(response.json, {"ticket": "a-ticket", "csrf": "the-csrf"})
        self.assertEqual(self.world.requests[-1], IssueTicket("the-token"))

    def test_password(self) -> None:
        """The password changes, by the token that came along."""
        for headers in (BEARER, SAFE_COOKIE):
            response = self.ask("POST", "/api/account/password", NEW, headers)
            self.assertEqual((response.status, response.body), (204, b""))
            self.assertEqual(
                self.world.requests[-1],
                ChangePassword(ATTENDED.token, "a long sentence", "a longer sentence", LOCAL),
            )

    def test_log_out(self) -> None:
        """The token is revoked, and a browser's cookie taken back."""
        response = self.ask("DELETE", "/api/session", headers=BEARER)
        self.assertEqual((response.status, response.body), (204, b""))
        self.assertIsNone(response.header("Set-Cookie"))
        response = self.ask("DELETE", "/api/session", headers=SAFE_COOKIE)
        self.assertEqual(response.status, 204)
        self.assertEqual(
            response.header("Set-Cookie"),
            "mud-4001=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0",
        )
        self.assertEqual(self.world.requests[1::2], [Revoke("the-token")] * 2)


class CookieTests(ApiTestCase):
    """Which cookie, where."""

    def test_https(self) -> None:
        """Over HTTPS, nobody but this host can have set the cookie, and it never leaves TLS."""
        client = self.bench.connect(ELSEWHERE, tls=True)
        headers = {"Origin": "https://localhost"}
        response = client.ask("POST", "/api/session", ANN, headers, host="localhost")
        self.assertEqual(
            response.header("Set-Cookie"),
            "__Host-mud=the-token; Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000; Secure",
        )
        headers |= {"Cookie": "mud-443=wrong; __Host-mud=the-token; other=1"}
        response = client.ask("GET", "/api/session", headers=headers, host="localhost")
        self.assertEqual(response.status, 200)
        self.assertEqual(self.world.requests[-1], Describe("the-token"))

    def test_forwarded_https(self) -> None:
        """Behind a proxy, what the browser speaks counts."""
        headers = {"Origin": "https://localhost:4001", "X-Forwarded-Proto": "https"}
        response = self.ask("POST", "/api/session", ANN, headers)
        self.assertIn("__Host-mud=the-token;", response.header("Set-Cookie") or "")

    def test_port(self) -> None:
        """The servers of one machine have a cookie each: the port is the browser's."""
        for host, name in (("localhost:8080", "mud-8080"), ("localhost", "mud-80")):
            headers = {"Origin": f"http://{host}"}
            response = self.ask("POST", "/api/session", ANN, headers, host=host)
            self.assertTrue((response.header("Set-Cookie") or "").startswith(f"{name}=the-token;"))

    def test_other_port(self) -> None:
        """The cookie of another server of the machine is none of ours."""
        response = self.ask("GET", "/api/session", headers={"Cookie": "mud-4002=the-token"})
        self.assertEqual(response.status, 401)
        self.assertEqual(self.world.requests, [])


class CsrfTests(ApiTestCase):
    """What a page of another site could make a browser send must change nothing."""

    def test_needed(self) -> None:
        """By cookie, nothing changes without the CSRF word, nor with a wrong or empty one."""
        for method, path, body in CHANGING:
            for word in (None, "", "wrong", "the-csrf2", "THE-CSRF", "th\xe9-csrf"):
                headers = COOKIE if word is None else {**COOKIE, "X-CSRF-Token": word}
                response = self.ask(method, path, body, headers)
                self.assertEqual((response.status, response.error), (403, "bad_csrf"), word)
        self.assertEqual(set(self.world.requests), {Describe("the-token")})

    def test_without_origin(self) -> None:
        """The word is needed even where no Origin says that it is a browser."""
        response = self.ask("DELETE", "/api/session", headers={"Cookie": "mud-4001=the-token"})
        self.assertEqual(response.error, "bad_csrf")

    def test_token_without_word(self) -> None:
        """A token whose word is empty lets nobody do anything by cookie."""
        self.world.answers[Describe] = evolve(DESCRIBED, csrf="")
        for word in ("", "anything"):
            headers = {**COOKIE, "X-CSRF-Token": word}
            self.assertEqual(self.ask("DELETE", "/api/session", headers=headers).status, 403)

    def test_openly(self) -> None:
        """A token that is shown openly needs no word, and counts before the cookie."""
        headers = {**COOKIE, "Authorization": "Bearer another-token"}
        self.assertEqual(self.ask("DELETE", "/api/session", headers=headers).status, 204)
        self.assertEqual(self.world.requests, [Describe("another-token"), Revoke("another-token")])

    def test_bad_authorization(self) -> None:
        """Beside any Authorization, even one that is none, the cookie doesn't count."""
        for authorization in ("Basic dGhlLXRva2Vu", "Bearer", "the-token"):
            headers = {**SAFE_COOKIE, "Authorization": authorization}
            response = self.ask("DELETE", "/api/session", headers=headers)
            self.assertEqual((response.status, response.error), (401, "not_authenticated"))
        self.assertEqual(self.world.requests, [])

    def test_not_needed(self) -> None:
        """Whoever registers or logs in has no word yet."""
        for method, path, body in CALLS[:2]:
            self.assertIn(self.ask(method, path, body, COOKIE).status, (200, 201))


class AuthenticationTests(ApiTestCase):
    """Who has no right to ask."""

    def test_nobody(self) -> None:
        """Without a token, or with something that can be none, the world isn't even asked."""
        for method, path, body in FOR_THE_LOGGED_IN:
            for headers in (
                {},
                {"Authorization": "Bearer two words"},
                {"Authorization": "Bearer not/a*token"},
                {"Authorization": "Bearer " + 300 * "x"},
                {"Authorization": "Bearer t\xf6ken"},
                {"Cookie": "mud-4001="},
                {"Cookie": "mud-4001=t\xf6ken"},
                {"Cookie": "rubbish"},
            ):
                response = self.ask(method, path, body, headers)
                self.assertEqual((response.status, response.error), (401, "not_authenticated"))
                self.assertEqual(response.header("WWW-Authenticate"), 'Bearer realm="mudserver"')
        self.assertEqual(self.world.requests, [])

    def test_unknown_token(self) -> None:
        """With a token that isn't valid any longer, nothing can be done."""
        self.world.answers[Describe] = NotAuthenticated("Your login has expired.")
        for method, path, body in FOR_THE_LOGGED_IN:
            for headers in (BEARER, SAFE_COOKIE):
                response = self.ask(method, path, body, headers)
                self.assertEqual((response.status, response.error), (401, "not_authenticated"))
        self.assertEqual(set(self.world.requests), {Describe("the-token")})

    def test_scheme_in_any_case(self) -> None:
        """The scheme's name is written as one likes (RFC 9110 §11.1)."""
        headers = {"Authorization": "bearer  the-token"}
        self.assertEqual(self.ask("GET", "/api/session", headers=headers).status, 200)


class RefusalTests(ApiTestCase):
    """How refusals of the world are told."""

    def test_statuses(self) -> None:
        """Each kind has its status, its code and its sentence."""
        for error, status, code in (
            (BadName("Too short."), 422, "bad_name"),
            (BadPassword("Too short."), 422, "bad_password"),
            (NameTaken("Taken."), 409, "name_taken"),
            (WrongCredentials("Wrong."), 401, "wrong_credentials"),
            (Banned("Closed."), 403, "banned"),
            (Forbidden("No."), 403, "forbidden"),
            (InsecureConnection("No."), 403, "insecure"),
        ):
            for call in (Register, LogIn):
                self.world.answers[call] = error
            for method, path, body in CALLS[:2]:
                response = self.ask(method, path, body)
                self.assertEqual((response.status, response.error), (status, code))
                self.assertEqual(response.json["error"]["message"], error.message)
                self.assertIsNone(response.header("Retry-After"))

    def test_too_many_tries(self) -> None:
        """Who has to wait is told how long, in whole seconds and never too short."""
        for seconds, header in ((12.0, "12"), (12.1, "13"), (0.2, "1"), (0.0, "1")):
            self.world.answers[LogIn] = TooManyTries("Slow down.", retry_after=seconds)
            response = self.ask("POST", "/api/session", ANN)
            self.assertEqual((response.status, response.error), (429, "rate_limited"))
            self.assertEqual(response.header("Retry-After"), header)

    def test_away(self) -> None:
        """A world that is away, or has too much to do, is that to everyone: try again later."""
        for error in (BusUnavailable("x"), StorageUnavailable("x", 7.0), Overloaded("x")):
            self.world.answers = dict.fromkeys((Register, LogIn, Describe), error)
            for method, path, body in CALLS:
                response = self.ask(method, path, body, BEARER)
                self.assertEqual((response.status, response.error), (503, "unavailable"))
                self.assertEqual(response.header("Retry-After"), str(int(error.retry_after)))

    def test_no_answer(self) -> None:
        """A world that doesn't answer is away, after a while."""
        self.world.answers[LogIn] = Deferred()
        client = self.bench.connect()
        client.send(request("POST", "/api/session", ANN))
        self.bench.clock.advance(14)
        self.assertEqual(client.received(), b"")
        self.bench.clock.advance(1)
        (response,) = client.responses()
        self.assertEqual((response.status, response.error), (503, "unavailable"))

    def test_failure(self) -> None:
        """A fault of ours is owned up to without a word of what it was, and logged."""
        self.world.answers[LogIn] = "this is no LoggedIn"
        with capturedLogs() as logs:
            response = self.ask("POST", "/api/session", ANN)
        self.assertEqual((response.status, response.error), (500, "internal_error"))
        self.assertNotIn(b"LoggedIn", response.body)
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)
        self.assertNotIn("a long sentence", "".join(map(repr, logs)))

    def test_shutdown(self) -> None:
        """Who is still being served when the server stops is told to come back."""
        self.world.answers[LogIn] = Deferred()
        client = self.bench.connect()
        client.send(request("POST", "/api/session", ANN))
        self.successResultOf(self.bench.shared.tasks.stop())
        self.assertEqual(client.responses()[0].status, 503)


class BodyTests(ApiTestCase):
    """What bodies may be."""

    def test_content_type(self) -> None:
        """Only JSON is taken, which forms of other sites can't send; parameters may follow."""
        for method, path, body in CALLS:
            if method != "POST":
                continue
            for content_type in (
                "",
                "text/plain",
                "application/x-www-form-urlencoded",
                "multipart/form-data; boundary=x",
                "application/jsonp",
                "text/plain, application/json",
                "text/plain; application/json",
            ):
                headers = {**BEARER, "Content-Type": content_type}
                response = self.ask(method, path, body, headers)
                self.assertEqual((response.status, response.error), (415, "bad_content_type"))
        response = self.ask("POST", "/api/session", ANN, {"Content-Type": ""})
        self.assertEqual(response.status, 415)
        for content_type in ("application/json; charset=utf-8", "Application/JSON;x"):
            response = self.ask("POST", "/api/session", ANN, {"Content-Type": content_type})
            self.assertEqual(response.status, 200)

    def test_no_content_type(self) -> None:
        """A POST without body or type is refused, too."""
        response = self.ask("POST", "/api/session/ticket", headers=BEARER)
        self.assertEqual(response.status, 415)

    def test_not_json(self) -> None:
        """What is no JSON, or ambiguous, is told apart from what is of another shape."""
        for body in (
            b"",
            b"rubbish",
            b'{"name": "Ann",',
            b'{"name": "\xff", "password": "x"}',
            b"name=Ann&password=x",
            b'{"name": "Ann", "password": "x"} {}',
            b'{"name": NaN}',
            b'{"name": "Ann", "password": "x", "name": "Bob"}',
            rb'{"name": "Ann", "password": "x", "n\u0061me": "Ann"}',
        ):
            response = self.ask("POST", "/api/session", body)
            self.assertEqual((response.status, response.error), (400, "bad_json"), body)
        self.assertEqual(self.world.requests, [])

    def test_other_shapes(self) -> None:
        """Missing, unknown, wrong and overlong fields are refused, and named."""
        for body, named in (
            (b"{}", "name"),
            (b"[]", "object"),
            (b"null", "object"),
            (b'{"name": "Ann"}', "password"),
            (b'{"name": 1, "password": "x"}', "name"),
            (b'{"name": null, "password": "x"}', "name"),
            (b'{"name": "Ann", "password": "x", "role": "owner"}', "role"),
            (b'{"name": "Ann", "password": "' + 300 * b"x" + b'"}', "password"),
            (b'{"name": ' + 5_000 * b"[" + b"}", "name"),
            (b'{"name": "Ann", "more": ' + 5_000 * b"[" + b"}", "more"),
        ):
            response = self.ask("POST", "/api/session", body)
            self.assertEqual((response.status, response.error), (422, "bad_field"), body[:40])
            self.assertIn(named, response.json["error"]["message"])
        self.assertEqual(self.world.requests, [])

    def test_nothing_expected(self) -> None:
        """A call that needs to be told nothing takes nothing."""
        response = self.ask("POST", "/api/session/ticket", b'{"extra": 1}', BEARER)
        self.assertEqual((response.status, response.error), (422, "bad_field"))


class SecurityTests(ApiTestCase):
    """Passwords in the clear, and pages of others."""

    def ask_from_afar(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None = None
    ) -> Response:
        return self.bench.connect(ELSEWHERE).ask(method, path, body, headers)

    def test_insecure(self) -> None:
        """Over HTTP from elsewhere, no password is taken, nor passed on."""
        for method, path, body in WITH_PASSWORD:
            response = self.ask_from_afar(method, path, body, BEARER)
            self.assertEqual((response.status, response.error), (403, "insecure"))
        self.assertEqual(set(self.world.requests), {Describe("the-token")})

    def test_forwarded_insecure(self) -> None:
        """The same, where a proxy on this machine was asked in the clear."""
        headers = {"X-Forwarded-For": ELSEWHERE}
        response = self.ask("POST", "/api/session", ANN, headers)
        self.assertEqual((response.status, response.error), (403, "insecure"))

    def test_introduced(self) -> None:
        """Of a client that a proxy introduced before the first byte, what the proxy said of TLS
        counts, and an address of this machine is no longer enough.
        """
        for host, tls, status in (
            (ELSEWHERE, True, 200),
            (ELSEWHERE, False, 403),
            (HERE, True, 200),
            (HERE, False, 403),
        ):
            client = self.bench.connect(host, peer=ForwardedAddress(host, 50_000, tls))
            response = client.ask("POST", "/api/session", ANN)
            self.assertEqual(response.status, status, (host, tls))

    def test_insecure_by_choice(self) -> None:
        """The operator may allow it."""
        answers = self.world.answers
        self.bench = Bench(WebPolicy(insecure_passwords=True))
        self.bench.world.answers = answers
        for method, path, body in WITH_PASSWORD:
            response = self.ask_from_afar(method, path, body, BEARER)
            self.assertIn(response.status, (200, 201, 204))

    def test_address(self) -> None:
        """The world learns from where the client really came."""
        headers = {"X-Forwarded-For": f"203.0.113.1, {ELSEWHERE}", "X-Forwarded-Proto": "https"}
        self.ask("POST", "/api/accounts", ANN, headers)
        (made,) = self.world.requests
        assert isinstance(made, Register)
        self.assertEqual(made.origin, Origin(ELSEWHERE, secure=True))

    def test_other_pages(self) -> None:
        """Pages of others can do nothing at all, whatever they send."""
        for method, path, body in CALLS:
            for headers, host in (
                ({"Origin": "http://evil.example"}, "localhost:4001"),
                ({"Origin": "null"}, "localhost:4001"),
                ({"Origin": "http://evil.example"}, "evil.example"),
                ({}, "evil.example"),
            ):
                response = self.ask(method, path, body, {**SAFE_COOKIE, **BEARER, **headers}, host)
                self.assertEqual(response.status, 403)
                self.assertIn(response.error, ("bad_host", "bad_origin"))
        self.assertEqual(self.world.requests, [])

    def test_secrets_stay_out_of_logs(self) -> None:
        """Neither passwords nor tokens nor CSRF words are logged, at any level."""
        with capturedLogs() as logs:
            for method, path, body in CALLS:
                self.ask(method, f"{path}?token=the-token", body, SAFE_COOKIE)
                self.ask(method, path, body, BEARER)
        text = "".join(map(repr, logs))
        self.assertTrue([event for event in logs if event["log_level"] is LogLevel.debug])
        for secret in ("the-token", "the-csrf", "the-ticket", "a-ticket", "a long sentence"):
            self.assertNotIn(secret, text)


class DisconnectTests(ApiTestCase):
    """Clients that don't wait for the answer."""

    def test_gone(self) -> None:
        """What was begun is finished, its answer dropped, and nothing fails."""
        waiting: Deferred[object] = Deferred()
        self.world.answers[LogIn] = waiting
        client = self.bench.connect()
        client.send(request("POST", "/api/session", ANN))
        client.disconnect()
        self.assertEqual(len(self.bench.site), 0)
        waiting.callback(LOGGED_IN)
        self.assertEqual(client.received(), b"")
        self.assertEqual(len(self.bench.shared.tasks), 0)

    def test_gone_and_refused(self) -> None:
        """The same where it comes to nothing."""
        waiting: Deferred[object] = Deferred()
        self.world.answers[LogIn] = waiting
        client = self.bench.connect()
        client.send(request("POST", "/api/session", ANN))
        client.disconnect()
        waiting.errback(WrongCredentials("Wrong."))
        self.assertEqual(len(self.bench.shared.tasks), 0)
