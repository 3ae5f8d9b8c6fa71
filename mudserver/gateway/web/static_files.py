"""The files of the web client, read once."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from http import HTTPStatus
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from attrs import field, frozen

from mudserver.gateway.web.answer import Answer

#: What is served, by suffix; nothing else is.
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/vnd.microsoft.icon",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}

#: What is served for a folder.
INDEX = "index.html"


@frozen
class StaticFile:
    """
    A file of the site.

    Attributes:
        path: Its names from the root down.
        body: What is in it.
        content_type: What that is.
        etag: Names this very body (RFC 9110 §8.8.3).
    """

    path: tuple[str, ...]
    body: bytes = field(repr=False)
    content_type: str
    etag: str = field(init=False)

    @etag.default
    def _make_etag(self) -> str:
        return f'"{urlsafe_b64encode(sha256(self.body).digest()).rstrip(b"=").decode()}"'

    def answer(self, if_none_match: str) -> Answer:
        """
        Answer a request for the file.

        Browsers keep it but ask each time, so that they never mix two versions.

        Args:
            if_none_match: The header; empty where there was none.
        """
        headers = {"Cache-Control": "no-cache", "ETag": self.etag}
        if _names(if_none_match, self.etag):
            return Answer(HTTPStatus.NOT_MODIFIED, headers=headers)
        return Answer(HTTPStatus.OK, self.body, self.content_type, headers)


def load_files(root: Traversable | None = None) -> tuple[StaticFile, ...]:
    """
    Read the files of the site.

    Args:
        root: Where they are; None for those of the web client.
    """
    return tuple(_load(files("mudserver.gateway") / "static" if root is None else root, ()))


def _load(folder: Traversable, above: tuple[str, ...]) -> Iterator[StaticFile]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        path = (*above, entry.name)
        content_type = CONTENT_TYPES.get(PurePosixPath(entry.name).suffix)
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _load(entry, path)
        elif content_type is not None:
            yield StaticFile(path, entry.read_bytes(), content_type)


def _names(if_none_match: str, etag: str) -> bool:
    """Whether the header names that tag; proxies that compress weaken it (RFC 9110 §13.1.2)."""
    tags = (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
    return any(tag in (etag, "*") for tag in tags)
