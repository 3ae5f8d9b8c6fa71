"""How journal stores keep who hears whom, who is kept out, and by whom."""

from datetime import UTC, datetime, timedelta

from attrs import evolve

from mudserver.interfaces.audit import AuditFilter
from mudserver.interfaces.rows import MutedRow
from mudserver.world.applied import (
    ChannelOff,
    ChannelOn,
    ChannelSilenceLifted,
    ChannelSilenceMade,
    MuteLifted,
    MuteMade,
    SilenceLifted,
    SilenceMade,
)
from mudserver.world.bans import BanKind, BanLifted
from mudserver.world.role import Role
from tests.contract.journals import LONG_AGO, JournalContract


class ModerationContract(JournalContract):
    """Of `IJournalStore`: mutes, silences, channels, bans, and the audit log."""

    async def test_mutes(self) -> None:
        """Mutes are made and lifted; making and lifting again are no errors."""
        await self.begin()
        for _ in range(2):
            await self.flush(MuteMade(self.ann.id, self.bob.id))
            self.assertEqual((await self.now(self.ann)).muted, {self.bob.id})
        self.assertEqual((await self.now(self.bob)).muted, frozenset())
        for _ in range(2):
            await self.flush(MuteLifted(self.ann.id, self.bob.id))
            self.assertEqual((await self.now(self.ann)).muted, frozenset())

    async def test_mutes_end(self) -> None:
        """A mute has an end and a note; a newer one replaces it; an ended one is forgotten."""
        await self.begin()
        ann, bob = self.ann.id, self.bob.id
        end = datetime(2999, 1, 1, 12, 30, 15, 123457, tzinfo=UTC)
        await self.flush(MuteMade(ann, bob, LONG_AGO, end, "He shouts."))
        self.assertEqual((await self.now(self.ann)).mutes, (MutedRow(bob, "Bob", end),))
        await self.flush(MuteMade(ann, bob, LONG_AGO))
        self.assertEqual((await self.now(self.ann)).mutes, (MutedRow(bob, "Bob"),))
        ended = MuteMade(ann, bob, LONG_AGO, LONG_AGO + timedelta(hours=1), "He shouts.", "Bob")
        await self.flush(ended)
        self.assertEqual((await self.now(self.ann)).mutes, ())
        self.assertEqual(await self.stored_mute(), ended)
        cid = await self.character("Cid")
        await self.flush(MuteMade(ann, cid.id))
        self.assertEqual(await self.stored_mute(), MuteLifted(ann, bob))

    async def stored_mute(self) -> object:
        """Read what is stored of whether Ann mutes Bob, however long that is over."""
        impossible = MuteMade(self.ann.id, self.bob.id, LONG_AGO, LONG_AGO)
        (refused,) = await self.journal.sift((impossible,))
        self.assertEqual(refused.letter.constraint, "mute_lasts")
        return refused.stored

    async def test_silences(self) -> None:
        """Who is silenced stands in the world: until it ends, is replaced, or lifted."""
        await self.begin()
        ann, bob = self.ann.account, self.bob.account
        end = datetime(2999, 1, 1, 12, 30, 15, 123457, tzinfo=UTC)
        first = SilenceMade(bob, ann, LONG_AGO, end, "Enough.")
        await self.flush(first)
        self.assertEqual((await self.loaded()).silences, (first,))
        second = SilenceMade(bob, ann, LONG_AGO, None, "")
        for _ in range(2):
            await self.flush(second)
            self.assertEqual((await self.loaded()).silences, (second,))
        ended = evolve(first, until=LONG_AGO + timedelta(hours=1))
        await self.flush(ended)
        self.assertEqual((await self.loaded()).silences, ())
        self.assertEqual(await self.stored_silence(), ended)
        other = SilenceMade(ann, bob, LONG_AGO, None, "")
        await self.flush(other)
        self.assertEqual(await self.stored_silence(), SilenceLifted(bob))
        self.assertEqual((await self.loaded()).silences, (other,))
        for _ in range(2):
            await self.flush(SilenceLifted(ann))
            self.assertEqual((await self.loaded()).silences, ())

    async def test_channel_silences(self) -> None:
        """Who is silenced on one channel stands beside them: until it ends, or is lifted."""
        await self.begin()
        ann, bob = self.ann.account, self.bob.account
        end = datetime(2999, 1, 1, 12, 30, 15, 123457, tzinfo=UTC)
        everywhere = SilenceMade(ann, bob, LONG_AGO, None, "")
        first = ChannelSilenceMade(bob, "chat", ann, LONG_AGO, end, "Enough.")
        other = ChannelSilenceMade(bob, "newbie", ann, LONG_AGO, None, "")
        await self.flush(first, other, everywhere)
        silences = (await self.loaded()).silences
        self.assertEqual(silences, (everywhere, first, other))
        self.assertEqual(
            [(each.name, each.orderer) for each in silences],
            [("Ann", "Bob"), ("Bob", "Ann"), ("Bob", "Ann")],
        )
        ended = evolve(first, until=LONG_AGO + timedelta(hours=1))
        await self.flush(ended)
        self.assertEqual((await self.loaded()).silences, (everywhere, other))
        self.assertEqual(await self.stored_channel_silence(), ended)
        for _ in range(2):
            await self.flush(other)  # and what has ended is forgotten
        self.assertEqual(await self.stored_channel_silence(), ChannelSilenceLifted(bob, "chat"))
        for _ in range(2):
            await self.flush(ChannelSilenceLifted(bob, "newbie"))
            self.assertEqual((await self.loaded()).silences, (everywhere,))

    async def stored_channel_silence(self) -> object:
        """Read what is stored of Bob's silence on chat, however long that is over."""
        impossible = ChannelSilenceMade(
            self.bob.account, "chat", self.ann.account, LONG_AGO, LONG_AGO, ""
        )
        (refused,) = await self.journal.sift((impossible,))
        self.assertEqual(refused.letter.constraint, "channel_silence_lasts")
        if isinstance(refused.stored, ChannelSilenceMade):
            self.assertEqual((refused.stored.name, refused.stored.orderer), ("Bob", "Ann"))
        return refused.stored

    async def test_channels_off(self) -> None:
        """Channels are turned off and on; twice is no error."""
        await self.begin()
        for _ in range(2):
            await self.flush(ChannelOff(self.ann.id, "newbie"), ChannelOff(self.ann.id, "chat"))
            self.assertEqual((await self.now(self.ann)).channels_off, ("chat", "newbie"))
        self.assertEqual((await self.now(self.bob)).channels_off, ())
        for _ in range(2):
            await self.flush(ChannelOn(self.ann.id, "chat"))
            self.assertEqual((await self.now(self.ann)).channels_off, ("newbie",))

    async def stored_silence(self) -> object:
        """Read what is stored of Bob's silence, however long that is over."""
        impossible = SilenceMade(self.bob.account, self.ann.account, LONG_AGO, LONG_AGO, "")
        (refused,) = await self.journal.sift((impossible,))
        self.assertEqual(refused.letter.constraint, "silence_lasts")
        return refused.stored

    async def test_bans(self) -> None:
        """Who is banned stands in the world: until it ends, is replaced, or lifted."""
        await self.begin()
        end = datetime(2999, 1, 1, 12, 30, 15, 123457, tzinfo=UTC)
        account = self.ban(BanKind.ACCOUNT, str(self.bob.account), end, "Enough.")
        name = self.ban(BanKind.NAME, "zo-e")
        six, four = (self.ban(BanKind.NETWORK, key) for key in ("2001:db8::/32", "192.0.2.0/24"))
        operators = evolve(six, by=None, orderer="")
        await self.flush(account, name, operators, four)
        self.assertEqual((await self.loaded()).bans, (account, name, four, operators))
        forever = evolve(account, until=None, why="")
        for _ in range(2):
            await self.flush(forever, BanLifted(BanKind.NAME, "zo-e"))
            self.assertEqual((await self.loaded()).bans, (forever, four, operators))
        ended = evolve(account, until=LONG_AGO + timedelta(hours=1))
        await self.flush(ended, BanLifted(BanKind.NETWORK, "192.0.2.0/24"))
        self.assertEqual((await self.loaded()).bans, (operators,))
        self.assertEqual(await self.stored_ban(), ended)
        await self.flush(name)
        self.assertEqual(await self.stored_ban(), BanLifted(account.kind, account.key))
        self.assertEqual((await self.loaded()).bans, (name, operators))

    async def stored_ban(self) -> object:
        """Read what is stored of the ban of Bob's account, however long that is over."""
        impossible = self.ban(BanKind.ACCOUNT, str(self.bob.account), LONG_AGO)
        (refused,) = await self.journal.sift((impossible,))
        self.assertEqual(refused.letter.constraint, "ban_lasts")
        return refused.stored

    async def test_audit(self) -> None:
        """What is noted stays as it was noted first, in the order of a flush; the newest shows
        first.
        """
        await self.begin()
        first, second = self.deed("a"), evolve(self.deed("b"), action="unban", target="Ünkel")
        await self.flush(first, second)
        await self.flush(evolve(first, target="Other"), evolve(second, key="c", actor="BOSS"))
        entries = await self.audit_log.page(AuditFilter(), None, 10)
        self.assertEqual(
            [each.row for each in entries], [evolve(second, key="c", actor="BOSS"), second, first]
        )
        for wanted, keys in (
            (AuditFilter(actor="boss"), "cba"),
            (AuditFilter(action="BAN"), "a"),
            (AuditFilter(target="zoe"), "a"),
            (AuditFilter(actor="Boss", target="Ünkel"), "cb"),
            (AuditFilter(actor="Bo"), ""),
        ):
            found = await self.audit_log.page(wanted, None, 10)
            self.assertEqual("".join(each.row.key for each in found), keys)
        later = await self.audit_log.page(AuditFilter(), entries[0].id, 1)
        self.assertEqual(later, entries[1:2])

    async def test_audit_with_accounts(self) -> None:
        """What is done to an account on an operator's word is noted in the same transaction."""
        await self.begin()
        us = self.ann.account
        await self.accounts.set_role(us, Role.BUILDER, self.deed("a"))
        await self.accounts.set_password(us, "$argon2id$new", None, self.deed("b"))
        await self.accounts.revoke_account(us, self.deed("c"))
        broken = evolve(self.deed("d"), actor="")
        for change in (
            self.accounts.set_role(us, Role.OWNER, broken),
            self.accounts.set_password(us, "$argon2id$newer", None, broken),
            self.accounts.revoke_account(us, broken),
        ):
            await self.refused(change, "23514", "audit_actor_check")
        found = await self.audit_log.page(AuditFilter(), None, 10)
        self.assertEqual("".join(each.row.key for each in found), "cba")
