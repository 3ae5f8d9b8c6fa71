"""What stands at the paths of the site, and what every answer says."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mudserver.gateway.web.static_files import load_files
from mudserver.interfaces.authority import Describe
from tests.unit.gateway.web_bench import Bench, Response, request

ALLOWED = "GET, HEAD"


class SiteTestCase(SynchronousTestCase):
    """A site with three files."""

    def setUp(self) -> None:
        self.bench = Bench()


class FileTests(SiteTestCase):
    """The static client."""

    def test_index(self) -> None:
        """The page is at the root, and by its name."""
        for path in ("/", "/index.html", "/?secret=1"):
            response = self.bench.ask("GET", path)
            self.assertEqual((response.status, response.body), (200, b"<!doctype html>"))
            self.assertEqual(response.header("Content-Type"), "text/html; charset=utf-8")
            self.assertEqual(response.header("Cache-Control"), "no-cache")

    def test_types(self) -> None:
        """Each file says what it is; browsers run no module of another type."""
        for path, content_type in (
            ("/app.js", "text/javascript; charset=utf-8"),
            ("/fonts/serif.woff2", "font/woff2"),
        ):
            response = self.bench.ask("GET", path)
            self.assertEqual(
                (response.status, response.header("Content-Type")), (200, content_type)
            )

    def test_head(self) -> None:
        """HEAD answers as GET does, but for the body."""
        got = self.bench.ask("GET", "/app.js")
        head = self.bench.ask("HEAD", "/app.js")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(
            [pair for pair in head.headers if pair[0] != "Date"],
            [pair for pair in got.headers if pair[0] != "Date"],
        )
        self.assertEqual(head.header("Content-Length"), str(len(got.body)))

    def test_unchanged(self) -> None:
        """Who has the file already isn't sent it again."""
        etag = self.bench.ask("GET", "/app.js").header("ETag")
        assert etag is not None
        self.assertRegex(etag, r'^"[A-Za-z0-9_-]+"$')
        for header in (etag, f"W/{etag}", f'"other", {etag}', f'"other",W/{etag} , "x"', "*"):
            for method in ("GET", "HEAD"):
                response = self.bench.ask(method, "/app.js", headers={"If-None-Match": header})
                self.assertEqual((response.status, response.body), (304, b""), header)
                self.assertEqual(response.header("ETag"), etag)
                self.assertEqual(response.header("Cache-Control"), "no-cache")

    def test_changed(self) -> None:
        """Who has another version gets this one."""
        other = self.bench.ask("GET", "/").header("ETag")
        for header in (other or "", '"other"', "", "rubbish"):
            response = self.bench.ask("GET", "/app.js", headers={"If-None-Match": header})
            self.assertEqual((response.status, response.body), (200, b"export {};"))

    def test_methods(self) -> None:
        """A file can only be read."""
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "BREW", "get"):
            response = self.bench.ask(method, "/app.js")
            self.assertEqual((response.status, response.header("Allow")), (405, ALLOWED))

    def test_form_without_script(self) -> None:
        """A form that a page sends before its script runs is refused in words."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        response = self.bench.ask("POST", "/", b"name=Ann&password=x", headers)
        self.assertEqual(response.status, 405)
        self.assertEqual(response.header("Content-Type"), "text/html; charset=utf-8")


class NothingThereTests(SiteTestCase):
    """Paths at which nothing is."""

    def test_pages(self) -> None:
        """There is a page that says so, for whatever else is asked for, and leads to the game."""
        for path in (
            "/nothing",
            "/app.js/",
            "/app.js/more",
            "/fonts",
            "/fonts/",
            "/index.html/..",
            "//",
            "/../../../etc/passwd",
            "/fonts/../app.js",
            "/..%2f..%2fetc%2fpasswd",
            "/%2e%2e/%2e%2e/etc/passwd",
            "/fonts/%2e%2e/app.js",
            "/fonts%2fserif.woff2",
            "/.git/config",
            "/app.js%00.html",
            "/\\app.js",
            "/APP.JS",
            "/<script>",
            "http://localhost:4001/nothing",
        ):
            response = self.bench.ask("GET", path)
            self.assertEqual(response.status, 404, path)
            self.assertEqual(response.header("Content-Type"), "text/html; charset=utf-8")
            self.assertIn(b'<a href="/">', response.body)
            self.assertNotIn(b"script", response.body)

    def test_api(self) -> None:
        """Below /api, programs are told so in JSON."""
        for path in ("/api", "/api/", "/api/nothing", "/api/session/", "/api/session/ticket/x"):
            for method in ("GET", "POST", "DELETE"):
                response = self.bench.ask(method, path)
                self.assertEqual((response.status, response.error), (404, "not_found"), path)

    def test_api_methods(self) -> None:
        """What a path of the API doesn't do is told with what it does."""
        for path, allowed in (
            ("/api/accounts", "POST"),
            ("/api/session", "GET, POST, DELETE"),
            ("/api/session/ticket", "POST"),
            ("/api/account/password", "POST"),
        ):
            for method in ("HEAD", "PUT", "OPTIONS", "BREW"):
                response = self.bench.ask(method, path)
                self.assertEqual((response.status, response.header("Allow")), (405, allowed))


