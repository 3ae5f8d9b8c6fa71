"""Lists that come page by page."""

from collections.abc import Mapping
from typing import Any

from twisted.protocols import amp

from mudserver.control.commands import PAGE


async def pages(
    daemon: amp.AMP, command: type[amp.Command], rows: str, key: str, size: int = PAGE
) -> list[Mapping[str, Any]]:
    """
    Ask for page after page.

    Args:
        daemon: Whom to ask.
        command: What to ask; it takes ``after``.
        rows: What the answer calls its rows.
        key: What of the last row goes into ``after``.
        size: How many rows a page has that is not the last.
    """
    found: list[Mapping[str, Any]] = []
    after = ""
    while True:
        page = (await daemon.callRemote(command, after=after))[rows]
        found += page
        if len(page) < size:
            return found
        after = page[-1][key]
