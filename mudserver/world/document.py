"""
YAML in which every value knows its line and the path of keys that leads to it.

Only the plain part of YAML is read: mappings, lists, text and yes or no. Anchors, aliases and tags
are refused, so that a small file can't unfold into a large one. Nothing is constructed: the reader
works on PyYAML's nodes, whose marks give the lines.
"""

import re
import unicodedata
from typing import Final

import yaml
from attrs import field, frozen

from mudserver.errors import CorruptArea

#: Bytes; four hundred densely written rooms. A larger area is better cut in two.
MAX_FILE_BYTES: Final = 512 * 1024

#: Levels of nesting; the format needs eleven, and composing recurses.
MAX_DEPTH: Final = 12

#: Entries of a mapping whose keys are known; more than any has, so that the unknown key is named.
MAX_FIELDS: Final = 100

#: Characters of a key, before it is looked at any closer; a dozen keywords are the longest.
MAX_RAW_KEY_CHARS: Final = 500

#: Characters of a wrong value that an error quotes.
MAX_QUOTED_CHARS: Final = 40

#: Unicode categories that may not stand in a text: what moves a cursor, hides or reorders.
_REFUSED_CATEGORIES: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})

_TEXT_TAG: Final = "tag:yaml.org,2002:str"
_FLAG_TAG: Final = "tag:yaml.org,2002:bool"
_NUMBER_TAG: Final = "tag:yaml.org,2002:int"
_NOTHING_TAG: Final = "tag:yaml.org,2002:null"
_FLAGS: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


@frozen
class Source:
    """
    Where in which file something was written.

    Attributes:
        file: The file's name.
        line: Counted from 1.
    """

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    def error(self, problem: str) -> CorruptArea:
        """Make the error that says what is wrong here."""
        return CorruptArea(self.file, self.line, problem)


@frozen
class Entry:
    """
    One value of a document.

    Attributes:
        source: The line of the key it stands under, or its own where it has none.
        path: The keys that lead to it, joined by dots; empty for the document itself.
        node: The value, unread.
    """

    source: Source
    path: str
    node: yaml.Node = field(repr=False)

    def error(self, expected: str, found: str = "") -> CorruptArea:
        """
        Make the error that says what was expected here.

        Args:
            expected: A noun phrase.
            found: What stood there; by default a description of the value.
        """
        place = f"{self.path}: " if self.path else ""
        problem = f"{place}expected {expected}, found {found or _describe(self.node)}"
        return self.source.error(problem)

    @property
    def scalar(self) -> bool:
        """Whether it is a single value, neither a mapping nor a list."""
        return isinstance(self.node, yaml.ScalarNode)

    def flag(self) -> bool:
        """
        Read ``true`` or ``false``.

        Raises:
            CorruptArea: It is neither.
        """
        if not isinstance(self.node, yaml.ScalarNode) or self.node.tag != _FLAG_TAG:
            raise self.error("true or false")
        return _FLAGS[str(self.node.value).lower()]

    def number(self, expected: str, least: int, most: int) -> int:
        """
        Read a whole number, written in decimal digits.

        Args:
            expected: What it is, as a noun phrase, for errors.
            least: The smallest that will do.
            most: The largest, with at most nine digits.

        Raises:
            CorruptArea: It is none, or out of bounds.
        """
        wanted = f"{expected}, from {least} to {most}"
        if not isinstance(self.node, yaml.ScalarNode) or self.node.tag != _NUMBER_TAG:
            raise self.error(wanted)
        if not re.fullmatch(r"[0-9]{1,9}", self.node.value, re.ASCII):
            raise self.error(wanted)
        number = int(self.node.value)
        if not least <= number <= most:
            raise self.error(wanted)
        return number

    def line(self, expected: str, limit: int) -> str:
        """
        Read a text of a single line, such as a name or a sentence.

        Args:
            expected: What it is, as a noun phrase, for errors.
            limit: In characters.

        Raises:
            CorruptArea: It isn't text, is empty or too long, has a line break, or has characters
                that don't belong into a text.
        """
        text = self.prose(expected, limit)
        if "\n" in text:
            raise self.error(f"{expected} in one paragraph", "a line break")
        return text

    def prose(self, expected: str, limit: int) -> str:
        r"""
        Read a text of one or more paragraphs.

        Where YAML folds lines (``>``, and text that isn't quoted), each paragraph becomes one line.
        Where it keeps them (``|``), so do we.

        Args:
            expected: What it is, as a noun phrase, for errors.
            limit: In characters.

        Returns:
            The text. A blank line (``\n\n``) stands between paragraphs, ``\n`` is a line break.

        Raises:
            CorruptArea: It isn't text, is empty or too long, or has characters that don't belong
                into a text.
        """
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.error(expected)
        if self.node.tag != _TEXT_TAG:
            hint = "" if self.node.tag == _NOTHING_TAG else " (put it in quotes to make it text)"
            raise self.error(expected, _describe(self.node) + hint)
        value = str(self.node.value)
        text = "\n".join(line.rstrip(" ") for line in value.split("\n")).strip("\n ")
        if self.node.style in (">", "'", None):
            text = re.sub(r"\n+", "\n\n", text)
        text = re.sub(r"\n{3,}", "\n\n", text)
        if not text:
            raise self.error(expected, "an empty text")
        if len(text) > limit:
            raise self.error(f"{expected} of at most {limit} characters", f"{len(text)} characters")
        _check_characters(self, expected, text)
        return text

    def entries(self, expected: str, limit: int) -> tuple[tuple[str, "Entry"], ...]:
        """
        Read a mapping.

        Args:
            expected: What it is, as a noun phrase, for errors.
            limit: How many entries it may have.

        Returns:
            Each key and its value, in the order of the file.

        Raises:
            CorruptArea: It isn't a mapping, has too many entries, a key twice, or a key that
                isn't text.
        """
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error(expected)
        if len(self.node.value) > limit:
            raise self.error(f"{expected} of at most {limit} entries", str(len(self.node.value)))
        entries: dict[str, Entry] = {}
        for key_node, value_node in self.node.value:
            source = Source(self.source.file, _line(key_node))
            key_entry = Entry(source, self.path, key_node)
            key = key_entry.line("a key that is text", MAX_RAW_KEY_CHARS)
            if key in entries:
                first = entries[key].source.line
                raise key_entry.error("each key once", f"{key} again (first on line {first})")
            entries[key] = Entry(source, f"{self.path}.{key}" if self.path else key, value_node)
        return tuple(entries.items())

    def fields(
        self, expected: str, required: tuple[str, ...], optional: tuple[str, ...]
    ) -> "Fields":
        """
        Read a mapping whose keys are known.

        Args:
            expected: What it is, as a noun phrase, for errors.
            required: The keys it must have.
            optional: The keys it may have.

        Raises:
            CorruptArea: It isn't a mapping, lacks a required key, has an unknown one, or one twice.
        """
        known = required + optional
        entries = self.entries(expected, MAX_FIELDS)
        for key, entry in entries:
            if key not in known:
                problem = f"one of the keys {', '.join(known)}"
                raise Entry(entry.source, self.path, entry.node).error(problem, _quote(key))
        present = {key for key, _ in entries}
        for key in required:
            if key not in present:
                raise self.error(f"{expected} with the key {key}", "none")
        return Fields(entries)

    def elements(self, expected: str, limit: int) -> tuple["Entry", ...]:
        """
        Read a list.

        Args:
            expected: What it is, as a noun phrase, for errors.
            limit: How many elements it may have.

        Raises:
            CorruptArea: It isn't a list, or has too many elements.
        """
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.error(expected)
        if len(self.node.value) > limit:
            raise self.error(f"{expected} of at most {limit} elements", str(len(self.node.value)))
        return tuple(
            Entry(Source(self.source.file, _line(node)), f"{self.path}[{number}]", node)
            for number, node in enumerate(self.node.value, 1)
        )


