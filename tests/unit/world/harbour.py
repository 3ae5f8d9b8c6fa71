"""Whom and what the rules are asked about."""

from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import PlayerError
from mudserver.ids import AccountId, CharacterId
from mudserver.world.events import Thing
from tests.unit.world.scene import LANTERN, ROPE, decide, make_crowd

ZOES = AccountId(901)
A_LANTERN = Thing(LANTERN, "a brass lantern")
A_ROPE = Thing(ROPE, "a coil of rope")


class RulesTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = make_crowd()

    def assertRefused(self, actor: CharacterId, text: str, code: str, message: str) -> None:
        error = self.assertRaises(PlayerError, decide, self.world, actor, text)
        self.assertEqual((error.code, error.message), (code, message))
