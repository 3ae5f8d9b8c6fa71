"""What journal stores must do, wherever they keep things."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random

from attrs import evolve
from twisted.internet.defer import gatherResults

from mudserver.errors import Fenced, NotReplayable
from mudserver.ids import (
    AccountId,
    CharacterId,
    CommandId,
    DoorId,
    Epoch,
    InputNumber,
    ItemId,
    NpcId,
    PartyId,
    RoomId,
    SessionId,
)
from mudserver.interfaces.audit import AuditFilter, AuditRow, IAuditStore, Via
from mudserver.interfaces.journal import (
    MAX_REFUSED,
    AnswerRow,
    Committed,
    DeadLetter,
    Flush,
    InputRow,
    JournalRow,
    Progress,
    RefusedRow,
)
from mudserver.interfaces.letters import ILetterBox
from mudserver.interfaces.rows import CharacterRow, MutedRow, WorldRows
from mudserver.storage.retention import KEEP_ANSWERS
from mudserver.world.applied import (
    ChannelOff,
    ChannelOn,
    ChannelSilenceLifted,
    ChannelSilenceMade,
    CharacterPlaced,
    DoorMoved,
    FollowLifted,
    FollowMade,
    ItemPlaced,
    LidMoved,
    MembershipEnded,
    MembershipMade,
    MuteLifted,
    MuteMade,
    NpcPlaced,
    SilenceLifted,
    SilenceMade,
)
from mudserver.world.bans import Ban, BanKind, BanLifted
from mudserver.world.role import Role
from tests.contract.areas import chest_world, harbour_world
from tests.contract.stores import StoreContract

S = SessionId("s")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
NOWHERE, NOTHING, NO_ONE = RoomId(9_000_001), ItemId(9_000_002), CharacterId(9_000_003)


def answer(ordinal: int, *, session: SessionId = S, code: str | None = None) -> AnswerRow:
    """Make the answer to a session's command of that ordinal."""
    message = None if code is None else "No."
    return AnswerRow(
        session, CommandId(f"c{ordinal}"), ordinal, InputNumber(2 * ordinal), code, message
    )


