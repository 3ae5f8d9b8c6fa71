"""Text that people typed, made safe to show to others."""

import re
from unicodedata import category

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.wire.text import clean, has_control_characters

#: Letters, and all kinds of what is neither that nor a plain space.
TYPED = st.text(st.sampled_from("aé漢 \t\n\x00\x1b\x7f\x85\xa0\xad\u200b\u202e\u2028\u3000\ufeff"))


class CleanTest(SynchronousTestCase):
    def test_white_space(self) -> None:
        """White space is folded, and trimmed at both ends, whichever it is."""
        self.assertEqual("say a b", clean("  say  a\tb\xa0 "))
        self.assertEqual("say a b", clean("  say  a b "))

    def test_what_is_not_seen(self) -> None:
        """What drives a terminal or turns the order around is gone."""
        self.assertEqual("say [2Ja", clean("say \x1b[2J\u202ea"))

    @given(TYPED)
    def test_safe(self, text: str) -> None:
        """What is left has single spaces for white space, and nothing that is a control."""
        cleaned = clean(text)
        self.assertNotIn("Cc", {category(char) for char in cleaned})
        self.assertIsNone(re.search(r"\s\s|^\s|\s$|[^\S ]", cleaned))
        self.assertEqual(cleaned, clean(cleaned))
        self.assertFalse(has_control_characters(cleaned))

    @given(TYPED)
    def test_letters_stay(self, text: str) -> None:
        """No letter is lost."""
        self.assertEqual(re.findall("[aé漢]", text), re.findall("[aé漢]", clean(text)))

    @given(TYPED)
    def test_controls_are_found(self, text: str) -> None:
        """Whatever has a control character but tabs is found out."""
        controls = {char for char in text if category(char) in ("Cc", "Zl", "Zp")} - {"\t"}
        self.assertEqual(bool(controls), has_control_characters(text))
