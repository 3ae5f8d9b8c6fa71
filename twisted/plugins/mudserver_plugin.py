"""Make `twistd mudserver` known to twistd."""

from twisted.application.service import ServiceMaker

mudserver = ServiceMaker(
    "mudserver",
    "mudserver.service",
    "A multi-user text world over WebSocket and telnet.",
    "mudserver",
)
