"""Those who come back to a world after others have played on."""

from typing import Final

from mudserver.game.fanout import FanOut
from mudserver.game.late_words import LateWords
from mudserver.game.loop import GameLoop, Lane
from mudserver.game.repeats import Repeats
from mudserver.ids import CharacterId

#: Where what they are shown queues.
LATECOMERS: Final = Lane("latecomers")


class Latecomers:
    """
    Has those who come back late shown what they would have heard, had they been in time.

    Args:
        late_words: What that is.
        fan_out: What shows it.
        repeats: What could not be said again as long as they were away.
        loop: Where it happens.
    """

    def __init__(
        self, *, late_words: LateWords, fan_out: FanOut, repeats: Repeats, loop: GameLoop
    ) -> None:
        self._late_words = late_words
        self._fan_out = fan_out
        self._repeats = repeats
        self._loop = loop
        # Behind which word each is there, and hears what is said.
        self._there: dict[CharacterId, int] = {}

    def entered(self, character: CharacterId) -> None:
        """Note that a character is back, and show its player soon what was said until now."""
        if not self._there:
            self._loop.require(LATECOMERS, self._catch_up, lambda _: None)
        self._there[character] = self._late_words.count

    def _catch_up(self) -> None:
        there, self._there = self._there, {}
        for word in self._late_words.words():
            late = frozenset(each for each, number in there.items() if number >= word.number)
            if late:
                self._fan_out.catch_up(word, late)
        self._repeats.go_on()
