"""Pages of help."""

from attrs import frozen


@frozen
class HelpEntry:
    """A command as one types it, and what it does."""

    usage: str
    summary: str


@frozen
class HelpSection:
    """Commands that belong together."""

    title: str
    entries: tuple[HelpEntry, ...]


@frozen
class HelpPage:
    """
    What help shows on one topic.

    Attributes:
        title: The topic.
        paragraphs: In plain words.
        sections: Commands, as a table.
    """

    title: str
    paragraphs: tuple[str, ...]
    sections: tuple[HelpSection, ...] = ()
