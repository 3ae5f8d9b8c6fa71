"""Another process like this one, started by it."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress

from mudserver.config import SUMMONS_VARIABLE
from mudserver.errors import Unavailable
from mudserver.service.pidfile import Pidfile


class Summoned:
    """
    A process that was started as this one was: the same command, directory and environment.

    It has a session of its own, so that a terminal's Ctrl-C reaches it only through its own one;
    and our output.

    Args:
        command: What this process was started by.
        word: What it will say that it was started with.
        environment: What this process was given.
        pidfile: Of this process; the other one would take it for a rival's.

    Raises:
        Unavailable: It can't be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        word: str,
        environment: Mapping[str, str],
        pidfile: Pidfile,
    ) -> None:
        self._pidfile = pidfile
        pidfile.remove()
        try:
            self._process = subprocess.Popen(  # noqa: S603 (it is what we were started by)
                command,
                stdin=subprocess.DEVNULL,
                env={**environment, SUMMONS_VARIABLE: word},
                start_new_session=True,
            )
        except OSError as error:
            pidfile.write()
            raise Unavailable(
                f"The new world can't be started: {error}. This one goes on."
            ) from None

    @property
    def problem(self) -> str:
        """Implement `ISummoned.problem`; one that ended with 0 has gone into the background."""
        status = self._process.poll()
        if not status:
            return ""
        return f"ended with status {status}" if status > 0 else f"was ended by signal {-status}"

    def give_up(self, process: int | None = None) -> None:
        """Implement `ISummoned.give_up`."""
        if self._process.poll() is None:
            self._process.terminate()
        elif self._process.returncode == 0:
            in_background = process or self._pidfile.read()
            if in_background is not None:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(in_background, signal.SIGTERM)
        self._pidfile.write()

    def leave(self) -> None:
        """Let it go on when this process ends, and keep the file that it has written."""
        self._pidfile.forget()
        # Else its interpreter would complain that somebody should wait for it.
        self._process.returncode = 0
