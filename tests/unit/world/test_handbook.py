"""What help explains."""

from twisted.trial.unittest import SynchronousTestCase

from mudserver.world import handbook
from mudserver.world.lexicon import STANDARD


class HandbookTests(SynchronousTestCase):
    def test_overview(self) -> None:
        """The overview names each verb once, and every topic."""
        page = handbook.overview()
        usages = [entry.usage for section in page.sections for entry in section.entries]
        self.assertEqual(sorted(usages), sorted(verb.usage for verb in STANDARD.verbs))
        for topic in ("beginning", "people", "connection"):
            self.assertIn(topic, page.paragraphs[-1])
            self.assertIsNotNone(handbook.page(topic))

    def test_verbs(self) -> None:
        """Each word of a verb leads to its page, with its other words on it."""
        for verb in STANDARD.verbs:
            for word in (verb.name, *verb.aliases):
                page = handbook.page(word)
                assert page is not None
                self.assertEqual(page.title, verb.usage)
                self.assertEqual(page.paragraphs[0], verb.text)
                for alias in verb.aliases:
                    self.assertIn(alias, page.paragraphs[-1])

    def test_beginning(self) -> None:
        """The beginning of a word will do, if no whole word is meant."""
        page = handbook.page("inven")
        assert page is not None
        self.assertEqual(page.title, "inventory")

    def test_nothing(self) -> None:
        """What there is no help on has no page."""
        self.assertIsNone(handbook.page("dragons"))
