"""What ``help`` explains: the verbs, out of their table, and a few topics."""

from collections.abc import Iterator
from typing import Final

from mudserver.world.help import HelpEntry, HelpPage, HelpSection
from mudserver.world.lexicon import STANDARD, Lexicon
from mudserver.world.verbs import Group, Verb

_TOPICS: Final = (
    HelpPage(
        "beginning",
        (
            "You are in a place, and what you see is in words. Type look to see it again, the name "
            "of a direction to walk there, and look with a word after it to see something closely.",
            "Say something to those who are here: say hello. Those whose names begin with a "
            "capital letter and stand under Here are mostly players like you.",
            "What you carry, and where you are, is kept when you leave. Have a good time.",
        ),
    ),
    HelpPage(
        "people",
        (
            "Not everyone you meet is a player. Some live here. Look at them, and say a word that "
            "matters to them: what stands in the room, or what they spoke of, is a good start.",
        ),
    ),
    HelpPage(
        "talking",
        (
            "say is heard by those who are in the same place, tell by one player alone, wherever "
            "they are. What you say on a channel is heard by all who haven't turned it off: "
            "channels lists them. ptell is heard by your party: help party.",
            "mute spares you all that one player says. Those who keep order can silence a player, "
            "everywhere or on one channel; who is silenced is told why, and until when.",
        ),
    ),
    HelpPage(
        "privacy",
        (
            "What you say, emote, tell, and say on channels and to parties, is written down for "
            "some time, and then deleted; tells are kept for a shorter time than the rest. Those "
            "who run this world decide for how long, and can read all of it, tells too. Other "
            "players can read again what was said on channels, and what they were told.",
        ),
    ),
    HelpPage(
        "connection",
        (
            "If your connection breaks, you stay in the world for a short while, and others see "
            "that your link is lost. Log in again, and you go on where you were. quit leaves at "
            "once.",
        ),
    ),
)


def overview(lexicon: Lexicon = STANDARD) -> HelpPage:
    """Return the page of ``help`` alone: all verbs, by what they are for."""
    sections = tuple(
        HelpSection(
            group.value,
            tuple(
                HelpEntry(verb.usage, verb.summary) for verb in lexicon.verbs if verb.group is group
            ),
        )
        for group in Group
    )
    topics = ", ".join(page.title for page in _TOPICS)
    closing = f"help say explains say, and so on. There is also help on: {topics}."
    return HelpPage("Commands", (closing,), sections)


def page(topic: str, lexicon: Lexicon = STANDARD) -> HelpPage | None:
    """
    Find the page on a verb or a topic.

    Args:
        topic: A word, or the beginning of one, in lower case.
        lexicon: What can be typed.
    """
    exact = (each for each in _pages(lexicon) if topic in each[0])
    begun = (each for each in _pages(lexicon) if any(word.startswith(topic) for word in each[0]))
    found = next(exact, None) or next(begun, None)
    return found[1] if found else None


def _pages(lexicon: Lexicon) -> Iterator[tuple[tuple[str, ...], HelpPage]]:
    """All pages, each with the words that it can be asked for by."""
    for verb in lexicon.verbs:
        yield (verb.name, *verb.aliases), _verb_page(verb)
    for topic in _TOPICS:
        yield (topic.title,), topic


def _verb_page(verb: Verb) -> HelpPage:
    paragraphs = [verb.text]
    if verb.aliases:
        paragraphs.append(f"Also: {', '.join(verb.aliases)}.")
    return HelpPage(verb.usage, tuple(paragraphs))
