"""``mudctl deadletters``: what could not be delivered, over the admin socket."""

import json
import re
from argparse import ArgumentTypeError, Namespace
from datetime import timedelta
from typing import Final

from attrs import frozen
from twisted.protocols import amp

from mudserver.control.commands import (
    PAGE,
    ListBoxes,
    ListLetters,
    OpenLetter,
    PruneLetters,
    ReadChunk,
    ReplayLetter,
)
from mudserver.mudctl.left_letters import import_letters
from mudserver.mudctl.table import show_table
from mudserver.world.duration import NoDuration, read_duration, spell_duration

_NAME: Final = re.compile(r"([a-z]+):([0-9]{1,18})")


@frozen
class LetterName:
    """What an operator calls a dead letter: ``journal:17``."""

    box: str
    number: int


def letter_name(text: str) -> LetterName:
    """
    Read the name of a dead letter.

    Raises:
        ArgumentTypeError: It is none.
    """
    found = _NAME.fullmatch(text)
    if found is None:
        raise ArgumentTypeError(f"{text!r} is no name of a dead letter, such as journal:17")
    return LetterName(found[1], int(found[2]))


def age(text: str) -> timedelta:
    """
    Read an age, such as ``30d``; ``0`` is any.

    Raises:
        ArgumentTypeError: It is none.
    """
    try:
        found = timedelta() if text == "0" else read_duration(text)
    except NoDuration:
        found = None
    if found is None:
        raise ArgumentTypeError(f"{text!r} is no age: a number and one of m, h, d and w, or 0")
    return found


async def deadletters(daemon: amp.AMP, options: Namespace) -> None:
    """
    Do what ``mudctl deadletters`` is asked to do.

    Raises:
        Refused: It can't be done; says why.
    """
    match options.action:
        case "list":
            await _list(daemon, await _boxes(daemon, options))
        case "show":
            await _show(daemon, options.letter)
        case "prune":
            for box in await _boxes(daemon, options):
                seconds = options.older_than // timedelta(seconds=1)
                gone = (await daemon.callRemote(PruneLetters, box=box, age=seconds))["letters"]
                print(f"{gone} dead letters of the {box} are gone{_older(options.older_than)}.")
        case "import":
            print(await import_letters(daemon, options.file))
        case "replay":
            name = options.letter
            told = await daemon.callRemote(ReplayLetter, box=name.box, number=name.number)
            letter = f"{name.box}:{name.number}"
            if told["delivered"]:
                print(f"{letter} is delivered.")
            else:
                print(f"{letter} is on its way; it stays here until it is confirmed.")


async def _boxes(daemon: amp.AMP, options: Namespace) -> list[str]:
    if options.box is not None:
        return [options.box]
    return [row["name"] for row in (await daemon.callRemote(ListBoxes))["boxes"]]


async def _list(daemon: amp.AMP, boxes: list[str]) -> None:
    rows: list[tuple[str, ...]] = []
    for box in boxes:
        after = 0
        while True:
            page = (await daemon.callRemote(ListLetters, box=box, after=after))["letters"]
            rows += [
                (
                    f"{box}:{row['number']}",
                    row["what"],
                    row["last"],
                    str(row["attempts"]),
                    row["reason"],
                )
                for row in page
            ]
            if len(page) < PAGE:
                break
            after = page[-1]["number"]
    show_table(("letter", "what", "last attempt", "attempts", "reason"), rows)


async def _show(daemon: amp.AMP, name: LetterName) -> None:
    letter = await daemon.callRemote(OpenLetter, box=name.box, number=name.number)
    contents = b""
    while len(contents) < letter["size"]:
        contents += (await daemon.callRemote(ReadChunk))["chunk"]
    print(f"letter         {name.box}:{name.number}")
    print(f"what           {letter['what']}")
    print(f"reason         {letter['reason']}")
    print(f"attempts       {letter['attempts']}")
    print(f"first attempt  {letter['first']}")
    print(f"last attempt   {letter['last']}")
    print(json.dumps(json.loads(contents), indent=2, ensure_ascii=False, sort_keys=True))


def _older(than: timedelta) -> str:
    return f", those older than {spell_duration(than)}" if than else ""
