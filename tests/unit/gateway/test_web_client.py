"""The built-in web client: its own tests, and what its Content-Security-Policy demands."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

import mudserver.gateway

_STATIC = Path(mudserver.gateway.__file__).with_name("static")
_TESTS = Path(__file__).parents[2] / "web"

#: How long all tests in JavaScript may take together, in seconds; they need about one.
_NODE_WITHIN = 120

#: The first major version of node whose test runner and built-ins suffice.
_NODE_MAJOR = 20

_IMPORT = re.compile(r'^import\s(?:[^"]*\sfrom\s+)?"([^"]+)";', re.MULTILINE)
_FORBIDDEN = re.compile(
    r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|localStorage)\b"
    r"|\bnew Function\b|setAttribute\(\s*[\"']style"
)


class _Markup(HTMLParser):
    """Collects what a strict policy would block, and what the page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.blocked: list[str] = []
        self.references: list[str] = []
        self.ids: list[str] = []
        self._inline: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._inline = tag if tag == "style" or (tag == "script" and "src" not in given) else None
        self.blocked += [f"{tag} {name}" for name in given if name == "style" or name[:2] == "on"]
        self.ids += [value for name, value in attrs if name == "id" and value]
        for name in ("src", "href"):
            reference = given.get(name)
            if reference is not None:
                self.references.append(reference)

    def handle_data(self, data: str) -> None:
        if self._inline is not None and data.strip():
            self.blocked.append(f"{self._inline} with content")


def _page() -> _Markup:
    markup = _Markup()
    markup.feed((_STATIC / "index.html").read_text("utf-8"))
    return markup


class PageTests(SynchronousTestCase):
    """The page, under ``default-src 'none'`` with all else from ``'self'``."""

    def test_nothing_inline(self) -> None:
        """There is no inline script, style or event handler for the policy to block."""
        self.assertEqual(_page().blocked, [])

    def test_references_are_files_of_the_client(self) -> None:
        """All that the page loads lies beside it: nothing comes from another host."""
        references = _page().references
        self.assertIn("app.js", references)
        self.assertEqual([name for name in references if not (_STATIC / name).is_file()], [])

    def test_every_module_is_announced(self) -> None:
        """The page names each module, so that none waits for another to be read first."""
        modules = {path.name for path in _modules()}
        self.assertEqual(modules - set(_page().references), set())

    def test_ids_are_unique(self) -> None:
        """No id stands twice, and those that scripts and browser tests rely on are there."""
        ids = _page().ids
        self.assertEqual(len(ids), len(set(ids)))
        relied_on = "name password login register command scrollback room-name exits occupants "
        relied_on += "inventory status"
        self.assertEqual(set(relied_on.split()) - set(ids), set())


class ModuleTests(SynchronousTestCase):
    """The modules, as text."""

    def test_imports_are_files_of_the_client(self) -> None:
        """Modules import each other alone, by relative paths with the extension."""
        for path in _modules():
            for name in _IMPORT.findall(path.read_text("utf-8")):
                self.assertTrue(name.startswith("./"), f"{path.name} imports {name}")
                self.assertTrue((_STATIC / name).is_file(), f"{path.name} imports {name}")

    def test_no_markup_from_strings(self) -> None:
        """No module reads strings as markup or code, or keeps anything in localStorage."""
        found = {path.name: _FORBIDDEN.findall(path.read_text("utf-8")) for path in _modules()}
        self.assertEqual({name: words for name, words in found.items() if words}, {})


class NodeTests(SynchronousTestCase):
    """The tests that are written in JavaScript."""

    def test_modules(self) -> None:
        """Node's test runner finds the tests of the modules in order."""
        node = shutil.which("node")
        if node is None:
            raise SkipTest("node was not found on PATH: the web client's modules go untested.")
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
        if int(version.stdout.lstrip("v").split(".")[0]) < _NODE_MAJOR:
            raise SkipTest(f"node {version.stdout.strip()} is too old: {_NODE_MAJOR} is needed.")
        tests = sorted(str(path) for path in _TESTS.glob("*.test.mjs"))
        self.assertNotEqual(tests, [])
        ran = subprocess.run(
            [node, "--test", "--test-reporter=tap", *tests],
            capture_output=True,
            text=True,
            timeout=_NODE_WITHIN,
            check=False,
        )
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)


def _modules() -> list[Path]:
    return sorted(_STATIC.glob("*.js"))
