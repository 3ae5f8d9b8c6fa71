"""``mudctl chatlog``: what was said, fetched chunk by chunk."""

from twisted.protocols import amp

from mudserver.control.commands import ReadChatLog, ReadChunk


async def read_chat_log(
    daemon: amp.AMP, channel: str | None, name: str | None, hours: float, limit: int
) -> str:
    """
    Have the daemon look up what was said.

    Args:
        daemon: Who looks.
        channel: ``say``, ``emote``, ``tell`` or a channel's name; None for all but tells.
        name: Only what this player said; None for everyone.
        hours: How far back.
        limit: How many lines, the newest.

    Returns:
        A row for each line.

    Raises:
        Refused: It can't be looked up; says why.
    """
    answer = await daemon.callRemote(
        ReadChatLog, channel=channel, name=name, hours=hours, limit=limit
    )
    document = b""
    while len(document) < answer["size"]:
        document += (await daemon.callRemote(ReadChunk))["chunk"]
    return document.decode()
