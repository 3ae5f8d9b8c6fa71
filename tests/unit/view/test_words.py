"""Words without a meaning for programs."""

import json

from twisted.trial.unittest import SynchronousTestCase

from mudserver.view.line import Line, Span, Style
from mudserver.view.words import listed, system, text, told

TIME = "2026-01-02T03:04:05Z"


class WordsTests(SynchronousTestCase):
    def test_text(self) -> None:
        """A text says the same to programs and terminals, with its style."""
        view = text("Hello.", Style.SYSTEM, TIME)
        self.assertEqual(
            json.loads(view.body),
            {"type": "text", "text": "Hello.", "style": "system", "time": TIME},
        )
        self.assertEqual(view.line, Line((Span("Hello.", Style.SYSTEM),)))
        self.assertTrue(view.play)

    def test_plain(self) -> None:
        """A plain text has no style."""
        self.assertNotIn("style", json.loads(text("Hello.", Style.PLAIN, TIME).body))

    def test_told(self) -> None:
        """A line of several styles is a text of its words."""
        line = Line((Span("You see "), Span("a rope", Style.ITEM)))
        view = told(line, Style.PLAIN, TIME)
        self.assertEqual(json.loads(view.body)["text"], "You see a rope")
        self.assertIs(view.line, line)

    def test_system(self) -> None:
        """A notice has its level, and an alert stands out."""
        view = system("Restart in a minute.", "warning", TIME)
        self.assertEqual(
            json.loads(view.body),
            {"type": "system", "text": "Restart in a minute.", "level": "warning", "time": TIME},
        )
        self.assertEqual(view.line, Line((Span("Restart in a minute.", Style.SYSTEM),)))
        alert = system("Now.", "alert", TIME).line
        self.assertEqual(alert, Line((Span("Now.", Style.ALERT),)))

    def test_listed(self) -> None:
        """Several things stand with commas between, and what was asked for before the last."""
        a, b, c = ((Span(letter),) for letter in "abc")

        def words(*parts: tuple[Span, ...]) -> str:
            return "".join(span.text for span in listed(parts, " and "))

        self.assertEqual(words(), "")
        self.assertEqual(words(a), "a")
        self.assertEqual(words(a, b), "a and b")
        self.assertEqual(words(a, (), b, c, ()), "a, b and c")
