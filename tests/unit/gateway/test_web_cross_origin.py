"""Pages of other origins, and what their browsers are told."""

from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import WrongCredentials
from mudserver.gateway.web.policy import WebPolicy
from mudserver.interfaces.authority import Describe, LogIn, Revoke
from tests.unit.gateway.web_bench import DESCRIBED, ELSEWHERE, LOGGED_IN, Bench, Response

PAGES = "https://pages.example.org:8443"
ASKING = {"Origin": PAGES}
OWN = {"Origin": "http://localhost:4001"}
ANN = b'{"name": "Ann", "password": "a long sentence"}'
ALLOWED = {
    "Access-Control-Allow-Origin": PAGES,
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Expose-Headers": "Retry-After",
}


class CrossOriginTests(SynchronousTestCase):
    """A site that lists the origin of another."""

    def setUp(self) -> None:
        self.bench = Bench(WebPolicy(origins=(PAGES,)))
        self.bench.world.answers = {LogIn: LOGGED_IN, Describe: DESCRIBED, Revoke: None}

    def ask(self, method: str, path: str, headers: Mapping[str, str]) -> Response:
        return self.bench.ask(method, path, ANN if method == "POST" else None, headers)

    def assert_shared(self, response: Response) -> None:
        for name, value in ALLOWED.items():
            self.assertEqual(response.header(name), value)
        self.assertEqual(response.header("Vary"), "Origin")

    def assert_private(self, response: Response) -> None:
        for name, _ in response.headers:
            self.assertFalse(name.lower().startswith("access-control-"), name)

    def test_answers(self) -> None:
        """A listed page may read what the API answers, and nobody else's page may."""
        response = self.ask("POST", "/api/session", ASKING)
        self.assertEqual(response.status, 200)
        self.assert_shared(response)

    def test_refusals(self) -> None:
        """It may read why it was refused, too: by the world, for its method, or for the path."""
        self.bench.world.answers[LogIn] = WrongCredentials("No.")
        for method, path, status in (
            ("POST", "/api/session", 401),
            ("GET", "/api/session", 401),
            ("PUT", "/api/session", 405),
            ("GET", "/api/nothing", 404),
        ):
            response = self.ask(method, path, ASKING)
            self.assertEqual(response.status, status)
            self.assert_shared(response)

    def test_own_page(self) -> None:
        """Our own page, and who is no page, need no word; that it depends on Origin is said."""
        for headers in ({}, OWN):
            response = self.ask("POST", "/api/session", headers)
            self.assertEqual(response.status, 200)
            self.assert_private(response)
            self.assertEqual(response.header("Vary"), "Origin")

    def test_strangers(self) -> None:
        """A page that is not listed, however like it looks, is told nothing."""
        for origin in (
            "https://pages.example.org",
            "http://pages.example.org:8443",
            "https://evil.example",
            "https://pages.example.org:8443.evil.example",
            "null",
            "*",
        ):
            for method in ("POST", "OPTIONS"):
                response = self.ask(method, "/api/session", {"Origin": origin})
                self.assertEqual((response.status, response.error), (403, "bad_origin"))
                self.assert_private(response)
                self.assertEqual(response.header("Vary"), "Origin")

    def test_files(self) -> None:
        """The files of our client are for our own origin."""
        response = self.ask("GET", "/", ASKING)
        self.assertEqual(response.status, 200)
        self.assert_private(response)

    def test_preflight(self) -> None:
        """A browser that asks ahead is told the methods of the path, and the headers we read."""
        for path, methods in (
            ("/api/session", "GET, POST, DELETE"),
            ("/api/session/ticket", "POST"),
            ("/api/accounts", "POST"),
            ("/api/account/password", "POST"),
        ):
            response = self.ask(
                "OPTIONS",
                path,
                {
                    "Access-Control-Request-Method": "POST",
                    "Access-Control-Request-Headers": "content-type,x-csrf-token",
                    **ASKING,
                },
            )
            self.assertEqual((response.status, response.body), (204, b""))
            self.assert_shared(response)
            self.assertEqual(response.header("Access-Control-Allow-Methods"), methods)
            self.assertEqual(
                response.header("Access-Control-Allow-Headers"),
                "Authorization, Content-Type, X-CSRF-Token",
            )
            self.assertEqual(response.header("Access-Control-Max-Age"), "600")
        self.assertEqual(self.bench.world.requests, [])

    def test_options_of_our_own(self) -> None:
        """Nobody else asks ahead: OPTIONS is a method like any other that we don't have."""
        for headers in ({}, OWN):
            response = self.ask("OPTIONS", "/api/session", headers)
            self.assertEqual((response.status, response.error), (405, "bad_method"))
            self.assert_private(response)

    def test_csrf_word(self) -> None:
        """The cookie of a listed page counts with the CSRF word alone, as anywhere."""
        cookie = {"Cookie": "mud-4001=the-token", **ASKING}
        response = self.ask("DELETE", "/api/session", cookie)
        self.assertEqual((response.status, response.error), (403, "bad_csrf"))
        self.assert_shared(response)
        response = self.ask("DELETE", "/api/session", {"X-CSRF-Token": "the-csrf", **cookie})
        self.assertEqual(response.status, 204)

    def test_next_request(self) -> None:
        """What one request of a connection was told concerns that one alone."""
        client = self.bench.connect(ELSEWHERE)
        self.assert_shared(client.ask("GET", "/api/session", headers=ASKING))
        self.assert_private(client.ask("GET", "/api/session"))
