"""Players who play on while something is done to their database, and a comparison afterwards."""

import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from random import Random
from typing import Final

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.crash.company import ABSENT, PASSWORD, Company
from tests.crash.faults import pause
from tests.crash.ground import WAYS
from tests.crash.oracle import differences
from tests.crash.stage import Stage
from tests.integration.web_client import WebSocketPlayer, enter, register

#: Seconds that players play before it begins, and after it has ended, at most.
LONGEST_PLAY: Final = 0.5

#: How often a command is given that is refused because the database is away.
MOST_TRIES: Final = 10

_TIME = re.compile(r"^\S+ ")
#: What the second line of an event begins with, and those after it.
_MORE = "\t"
_NUMBER = re.compile(r"\d+(\.\d+)?")


class Ordeal:
    """
    One stage with its players, and two who do nothing but talk.

    Args:
        case: The test that it belongs to.
        stage: Where they play; the daemon isn't started yet.
    """

    def __init__(self, case: TestCase, stage: Stage) -> None:
        self.stage = stage
        self.company = Company(case, stage)
        self._case = case
        self._random = Random("ordeal")
        self._words = (f"are you there, {number}" for number in count(1))
        self._ids = (f"saves-{number}" for number in count(1))
        self._over = False
        self._read = 0
        self.eve: WebSocketPlayer
        self.sue: WebSocketPlayer

    async def begin(self) -> None:
        """Start the daemon; all come in."""
        await self.stage.daemon.start()
        await self.company.found()
        port = self.stage.daemon.http
        self.eve = await enter(self._case, await register(port, "Eve", PASSWORD))
        self.sue = await enter(self._case, await register(port, "Sue", PASSWORD))
        await self.saves()

    @asynccontextmanager
    async def endured(self) -> AsyncIterator[None]:
        """
        Have the players play while the block runs.

        Raises:
            AssertionError: What was acknowledged then is not stored afterwards, or a promise is
                broken in another way.
        """
        before = self.stage.read()
        self._read = len(self.stage.daemon.log.text)
        self._over = False
        self.company.begin()
        playing = Deferred.fromCoroutine(
            self.company.play(before, self._random, lambda: self._over, entering=False)
        )
        await pause(self._random, LONGEST_PLAY)
        yield
        await pause(self._random, LONGEST_PLAY)
        self._over = True
        await playing
        await self.company.answered()
        after = self.stage.read()
        problems = self.company.strange(cut_off=False)
        problems += differences(WAYS, before, self.company.histories, after)
        self._case.assertEqual(
            problems, [], "\n".join(map(str, (before, *self.company.histories, after)))
        )

    async def talk(self) -> None:
        """See that one who speaks is heard."""
        words = next(self._words)
        self.eve.command(f"say {words}")
        await self.sue.expect("chat", text=words)

    async def saves(self) -> None:
        """
        See that changes are committed, at once or as soon as can be; they leave all as it was.

        To find somebody absent the database is asked before anything is changed, so that a
        command may be refused for now; then it is given again, as the refusal says.
        """
        for text in (f"mute {ABSENT}", f"unmute {ABSENT}"):
            answer = await self.eve.answer(text, next(self._ids))
            for _ in range(MOST_TRIES):
                if answer.get("code") != "unavailable":
                    break
                await pause(self._random, float(answer["retry_after"]))
                answer = await self.eve.answer(text, next(self._ids))
            self._case.assertEqual(answer["type"], "ack", (text, answer))

    def logged(self) -> Counter[str]:
        """
        Return what the log has said since the players began, without times and numbers.

        What goes on over more lines counts as one.
        """
        lines = self.stage.daemon.log.text[self._read :].splitlines()
        return Counter(
            _NUMBER.sub("N", _TIME.sub("", line)) for line in lines if not line.startswith(_MORE)
        )
