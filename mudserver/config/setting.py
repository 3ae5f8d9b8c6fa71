"""One setting, declared."""

from typing import Any

from attrs import field

from mudserver.config.values import Parse


def setting(
    parse: Parse,
    default: object,
    doc: str,
    *,
    key: str | None = None,
    secret: bool = False,
) -> Any:
    """
    Declare a field of settings.

    Args:
        parse: Reads what was given.
        default: What it is when nobody says otherwise.
        doc: What ``--help`` says of it.
        key: In the file, tables separated by dots; None for the field's name.
        secret: Whether it is never shown.
    """
    return field(
        default=default,
        metadata={"parse": parse, "doc": doc, "key": key},
        repr=not secret,
    )
