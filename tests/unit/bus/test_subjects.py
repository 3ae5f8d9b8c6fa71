"""Subjects and patterns."""

from itertools import product

from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.subjects import (
    MAX_SUBJECT_CHARACTERS,
    MAX_WORDS,
    covers,
    is_pattern,
    is_subject,
    matches,
)


class SubjectsTest(SynchronousTestCase):
    """What may be published to, what may be subscribed to, and which goes with which."""

    def test_subjects(self) -> None:
        """Words joined by dots; no pattern, no blank, nothing empty, nothing endless."""
        for good in ("world", "gateway.7f3a", "a.b.c"):
            self.assertTrue(is_subject(good), good)
        for bad in ("", ".", "a.", ".a", "a..b", "a b", "a.*", "a.>", "x\n", "a" * 129):
            self.assertFalse(is_subject(bad), bad)
        self.assertTrue(is_subject("a" * MAX_SUBJECT_CHARACTERS))
        self.assertTrue(is_subject(".".join("a" * MAX_WORDS)))
        self.assertFalse(is_subject(".".join("a" * (MAX_WORDS + 1))))

    def test_patterns(self) -> None:
        """A star is a word anywhere, a greater-than sign only the last."""
        for good in ("world", "*", ">", "gateway.*", "*.x", "a.*.>"):
            self.assertTrue(is_pattern(good), good)
        for bad in ("", "a.>.b", "a*", "a.b>", "a.**", ".>"):
            self.assertFalse(is_pattern(bad), bad)

    def test_matches(self) -> None:
        """A star stands for exactly one word, a greater-than sign for one or more."""
        for pattern, subject in (
            ("a", "a"),
            ("a.*", "a.b"),
            ("*.b", "a.b"),
            ("a.>", "a.b"),
            ("a.>", "a.b.c"),
            (">", "a"),
            ("*.>", "a.b"),
        ):
            self.assertTrue(matches(pattern, subject), (pattern, subject))
        for pattern, subject in (
            ("a", "b"),
            ("a.*", "a"),
            ("a.*", "a.b.c"),
            ("a.>", "a"),
            ("*", "a.b"),
            ("b.>", "a.b"),
        ):
            self.assertFalse(matches(pattern, subject), (pattern, subject))

    def test_covers(self) -> None:
        """A pattern covers another one if it matches every subject that the other matches."""
        heads = [head for size in range(3) for head in product("ab*", repeat=size)]
        patterns = [".".join(words) for head in heads for words in (head, (*head, ">")) if words]
        # The c is in no pattern, so it stands for all other words.
        subjects = [
            ".".join(words) for size in range(1, 5) for words in product("abc", repeat=size)
        ]
        for one, other in product(patterns, repeat=2):
            wanted = all(matches(one, each) for each in subjects if matches(other, each))
            self.assertEqual(covers(one, other), wanted, (one, other))
