"""Reading plain YAML with the line of every value."""

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import CorruptArea
from mudserver.world.document import MAX_DEPTH, MAX_FILE_BYTES, Entry, read


class RefusalTests(SynchronousTestCase):
    """What `read` refuses, whatever it would mean."""

    def assert_refused(self, content: bytes, line: int, problem: str) -> None:
        error = self.assertRaises(CorruptArea, read, "quay.yaml", content)
        self.assertEqual((error.file, error.line), ("quay.yaml", line), str(error))
        self.assertIn(problem, error.problem)
        self.assertEqual(str(error), f"quay.yaml:{line}: {error.problem}")

    def test_too_large(self) -> None:
        """A file over the limit is refused before it is read; one of the limit's size is read."""
        self.assert_refused(b"a" * (MAX_FILE_BYTES + 1), 1, f"at most {MAX_FILE_BYTES} bytes")
        read("quay.yaml", b"a: b\n".ljust(MAX_FILE_BYTES, b"\n"))

    def test_empty(self) -> None:
        """A file with nothing in it, or only comments, is refused."""
        self.assert_refused(b"", 1, "an empty file")
        self.assert_refused(b"# nothing\n", 1, "an empty file")

    def test_not_utf8(self) -> None:
        """A byte that isn't UTF-8 is named with its line."""
        self.assert_refused(b"a: b\nc: caf\xe9\n", 2, "expected UTF-8, found the byte 0xe9")

    def test_control_character(self) -> None:
        """A character that YAML doesn't allow is named with its line."""
        self.assert_refused(b"a: b\n\nc: \x1b[31m\n", 3, "the control character U+001B")

    def test_not_yaml(self) -> None:
        """A mistake in the YAML is named with its line, in words."""
        self.assert_refused(b"a: b\n- c\n", 2, "expected <block end>")
        self.assert_refused(b"a: [b\n", 2, "expected YAML, found a mistake")
        self.assert_refused(b"a: 'b\n", 2, "expected YAML, found a mistake")

    def test_two_documents(self) -> None:
        """A file is one document."""
        self.assert_refused(b"a: b\n---\nc: d\n", 2, "another document")

    def test_anchors_and_aliases(self) -> None:
        """Neither anchors nor aliases are read, so a small file can't unfold into a large one."""
        self.assert_refused(b"a: b\nc: &lots [d, d]\n", 2, 'found "lots"')
        self.assert_refused(b"a: b\nc:\n- *lots\n", 3, 'found "lots"')

    def test_tags(self) -> None:
        """Tags are refused, on scalars as on mappings."""
        self.assert_refused(b"a: !!python/name:os.system x\n", 1, "expected no tags")
        self.assert_refused(b"a: b\nc: !thing {d: e}\n", 2, 'expected no tags, found "!thing"')

    def test_too_deep(self) -> None:
        """Nesting beyond the limit is refused where it begins; nesting up to it is read."""
        read("quay.yaml", b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
        deeper = MAX_DEPTH + 1
        self.assert_refused(b"[" * deeper + b"]" * deeper, 1, f"at most {MAX_DEPTH} levels")
        self.assert_refused(b"a:\n  " + b"[" * 100_000, 2, f"at most {MAX_DEPTH} levels")

    def test_numbers_that_yaml_cannot_hold(self) -> None:
        """What makes PyYAML itself fail is a mistake in the file too."""
        self.assert_refused(b'a: b\nc: "\\UFFFFFFFF"\n', 2, "a number out of range")

    @settings(max_examples=150, deadline=None)
    @given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda t: t.encode())))
    @example(b"%YAML 1." + b"9" * 5000 + b"\n--- a\n")
    @example(b'"\\ud800"')
    @example(b"\xef\xbb\xbfa: b")
    def test_anything_is_read_or_refused(self, content: bytes) -> None:
        """Whatever the bytes, the answer is a document or a `CorruptArea` with a line."""
        try:
            entry = read("quay.yaml", content)
        except CorruptArea as error:
            self.assertGreaterEqual(error.line, 1)
            self.assertNotIn("\n", str(error))
        else:
            self.assertEqual(entry.path, "")


