"""
The composition root: the only place where the parts of mudserver are joined.

``twistd mudserver`` and ``twistd -y tac/mudserver.tac`` both call `makeService`.
"""

import os
import time

from twisted.application.service import IService
from twisted.internet import reactor

from mudserver.errors import ConfigError
from mudserver.service.bus_side import LinkMaker
from mudserver.service.options import Options
from mudserver.service.pidfile import Pidfile
from mudserver.service.turns import bound_collection, bound_turns
from mudserver.service.wiring import Daemon

__all__ = ["Options", "makeService"]


def makeService(options: Options, link: LinkMaker | None = None) -> IService:
    """
    Make the tree of services that the options ask for; nothing is opened yet.

    Args:
        options: Ask for it.
        link: Makes the links to other processes, in place of plain ones.

    Raises:
        SystemExit: A setting names files that can't be used; says which, and why not.
    """
    # Twisted's default follows the wall clock, and jumps with it; every deadline is ours to keep.
    reactor.seconds = time.monotonic  # type: ignore[method-assign]
    bound_turns(reactor)
    bound_collection()
    try:
        daemon = Daemon(options.settings, os.environ, reactor, Pidfile(options.parent), link)
    except ConfigError as error:
        # For anything else twistd would print a traceback.
        raise SystemExit(f"mudserver: {error}") from None
    daemon.service.log_observer = options.log_observer
    return daemon.service