@frozen
class Fields:
    """The entries of a mapping whose keys were checked."""

    _entries: tuple[tuple[str, Entry], ...]

    def need(self, key: str) -> Entry:
        """
        Find the value of a required key.

        Raises:
            KeyError: The key wasn't declared as required.
        """
        entry = self.find(key)
        if entry is None:
            raise KeyError(key)
        return entry

    def find(self, key: str) -> Entry | None:
        """Find the value of an optional key; None if the file doesn't give it."""
        return next((entry for name, entry in self._entries if name == key), None)


class _PlainLoader(yaml.SafeLoader):
    """Composes the plain part of YAML, to a bounded depth."""

    def __init__(self, file: str, text: str) -> None:
        super().__init__(text)
        self.file = file
        self.depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            problem = (
                f"expected no anchors and aliases, found {_quote(event.anchor)} "
                "(a text that begins with & or * needs quotes)"
            )
            raise CorruptArea(self.file, line, problem)
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag:
            problem = (
                f"expected no tags, found {_quote(event.tag)} "
                "(a text that begins with ! needs quotes)"
            )
            raise CorruptArea(self.file, line, problem)
        if self.depth == MAX_DEPTH:
            problem = f"expected at most {MAX_DEPTH} levels of nesting, found more"
            raise CorruptArea(self.file, line, problem)
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def read(file: str, content: bytes) -> Entry:
    """
    Read a document, without judging what is in it.

    Args:
        file: The file's name, for errors.
        content: The whole file, in UTF-8.

    Raises:
        CorruptArea: It is too large, isn't UTF-8, isn't YAML, or uses what we refuse of YAML.
    """
    if len(content) > MAX_FILE_BYTES:
        problem = f"expected at most {MAX_FILE_BYTES} bytes, found {len(content)}"
        raise CorruptArea(file, 1, problem)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"the byte 0x{content[error.start]:02x}"
        raise CorruptArea(file, line, f"expected UTF-8, found {found}") from None
    try:
        loader = _PlainLoader(file, text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        found = f"the control character U+{ord(text[error.position]):04X}"
        raise CorruptArea(file, line, f"expected printable text, found {found}") from None
    try:
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        context = f" ({error.context})" if error.context else ""
        problem = f"expected YAML, found a mistake: {error.problem}{context}"
        raise CorruptArea(file, mark.line + 1 if mark else 1, problem) from None
    except (ValueError, OverflowError):  # PyYAML lets out what \U and %YAML can't hold
        line = loader.line + 1
        raise CorruptArea(file, line, "expected YAML, found a number out of range") from None
    if node is None:
        raise CorruptArea(file, 1, "expected an area, found an empty file")
    return Entry(Source(file, _line(node)), "", node)


def _check_characters(entry: Entry, expected: str, text: str) -> None:
    for character in text:
        if character != "\n" and unicodedata.category(character) in _REFUSED_CATEGORIES:
            found = f"the character U+{ord(character):04X}"
            raise entry.error(f"{expected} without control characters", found)


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1 if node.start_mark else 1


def _describe(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    if node.tag == _NOTHING_TAG:
        return "nothing"
    if node.tag == _TEXT_TAG:
        return _quote(str(node.value))
    kind = node.tag.rsplit(":", 1)[-1]
    return f"the {kind} {_quote(str(node.value))}"


def _quote(text: str) -> str:
    short = text if len(text) <= MAX_QUOTED_CHARS else text[: MAX_QUOTED_CHARS - 1] + "…"
    return f'"{short}"'.encode("utf-8", "backslashreplace").decode("utf-8").replace("\n", " ")
