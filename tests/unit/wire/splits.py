"""Byte streams divided as a network may divide them, and what a parser costs, by counting."""

import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any, ParamSpec

from hypothesis import strategies as st

import mudserver

P = ParamSpec("P")

_OURS = str(Path(mudserver.__file__).parent)


def streams(tokens: Sequence[bytes], max_size: int = 40) -> st.SearchStrategy[bytes]:
    """Streams of tokens that mean something to the parser, mixed with arbitrary bytes."""
    token = st.sampled_from(tokens) | st.binary(min_size=1, max_size=4)
    return st.lists(token, max_size=max_size).map(b"".join)


@st.composite
def divided(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> list[bytes]:
    """A stream in pieces, some of which may be empty."""
    data = draw(whole)
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[start:end] for start, end in pairwise([0, *cuts, len(data)])]


def every_division(data: bytes) -> Iterator[list[bytes]]:
    """The stream in two pieces, cut at each place, and byte by byte."""
    for cut in range(len(data) + 1):
        yield [data[:cut], data[cut:]]
    yield [data[at : at + 1] for at in range(len(data))]


def lines_run(work: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> int:
    """
    How many lines of ours the call executes: what it costs, free of any clock.

    The collector of garbage may run at any time, and with it finalisers of others' objects.
    """
    count = 0

    def trace(frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(_OURS):
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work(*args, **kwargs)
    finally:
        sys.settrace(before)
    return count
