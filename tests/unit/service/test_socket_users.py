"""Who may join the bus by its Unix socket."""

import os
import pwd

from twisted.trial.unittest import SynchronousTestCase

from mudserver.config import BusUser
from mudserver.errors import ConfigError
from mudserver.service.socket_users import roles_by_user

BOTH = frozenset({"gateway", "world"})


class RolesByUserTests(SynchronousTestCase):
    def test_named(self) -> None:
        """Users are named or numbered; the hub's own may be anything, whatever is said of it."""
        me = pwd.getpwuid(os.getuid()).pw_name
        found = roles_by_user((BusUser(me, "gateway"), BusUser("4711")), os.getuid())
        self.assertEqual(found, {os.getuid(): BOTH, 4711: BOTH})

    def test_roles(self) -> None:
        """One that is named for a role may be that alone, one that is named for both, both."""
        users = (BusUser("8", "gateway"), BusUser("9", "gateway"), BusUser("9", "world"))
        found = roles_by_user(users, 7)
        self.assertEqual(found, {7: BOTH, 8: frozenset({"gateway"}), 9: BOTH})

    def test_unknown(self) -> None:
        """A user that this machine doesn't know is a mistake that is told."""
        error = self.assertRaises(ConfigError, roles_by_user, (BusUser("nobody-of-this"),), 7)
        self.assertEqual(error.key, "bus_users")
        self.assertIn("nobody-of-this", str(error))
