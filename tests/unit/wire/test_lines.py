"""Lines as players type them, out of telnet data."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.wire.lines import MAX_LINE_BYTES, Line, LineAssembler, LineTooLong
from tests.unit.wire.splits import divided, every_division, lines_run, streams

TOKENS = [
    b"\r",
    b"\n",
    b"\0",
    b"\r\n",
    b"\r\0",
    b"\b",
    b"\x7f",
    b"\t",
    b"\x1b[A",
    "é".encode(),
    "é".encode("latin-1"),
    b"look",
    b"x" * 1500,
]
TOO_LONG = LineTooLong(MAX_LINE_BYTES)


def assemble(*pieces: bytes) -> list[Line | LineTooLong]:
    """All that the stream amounts to."""
    assembler = LineAssembler()
    return [result for piece in pieces for result in assembler.receive(piece)]


def texts(*pieces: bytes) -> list[str | None]:
    """The lines of the stream, None for one too long."""
    return [line.text if isinstance(line, Line) else None for line in assemble(*pieces)]


class EndTests(SynchronousTestCase):
    """What ends a line."""

    def test_each_end(self) -> None:
        """CR LF, CR NUL, LF and a bare CR each end one line."""
        self.assertEqual(texts(b"a\r\nb\r\0c\nd\re\r\n"), ["a", "b", "c", "d", "e"])

    def test_unfinished_line_waits(self) -> None:
        """A line without its end is no line yet."""
        assembler = LineAssembler()
        self.assertEqual(assembler.receive(b"lo"), [])
        self.assertEqual(assembler.receive(b"ok"), [])
        self.assertEqual(assembler.receive(b"\n"), [Line("look")])

    def test_empty_lines_count(self) -> None:
        """Pressing Enter alone is an empty line, each time."""
        self.assertEqual(texts(b"\r\n\r\n\n\r\0\r\r"), [""] * 6)

    def test_cr_ends_at_once(self) -> None:
        """A CR does not wait for what follows it, and an LF or NUL behind it is no second end."""
        for second in (b"\n", b"\0"):
            assembler = LineAssembler()
            self.assertEqual(assembler.receive(b"look\r"), [Line("look")])
            self.assertEqual(assembler.receive(b""), [])
            self.assertEqual(assembler.receive(second), [])
            self.assertEqual(assembler.receive(b"\n"), [Line("")])


class LimitTests(SynchronousTestCase):
    """Lines that are too long."""

    def test_longest(self) -> None:
        """A line of the limit is accepted, and one byte more is refused."""
        longest = b"x" * MAX_LINE_BYTES
        self.assertEqual(texts(longest + b"\r\n"), [longest.decode()])
        self.assertEqual(assemble(longest + b"x\r\nok\n"), [TOO_LONG, Line("ok")])

    def test_end_does_not_count(self) -> None:
        """The end of one line takes no room from the next, even when it arrives in two pieces."""
        longest = b"x" * MAX_LINE_BYTES
        for end in (b"\r\n", b"\r\0"):
            for pieces in ([end + longest + end], [end[:1], end[1:] + longest, end]):
                self.assertEqual(texts(*pieces), ["", longest.decode()])

    def test_told_at_once_and_once(self) -> None:
        """The refusal comes with the byte that is too many, and the rest is skipped to its end."""
        assembler = LineAssembler()
        self.assertEqual(assembler.receive(b"x" * MAX_LINE_BYTES), [])
        self.assertEqual(assembler.receive(b"x"), [TOO_LONG])
        self.assertEqual(assembler.receive(b"x" * 1_000_000), [])
        self.assertEqual(assembler.receive(b"x\r\nok\r\n"), [Line("ok")])

    def test_one_for_each_line(self) -> None:
        """Two lines too long are refused twice."""
        long = b"x" * 10_000 + b"\n"
        self.assertEqual(assemble(long + long + b"ok\n"), [TOO_LONG, TOO_LONG, Line("ok")])

    def test_never_kept(self) -> None:
        """Of a line of a megabyte no more than the limit is ever held, and nothing once refused."""
        assembler = LineAssembler()
        held = []
        for _ in range(1000):
            assembler.receive(b"x" * 1000)
            held.append(assembler.buffered)
        self.assertEqual(max(held), 4000)
        self.assertEqual(held[-1], 0)

    def test_erasing_does_not_shorten(self) -> None:
        """The limit counts what was sent, so erasing cannot be used to send without end."""
        self.assertEqual(assemble(b"x\b" * MAX_LINE_BYTES + b"\n"), [TOO_LONG])


class EditingTests(SynchronousTestCase):
    """The erase keys of clients that send each key."""

    def test_erase(self) -> None:
        """BS and DEL each erase the character before them."""
        self.assertEqual(texts(b"lokk\b\bok\n", b"sayy\x7f hi\n"), ["look", "say hi"])

    def test_erase_at_the_start(self) -> None:
        """There is nothing to erase before the start of the line, nor in the line before."""
        self.assertEqual(texts(b"ab\n\b\b\bc\n"), ["ab", "c"])

    def test_erase_a_letter_of_two_bytes(self) -> None:
        """One key erases one letter, however many bytes it took."""
        self.assertEqual(texts("né\bo\n".encode()), ["no"])

    def test_erase_what_was_seen(self) -> None:
        """A control character is gone before the erase key takes what was visible."""
        self.assertEqual(texts(b"ab\x07\bc\n"), ["ac"])


class CharacterTests(SynchronousTestCase):
    """What the bytes of a line mean."""

    def test_utf_8(self) -> None:
        """UTF-8 is what a line is read as, also when a letter arrives in two pieces."""
        self.assertEqual(texts("Grüße, 世界 🐉\n".encode()), ["Grüße, 世界 🐉"])
        self.assertEqual(texts(b"\xc3", b"\xa9\n"), ["é"])

    def test_other_bytes(self) -> None:
        """A line that is not UTF-8 is read as Windows-1252, and the next is judged afresh."""
        self.assertEqual(texts(b"caf\xe9 \x93\x80\x94\n" + "café\n".encode()), ["café “€”", "café"])

    def test_controls_are_removed(self) -> None:
        """Control characters are removed, of both blocks and in both encodings; tab stays."""
        self.assertEqual(texts(b"a\x00\x07\x1b[31m\tb\x7f\n"), ["a[31m\t"])
        self.assertEqual(texts("a\x85\x9bb\n".encode()), ["ab"])
        self.assertEqual(texts(b"\xe9\x81\x8d\x8f\x90\x9d!\n"), ["é!"])

    @given(streams(TOKENS))
    def test_no_control_survives(self, stream: bytes) -> None:
        """Whatever was sent, a line holds no control character but tab."""
        for text in texts(stream + b"\n"):
            for character in text or "":
                self.assertTrue(character == "\t" or character >= "\xa0" or " " <= character <= "~")

    @given(st.lists(st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=200)))
    def test_round_trip(self, lines: list[str]) -> None:
        """Text without control characters comes out as it was typed."""
        sent = "".join(line + "\r\n" for line in lines)
        self.assertEqual(texts(sent.encode()), lines)


class DivisionTests(SynchronousTestCase):
    """How the data was divided makes no difference."""

    def test_every_place(self) -> None:
        """Data of everything gives the same lines wherever it is cut."""
        data = b"a\r\nb\r\0\0c\rd\n\r\r\n\n\xc3\xa9\x7fe\xe9\r\n" + b"x" * 5000 + b"\r\0f\n"
        whole = assemble(data)
        self.assertEqual(
            [line.text for line in whole if isinstance(line, Line)],
            ["a", "b", "c", "d", "", "", "", "\u00c3eé", "f"],
        )
        for pieces in every_division(data):
            self.assertEqual(assemble(*pieces), whole)

    @given(divided(streams(TOKENS)))
    def test_any_stream(self, pieces: list[bytes]) -> None:
        """Any data gives the same lines in pieces as in one, and nothing raises."""
        self.assertEqual(assemble(*pieces), assemble(b"".join(pieces)))


class CostTests(SynchronousTestCase):
    """What hostile input costs, counted in lines of Python executed."""

    def test_long_line(self) -> None:
        """A line of a megabyte costs the same as one just over the limit."""
        self.assertEqual(
            lines_run(assemble, b"x" * 1_000_000 + b"\n"),
            lines_run(assemble, b"x" * (MAX_LINE_BYTES + 1) + b"\n"),
        )

    def test_worst_bytes(self) -> None:
        """Twice as much of the worst input costs about twice as much, not four times."""
        for unit in (b"\n", b"\r", b"\b", b"x\x7f\n", b"\xff\xfe\x00", bytes(range(256))):
            once = lines_run(assemble, *[unit * 10] * 100)
            twice = lines_run(assemble, *[unit * 10] * 200)
            self.assertLess(twice, 2.1 * once)