class EntryTests(SynchronousTestCase):
    """What the values of a document say about themselves."""

    def entry(self, yaml: str, *keys: str) -> Entry:
        entry = read("quay.yaml", yaml.encode())
        for key in keys:
            entry = dict(entry.entries("a mapping", 10))[key]
        return entry

    def test_knows_its_line_and_path(self) -> None:
        """A value has the line of its key and the keys that lead to it."""
        entry = self.entry("a:\n  b:\n    c: >\n      d\n", "a", "b", "c")
        self.assertEqual((entry.source.line, entry.path), (3, "a.b.c"))

    def test_elements_are_counted_from_one(self) -> None:
        """An element of a list has its own line and its number in the path."""
        second = self.entry("a:\n- b\n- c\n", "a").elements("a list", 2)[1]
        self.assertEqual((second.source.line, second.path), (3, "a[2]"))

    def test_folded_text_becomes_paragraphs(self) -> None:
        """Folded and plain text: each paragraph one line, blank lines between, no ends."""
        expected = "One two\n\nthree"
        for yaml in (
            "a: >\n  One\n  two\n\n\n  three\n\n",
            "a: >-\n  One\n  two\n\n  three\n",
            "a: One\n  two\n\n  three\n",
            "a: 'One\n  two\n\n  three'\n",
        ):
            self.assertEqual(self.entry(yaml, "a").prose("a text", 99), expected)

    def test_literal_text_keeps_its_lines(self) -> None:
        """Text after a bar keeps line breaks and indents, but not what trails."""
        text = self.entry("a: |\n  One  \n    two\n\n\n\n  three\n\n", "a").prose("a text", 99)
        self.assertEqual(text, "One\n  two\n\nthree")

    def test_text_has_a_limit(self) -> None:
        """A text of the limit's length is read, a longer one refused with both lengths."""
        entry = self.entry("a: héé\n", "a")
        self.assertEqual(entry.prose("a text", 3), "héé")
        error = self.assertRaises(CorruptArea, entry.prose, "a text", 2)
        self.assertEqual(
            str(error),
            "quay.yaml:1: a: expected a text of at most 2 characters, found 3 characters",
        )

    def test_text_has_no_control_characters(self) -> None:
        """Escapes can't bring in what moves a cursor, hides or reorders."""
        for escape, name in (
            ("\\e", "U+001B"),
            ("\\t", "U+0009"),
            ("\\r", "U+000D"),
            ("\\x85", "U+0085"),
            ("\\u202e", "U+202E"),
            ("\\u2028", "U+2028"),
            ("\\ud800", "U+D800"),
            ("\\ue000", "U+E000"),
        ):
            entry = self.entry(f'a: "x{escape}y"\n', "a")
            error = self.assertRaises(CorruptArea, entry.prose, "a text", 99)
            self.assertIn(f"found the character {name}", error.problem)

    def test_text_is_not_guessed(self) -> None:
        """What YAML takes for something else is refused, with the hint to quote it."""
        for value, found in (
            ("no", 'the bool "no"'),
            ("12", 'the int "12"'),
            ("4.44", 'the float "4.44"'),
            ("2001-01-01", 'the timestamp "2001-01-01"'),
        ):
            error = self.assertRaises(
                CorruptArea, self.entry(f"a: {value}\n", "a").prose, "a text", 99
            )
            self.assertIn(f"found {found} (put it in quotes", error.problem)
            self.assertEqual(self.entry(f"a: '{value}'\n", "a").prose("a text", 99), value)

    def test_text_is_there(self) -> None:
        """Nothing, blank text, lists and mappings are no text."""
        for value, found in (
            ("", "nothing"),
            ("'  '", "an empty text"),
            ("[b]", "a list"),
            ("{b: c}", "a mapping"),
        ):
            error = self.assertRaises(
                CorruptArea, self.entry(f"a: {value}\n", "a").prose, "a text", 99
            )
            self.assertEqual(error.problem, f"a: expected a text, found {found}")

    def test_line_is_one_line(self) -> None:
        """A line may be folded, but may not have paragraphs."""
        self.assertEqual(self.entry("a: >\n  b\n  c\n", "a").line("a name", 9), "b c")
        entry = self.entry("a: >\n  b\n\n  c\n", "a")
        self.assertRaises(CorruptArea, entry.line, "a name", 9)

    def test_flag_is_yes_or_no(self) -> None:
        """YAML's words for yes and no are read, quoted or other ones refused."""
        self.assertTrue(self.entry("a: true\n", "a").flag())
        self.assertTrue(self.entry("a: Yes\n", "a").flag())
        self.assertFalse(self.entry("a: off\n", "a").flag())
        for value in ("'true'", "1", "maybe", "[true]", ""):
            self.assertRaises(CorruptArea, self.entry(f"a: {value}\n", "a").flag)

    def test_keys_are_text(self) -> None:
        """A key that isn't text is refused with its line."""
        for key in ("12", "no", "null", "<<", "? [b]\n  ", "? {b: c}\n  "):
            entry = self.entry(f"a:\n  x: y\n  {key}: z\n", "a")
            error = self.assertRaises(CorruptArea, entry.entries, "a mapping", 9)
            self.assertEqual(error.line, 3)
            self.assertIn("a: expected a key that is text", error.problem)

    def test_keys_are_unique(self) -> None:
        """The second of two equal keys is refused, and the first one's line told."""
        entry = self.entry("a: 1\nb: 2\na: 3\n")
        error = self.assertRaises(CorruptArea, entry.entries, "a mapping", 9)
        self.assertEqual(
            str(error), "quay.yaml:3: expected each key once, found a again (first on line 1)"
        )

    def test_mappings_and_lists_are_bounded(self) -> None:
        """More entries or elements than allowed are refused; as many are read."""
        mapping = self.entry("{a: b, c: d}")
        self.assertEqual([key for key, _ in mapping.entries("a mapping", 2)], ["a", "c"])
        self.assertRaises(CorruptArea, mapping.entries, "a mapping", 1)
        elements = self.entry("[a, b]")
        self.assertEqual(len(elements.elements("a list", 2)), 2)
        self.assertRaises(CorruptArea, elements.elements, "a list", 1)

    def test_mappings_are_not_lists(self) -> None:
        """Each is refused where the other is expected."""
        self.assertRaises(CorruptArea, self.entry("[a]").entries, "a mapping", 9)
        self.assertRaises(CorruptArea, self.entry("{a: b}").elements, "a list", 9)

    def test_fields_are_known(self) -> None:
        """An unknown key is refused with its line, a missing one with the mapping's."""
        entry = self.entry("x:\n  a: 1\n  c: 2\n", "x")
        error = self.assertRaises(CorruptArea, entry.fields, "a thing", ("a",), ("b",))
        self.assertEqual(str(error), 'quay.yaml:3: x: expected one of the keys a, b, found "c"')
        error = self.assertRaises(CorruptArea, entry.fields, "a thing", ("b",), ("a", "c"))
        self.assertEqual(str(error), "quay.yaml:1: x: expected a thing with the key b, found none")
        fields = entry.fields("a thing", ("a",), ("b", "c"))
        self.assertEqual(fields.need("a").path, "x.a")
        self.assertIsNone(fields.find("b"))
        self.assertRaises(KeyError, fields.need, "b")

    def test_errors_quote_little(self) -> None:
        """A long wrong value is cut where an error quotes it."""
        entry = self.entry(f"a: {'x' * 5000}\n", "a")
        error = self.assertRaises(CorruptArea, entry.flag)
        self.assertLess(len(error.problem), 100)
