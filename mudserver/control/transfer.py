"""Documents that are handed over on the admin socket in chunks."""

from attrs import define, field

from mudserver.control.commands import CHUNK, MAX_DOCUMENT, Refused


@define(eq=False)
class Transfer:
    """One document on its way in, and one on its way out."""

    _incoming: bytearray = field(factory=bytearray, init=False)
    _outgoing: bytes = field(default=b"", init=False)

    def offer(self, document: bytes) -> int:
        """Have a document fetched; returns its size in bytes."""
        self._outgoing = document
        return len(document)

    def next_chunk(self) -> bytes:
        """Return what comes next of it; empty at its end."""
        chunk, self._outgoing = self._outgoing[:CHUNK], self._outgoing[CHUNK:]
        return chunk

    def add(self, chunk: bytes) -> None:
        """
        Add to the document that comes in.

        Raises:
            Refused: It is too large; all of it is forgotten.
        """
        if len(self._incoming) + len(chunk) > MAX_DOCUMENT:
            self._incoming.clear()
            raise Refused(f"The document is larger than {MAX_DOCUMENT:,} bytes.")
        self._incoming += chunk

    def take(self) -> bytes:
        """Return the document that has come in; the next chunk begins another one."""
        document = bytes(self._incoming)
        self._incoming.clear()
        return document
