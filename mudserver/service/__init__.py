"""
The composition root: the only place where the parts of mudserver are joined.

``twistd mudserver`` and ``twistd -y tac/mudserver.tac`` both call `makeService`.
"""

import os
import time

from twisted.application.service import IService
from twisted.internet import reactor

from mudserver.service.options import Options
from mudserver.service.wiring import Daemon

__all__ = ["Options", "makeService"]


def makeService(options: Options) -> IService:
    """
    Make the tree of services that the options ask for; nothing is opened yet.

    Raises:
        ConfigError: A setting names files that can't be used.
    """
    # Twisted's default follows the wall clock, and jumps with it; every deadline is ours to keep.
    reactor.seconds = time.monotonic  # type: ignore[method-assign]
    daemon = Daemon(options.settings, os.environ, reactor)
    daemon.service.log_observer = options.log_observer
    return daemon.service