class EveryAnswerTests(SiteTestCase):
    """What stands in every answer, whatever it is to."""

    def answers(self) -> list[Response]:
        bench = self.bench
        bench.world.answers[Describe] = "no Described"
        asked = [
            bench.ask("GET", "/"),
            bench.ask("HEAD", "/"),
            bench.ask("GET", "/", headers={"If-None-Match": "*"}),
            bench.ask("GET", "/", host="evil.example"),
            bench.ask("GET", "/nothing"),
            bench.ask("GET", "/api/session"),
            bench.ask("GET", "/api/session", headers={"Authorization": "Bearer x"}),
            bench.ask("POST", "/api/session", 70_000 * b"x"),
            bench.ask("GET", "/ws"),
            bench.ask("OPTIONS", "*"),
            bench.ask("BREW", "*"),
            bench.ask("GET", "/", headers={"X": 17_000 * "x"}),
            bench.ask("GET", "/", headers={"bad header": "x"}),
        ]
        self.flushLoggedErrors(AttributeError)
        return asked

    def test_security(self) -> None:
        """No page of ours can be framed, run others' scripts, or be taken for another type."""
        answers = self.answers()
        self.assertEqual(
            [answer.status for answer in answers],
            [200, 200, 304, 403, 404, 401, 500, 413, 426, 200, 405, 431, 400],
        )
        for answer in answers:
            policy = answer.header("Content-Security-Policy") or ""
            self.assertEqual(
                dict(part.split(" ", 1) for part in policy.split("; ")),
                {
                    "default-src": "'none'",
                    "script-src": "'self'",
                    "style-src": "'self'",
                    "img-src": "'self'",
                    "font-src": "'self'",
                    "connect-src": "'self'",
                    "base-uri": "'none'",
                    "form-action": "'self'",
                    "frame-ancestors": "'none'",
                },
            )
            self.assertEqual(answer.header("X-Content-Type-Options"), "nosniff")
            self.assertEqual(answer.header("Referrer-Policy"), "no-referrer")
            self.assertEqual(answer.header("Cross-Origin-Opener-Policy"), "same-origin")
            self.assertIn("camera=()", answer.header("Permissions-Policy") or "")

    def test_server(self) -> None:
        """The server says its name, and no version of anything."""
        for answer in self.answers():
            self.assertEqual(answer.header("Server"), "mudserver")

    def test_counted(self) -> None:
        """Requests are counted by method and status; what a client makes up is no label."""
        self.bench.ask("GET", "/")
        self.bench.ask("BREW", "/coffee")
        self.bench.ask("GET", "/", host="evil.example")
        counts = self.bench.meter.counts
        self.assertEqual(counts["http_requests GET 200"], 1)
        self.assertEqual(counts["http_requests other 404"], 1)
        self.assertEqual(counts["http_requests GET 403"], 1)
        self.assertEqual(counts["refusals bad_host"], 1)
        self.assertFalse([key for key in counts if "BREW" in key])

    def test_refused_before_all_else(self) -> None:
        """A foreign name or page is refused wherever it points: no path tells it anything."""
        for path in ("/", "/nothing", "/app.js", "/api/session", "/api/nothing", "/ws"):
            for method in ("GET", "POST", "BREW"):
                self.assertEqual(self.bench.ask(method, path, host="evil.example").status, 403)
                headers = {"Origin": "http://evil.example"}
                self.assertEqual(self.bench.ask(method, path, headers=headers).status, 403)


class LoadTests(SynchronousTestCase):
    """The files as they lie on the disk."""

    def test_client(self) -> None:
        """The web client is all there, and nothing else that lies about."""
        files = {file.path: file for file in load_files()}
        self.assertEqual(files["index.html",].content_type, "text/html; charset=utf-8")
        self.assertEqual(files["app.js",].content_type, "text/javascript; charset=utf-8")
        self.assertEqual(files["style.css",].content_type, "text/css; charset=utf-8")
        self.assertEqual(files["favicon.svg",].content_type, "image/svg+xml")
        self.assertNotIn(("package.json",), files)

    def test_folder(self) -> None:
        """Folders are searched; hidden files and unknown types are not served."""
        root = Path(self.mktemp())
        (root / "fonts").mkdir(parents=True)
        for name in ("index.html", "fonts/a.woff2", ".hidden.js", "notes.md", "js", "x.py"):
            (root / name).write_bytes(os.fsencode(name))
        files = load_files(root)
        self.assertEqual([file.path for file in files], [("fonts", "a.woff2"), ("index.html",)])
        self.assertEqual(files[0].body, b"fonts/a.woff2")

    def test_etag(self) -> None:
        """Another body is another tag."""
        root = Path(self.mktemp())
        root.mkdir()
        tags = set()
        for body in (b"one", b"two", b"one"):
            (root / "index.html").write_bytes(body)
            tags.add(load_files(root)[0].etag)
        self.assertEqual(len(tags), 2)


class KeepAliveTests(SiteTestCase):
    """Many requests on one connection."""

    def test_in_order(self) -> None:
        """Requests that come at once are answered in order, each once."""
        client = self.bench.connect()
        client.send(request("GET", "/") + request("GET", "/nothing") + request("GET", "/app.js"))
        self.assertEqual([answer.status for answer in client.responses()], [200, 404, 200])
        self.assertFalse(client.transport.disconnecting)

    def test_close(self) -> None:
        """Who asks for it, or speaks HTTP/1.0, gets one answer and the end."""
        for wish in (
            request("GET", "/", headers={"Connection": "close"}),
            request("GET", "/").replace(b"HTTP/1.1", b"HTTP/1.0"),
        ):
            client = self.bench.connect()
            client.send(wish)
            self.assertIn(b"<!doctype html>", client.received())
            self.assertTrue(client.transport.disconnecting)
