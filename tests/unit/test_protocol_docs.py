"""The examples and tables of ``docs/protocol.md``, held against the types that they show."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
from twisted.trial.unittest import SynchronousTestCase

import mudserver
from mudserver import errors
from mudserver.errors import CloseCode, PlayerError
from mudserver.wire import envelope
from mudserver.wire.messages import (
    ExitView,
    FromClient,
    FromServer,
    Occupant,
    PatchOperation,
    Thing,
)

_TEXT = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
_SOURCE = Path(mudserver.__file__).parent
_CLIENT = "Client to server"
_SERVER = ("Server to client: control", "Server to client: play")
_EXAMPLE = re.compile(
    r"^### (?P<heading>[^\n]+)$|^```json\n(?P<json>.*?)^```$", re.MULTILINE | re.DOTALL
)


def _chapter(title: str) -> str:
    """Return what stands below a heading of the second level."""
    found = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", _TEXT, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def _examples(title: str) -> Iterator[tuple[str, str]]:
    """Yield each example of a chapter, after the heading that it stands below."""
    heading = ""
    for found in _EXAMPLE.finditer(_chapter(title)):
        if found["json"] is None:
            heading = found["heading"]
        else:
            yield heading, found["json"]


def _types(union: object) -> dict[str, type[Any]]:
    return {kind.__struct_config__.tag: kind for kind in get_args(union)}


def _from_server(text: str) -> Any:
    """Read a message of the server."""
    fields = json.loads(text)
    kind = _types(FromServer)[fields["type"]]
    if "patch" not in fields:
        return msgspec.convert(fields, kind, strict=True)
    # The value of an operation may be of several types that nothing tells apart but their fields,
    # so msgspec only writes these messages.
    del fields["type"]
    fields["patch"] = tuple(map(_operation, fields["patch"]))
    names = dict(zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True))
    return kind(**{names[name]: value for name, value in fields.items()})


def _operation(fields: dict[str, Any]) -> PatchOperation:
    value: Any = fields.get("value")
    if isinstance(value, dict):
        kinds = (Thing, Occupant, ExitView)
        kind = next(each for each in kinds if set(each.__struct_fields__) == set(value))
        value = msgspec.convert(value, kind, strict=True)
    return PatchOperation(fields["op"], fields["path"], value)


def _codes(kind: type[PlayerError]) -> Iterator[str]:
    """Yield the codes of the errors of a branch of the tree."""
    yield kind.default_code
    for each in kind.__subclasses__():
        if each.__module__ == errors.__name__:
            yield from _codes(each)


class ProtocolDocsTests(SynchronousTestCase):
    def test_examples_of_clients(self) -> None:
        """The server understands each example of a client's message, as what it stands under."""
        for heading, text in _examples(_CLIENT):
            message = envelope.decode(text.encode())
            self.assertEqual(message.__struct_config__.tag, heading)

    def test_examples_of_the_server(self) -> None:
        """Each example of the server's messages is whole, has no other fields, and says the same
        when it is written again.
        """
        for title in _SERVER:
            for heading, text in _examples(title):
                message = _from_server(text)
                self.assertEqual(message.__struct_config__.tag, heading)
                self.assertEqual(json.loads(envelope.encode(message)), json.loads(text))

    def test_every_type_has_an_example(self) -> None:
        """No type of message is left without an example."""
        shown = {heading for heading, _ in _examples(_CLIENT)}
        self.assertEqual(shown, set(_types(FromClient)))
        shown = {heading for title in _SERVER for heading, _ in _examples(title)}
        self.assertEqual(shown, set(_types(FromServer)))

    def test_play_and_control(self) -> None:
        """A message stands under play just if it carries the time."""
        for title, play in zip(_SERVER, (False, True), strict=True):
            for heading, text in _examples(title):
                self.assertEqual("time" in json.loads(text), play, heading)

    def test_every_error_code(self) -> None:
        """The code of every error that a player may meet is explained, wherever it is chosen."""
        explained = set(re.findall(r"^\| (`.+?`) \|", _chapter("Error codes"), re.MULTILINE))
        words = {word for cell in explained for word in re.findall(r"`(\w+)`", cell)}
        chosen = {
            code
            for file in _SOURCE.rglob("*.py")
            for code in re.findall(r"\bcode=\"(\w+)\"", file.read_text(encoding="utf-8"))
        }
        self.assertIn("ambiguous", chosen)
        operators = {"no_such_account", "bad_document", "unknown_keys"}
        operators |= {"no_such_letter", "not_replayable"}
        self.assertEqual((chosen | set(_codes(PlayerError))) - words, operators)

    def test_every_close_code(self) -> None:
        """All close codes are explained, and no others."""
        explained = re.findall(r"^\| (\d{4}) \|", _chapter("Close codes"), re.MULTILINE)
        self.assertEqual([int(code) for code in explained], sorted(CloseCode))
