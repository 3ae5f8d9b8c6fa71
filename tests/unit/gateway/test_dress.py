"""Views in their wire forms."""

from autobahn.twisted.websocket import WebSocketServerFactory
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mudserver.gateway import deflate
from mudserver.gateway.dress import DEFAULT_COLUMNS, JsonDress, TerminalDress, text_frame
from mudserver.session.outbox import Frame
from mudserver.view.line import Line, Span, Style, View
from mudserver.wire.messages import Mark


class FrameTest(SynchronousTestCase):
    """`text_frame` makes what Autobahn makes."""

    def test_sizes(self) -> None:
        """Each of the three forms of a length is used where RFC 6455 §5.2 wants it."""
        factory = WebSocketServerFactory(reactor=Clock())
        for size in (0, 1, 125, 126, 65_535, 65_536):
            payload = b"x" * size
            prepared = factory.prepareMessage(payload, isBinary=False, doNotCompress=True)
            self.assertEqual(text_frame(payload), prepared.payloadHybi, size)


class JsonDressTest(SynchronousTestCase):
    """`JsonDress` frames bodies."""

    def test_view(self) -> None:
        """The body is the message, and whether it is numbered stays with it."""
        for play in (True, False):
            view = View("text", b'{"type":"text"}', Line((Span("Hello."),)), play)
            self.assertEqual(JsonDress().dress(view), Frame(text_frame(view.body), play))

    def test_states(self) -> None:
        """It stays known of what a view tells the state, all of it or a change; occupants are no
        state, and neither is what a terminal shows.
        """
        line = Line((Span("A hall."),))
        for kind, state, full in (
            ("room.state", "room", True),
            ("room.delta", "room", False),
            ("char.state", "char", True),
            ("char.delta", "char", False),
            ("text", "", False),
            ("occupants", "", False),
        ):
            frame = JsonDress().dress(View(kind, b"{}", line))
            self.assertEqual((frame.state, frame.full), (state, full))
            shown = TerminalDress().dress(View(kind, b"{}", line))
            assert shown is not None
            self.assertEqual((shown.state, shown.full), ("", False))

    def test_control(self) -> None:
        """Messages of the gateway's own are not numbered."""
        expected = Frame(text_frame(b'{"type":"mark","seq":3}'), play=False)
        self.assertEqual(JsonDress().control(Mark(seq=3)), expected)

    def test_equal(self) -> None:
        """All JSON connections share their frames."""
        self.assertEqual(len({JsonDress(), JsonDress()}), 1)

    def test_inflating(self) -> None:
        """Those who inflate get longer messages compressed, and marked so (RFC 7692 §6)."""
        dress = JsonDress(inflates=True)
        short = View("text", b"x" * (deflate.MIN_BYTES - 1), None, play=True)
        self.assertEqual(dress.dress(short), JsonDress().dress(short))
        long = View("text", b"x" * deflate.MIN_BYTES, None, play=True)
        packed = deflate.deflated(long.body)
        self.assertEqual(dress.dress(long), Frame(bytes([0xC1, len(packed)]) + packed, play=True))
        self.assertNotEqual(dress, JsonDress())


#: What views are made of: nothing that drives a terminal or hides what stands beside it, and no
#: white space but what folds rows.
SHOWN = st.characters(
    codec="utf-8", exclude_categories=("Cc", "Cf", "Zs", "Zl", "Zp"), include_characters=" \n"
)


class TerminalDressTest(SynchronousTestCase):
    """`TerminalDress` makes lines of text."""

    def setUp(self) -> None:
        self.dress = TerminalDress(20)

    def test_view(self) -> None:
        """A line's words end in CR LF; what a terminal isn't shown makes nothing."""
        line = Line((Span("Ann", Style.PLAYER), Span(" waves.")))
        shown = self.dress.dress(View("text", b"{}", line))
        self.assertEqual(shown, Frame(b"Ann waves.\r\n", play=True))
        self.assertIsNone(self.dress.dress(View("text", b"{}", None)))

    def test_rows(self) -> None:
        """Line feeds begin new rows, and empty rows stay."""
        self.assertEqual(self.dress.text("one\n\ntwo"), b"one\r\n\r\ntwo\r\n")

    def test_control_characters(self) -> None:
        """What would drive the terminal or turn its text about is left out, wherever it is from."""
        evil = "\x1b[2Ja\x9b31m\x07 b\u202e\tc\r"
        self.assertEqual(self.dress.text(evil), b"[2Ja31m b\tc\r\n")

    def test_wraps_between_words(self) -> None:
        """A row is shorter than the terminal is wide, and breaks where a word ends."""
        self.assertEqual(
            self.dress.text("the tide went out and stayed"), b"the tide went out\r\nand stayed\r\n"
        )

    def test_indent(self) -> None:
        """What is wrapped keeps the indent of its row."""
        self.assertEqual(
            self.dress.text("  the tide went out and stayed"),
            b"  the tide went out\r\n  and stayed\r\n",
        )

    def test_long_words(self) -> None:
        """A word longer than a row is not broken: it may be an address."""
        self.assertEqual(self.dress.text("x" * 30), b"x" * 30 + b"\r\n")

    def test_utf8(self) -> None:
        """Text is UTF-8, in which no byte is 255: nothing has to be doubled (RFC 854)."""
        self.assertEqual(self.dress.text("ÿ"), b"\xc3\xbf\r\n")

    def test_default(self) -> None:
        """A terminal that told nothing has eighty columns, of which the last stays empty."""
        dress = TerminalDress()
        self.assertEqual(DEFAULT_COLUMNS, 80)
        self.assertEqual(dress.text("x " * 39 + "x"), b"x " * 39 + b"x\r\n")
        self.assertEqual(dress.text("x " * 40 + "x").count(b"\r\n"), 2)

    def test_widths_differ(self) -> None:
        """Terminals of one width share their frames, those of others don't."""
        self.assertEqual(len({TerminalDress(80), TerminalDress(80), TerminalDress(60)}), 2)

    @given(st.text(SHOWN, max_size=200), st.integers(10, 100))
    def test_words_survive(self, text: str, columns: int) -> None:
        """Whatever the text: every word is shown, in order, on rows of the right width."""
        shown = TerminalDress(columns).text(text).decode()
        self.assertEqual(shown.split(), text.split())
        for row in shown.split("\r\n"):
            self.assertTrue(len(row) < columns or len(row.split()) <= 1, row)
