"""A real browser with one page: headless Chromium, driven by Playwright in a thread of its own."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from attrs import frozen
from playwright.sync_api import Page, WebSocket, expect, sync_playwright
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import SkipTest, TestCase

from tests.integration.transcript import DEADLINE

#: Names the browser to test with.
CHOICE = "MUDSERVER_TEST_CHROMIUM"

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# It runs as root, too, and speaks to nobody but the page.
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

#: What a console notes by itself: that nobody is logged in yet, that there is no server just now.
_EXPECTED_COMPLAINTS = ("401 (Unauthorized)", "ERR_CONNECTION_REFUSED", "WebSocket connection to")

T = TypeVar("T")


@frozen
class Sent:
    """
    A command that the page sent.

    Attributes:
        id: As the page gave it.
        text: The line.
    """

    id: str
    text: str


class Browser:
    """
    A page.

    Attributes:
        sent: The commands that the page sent, in order.
        acknowledged: The ids of those that were acknowledged.
        complaints: What the page's console warned of, and what its code raised.
    """

    def __init__(self, case: TestCase) -> None:
        self.sent: list[Sent] = []
        self.acknowledged: set[str] = set()
        self.complaints: list[str] = []
        self._home = Path(case.mktemp()).absolute()
        self._home.mkdir(parents=True)
        # Playwright's objects belong to the thread that made them.
        self._thread = ThreadPool(minthreads=1, maxthreads=1, name="browser")
        self._page: Page | None = None
        self._close: Callable[[], None] = lambda: None

    async def do(self, act: Callable[[Page], T]) -> T:
        """Do something with the page."""
        return await self._in_thread(lambda: act(self._open_page()))

    async def type(self, line: str) -> None:
        """Type a command, and press Enter."""

        def act(page: Page) -> None:
            page.fill("#command", line)
            page.press("#command", "Enter")

        await self.do(act)

    async def submit(self, button: str, name: str, password: str) -> None:
        """Fill in the form of the gate, and press one of its buttons."""

        def act(page: Page) -> None:
            page.fill("#name", name)
            page.fill("#password", password)
            page.click(button)

        await self.do(act)

    async def shows(self, selector: str, text: str) -> None:
        """Wait until an element holds some text."""
        await self.do(lambda page: expect(page.locator(selector)).to_contain_text(text))

    async def hides(self, selector: str, text: str) -> None:
        """Wait until an element no longer holds some text."""
        await self.do(lambda page: expect(page.locator(selector)).not_to_contain_text(text))

    async def connected(self) -> None:
        """Wait until the page says that it is connected."""
        await self.shows("#status[data-phase=connected]", "Connected")

    async def all_answered(self) -> None:
        """Wait until the page has an answer to each command that it sent."""
        await self.do(lambda page: expect(page.locator("#scrollback .pending")).to_have_count(0))

    async def texts(self, selector: str) -> list[str]:
        """Return the text of each element."""
        return await self.do(lambda page: page.locator(selector).all_inner_texts())

    # ------------------------------------------------------------ start and end

    async def open(self, program: str) -> None:
        """Start it."""
        self._thread.start()
        await self._in_thread(lambda: self._start(program))

    def close(self) -> Deferred[None]:
        """End it."""
        return Deferred.fromCoroutine(self._end())

    async def _end(self) -> None:
        try:
            await self._in_thread(self._close)
        finally:
            self._thread.stop()

    def _in_thread(self, act: Callable[[], T]) -> Deferred[T]:
        return deferToThreadPool(cast(IReactorFromThreads, reactor), self._thread, act)

    def _open_page(self) -> Page:
        assert self._page is not None
        return self._page

    def _start(self, program: str) -> None:
        playwright = sync_playwright().start()
        self._close = playwright.stop
        browser = playwright.chromium.launch(
            executable_path=program, args=list(_FLAGS), env={**os.environ, "HOME": str(self._home)}
        )

        def close() -> None:
            browser.close()
            playwright.stop()

        self._close = close
        page = self._page = browser.new_page()
        page.set_default_timeout(DEADLINE * 1000)
        expect.set_options(timeout=DEADLINE * 1000)
        page.on("websocket", self._follow)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self._complain(message.type, message.text))

    def _follow(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: self._note_sent(json.loads(frame)))
        socket.on("framereceived", lambda frame: self._note_received(json.loads(frame)))

    def _note_sent(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "command" and "id" in message:
            self.sent.append(Sent(message["id"], message["text"]))

    def _note_received(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "ack":
            self.acknowledged.add(message["id"])

    def _complain(self, kind: str, text: str) -> None:
        if kind in ("warning", "error") and not any(word in text for word in _EXPECTED_COMPLAINTS):
            self.complaints.append(text)


def find_browser() -> str:
    """
    Find a Chromium.

    Raises:
        SkipTest: There is none; says how to get one.
    """
    for name in (os.environ.get(CHOICE), *_PROGRAMS):
        program = shutil.which(name) if name else None
        if program is not None:
            return program
    raise SkipTest(f"no Chromium was found: install it, or name one in {CHOICE}")


async def open_browser(case: TestCase, port: int) -> Browser:
    """Open the web client in a browser; it ends with the test."""
    program = find_browser()
    browser = Browser(case)
    case.addCleanup(browser.close)
    await browser.open(program)
    await browser.do(lambda page: page.goto(f"http://127.0.0.1:{port}/"))
    return browser
