"""``mudctl character``: documents over the admin socket, chunk by chunk."""

import sys
from pathlib import Path

from twisted.protocols import amp

from mudserver.control.commands import (
    CHUNK,
    MAX_DOCUMENT,
    ExportCharacter,
    ImportCharacter,
    ReadChunk,
    WriteChunk,
)


async def export_character(daemon: amp.AMP, name: str) -> bytes:
    """
    Have a character written down.

    Returns:
        A JSON document.

    Raises:
        Refused: There is no such character.
    """
    size = (await daemon.callRemote(ExportCharacter, name=name))["size"]
    document = b""
    while len(document) < size:
        document += (await daemon.callRemote(ReadChunk))["chunk"]
    return document


async def import_character(daemon: amp.AMP, document: bytes, account: str | None) -> str:
    """
    Have a character made of a document.

    Args:
        daemon: Who makes it.
        document: What `export_character` gave.
        account: Whose it will be; None for a new account.

    Returns:
        What to tell the operator.

    Raises:
        Refused: It can't be made; says why.
    """
    for start in range(0, len(document), CHUNK):
        await daemon.callRemote(WriteChunk, chunk=document[start : start + CHUNK])
    made = await daemon.callRemote(ImportCharacter, account=account)
    said = f"{made['name']} is here, and belongs to the account {made['account']}."
    if account is None:
        said += f" Give it a password: mudctl account password {made['account']}"
    if made["strangers"]:
        said += f"\nOf those whom it mutes, {made['strangers']} are not here, and were left out."
    return said


def read_document(file: Path) -> bytes:
    """
    Read a file, or the input for ``-``, no further than to see that it is too large.

    Raises:
        OSError: It can't be read.
    """
    if str(file) == "-":
        return sys.stdin.buffer.read(MAX_DOCUMENT + 1)
    with file.open("rb") as stream:
        return stream.read(MAX_DOCUMENT + 1)
