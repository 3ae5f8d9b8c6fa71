"""
Lets players on this machine reach ports of another one, from inside which they seem to come.

A program, run on that machine (see `machines`): its arguments are ports there; its descriptors from
3 on are sockets that listen on this one, in the same order.
"""

import socket
import sys
from typing import cast

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorSocket
from twisted.protocols.portforward import ProxyFactory


def _main() -> None:
    adopting = cast(IReactorSocket, reactor)
    for descriptor, port in enumerate(sys.argv[1:], 3):
        factory = ProxyFactory("127.0.0.1", int(port))
        factory.noisy = False
        adopting.adoptStreamPort(descriptor, socket.AF_INET, factory)  # type: ignore[arg-type]
    reactor.run()


if __name__ == "__main__":
    _main()
