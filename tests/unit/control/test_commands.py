"""What mudctl may ask, over a pipe in memory."""

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.protocols import amp
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport, IOPump, connect
from twisted.trial.unittest import SynchronousTestCase

from mudserver.control.commands import (
    PAGE,
    WORDY_PAGE,
    Ban,
    DisableAccount,
    Drain,
    EnableAccount,
    GetStatus,
    Kick,
    ListAccounts,
    ListAudit,
    ListBans,
    ListSessions,
    Refused,
    ReloadWorld,
    RevokeAll,
    SetPassword,
    SetRole,
)
from mudserver.control.connection import ControlConnection
from mudserver.errors import BadPassword, PlayerError, StorageUnavailable, Unavailable
from mudserver.ids import Epoch
from mudserver.interfaces.audit import AuditEntry, AuditRow, Via
from mudserver.interfaces.operations import WorldStatus
from mudserver.world import bans
from mudserver.world.role import Role
from tests.unit.control.daemon import SINCE, FakeAdministration, account, session


class ControlConnectionTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.daemon = FakeAdministration()
        server, self.client = ControlConnection(self.daemon), amp.AMP()
        self.pump: IOPump = connect(
            server,
            FakeTransport(server, isServer=True),
            self.client,
            FakeTransport(self.client, isServer=False),
        )

    def ask(self, command: type[amp.Command], **arguments: object) -> object:
        results: list[object] = []
        answer: Deferred[object] = self.client.callRemote(command, **arguments)
        answer.addBoth(results.append)  # at once: AMP takes failures that nobody waits for
        self.pump.flush()
        (result,) = results
        return result

    def answer(self, command: type[amp.Command], **arguments: object) -> dict[str, Any]:
        result = self.ask(command, **arguments)
        assert isinstance(result, dict), result
        return result

    def refused(self, command: type[amp.Command], **arguments: object) -> str:
        result = self.ask(command, **arguments)
        assert isinstance(result, Failure), result
        self.assertIs(result.type, Refused)
        return str(result.value)

    def test_status(self) -> None:
        """The status in numbers."""
        self.daemon.sessions = [session("Ann"), session("Bob")]
        self.daemon.draining = True
        self.assertEqual(
            self.answer(GetStatus),
            {
                "version": "1.2.3",
                "uptime": 93_784.5,
                "role": "all",
                "peer": "world-1",
                "phase": "open",
                "linked": True,
                "sessions": 2,
                "connections": 7,
                "draining": True,
                "epoch": None,
                "opened": None,
                "pause": None,
            },
        )

    def test_reload(self) -> None:
        """The world is handed over, to a fresh one where that is wanted; who has it is told."""
        answer = self.answer(ReloadWorld, fresh=True)
        self.assertEqual(self.daemon.done, [("reload", True)])
        self.assertEqual(
            answer,
            {
                "peer": "world-2",
                "host": "host",
                "process": 4711,
                "waiting": 0,
                "gateways": 2,
                "sessions": 1_000,
                "pause": 0.4321,
            },
        )
        self.daemon.error = Unavailable("The new world ended. This one goes on.")
        self.assertIn("goes on", self.refused(ReloadWorld, fresh=False))

    def test_status_of_a_world(self) -> None:
        """Where a world is open, since when, and what that cost."""
        self.daemon.world = WorldStatus(Epoch(7), SINCE, 0.25)
        answer = self.answer(GetStatus)
        self.assertEqual((answer["epoch"], answer["pause"]), (7, 0.25))
        self.assertEqual(answer["opened"], SINCE.isoformat(timespec="seconds"))

    def test_sessions(self) -> None:
        """Who plays, in order of name, with all that is known of them."""
        self.daemon.sessions = [session("Bob", linkdead=True), session("Ann")]
        ann, bob = self.answer(ListSessions, after="")["sessions"]
        self.assertEqual(
            ann,
            {
                "character": "Ann",
                "account": "Ann",
                "transport": "telnet",
                "address": "192.0.2.1",
                "linkdead": False,
            },
        )
        self.assertEqual((bob["character"], bob["linkdead"]), ("Bob", True))

    def test_accounts(self) -> None:
        """Accounts, with role, creation, state and characters."""
        self.daemon.rows = [account("Ann", Role.OWNER), account("Bob", disabled=True)]
        ann, bob = self.answer(ListAccounts, after="")["accounts"]
        self.assertEqual(
            ann,
            {
                "name": "Ann",
                "role": "owner",
                "created": "2026-01-02T03:04:05+00:00",
                "disabled": False,
                "characters": "Ann, Ann-Two",
            },
        )
        self.assertTrue(bob["disabled"])

    def test_pages(self) -> None:
        """A hundred at a time; the next page follows the last name."""
        names = [f"Player{number:03}" for number in range(2 * PAGE + 1)]
        self.daemon.sessions = [session(name) for name in reversed(names)]
        self.daemon.rows = [account(name) for name in names]
        for command, rows, key in (
            (ListSessions, "sessions", "character"),
            (ListAccounts, "accounts", "name"),
        ):
            found: list[str] = []
            for size in (PAGE, PAGE, 1, 0):
                page = self.answer(command, after=found[-1] if found else "")[rows]
                self.assertEqual(len(page), size)
                found += [row[key] for row in page]
            self.assertEqual(found, names)

    def test_a_page_fits(self) -> None:
        """A page of the longest rows stays below what AMP can carry."""
        name = "X" * 20
        self.daemon.sessions = [session(f"{number:020}") for number in range(PAGE)]
        self.assertEqual(len(self.answer(ListSessions, after="")["sessions"]), PAGE)
        self.daemon.rows = [account(f"{name}{number:03}") for number in range(PAGE)]
        self.assertEqual(len(self.answer(ListAccounts, after="")["accounts"]), PAGE)

    def test_a_wordy_page_fits(self) -> None:
        """So does one of the longest bans, and of the longest deeds."""
        why, name = "\U0001f600" * 200, "\U0001f600" * 64
        self.daemon.banned = [
            bans.Ban(bans.BanKind.NAME, f"{n:020}", name, None, name, SINCE, SINCE, why)
            for n in range(WORDY_PAGE)
        ]
        self.assertEqual(len(self.answer(ListBans, after="")["bans"]), WORDY_PAGE)
        details = json.dumps({"a": why, "b": why, "c": why}, ensure_ascii=False)
        row = AuditRow("k", SINCE, Via.GAME, why, None, why, why, why, details)
        self.daemon.deeds = [AuditEntry(n, row) for n in range(WORDY_PAGE, 0, -1)]
        answer = self.answer(ListAudit, actor="", action="", target="", before=0)
        self.assertEqual(len(answer["deeds"]), WORDY_PAGE)

    def test_ban(self) -> None:
        """What can't be understood of a ban is refused."""
        for kind, lasting, why in (("room", "", ""), ("name", "soon", ""), ("name", "", "x" * 201)):
            self.refused(Ban, target="zoe", kind=kind, lasting=lasting, why=why, force=False)
        self.assertEqual(self.daemon.done, [])

    def test_deeds(self) -> None:
        """Each deed reaches the daemon with what it needs."""
        self.answer(SetRole, name="Ann", role="owner")
        self.answer(SetPassword, name="Ann", password="a long söntence")
        self.answer(Kick, character="Bob", reason="Enough!")
        self.assertEqual(self.answer(RevokeAll, name="Bob"), {"tokens": 3})
        self.assertEqual(
            self.daemon.done,
            [
                ("role", "Ann", Role.OWNER),
                ("password", "Ann", "a long söntence"),
                ("kick", "Bob", "Enough!"),
                ("revoke", "Bob"),
            ],
        )

    def test_drain(self) -> None:
        """To drain is answered before the daemon ends."""
        self.assertEqual(self.answer(Drain), {})
        self.assertTrue(self.daemon.draining)

    def test_no_such_role(self) -> None:
        """A role that there isn't is refused, with those that there are."""
        words = self.refused(SetRole, name="Ann", role="king")
        for role in ("king", *(each.value for each in Role)):
            self.assertIn(role, words)
        self.assertEqual(self.daemon.done, [])

    def test_refusals(self) -> None:
        """What can't be done is said in the daemon's own words."""
        for error in (
            PlayerError("There is no Bob."),
            BadPassword("That is too short."),
            StorageUnavailable("The database is away."),
        ):
            self.daemon.error = error
            for command, arguments in (
                (SetRole, {"name": "Ann", "role": "owner"}),
                (DisableAccount, {"name": "Ann"}),
                (EnableAccount, {"name": "Ann"}),
                (SetPassword, {"name": "Ann", "password": "x"}),
                (Kick, {"character": "Bob", "reason": "x"}),
                (RevokeAll, {"name": "Bob"}),
                (ListAccounts, {"after": ""}),
            ):
                self.assertEqual(self.refused(command, **arguments), str(error))

    def test_our_own_fault(self) -> None:
        """A failure of ours is logged, and told by its kind alone; the connection stays."""
        self.daemon.error = ZeroDivisionError("secret")
        words = self.refused(Kick, character="Bob", reason="x")
        self.assertIn("ZeroDivisionError", words)
        self.assertNotIn("secret", words)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.daemon.error = None
        self.answer(Kick, character="Bob", reason="x")
