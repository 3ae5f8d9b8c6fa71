"""
Area files: a part of the world as a builder writes it.

An area file is YAML: an area, its rooms, and in each room its exits, the details that one can look
at, the things that lie there and those who live there. ``docs/areas.md`` shows the format by
example. `parse` reads one file; `mudserver.world.atlas.check` joins several into a world and sees
that it closes.

Whatever is wrong is a `CorruptArea` that names the file, the line, the path of keys and what was
expected.
"""

import re
from typing import Final

from attrs import evolve

from mudserver.world.area import (
    MAX_DESCRIPTION_CHARS,
    MAX_DETAILS,
    MAX_IDLE_LINES,
    MAX_INHABITANTS,
    MAX_ITEMS,
    MAX_KEY_CHARS,
    MAX_KEYWORD_CHARS,
    MAX_KEYWORDS,
    MAX_NAME_CHARS,
    MAX_ROOMS,
    MAX_SENTENCE_CHARS,
    MAX_STOPS,
    MAX_TOPICS,
    Area,
    Detail,
    Exit,
    Inhabitant,
    Item,
    Key,
    Room,
    Topic,
    Utterance,
)
from mudserver.world.direction import Direction
from mudserver.world.document import Entry, Fields, read
from mudserver.world.model import MAX_CAPACITY, MAX_SIZE

_KEY: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ',.&-]*")
_KEYWORD: Final = re.compile(r"[a-z0-9']+(?:[ .-][a-z0-9']+)*")
_ARTICLE: Final = re.compile(r"(?:an?|the|some) ", re.IGNORECASE)


def parse(file: str, content: bytes) -> Area:
    """
    Read one area file.

    Args:
        file: Its name, for errors.
        content: The whole file, in UTF-8.

    Raises:
        CorruptArea: Anything in it isn't as the format wants it.
    """
    document = read(file, content)
    fields = document.fields("an area", ("area", "name", "description", "rooms"), ("start",))
    rooms_entry = fields.need("rooms")
    rooms = tuple(_room(key, entry) for key, entry in rooms_entry.entries("rooms", MAX_ROOMS))
    if not rooms:
        raise rooms_entry.error("at least one room", "none")
    start = None
    start_entry = fields.find("start")
    if start_entry is not None:
        start = _key(start_entry, start_entry.line("the key of a room", MAX_KEY_CHARS))
        if all(room.key != start for room in rooms):
            raise start_entry.error("the key of a room in this file")
    key_entry = fields.need("area")
    return Area(
        key=_key(key_entry, key_entry.line("a key", MAX_KEY_CHARS)),
        name=_name(fields.need("name")),
        description=_description(fields.need("description")),
        start=start,
        rooms=rooms,
        source=key_entry.source,
    )


def _room(key: str, entry: Entry) -> Room:
    optional = ("exits", "details", "items", "inhabitants")
    fields = entry.fields("a room", ("name", "description"), optional)
    exits = fields.find("exits")
    details = fields.find("details")
    items = fields.find("items")
    inhabitants = fields.find("inhabitants")
    return Room(
        key=_key(entry, key),
        name=_name(fields.need("name")),
        description=_description(fields.need("description")),
        exits=_exits(exits) if exits else (),
        details=_details(details) if details else (),
        items=tuple(_item(k, e) for k, e in items.entries("items", MAX_ITEMS)) if items else (),
        inhabitants=tuple(
            _inhabitant(k, e) for k, e in inhabitants.entries("inhabitants", MAX_INHABITANTS)
        )
        if inhabitants
        else (),
        source=entry.source,
    )


def _exits(entry: Entry) -> tuple[Exit, ...]:
    exits = (_exit(word, way) for word, way in entry.entries("exits", len(Direction)))
    order = tuple(Direction)
    return tuple(sorted(exits, key=lambda way: order.index(way.direction)))


def _exit(word: str, entry: Entry) -> Exit:
    if word not in tuple(Direction):
        raise entry.error(f"one of the directions {', '.join(Direction)}", f'"{word}"')
    direction = Direction(word)
    if entry.scalar:
        to = _key(entry, entry.line("the key of a room", MAX_KEY_CHARS))
        return Exit(direction, to, name="", closed=False, oneway=False, source=entry.source)
    fields = entry.fields("the key of a room, or an exit", ("to",), ("name", "closed", "oneway"))
    to_entry = fields.need("to")
    name = fields.find("name")
    closed = fields.find("closed")
    oneway = fields.find("oneway")
    return Exit(
        direction,
        _key(to_entry, to_entry.line("the key of a room", MAX_KEY_CHARS)),
        name=_name(name) if name else "",
        closed=closed.flag() if closed else False,
        oneway=oneway.flag() if oneway else False,
        source=to_entry.source,
        door=closed is not None,
    )


def _details(entry: Entry) -> tuple[Detail, ...]:
    taken: set[str] = set()
    return tuple(
        Detail(_keywords(text, words, taken), text.prose("a text", MAX_DESCRIPTION_CHARS))
        for words, text in entry.entries("details", MAX_DETAILS)
    )


