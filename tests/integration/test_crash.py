"""The crash oracle's rounds, one after the other; ``make crash`` plays more of them."""

import os
import secrets

from twisted.logger import Logger
from twisted.trial.unittest import TestCase

from tests.crash.faults import FAULTS
from tests.crash.rounds import Rounds
from tests.crash.stage import skip_without_postgres

#: Every way to strike once; twice where machines have the time.
ROUNDS = len(FAULTS) * (2 if os.environ.get("CI") else 1)


class CrashTests(TestCase):
    """Daemon and database are killed again and again."""

    timeout = 600
    _log = Logger()

    async def test_rounds(self) -> None:
        """What was acknowledged is there afterwards, and the rest whole or not at all."""
        skip_without_postgres()
        rounds = Rounds(self, secrets.randbelow(1_000_000), self.note)
        for number in range(1, ROUNDS + 1):
            await rounds.play(number)

    def note(self, line: str) -> None:
        self._log.info("{line}", line=line)
