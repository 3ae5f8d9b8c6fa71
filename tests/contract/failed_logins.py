"""What stores of failed log-ins must do, wherever they keep them."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from attrs import evolve

from mudserver.errors import StorageRefused
from mudserver.interfaces.failed_logins import Attempt, FailedLogin, IFailedLoginStore

if TYPE_CHECKING:
    from twisted.trial.unittest import TestCase
else:
    TestCase = object  # so that a test module that imports a suite doesn't run it by itself

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def failed(name: str, seconds: float, network: str = "192.0.2.1") -> FailedLogin:
    """A log-in that failed so many seconds before `NOW`."""
    attempt = Attempt(sha256(name.encode()).hexdigest(), network)
    return FailedLogin(attempt, NOW - timedelta(seconds=seconds))


class FailedLoginContract(TestCase):
    """An empty store; `setUp` provides it."""

    store: IFailedLoginStore

    async def test_since(self) -> None:
        """Those since a moment come back, the oldest first, in whatever order they were written."""
        rows = [failed("ann", 5.0), failed("bob", 700.0), failed("ann", 9.0, "2001:db8::/64")]
        await self.store.add(rows, [])
        found = await self.store.since(NOW - timedelta(seconds=600), 10)
        self.assertEqual(found, (rows[2], rows[0]))

    async def test_limit(self) -> None:
        """Of too many, the newest come."""
        rows = [failed("ann", float(100 - number)) for number in range(10)]
        await self.store.add(rows, [])
        self.assertEqual(await self.store.since(NOW - timedelta(hours=1), 3), tuple(rows[-3:]))

    async def test_forgiven(self) -> None:
        """Earlier ones of an attempt are forgiven, not those of others, nor later ones."""
        ann, elsewhere = failed("ann", 9.0), failed("ann", 8.0, "192.0.2.2")
        bob, again = failed("bob", 7.0), failed("ann", 1.0)
        await self.store.add([ann, elsewhere, bob], [])
        await self.store.add([again], [ann.attempt])
        self.assertEqual(
            await self.store.since(NOW - timedelta(hours=1), 10),
            (evolve(ann, forgiven=True), elsewhere, bob, again),
        )
        await self.store.add([], [again.attempt, bob.attempt])
        found = await self.store.since(NOW - timedelta(hours=1), 10)
        self.assertEqual([row.forgiven for row in found], [True, False, True, True])

    async def test_written_as_forgiven(self) -> None:
        """One may be forgiven from the first."""
        row = evolve(failed("ann", 1.0), forgiven=True)
        await self.store.add([row], [])
        self.assertEqual(await self.store.since(NOW - timedelta(hours=1), 10), (row,))

    async def test_sweep(self) -> None:
        """What is too old goes; whether anything is left is told."""
        await self.store.add([failed("ann", 700.0), failed("ann", 5.0)], [])
        self.assertTrue(await self.store.sweep(NOW - timedelta(seconds=600)))
        found = await self.store.since(NOW - timedelta(hours=1), 10)
        self.assertEqual(found, (failed("ann", 5.0),))
        self.assertFalse(await self.store.sweep(NOW))

    async def test_refused(self) -> None:
        """What is no digest, and an address that is none, are refused; nothing is written then."""
        long = failed("ann", 1.0, "x" * 65)
        plain = FailedLogin(Attempt("ann", "192.0.2.1"), NOW)
        for wrong in (long, plain):
            try:
                await self.store.add([failed("bob", 1.0), wrong], [])
            except StorageRefused:
                continue
            self.fail("expected a refusal")
        self.assertEqual(await self.store.since(NOW - timedelta(hours=1), 10), ())
