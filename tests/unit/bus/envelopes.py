"""Envelopes, for property tests."""

from typing import Any, get_type_hints

import msgspec
from hypothesis import strategies as st

from mudserver.bus.envelopes import Chunk, Deliver, Envelope, Publish
from tests.unit.bus.values import values


def publish(number: int, *, durable: bool = False, size: int = 10) -> Publish:
    """Something that is published, and can be told from others."""
    return Publish("world", number, str(number) if durable else "", bytes(size))


def _built(kind: type[Envelope]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    return st.builds(
        kind,
        **{each.name: values(hints[each.name]) for each in msgspec.structs.fields(kind)},
    )


#: Any envelope that an owner of a link may send.
any_envelope: st.SearchStrategy[Envelope] = st.one_of(
    *(_built(kind) for kind in Envelope.__subclasses__() if kind is not Chunk)
)

#: Some that are larger than small boxes.
large_envelope: st.SearchStrategy[Envelope] = st.one_of(
    st.builds(publish, st.integers(1, 99), durable=st.booleans(), size=st.integers(0, 300)),
    st.builds(
        Deliver,
        st.just((1,)),
        st.just("g/1"),
        st.just("world"),
        st.integers(1, 99),
        st.just(""),
        st.binary(max_size=300),
    ),
)
