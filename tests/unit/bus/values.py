"""Values of what may cross the bus, for property tests."""

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from importlib import import_module
from pkgutil import iter_modules
from types import UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NewType,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import attrs
from hypothesis import strategies as st
from msgspec import Meta

from mudserver import interfaces
from mudserver.interfaces.bus import Message, Request

T = TypeVar("T")

_PLAIN: dict[object, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    str: st.text(max_size=20),
    bytes: st.binary(max_size=20),
    type(None): st.none(),
    None: st.none(),
    datetime: st.datetimes(timezones=st.just(UTC)),
}


def declared() -> tuple[type, ...]:
    """All messages and requests that the interfaces have."""
    modules = [
        import_module(f"{interfaces.__name__}.{module.name}")
        for module in iter_modules(interfaces.__path__)
    ]
    return tuple(
        {
            value
            for module in modules
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, (Message, Request))
            and value not in (Message, Request)
        }
    )


def reply_type(request: type) -> object:
    """What a request is answered with."""
    return next(get_args(base)[0] for base in request.__dict__["__orig_bases__"])


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type, as annotations name it."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    if isinstance(hint, NewType):
        return values(hint.__supertype__)
    arguments = get_args(hint)
    if get_origin(hint) is Annotated:
        return _bounded(*arguments)
    if get_origin(hint) in (Union, UnionType):
        return st.one_of(*map(values, arguments))
    if get_origin(hint) in (tuple, frozenset):
        if arguments[-1] is Ellipsis or get_origin(hint) is frozenset:
            return st.lists(values(arguments[0]), max_size=3).map(get_origin(hint))
        return st.tuples(*map(values, arguments))
    if hint is Message:
        return st.deferred(lambda: st.one_of(*map(values, _inner())))
    if issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    hints = get_type_hints(hint, include_extras=True)
    return st.builds(hint, **{name: values(hints[name]) for name in _fields(hint)})


def _bounded(hint: Any, meta: Meta) -> st.SearchStrategy[Any]:
    """Values of a type within bounds."""
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    if hint is int:
        return st.integers(int(meta.ge or 0), int(meta.le or 0))
    if hint is float:
        return st.floats(meta.ge, meta.le)
    if hint is not str:
        return values(hint)
    kept_out: tuple[Literal["Cc", "Cs"], ...] = ("Cs",) if meta.pattern is None else ("Cc", "Cs")
    alphabet = st.characters(exclude_categories=kept_out)
    return st.text(alphabet, min_size=meta.min_length or 0, max_size=20)


def _fields(kind: type) -> Iterator[str]:
    for field in attrs.fields(kind):
        yield field.name


def _inner() -> list[type]:
    """Messages that may be inside others: those with none inside."""
    return [
        kind
        for kind in sorted(declared(), key=lambda kind: kind.__name__)
        if issubclass(kind, Message) and Message not in get_type_hints(kind).values()
    ]
