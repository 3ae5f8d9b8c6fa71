"""Which subjects a peer of the bus may use."""

from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.rights import (
    ALL_RIGHTS,
    GATEWAY_ROLE,
    MAX_NAME_CHARACTERS,
    WORLD_ROLE,
    Rights,
    is_peer_name,
    rights_of,
)
from mudserver.interfaces.bus import EVERY_GATEWAY, GATEWAYS, WORLD


class RightsTest(SynchronousTestCase):
    def rights(self, role: str, name: str) -> Rights:
        rights = rights_of(role, name)
        assert rights is not None
        return rights

    def test_gateway(self) -> None:
        """A gateway sends to the world; it receives, and answers, for itself alone."""
        rights = self.rights(GATEWAY_ROLE, "g1")
        self.assertTrue(rights.may_publish(WORLD))
        self.assertFalse(rights.may_publish("gateway.g2"))
        for pattern in ("gateway.g1", GATEWAYS):
            self.assertTrue(rights.may_subscribe(pattern))
        self.assertTrue(rights.may_respond("gateway.g1"))
        for pattern in ("gateway.g2", EVERY_GATEWAY, "gateway.>", WORLD, ">", "*"):
            self.assertFalse(rights.may_subscribe(pattern), pattern)
        for subject in ("gateway.g2", GATEWAYS, WORLD):
            self.assertFalse(rights.may_respond(subject), subject)
        self.assertTrue(rights.may_ask("gateway.g2"))
        self.assertTrue(rights.may_watch(EVERY_GATEWAY))
        self.assertFalse(rights.may_watch("gateway.>"))

    def test_world(self) -> None:
        """A world receives what is for the world, and sends to all gateways."""
        rights = self.rights(WORLD_ROLE, "w1")
        self.assertTrue(rights.may_publish("gateway.g1"))
        self.assertTrue(rights.may_publish(GATEWAYS))
        self.assertFalse(rights.may_publish(WORLD))
        self.assertTrue(rights.may_subscribe(WORLD))
        self.assertFalse(rights.may_subscribe(EVERY_GATEWAY))
        self.assertTrue(rights.may_respond("standby.w1"))
        self.assertFalse(rights.may_respond("standby.w2"))
        self.assertTrue(rights.may_ask("standby.w2"))

    def test_no_role(self) -> None:
        """What is no role has no rights."""
        self.assertIsNone(rights_of("", "x"))
        self.assertIsNone(rights_of("bus", "x"))

    def test_nothing_by_default(self) -> None:
        """Rights that don't say what they allow allow nothing."""
        self.assertFalse(Rights().may_publish(WORLD))

    def test_all(self) -> None:
        """All rights are for all subjects and patterns."""
        for pattern in (">", "*", "a.>", "a.*.b"):
            self.assertTrue(ALL_RIGHTS.may_subscribe(pattern), pattern)
            self.assertTrue(ALL_RIGHTS.may_watch(pattern), pattern)

    def test_names(self) -> None:
        """A name is one word, so that no name stands for other peers."""
        for name in ("g1", "world-7", "a" * MAX_NAME_CHARACTERS):
            self.assertTrue(is_peer_name(name), name)
        for name in ("", "*", ">", "a.b", "a/1", "a b", "a\n", "a" * (MAX_NAME_CHARACTERS + 1)):
            self.assertFalse(is_peer_name(name), name)