def _item(key: str, entry: Entry) -> Item:
    optional = ("keywords", "fixed", "holds", "size", "closed", "contents")
    fields = entry.fields("an item", ("name", "description"), optional)
    name = fields.need("name")
    fixed = fields.find("fixed")
    item = Item(
        key=_key(entry, key),
        name=_name(name),
        keywords=_names(name, fields.find("keywords")),
        description=_description(fields.need("description")),
        fixed=fixed.flag() if fixed else False,
        source=entry.source,
    )
    return _container(entry, fields, item)


def _container(entry: Entry, fields: Fields, item: Item) -> Item:
    """Read what makes a thing a container; return it as it is where nothing does."""
    holds = fields.find("holds")
    size, closed, contents = (fields.find(key) for key in ("size", "closed", "contents"))
    if holds is None:
        if size or closed or contents:
            raise entry.error("a container with the key holds", "none")
        return item
    container = evolve(
        item,
        capacity=holds.number("how many things it holds", 1, MAX_CAPACITY),
        size=size.number("how large it is", 1, MAX_SIZE) if size else 1,
        lid=closed is not None,
        closed=closed.flag() if closed else False,
    )
    if contents is None:
        return container
    inside = tuple(_item(k, e) for k, e in contents.entries("contents", container.capacity))
    for each in inside:
        if each.fixed:
            raise each.source.error(f"{each.key}: expected a thing that can be taken out again")
        if each.size >= container.size:
            raise each.source.error(
                f"{each.key}: expected a thing smaller than {container.key}, whose size is "
                f"{container.size}, found one of size {each.size}"
            )
    return evolve(container, contents=inside)


def _inhabitant(key: str, entry: Entry) -> Inhabitant:
    optional = ("keywords", "greeting", "topics", "idle", "route")
    fields = entry.fields("an inhabitant", ("name", "description"), optional)
    name = fields.need("name")
    greeting = fields.find("greeting")
    topics = fields.find("topics")
    idle = fields.find("idle")
    route = fields.find("route")
    return Inhabitant(
        key=_key(entry, key),
        name=_name(name),
        keywords=_names(name, fields.find("keywords")),
        description=_description(fields.need("description")),
        greeting=_utterance(greeting) if greeting else None,
        topics=_topics(topics) if topics else (),
        idle=tuple(
            line.line("what they do, as it follows the name", MAX_SENTENCE_CHARS)
            for line in idle.elements("a list of sentences", MAX_IDLE_LINES)
        )
        if idle
        else (),
        source=entry.source,
        route=tuple(
            _key(stop, stop.line("the key of a room", MAX_KEY_CHARS))
            for stop in route.elements("a list of rooms", MAX_STOPS)
        )
        if route
        else (),
    )


def _topics(entry: Entry) -> tuple[Topic, ...]:
    taken: set[str] = set()
    return tuple(
        Topic(_keywords(answer, words, taken), _utterance(answer))
        for words, answer in entry.entries("topics", MAX_TOPICS)
    )


def _utterance(entry: Entry) -> Utterance:
    text = entry.line("what they say, or do after a colon", MAX_SENTENCE_CHARS)
    emote = text.startswith(":")
    text = text.removeprefix(":").strip()
    if not text:
        raise entry.error("what they do after the colon", "nothing")
    return Utterance(text, emote)


def _names(name: Entry, entry: Entry | None) -> tuple[str, ...]:
    """Read the keywords of a thing: its name without the article, and those that the file adds."""
    bare = _ARTICLE.sub("", _name(name), count=1).lower()
    own = " ".join(re.sub(r"[^a-z0-9' -]", " ", bare).split())
    if not _KEYWORD.fullmatch(own):
        raise name.error("a name that can be typed in words")
    if entry is None:
        return (own,)
    words = entry.line("keywords with commas between", MAX_DESCRIPTION_CHARS)
    return tuple(dict.fromkeys((own, *_keywords(entry, words, set()))))


def _keywords(entry: Entry, words: str, taken: set[str]) -> tuple[str, ...]:
    """Read keywords with commas between, none of which may be ``taken``; then they are."""
    keywords = tuple(" ".join(word.split()) for word in words.split(","))
    if len(keywords) > MAX_KEYWORDS:
        raise entry.error(f"at most {MAX_KEYWORDS} keywords", str(len(keywords)))
    for keyword in keywords:
        if len(keyword) > MAX_KEYWORD_CHARS or not _KEYWORD.fullmatch(keyword):
            expected = (
                f"keywords of at most {MAX_KEYWORD_CHARS} lower-case letters, digits, ' . and -, "
                "with commas between"
            )
            raise entry.error(expected, f'"{keyword}"')
        if keyword in taken:
            raise entry.error("each keyword once", f'"{keyword}" again')
        taken.add(keyword)
    return keywords


def _key(entry: Entry, key: str) -> Key:
    if len(key) > MAX_KEY_CHARS or not _KEY.fullmatch(key):
        expected = f"a key such as lantern-quay, of at most {MAX_KEY_CHARS} characters"
        raise entry.error(expected, f'"{key}"')
    return Key(key)


def _name(entry: Entry) -> str:
    name = entry.line("a name", MAX_NAME_CHARS)
    if not _NAME.fullmatch(name):
        raise entry.error("a name of ASCII letters, digits, spaces and ' , . & -")
    return name


def _description(entry: Entry) -> str:
    return entry.prose("a description", MAX_DESCRIPTION_CHARS)
