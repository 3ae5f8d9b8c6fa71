"""The targets of the fuzzer hold for some inputs in every run."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz.targets import SEEDS, TARGETS
from tests.unit.wire.splits import streams

TOKENS = (
    b"\xff\xfb", b"\xff\xfd", b"\xff\xfa", b"\xff\xf0", b"\xff\xff", b"\r\n", b"\x1b[2J",
    b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c",
    b'{"type":"command","text":"', b'"}', b"say hello", b"mute bob for 1h", b"[[[[[[[[[[[[",
)  # fmt: skip


class TargetsTest(SynchronousTestCase):
    """No target raises, whatever it is given."""

    @given(st.sampled_from(sorted(set(TARGETS) - {"gateway"})), streams(TOKENS))
    def test_any_bytes(self, name: str, data: bytes) -> None:
        """The parsers bear everything."""
        TARGETS[name](data)

    def test_seeds(self) -> None:
        """Each target bears what its search begins with."""
        self.assertEqual(set(SEEDS), set(TARGETS))
        for name, seeds in SEEDS.items():
            for seed in seeds:
                TARGETS[name](seed)

    def test_gateway(self) -> None:
        """The machine of the gateway can be driven by bytes."""
        for size in (0, 1, 100, 4000):
            TARGETS["gateway"](bytes(number * 37 % 256 for number in range(size)))
