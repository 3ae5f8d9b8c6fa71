"""What each setting is called where."""

from collections.abc import Iterable
from typing import Final

from attrs import fields, frozen

from mudserver.config.settings import Settings
from mudserver.config.values import Parse


@frozen
class Key:
    """
    One setting, as operators see it.

    Attributes:
        attribute: The field of `Settings`.
        key: In the file, tables separated by dots.
        option: On the command line, without the dashes.
        variable: In the environment.
        doc: What ``--help`` says.
        default: What it is when nobody says otherwise.
        parse: Reads what was given; raises `values.Unacceptable`.
    """

    attribute: str
    key: str
    option: str
    variable: str
    doc: str
    default: object
    parse: Parse


def _keys() -> Iterable[Key]:
    for attribute in fields(Settings):
        meta = attribute.metadata
        key = meta["key"] or attribute.name
        name = key.replace(".", "_")
        yield Key(
            attribute.name,
            key,
            name.replace("_", "-"),
            f"MUDSERVER_{name.upper()}",
            meta["doc"],
            attribute.default,
            meta["parse"],
        )


#: Every setting there is.
KEYS: Final = tuple(_keys())

#: Settings of which none may be lower than the one before it.
ASCENDING: Final = (
    ("alarm_after", "no_log_ins_after", "no_changes_after"),
    ("alarm_at", "no_log_ins_at", "no_changes_at"),
)
