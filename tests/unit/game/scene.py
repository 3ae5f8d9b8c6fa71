"""Ann and Bob, who type."""

from mudserver.game import journal
from mudserver.interfaces.continuity import InputsWanted
from tests.unit.game.theatre import GameTestCase


class CommandsTestCase(GameTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.ann = self.enter("Ann")
        self.bob = self.enter("Bob")
        self.ids = {each.name: each.id for each in self.database.characters.values()}
        self.advance(journal.RIDE_SECONDS)
        self.gateway.forget()

    def wanted(self) -> list[int]:
        """After which of Ann's inputs those are wanted that did not come."""
        return [each.after for each in self.gateway.messages if isinstance(each, InputsWanted)]

    def codes(self) -> list[tuple[str | None, str | None]]:
        """The answers Ann got, as (id, code of the refusal)."""
        return [
            (settled.command, settled.refusal.code if settled.refusal else None)
            for settled in self.gateway.settled(self.ann)
        ]
