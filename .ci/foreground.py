"""
Run a command in the foreground of the terminal, out of reach of the Ctrl-C that is meant for make.

Usage: ``python .ci/foreground.py COMMAND [ARGUMENT ...]``

A terminal sends Ctrl-C to its whole foreground process group. make, being in it, dies of it in the
end whatever its child made of it, and a clean stop looks like a failure. So the command gets a
process group of its own, which is the terminal's foreground one as long as it runs: it alone is
interrupted, and its exit status is make's. Ctrl-Z still stops all, and ``fg`` continues all.

Where this is not the foreground of a terminal, the command is simply executed.
"""

import os
import signal
import sys
from types import FrameType

TERMINAL = 0
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def in_foreground() -> bool:
    """Tell whether Ctrl-C on the standard input's terminal would reach this process."""
    try:
        return os.tcgetpgrp(TERMINAL) == os.getpgrp()
    except OSError:
        return False


def start(command: list[str]) -> int:
    """Start the command as the foreground process group; return its process id."""
    child = os.fork()
    if child:
        return child
    try:
        os.setpgid(0, 0)
        # A process in the background that takes the terminal is stopped, unless it ignores this.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.tcsetpgrp(TERMINAL, os.getpgrp())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execvp(command[0], command)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr, flush=True)
    finally:
        os._exit(127)


def supervise(child: int) -> int:
    """Wait for the command, keeping stop and continue working; return its exit status."""

    def forward(signum: int, _frame: FrameType | None) -> None:
        os.kill(child, signum)

    for signum in FORWARDED:
        signal.signal(signum, forward)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    ours = os.getpgrp()
    while True:
        _, status = os.waitpid(child, os.WUNTRACED)
        os.tcsetpgrp(TERMINAL, ours)
        if not os.WIFSTOPPED(status):
            return os.waitstatus_to_exitcode(status)
        # Stop with make, so that the shell sees it; what follows happens once it has continued us.
        os.killpg(ours, signal.SIGTSTP)
        if in_foreground():
            os.tcsetpgrp(TERMINAL, child)
        os.killpg(child, signal.SIGCONT)


def main(command: list[str]) -> int:
    """Run the command; return the exit status as a shell would."""
    if not in_foreground():
        os.execvp(command[0], command)
    status = supervise(start(command))
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
