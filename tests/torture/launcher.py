"""
Starts ``twistd`` with a mudserver whose link to the bus is a rough one.

Usage: ``python -m tests.torture.launcher SCRIPT ARGUMENT…``. The environment says how:
``TORTURE_SEED`` decides what happens to envelopes, and while there is a file ``TORTURE_CALM``
nothing does.
"""

import os
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

from twisted.application import app
from twisted.application.service import IService, IServiceMaker
from twisted.internet import reactor
from twisted.scripts._twistd_unix import ServerOptions
from twisted.scripts.twistd import runApp
from zope.interface import implementer

from mudserver.bus.codec import Codec
from mudserver.bus.commands import PeerInfo
from mudserver.bus.link import Link, LinkOwner
from mudserver.bus.vocabulary import VOCABULARY
from mudserver.service import Options, makeService
from tests.torture.rough_link import RoughLink, Roughness
from tests.torture.trace import Trace

#: Names of the environment's variables.
SEED = "TORTURE_SEED"
CALM = "TORTURE_CALM"

#: Links break every few seconds, not more often than they can be made.
_ROUGHNESS = Roughness(cut=0.0004)

#: Counts, in the working directory, how often the process was started.
_STARTS = Path("starts")


class _RoughLinks:
    """Makes rough links; what happens over them is another thing after each start."""

    def __init__(self) -> None:
        with _STARTS.open("a") as starts:
            starts.write(".")
        start = _STARTS.stat().st_size
        self._dice = Random(f"{os.environ[SEED]} {Path.cwd()} {start}")
        self._calm = Path(os.environ[CALM])
        self._trace = Trace(Path.cwd() / f"trace-{start}", Codec(VOCABULARY), time.time)

    def make(self, me: PeerInfo, owner: LinkOwner) -> Link:
        """Make one."""
        return RoughLink(
            owner,
            me,
            reactor,
            dice=self._dice,
            roughness=_ROUGHNESS,
            calm=self._calm.exists,
            note=partial(self._trace.note, self._trace.number()),
        )


@implementer(IServiceMaker)
class _Maker:
    """Makes the mudserver, as the plugin of twistd does."""

    tapname = "mudserver"
    description = "A mudserver whose links are rough."
    options = Options

    def makeService(self, options: Options) -> IService:
        """Implement `IServiceMaker.makeService`."""
        return makeService(options, _RoughLinks().make)


class _Twistd(ServerOptions):
    """The command line of twistd, with ours for the only plugin."""

    @property
    def subCommands(self) -> Iterator[tuple[str, None, type[Options], str]]:
        """What can be run."""
        maker = _Maker()
        self.loadedPlugins = {maker.tapname: maker}
        yield maker.tapname, None, maker.options, maker.description


def main(script: str, arguments: list[str]) -> None:
    """Become ``twistd``."""
    sys.argv = [script, *arguments]
    app.run(runApp, _Twistd)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