class JournalStoreContract(StoreContract):
    """The suite of `IJournalStore`; `setUp` provides an empty database."""

    box: ILetterBox
    audit_log: IAuditStore

    async def forget_before(self, hours: float) -> None:
        """Make everything that is stored of sessions, and dead letters, older by so many hours."""
        raise NotImplementedError

    async def letters(self) -> list[tuple[str, str, str, str, int]]:
        """Read dead letters as (kind, error, sqlstate, constraint, attempts)."""
        raise NotImplementedError

    async def begin(self) -> None:
        """Import the small world, register Ann and Bob, take the lease."""
        await self.world.import_areas(harbour_world())
        self.rows = await self.loaded()
        self.items = {item.key: item for item in self.rows.items}
        self.places = {room.key: room.id for room in self.rows.rooms}
        self.ann, self.bob = await self.character("Ann"), await self.character("Bob")
        self.epoch = await self.journal.take_lease("we")
        self.number = 0

    async def begin_with_a_chest(self) -> None:
        """The same with a chest on the mole."""
        self.assertTrue(await self.world.import_areas(chest_world()))
        await self.begin()

    async def loaded(self) -> WorldRows:
        """Read the world that is there."""
        rows = await self.world.load()
        assert rows is not None
        return rows

    async def character(self, name: str) -> CharacterRow:
        """Register an account and return its character."""
        account = await self.account(name)
        (row,) = await self.world.characters(account.id)
        return row

    async def now(self, character: CharacterRow) -> CharacterRow:
        """Read a character again."""
        (row,) = await self.world.characters(character.account)
        return row

    async def flush(self, *rows: JournalRow, letters: Iterable[DeadLetter] = ()) -> None:
        """Flush rows under the next number."""
        await self.journal.flush(self.epoch, self.number + 1, Flush(rows, tuple(letters)))
        self.number += 1

    # ------------------------------------------------------------ the lease

    async def test_epochs_rise(self) -> None:
        """Each who takes over gets a higher epoch, whoever it is."""
        epochs = [await self.journal.take_lease(holder) for holder in ("a", "b", "a")]
        self.assertEqual(epochs, sorted(set(epochs)))

    async def test_nobody_has_the_lease(self) -> None:
        """Without a lease nothing is written."""
        await self.failing(self.journal.flush(Epoch(1), 1, Flush()), Fenced)

    async def test_two_worlds(self) -> None:
        """Once another world has taken over, the first one writes nothing more, the second does."""
        await self.begin()
        await self.flush(CharacterPlaced(self.ann.id, self.places["steps"]))
        second = await self.journal.take_lease("they")
        late = Flush((CharacterPlaced(self.ann.id, self.places["mole"]),))
        await self.failing(self.journal.flush(self.epoch, self.number + 1, late), Fenced)
        await self.failing(self.journal.flush(self.epoch, self.number, late), Fenced)
        self.assertEqual((await self.now(self.ann)).room, self.places["steps"])
        theirs = Flush((CharacterPlaced(self.ann.id, self.places["hall"]),))
        await self.journal.flush(second, 1, theirs)
        await self.failing(self.journal.flush(self.epoch, 1, late), Fenced)
        await self.failing(self.journal.flush(self.epoch, 2, late), Fenced)
        self.assertEqual((await self.now(self.ann)).room, self.places["hall"])

    async def test_same_flush_again(self) -> None:
        """A flush that was committed already is committed, and changes nothing a second time."""
        await self.begin()
        await self.flush(CharacterPlaced(self.ann.id, self.places["steps"]))
        again = Flush((CharacterPlaced(self.ann.id, self.places["mole"]),))
        await self.journal.flush(self.epoch, self.number, again)
        self.assertEqual((await self.now(self.ann)).room, self.places["steps"])
        await self.flush(CharacterPlaced(self.ann.id, self.places["mole"]))
        self.assertEqual((await self.now(self.ann)).room, self.places["mole"])

    async def test_lost_flushes(self) -> None:
        """A database that lacks a flush of ours, or has one that we never made, is not ours."""
        await self.begin()
        await self.failing(self.journal.flush(self.epoch, 2, Flush()), Fenced)
        for _ in range(3):
            await self.flush()
        await self.failing(self.journal.flush(self.epoch, 2, Flush()), Fenced)
        await self.failing(self.journal.flush(Epoch(self.epoch + 1), 4, Flush()), Fenced)
        await self.flush()

    # ------------------------------------------------------------ rows

    async def test_items_move(self) -> None:
        """An item goes from room to hand and back to another room."""
        await self.begin()
        lamp = self.items["lamp"]
        await self.flush(ItemPlaced(lamp.id, None, self.ann.id))
        self.assertNotIn(lamp.id, [item.id for item in (await self.loaded()).items])
        held = evolve(lamp, room=None, holder=self.ann.id)
        self.assertEqual((await self.now(self.ann)).items, (held,))
        await self.flush(ItemPlaced(lamp.id, self.places["mole"], None))
        self.assertIn(evolve(lamp, room=self.places["mole"]), (await self.loaded()).items)
        self.assertEqual((await self.now(self.ann)).items, ())

    async def test_doors(self) -> None:
        """Both sides of a door are one: what is written of it is read on both."""
        await self.begin()
        doors = [way.door for way in self.rows.exits if way.door is not None]
        (door,) = set(doors)
        self.assertEqual(len(doors), 2)
        for closed in (False, True):
            await self.flush(DoorMoved(door, closed))
            rows = await self.loaded()
            self.assertEqual([way.closed for way in rows.exits if way.door], [closed, closed])
        (refused,) = await self.journal.sift((DoorMoved(DoorId(NOTHING), True),))
        self.assertEqual((refused.letter.sqlstate, refused.stored), ("", None))

    async def test_follows(self) -> None:
        """Who follows whom is read with the world; each follows one other, who exists."""
        await self.begin()
        made = FollowMade(self.ann.id, self.bob.id, "Bob")
        await self.flush(made, FollowMade(self.bob.id, self.ann.id))
        self.assertEqual(
            (await self.loaded()).follows, (made, FollowMade(self.bob.id, self.ann.id, "Ann"))
        )
        await self.flush(FollowLifted(self.bob.id))
        self.assertEqual((await self.loaded()).follows, (made,))
        wrong = {
            FollowMade(self.ann.id, self.ann.id): "follow_another",
            FollowMade(self.ann.id, NO_ONE): "follow_leader_fkey",
            FollowMade(NO_ONE, self.ann.id): "follow_follower_fkey",
        }
        for row, constraint in wrong.items():
            (refused,) = await self.journal.sift((row,))
            self.assertEqual(refused.letter.constraint, constraint)
            self.assertEqual(
                refused.stored, FollowLifted(NO_ONE) if row.follower == NO_ONE else made
            )

    async def test_parties(self) -> None:
        """Who is in which party is read with the world: each in one at most, in an order."""
        await self.begin()
        first = MembershipMade(self.ann.id, PartyId(1), 1, "Ann")
        second = MembershipMade(self.bob.id, PartyId(1), 2, "Bob")
        await self.flush(first, evolve(second, name=""))
        self.assertEqual((await self.loaded()).memberships, (first, second))
        other = MembershipMade(self.bob.id, PartyId(3), 4, "Bob")
        await self.flush(other)
        self.assertEqual((await self.loaded()).memberships, (first, other))
        await self.flush(MembershipEnded(self.bob.id), MembershipEnded(self.ann.id))
        self.assertEqual((await self.loaded()).memberships, ())
        await self.flush(second)
        wrong = {
            MembershipMade(self.ann.id, PartyId(1), 2): "party_member_in_order",
            MembershipMade(self.ann.id, PartyId(1), 0): "party_member_number_check",
            MembershipMade(NO_ONE, PartyId(1), 3): "party_member_character_fkey",
        }
        for row, constraint in wrong.items():
            (refused,) = await self.journal.sift((row,))
            self.assertEqual(refused.letter.constraint, constraint)
            self.assertEqual(refused.stored, MembershipEnded(row.character))
        (refused,) = await self.journal.sift((evolve(second, number=0),))
        self.assertEqual(refused.stored, second)

    async def test_inhabitants_walk(self) -> None:
        """Where an inhabitant is, is kept; it is somewhere."""
        await self.begin()
        heron = next(npc for npc in self.rows.npcs if npc.key == "heron")
        self.assertEqual(heron.route, (self.places["hall"], self.places["steps"]))
        await self.flush(NpcPlaced(heron.id, self.places["steps"]))
        self.assertIn(evolve(heron, room=self.places["steps"]), (await self.loaded()).npcs)
        wrong = (NpcPlaced(heron.id, NOWHERE), NpcPlaced(NpcId(NOTHING), self.places["steps"]))
        refused = [(await self.journal.sift((row,)))[0] for row in wrong]
        self.assertEqual(
            [(each.letter.constraint, each.stored) for each in refused],
            [("npc_room_fkey", NpcPlaced(heron.id, self.places["steps"])), ("", None)],
        )

    async def test_containers(self) -> None:
        """What is in a container is read after it, with the world or with who carries it."""
        await self.begin_with_a_chest()
        chest, sack, purse = (self.items[key] for key in ("chest", "sack", "purse"))
        self.assertEqual((chest.capacity, chest.size, chest.lid, chest.closed), (5, 3, True, True))
        self.assertEqual((sack.container, purse.container), (chest.id, sack.id))
        self.assertEqual((purse.size, purse.capacity, purse.lid, purse.closed), (1, 1, True, False))
        order = [item.key for item in self.rows.items]
        self.assertLess(order.index("chest"), order.index("sack"))
        self.assertLess(order.index("sack"), order.index("purse"))
        await self.flush(
            ItemPlaced(sack.id, None, self.ann.id),
            ItemPlaced(self.items["lamp"].id, None, None, purse.id),
            LidMoved(chest.id, False),
            LidMoved(purse.id, True),
        )
        ann = await self.now(self.ann)
        self.assertEqual([item.key for item in ann.items], ["sack", "purse", "lamp"])
        self.assertEqual(
            [(item.holder, item.container, item.closed) for item in ann.items],
            [(self.ann.id, None, False), (None, sack.id, True), (None, purse.id, False)],
        )
        rows = await self.loaded()
        self.assertEqual({item.key for item in rows.items}, {"bollard", "rope", "chest"})
        self.assertIn(evolve(chest, closed=False), rows.items)
        await self.flush(ItemPlaced(sack.id, None, None, chest.id))
        self.assertEqual((await self.now(self.ann)).items, ())
        self.assertEqual(
            [item.key for item in (await self.loaded()).items if item.container],
            ["sack", "purse", "lamp"],
        )

    async def test_containers_refuse(self) -> None:
        """Nothing is in itself, in what is smaller, in what holds nothing, or in nothing."""
        await self.begin_with_a_chest()
        chest, sack, purse, lamp, rope = (
            self.items[key].id for key in ("chest", "sack", "purse", "lamp", "rope")
        )
        wrong: dict[JournalRow, str] = {
            ItemPlaced(sack, None, None, sack): "item_fits",
            ItemPlaced(chest, None, None, sack): "item_fits",
            ItemPlaced(purse, None, None, lamp): "item_fits",
            ItemPlaced(lamp, None, None, NOTHING): "item_container_whole",
            ItemPlaced(rope, self.rows.start, None, purse): "item_in_one_place",
            LidMoved(sack, True): "item_closed_by_lid",
        }
        for row, constraint in wrong.items():
            (refused,) = await self.journal.sift((row,))
            self.assertEqual(refused.letter.constraint, constraint, row)
        (refused,) = await self.journal.sift((LidMoved(NOTHING, True),))
        self.assertEqual((refused.letter.sqlstate, refused.stored), ("", None))

    async def test_containers_are_read_back(self) -> None:
        """A container that is refused is read back with all that is stored in it."""
        await self.begin_with_a_chest()
        chest, sack, purse = (self.items[key] for key in ("chest", "sack", "purse"))
        moves = [ItemPlaced(item.id, None, NO_ONE) for item in (chest, sack, purse)]
        refused = await self.journal.sift(moves)
        self.assertEqual({each.stored for each in refused}, {chest, sack, purse})
        whole = next(each for each in refused if each.stored == chest)
        self.assertEqual(whole.contents, (sack, purse))
        (refused_lid,) = await self.journal.sift((LidMoved(sack.id, True),))
        self.assertEqual(refused_lid.stored, LidMoved(sack.id, False))
        self.assertEqual(refused_lid.contents, ())

    async def test_containers_are_read_back_as_they_will_be(self) -> None:
        """What comes into it in the same flush is there; what goes out is not."""
        await self.begin_with_a_chest()
        chest, sack, purse = (self.items[key] for key in ("chest", "sack", "purse"))
        rope = self.items["rope"]
        (refused,) = await self.journal.sift(
            (
                ItemPlaced(chest.id, None, NO_ONE),
                ItemPlaced(rope.id, None, None, sack.id),
                ItemPlaced(purse.id, None, self.ann.id),
                LidMoved(chest.id, not chest.closed),
            )
        )
        self.assertEqual(refused.stored, evolve(chest, closed=not chest.closed))
        self.assertEqual([each.id for each in refused.contents], [sack.id, rope.id])
        self.assertEqual(self.items, {item.key: item for item in (await self.loaded()).items})

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

    def ban(self, kind: BanKind, key: str, until: datetime | None = None, why: str = "") -> Ban:
        """Make a ban that Ann orders."""
        return Ban(kind, key, "Bob", self.ann.account, "Ann", LONG_AGO, until, why)

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

    def deed(self, key: str) -> AuditRow:
        """Make a row of the audit log."""
        return AuditRow(
            key, LONG_AGO, Via.GAME, "Boss", self.ann.account, "::1", "ban", "Zoe", '{"why":"Spam"}'
        )

    async def test_all_kinds_at_once(self) -> None:
        """A cut of everything, in any order, is written as one."""
        await self.begin()
        await self.flush(
            answer(1),
            InputRow(S, self.ann.id, InputNumber(2)),
            MuteMade(self.ann.id, self.bob.id),
            MuteLifted(self.bob.id, self.ann.id),
            ItemPlaced(self.items["rope"].id, None, self.ann.id),
            ItemPlaced(self.items["lamp"].id, None, self.ann.id),
            CharacterPlaced(self.bob.id, self.rows.start),
            CharacterPlaced(self.ann.id, self.rows.start),
        )
        held = sorted((self.items["lamp"], self.items["rope"]), key=lambda item: item.id)
        self.assertEqual(
            await self.now(self.ann),
            evolve(
                self.ann,
                room=self.rows.start,
                items=tuple(evolve(item, room=None, holder=self.ann.id) for item in held),
                mutes=(MutedRow(self.bob.id, "Bob"),),
            ),
        )
        self.assertEqual(await self.now(self.bob), evolve(self.bob, room=self.rows.start))
        self.assertEqual(
            await self.journal.committed(S), Committed(self.ann.id, InputNumber(2), (answer(1),))
        )

    async def test_nothing(self) -> None:
        """A flush of nothing counts as one."""
        await self.begin()
        await self.flush()
        await self.flush()

    def impossible(self) -> list[tuple[JournalRow, str, str]]:
        """Rows that no schema of ours takes, with the code and constraint of the refusal."""
        ann, start = self.ann.id, self.rows.start
        lamp, bollard = self.items["lamp"].id, self.items["bollard"].id
        t = SessionId("t")
        us, nobody = self.ann.account, AccountId(9_000_004)
        return [
            (CharacterPlaced(self.bob.id, NOWHERE), "23503", "character_room_fkey"),
            (CharacterPlaced(NO_ONE, start), "", ""),
            (ItemPlaced(lamp, None, None), "23514", "item_in_one_place"),
            (ItemPlaced(lamp, start, ann), "23514", "item_in_one_place"),
            (ItemPlaced(bollard, None, ann), "23514", "item_fixed_in_room"),
            (ItemPlaced(lamp, NOWHERE, None), "23503", "item_room_fkey"),
            (ItemPlaced(lamp, None, NO_ONE), "23503", "item_holder_fkey"),
            (ItemPlaced(NOTHING, start, None), "", ""),
            (SilenceMade(nobody, nobody, LONG_AGO, None, "x" * 201), "23514", "silence_why_check"),
            (SilenceMade(us, nobody, LONG_AGO, None, ""), "23503", "silence_by_fkey"),
            (
                ChannelSilenceMade(us, "chat", us, LONG_AGO, None, "x" * 201),
                "23514",
                "channel_silence_why_check",
            ),
            (
                ChannelSilenceMade(us, "Chat!", us, LONG_AGO, None, ""),
                "23514",
                "channel_silence_channel_check",
            ),
            (
                ChannelSilenceMade(us, "chat", nobody, LONG_AGO, None, ""),
                "23503",
                "channel_silence_by_fkey",
            ),
            (ChannelOff(ann, "no channel"), "23514", "channel_off_channel_check"),
            (ChannelOff(NO_ONE, "chat"), "23503", "channel_off_character_fkey"),
            (evolve(self.deed("a"), key=""), "23514", "audit_key_check"),
            (evolve(self.deed("a"), actor=""), "23514", "audit_actor_check"),
            (evolve(self.deed("a"), action=""), "23514", "audit_action_check"),
            (self.ban(BanKind.NAME, "zoe", LONG_AGO), "23514", "ban_lasts"),
            (self.ban(BanKind.NAME, "zoe", why="x" * 201), "23514", "ban_why_check"),
            (self.ban(BanKind.NAME, "Zoe"), "23514", "ban_of_name"),
            (evolve(self.ban(BanKind.NAME, "zoe"), name=""), "23514", "ban_name_check"),
            (evolve(self.ban(BanKind.NAME, "zoe"), by=nobody), "23503", "ban_by_fkey"),
            (self.ban(BanKind.ACCOUNT, str(nobody)), "23503", "ban_account_fkey"),
            (MuteMade(ann, ann), "23514", "mute_of_another"),
            (MuteMade(ann, self.bob.id, LONG_AGO, LONG_AGO), "23514", "mute_lasts"),
            (MuteMade(self.bob.id, ann, why="x" * 201), "23514", "mute_why_check"),
            (MuteMade(ann, NO_ONE), "23503", "mute_muted_fkey"),
            (MuteMade(NO_ONE, ann), "23503", "mute_muter_fkey"),
            (InputRow(t, NO_ONE, InputNumber(1)), "23503", "session_input_character_fkey"),
            (InputRow(t, ann, InputNumber(0)), "23514", "session_input_number_check"),
            (
                InputRow(SessionId(""), ann, InputNumber(1)),
                "23514",
                "session_input_session_check",
            ),
            (answer(1, session=t), "23503", "command_answer_session_fkey"),
            (evolve(answer(1), ordinal=0), "23514", "command_answer_ordinal_check"),
            (evolve(answer(1), code="x"), "23514", "command_answer_whole"),
            (
                evolve(answer(1), command=CommandId("x" * 65)),
                "23514",
                "command_answer_command_check",
            ),
        ]

    def possible(self) -> tuple[JournalRow, ...]:
        """Rows that are always taken."""
        return (
            CharacterPlaced(self.ann.id, self.places["mole"]),
            ItemPlaced(self.items["rope"].id, None, self.ann.id),
            MuteMade(self.ann.id, self.bob.id),
            InputRow(S, self.ann.id, InputNumber(7)),
            answer(3),
        )

    async def test_refused_flush_changes_nothing(self) -> None:
        """What the schema doesn't allow is refused with its code, and takes the whole cut along."""
        await self.begin()
        for row, sqlstate, constraint in self.impossible():
            cut = Flush((*self.possible(), row))
            await self.refused(self.journal.flush(self.epoch, 1, cut), sqlstate, constraint)
            self.assertEqual(await self.now(self.ann), self.ann)
            self.assertEqual(await self.now(self.bob), self.bob)
            self.assertEqual(await self.loaded(), self.rows)
            self.assertIsNone(await self.journal.committed(S))
        await self.flush(*self.possible())

    async def test_named_twice(self) -> None:
        """A cut in which an entity stands twice is refused."""
        await self.begin()
        for row in (
            CharacterPlaced(self.ann.id, self.rows.start),
            ItemPlaced(self.items["lamp"].id, self.rows.start, None),
        ):
            await self.refused(self.journal.flush(self.epoch, 1, Flush((row, row))), "", "")

    # ------------------------------------------------------------ sifting

    async def test_sift_names_the_refused(self) -> None:
        """Of a refused cut, the rows that are to blame are found, each with its own refusal."""
        await self.begin()
        for row, sqlstate, constraint in self.impossible():
            (refused,) = await self.journal.sift((*self.possible(), row))
            letter = refused.letter
            self.assertEqual(letter.row, row)
            self.assertEqual((letter.sqlstate, letter.constraint), (sqlstate, constraint))
            self.assertNotEqual(letter.error, "")

    async def test_sift_changes_nothing(self) -> None:
        """Sifting leaves everything as it was, and counts as no flush."""
        await self.begin()
        await self.journal.sift((*self.possible(), self.impossible()[0][0]))
        self.assertEqual(await self.journal.sift(self.possible()), ())
        self.assertEqual(await self.now(self.ann), self.ann)
        self.assertIsNone(await self.journal.committed(S))
        self.assertEqual(await self.journal.sift(()), ())
        await self.flush(*self.possible())

    async def test_sift_reads_back(self) -> None:
        """With each refused row comes what is stored in its place."""
        await self.begin()
        rope = self.items["rope"]
        await self.flush(
            CharacterPlaced(self.bob.id, self.places["mole"]),
            ItemPlaced(rope.id, None, self.ann.id),
            MuteMade(self.bob.id, self.ann.id),
        )
        lamp = self.items["lamp"]

        async def stored(row: JournalRow) -> object:
            (refused,) = await self.journal.sift((row,))
            return refused.stored

        self.assertEqual(
            await stored(CharacterPlaced(self.bob.id, NOWHERE)),
            CharacterPlaced(self.bob.id, self.places["mole"]),
        )
        self.assertIsNone(await stored(CharacterPlaced(self.ann.id, NOWHERE)))
        self.assertIsNone(await stored(CharacterPlaced(NO_ONE, self.rows.start)))
        self.assertEqual(await stored(ItemPlaced(lamp.id, NOWHERE, None)), lamp)
        self.assertEqual(
            await stored(ItemPlaced(rope.id, None, NO_ONE)),
            evolve(rope, room=None, holder=self.ann.id),
        )
        self.assertIsNone(await stored(ItemPlaced(NOTHING, self.rows.start, None)))
        self.assertEqual(
            await stored(MuteMade(self.ann.id, NO_ONE)), MuteLifted(self.ann.id, NO_ONE)
        )
        self.assertIsNone(await stored(InputRow(S, NO_ONE, InputNumber(1))))

    async def test_answers_follow_their_input(self) -> None:
        """Answers are refused for their own faults, not because they are tried before the input."""
        await self.begin()
        good = [answer(n) for n in range(1, 9)]
        wrong = evolve(answer(9), code="x")
        refused = await self.journal.sift((*good, wrong, InputRow(S, self.ann.id, InputNumber(20))))
        self.assertEqual([each.letter.row for each in refused], [wrong])

    async def test_sift_any(self) -> None:
        """Whichever rows are refused: exactly these are found, and the others can be flushed."""
        await self.begin()
        random = Random(7)
        total = 0
        for size in (1, 2, 3, 7, 64, 100):
            good: list[JournalRow] = [
                InputRow(SessionId(f"{size}.{n}"), self.ann.id, InputNumber(1)) for n in range(size)
            ]
            for wanted in {1, size // 3, size} - {0}:
                bad = set(random.sample(range(size), wanted))
                rows = [
                    InputRow(SessionId(f"bad {n}"), NO_ONE, InputNumber(1)) if n in bad else row
                    for n, row in enumerate(good)
                ]
                refused = await self.journal.sift(rows)
                self.assertEqual(
                    {each.letter.row for each in refused}, {rows[n] for n in bad}, (size, bad)
                )
                await self.flush(*(row for n, row in enumerate(rows) if n not in bad))
                total += size - wanted
        self.assertGreater(total, 100)

    async def test_sift_is_bounded(self) -> None:
        """Where everything is refused, it ends after some, and the rest is for the next time."""
        await self.begin()
        rows = [InputRow(SessionId(f"{n}"), NO_ONE, InputNumber(1)) for n in range(MAX_REFUSED + 5)]
        first = await self.journal.sift(rows)
        self.assertEqual(len(first), MAX_REFUSED)
        found = {each.letter.row for each in first}
        rest = await self.journal.sift([row for row in rows if row not in found])
        self.assertEqual(len(rest), 5)

    # ------------------------------------------------------------ dead letters

    async def refusal(self, row: JournalRow) -> RefusedRow:
        """Have one row refused."""
        (refused,) = await self.journal.sift((row,))
        return refused

    async def test_letters_are_kept(self) -> None:
        """What was refused is kept with the reason, in the transaction of the rest."""
        await self.begin()
        wrong = ItemPlaced(self.items["bollard"].id, None, self.ann.id)
        refused = await self.refusal(wrong)
        await self.flush(*self.possible(), letters=[refused.letter])
        ((what, error, sqlstate, constraint, attempts),) = await self.letters()
        self.assertEqual((what, sqlstate), ("ItemPlaced", "23514"))
        self.assertEqual((constraint, attempts), ("item_fixed_in_room", 1))
        self.assertIn("item_fixed_in_room", error)
        self.assertEqual((await self.now(self.ann)).room, self.places["mole"])

    async def test_letters_again(self) -> None:
        """The same change refused again is one letter, which counts its attempts."""
        await self.begin()
        wrong = ItemPlaced(self.items["bollard"].id, None, self.ann.id)
        other = ItemPlaced(self.items["lamp"].id, None, NO_ONE)
        for rows in ((wrong,), (wrong, other), (wrong,)):
            await self.flush(letters=[(await self.refusal(row)).letter for row in rows])
        attempts = {letter[3]: letter[4] for letter in await self.letters()}
        self.assertEqual(attempts, {"item_fixed_in_room": 3, "item_holder_fkey": 1})

    async def test_letters_of_a_refused_flush(self) -> None:
        """A flush that is refused leaves no letter behind."""
        await self.begin()
        refused = await self.refusal(ItemPlaced(self.items["lamp"].id, None, NO_ONE))
        cut = Flush((CharacterPlaced(NO_ONE, self.rows.start),), (refused.letter,))
        await self.refused(self.journal.flush(self.epoch, 1, cut), "", "")
        self.assertEqual(await self.letters(), [])

    async def die(self, item: str, holder: CharacterId) -> None:
        """Have a change refused, and kept."""
        refused = await self.refusal(ItemPlaced(self.items[item].id, None, holder))
        await self.flush(letters=[refused.letter])

    async def test_box(self) -> None:
        """Operators read dead letters page by page, and one with its contents."""
        await self.begin()
        self.assertEqual(self.box.name, "journal")
        self.assertEqual(await self.box.page(0, 10), ())
        await self.die("bollard", self.ann.id)
        await self.die("lamp", NO_ONE)
        await self.die("bollard", self.ann.id)
        first, second = await self.box.page(0, 10)
        self.assertEqual(await self.box.page(0, 1), (first,))
        self.assertEqual(await self.box.page(first.number, 10), (second,))
        self.assertEqual((first.what, first.attempts, second.attempts), ("ItemPlaced", 2, 1))
        self.assertIn("(23514, item_fixed_in_room)", first.reason)
        self.assertLessEqual(first.first_at, first.last_at)
        self.assertEqual(first.last_at.utcoffset(), timedelta(0))
        opened = await self.box.open(first.number)
        assert opened is not None
        self.assertEqual(opened.letter, first)
        contents = json.loads(opened.contents)
        self.assertEqual((contents["holder"], contents["room"]), (self.ann.id, None))
        self.assertIsNone(await self.box.open(second.number + 1))

    async def test_box_is_pruned(self) -> None:
        """Old ones are thrown away, by their last attempt."""
        await self.begin()
        await self.die("bollard", self.ann.id)
        await self.die("lamp", NO_ONE)
        await self.forget_before(48.0)
        await self.die("lamp", NO_ONE)
        _, newer = await self.box.page(0, 10)
        self.assertEqual(await self.box.prune(newer.last_at), 1)
        self.assertEqual(await self.box.page(0, 10), (newer,))
        self.assertEqual(await self.box.prune(newer.last_at + timedelta(days=1)), 1)
        self.assertEqual(await self.box.page(0, 10), ())

    async def test_box_is_swept(self) -> None:
        """After 90 days without an attempt they go by themselves."""
        await self.begin()
        await self.die("bollard", self.ann.id)
        await self.forget_before(89 * 24.0)
        await self.journal.sweep()
        self.assertEqual(len(await self.box.page(0, 10)), 1)
        await self.forget_before(2 * 24.0)
        await self.journal.sweep()
        self.assertEqual(await self.box.page(0, 10), ())

    async def test_box_replays_nothing(self) -> None:
        """What the journal could not write is never written later."""
        await self.begin()
        await self.die("lamp", NO_ONE)
        (letter,) = await self.box.page(0, 10)
        await self.failing(self.box.replay(letter.number), NotReplayable)
        self.assertEqual(await self.box.page(0, 10), (letter,))

    # ------------------------------------------------------------ sessions

    async def test_unknown_session(self) -> None:
        """Of a session that committed nothing nothing is known."""
        await self.begin()
        self.assertIsNone(await self.journal.committed(S))
        self.assertIsNone(await self.journal.committed(SessionId("")))

    async def test_inputs_and_answers(self) -> None:
        """The newest number counts; answers come in their order, done or refused."""
        await self.begin()
        await self.flush(InputRow(S, self.ann.id, InputNumber(4)), answer(2, code="closed"))
        await self.flush(
            InputRow(S, self.ann.id, InputNumber(9)),
            InputRow(SessionId("other"), self.bob.id, InputNumber(99)),
            answer(10, session=SessionId("other")),
            answer(3),
            answer(1),
        )
        self.assertEqual(
            await self.journal.committed(S),
            Committed(
                self.ann.id, InputNumber(9), (answer(1), answer(2, code="closed"), answer(3))
            ),
        )

    async def test_progress(self) -> None:
        """How far a session has come is told with the answers behind what is settled, no others."""
        await self.begin()
        await self.flush(
            InputRow(S, self.ann.id, InputNumber(18)),
            InputRow(SessionId("other"), self.bob.id, InputNumber(99)),
            answer(10, session=SessionId("other")),
            *(answer(n) for n in (4, 2, 7, 9)),
        )
        for settled, numbers in ((0, (2, 4, 7, 9)), (8, (7, 9)), (14, (9,)), (18, ()), (50, ())):
            self.assertEqual(
                await self.journal.progress(S, InputNumber(settled)),
                Progress(self.ann.id, InputNumber(18), 9, tuple(answer(n) for n in numbers)),
            )

    async def test_progress_of_many(self) -> None:
        """Many may be asked about at once, the same behind several inputs, too."""
        await self.begin()
        t = SessionId("t")
        await self.flush(
            InputRow(S, self.ann.id, InputNumber(4)),
            InputRow(t, self.bob.id, InputNumber(3)),
            answer(1),
            answer(2, code="closed"),
        )
        asked = [(S, 2), (t, 0), (S, 4), (SessionId("nobody"), 0), (SessionId(""), 0), (S, 2)]
        found = await gatherResults(
            [self.journal.progress(session, InputNumber(number)) for session, number in asked]
        )
        of_s = Progress(self.ann.id, InputNumber(4), 2, (answer(2, code="closed"),))
        of_t = Progress(self.bob.id, InputNumber(3))
        self.assertEqual(found, [of_s, of_t, evolve(of_s, answers=()), None, None, of_s])

    async def test_single_answers(self) -> None:
        """An answer is found by session and id, as long as it is kept."""
        await self.begin()
        t = SessionId("t")
        await self.flush(
            InputRow(S, self.ann.id, InputNumber(2)),
            InputRow(t, self.bob.id, InputNumber(3)),
            answer(1),
            answer(2, code="closed"),
            answer(3, session=t),
        )
        one, two, three = answer(1), answer(2, code="closed"), answer(3, session=t)
        asked = [(S, one), (S, three), (t, one), (S, two), (t, three), (S, one)]
        found = await gatherResults(
            [self.journal.answer(session, row.command) for session, row in asked]
        )
        self.assertEqual(found, [one, None, None, two, three, one])
        self.assertIsNone(await self.journal.answer(SessionId(""), CommandId("")))
        await self.forget_before(25.0)
        self.assertIsNone(await self.journal.answer(S, one.command))
        self.assertEqual(
            await self.journal.progress(S, InputNumber(0)),
            Progress(self.ann.id, InputNumber(2), 2),
        )

    async def test_many_sessions(self) -> None:
        """Many may be asked for at once; each gets its own, and the unknown nothing."""
        await self.begin()
        sessions = [SessionId(f"session {n}") for n in range(20)]
        await self.flush(
            *(InputRow(each, self.ann.id, InputNumber(n + 1)) for n, each in enumerate(sessions)),
            *(answer(n + 1, session=each) for each in sessions for n in range(int(each[8:]) % 3)),
        )
        wanted = [*sessions, S, sessions[0]]
        asked = await gatherResults([self.journal.committed(each) for each in wanted])
        *known, unknown, again = asked
        self.assertIsNone(unknown)
        self.assertEqual(again, known[0])
        for n, each in enumerate(sessions):
            answers = tuple(answer(k + 1, session=each) for k in range(n % 3))
            self.assertEqual(known[n], Committed(self.ann.id, InputNumber(n + 1), answers))

    async def test_answer_again(self) -> None:
        """An id that is used anew has its new answer."""
        await self.begin()
        newer = evolve(answer(1, code="closed"), ordinal=5)
        await self.flush(InputRow(S, self.ann.id, InputNumber(4)), answer(1), answer(2))
        await self.flush(newer)
        done = await self.journal.committed(S)
        assert done is not None
        self.assertEqual(done.answers, (answer(2), newer))

    async def test_answers_are_bounded(self) -> None:
        """Of more than a thousand answers of a session, the oldest are forgotten."""
        await self.begin()
        t = SessionId("t")
        await self.flush(
            InputRow(S, self.ann.id, InputNumber(4)),
            InputRow(t, self.ann.id, InputNumber(4)),
            answer(1, session=t),
            *(answer(n) for n in range(1, KEEP_ANSWERS + 1)),
        )
        await self.flush(answer(KEEP_ANSWERS + 2), answer(KEEP_ANSWERS + 1))
        done, other = await self.journal.committed(S), await self.journal.committed(t)
        assert done is not None
        assert other is not None
        ordinals = [each.ordinal for each in done.answers]
        self.assertEqual(ordinals, list(range(3, KEEP_ANSWERS + 3)))
        self.assertEqual(other.answers, (answer(1, session=t),))

    async def test_answers_age(self) -> None:
        """After 24 hours an answer is not told any more; a sweep takes it away, and the session."""
        await self.begin()
        await self.flush(InputRow(S, self.ann.id, InputNumber(4)), answer(1))
        await self.forget_before(23.9)
        await self.flush(InputRow(SessionId("t"), self.bob.id, InputNumber(4)))
        self.assertFalse(await self.journal.sweep())
        done = await self.journal.committed(S)
        assert done is not None
        self.assertEqual(done.answers, (answer(1),))
        await self.forget_before(0.2)
        done = await self.journal.committed(S)
        self.assertEqual(done, Committed(self.ann.id, InputNumber(4), ()))
        self.assertFalse(await self.journal.sweep())
        self.assertIsNone(await self.journal.committed(S))
        self.assertIsNotNone(await self.journal.committed(SessionId("t")))
