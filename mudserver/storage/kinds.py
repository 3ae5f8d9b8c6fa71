"""
What a flush writes, kind by kind.

To add a kind: its statement, and its line in `KINDS`; a line in `mudserver.storage.stored` too, if
the world shows it and has to go back to what is stored.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Final

import attrs
from attrs import frozen

from mudserver.errors import StorageRefused
from mudserver.interfaces.audit import AuditRow
from mudserver.interfaces.history import ChatLine, TellLine
from mudserver.interfaces.journal import AnswerRow, InputRow, JournalRow
from mudserver.storage.arrays import array
from mudserver.storage.lines import ADD_CHAT_LINES, ADD_TELL_LINES
from mudserver.storage.retention import KEEP_ANSWERS
from mudserver.storage.transaction import Cursor
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
from mudserver.world.bans import Ban, BanLifted

# Each statement locks its rows in the order of their keys, and the statements always come in the
# order of `KINDS`, so that two who write the same don't wait for each other. Those that change rows
# get them in this order, and look each up by the primary key; to lock them all before, too, costs a
# fifth of what a flush takes. Where the planner finds another way, PostgreSQL breaks the tie, and
# the transaction is tried again. Parameters are arrays, one for each attribute of the row's class
# and of its name.

_PLACE: Final = """
    UPDATE character c SET room = v.room
    FROM unnest(%(character)s::bigint[], %(room)s::bigint[]) AS v (id, room)
    WHERE c.id = v.id
"""

_MOVE: Final = """
    UPDATE item i SET room = v.room, holder = v.holder, container = v.container,
        container_size = (SELECT c.size FROM item c WHERE c.id = v.container)
    FROM unnest(%(item)s::bigint[], %(room)s::bigint[], %(holder)s::bigint[],
        %(container)s::bigint[]) AS v (id, room, holder, container)
    WHERE i.id = v.id
"""

_SHUT: Final = """
    UPDATE item i SET closed = v.closed
    FROM unnest(%(item)s::bigint[], %(closed)s::boolean[]) AS v (id, closed)
    WHERE i.id = v.id
"""

_SWING: Final = """
    WITH locked AS (
        SELECT id FROM door WHERE id = ANY(%(door)s::bigint[]) ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE door d SET closed = v.closed
    FROM unnest(%(door)s::bigint[], %(closed)s::boolean[]) AS v (id, closed)
    JOIN locked USING (id)
    WHERE d.id = v.id
"""

_WALK: Final = """
    WITH locked AS (
        SELECT id FROM npc WHERE id = ANY(%(npc)s::bigint[]) ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE npc n SET room = v.room
    FROM unnest(%(npc)s::bigint[], %(room)s::bigint[]) AS v (id, room)
    JOIN locked USING (id)
    WHERE n.id = v.id
"""

_UNFOLLOW: Final = """
    DELETE FROM follow f USING (
        SELECT follower FROM follow WHERE follower = ANY(%(follower)s::bigint[])
        ORDER BY follower FOR UPDATE
    ) AS locked
    WHERE f.follower = locked.follower
"""

_FOLLOW: Final = """
    INSERT INTO follow (follower, leader)
    SELECT follower, leader
    FROM unnest(%(follower)s::bigint[], %(leader)s::bigint[]) AS v (follower, leader)
    ORDER BY follower
    ON CONFLICT (follower) DO UPDATE SET leader = excluded.leader
"""

_LEAVE_PARTY: Final = """
    DELETE FROM party_member m USING (
        SELECT character FROM party_member WHERE character = ANY(%(character)s::bigint[])
        ORDER BY character FOR UPDATE
    ) AS locked
    WHERE m.character = locked.character
"""

_JOIN_PARTY: Final = """
    INSERT INTO party_member (character, party, number)
    SELECT character, party, number
    FROM unnest(%(character)s::bigint[], %(party)s::bigint[], %(number)s::bigint[])
        AS v (character, party, number)
    ORDER BY character
    ON CONFLICT (character) DO UPDATE SET party = excluded.party, number = excluded.number
"""

_UNMUTE: Final = """
    DELETE FROM mute m USING (
        SELECT muter, muted FROM mute
        JOIN unnest(%(muter)s::bigint[], %(muted)s::bigint[]) AS v (muter, muted)
            USING (muter, muted)
        ORDER BY muter, muted FOR UPDATE OF mute
    ) AS locked
    WHERE m.muter = locked.muter AND m.muted = locked.muted
"""

_MUTE: Final = """
    INSERT INTO mute (muter, muted, since, until, why)
    SELECT muter, muted, coalesce(since, now()), until, why
    FROM unnest(%(muter)s::bigint[], %(muted)s::bigint[], %(since)s::timestamptz[],
        %(until)s::timestamptz[], %(why)s::text[]) AS v (muter, muted, since, until, why)
    ORDER BY muter, muted
    ON CONFLICT (muter, muted) DO UPDATE
    SET since = excluded.since, until = excluded.until, why = excluded.why
"""

_FORGET_MUTES: Final = """
    DELETE FROM mute m USING (
        SELECT muter, muted FROM mute
        WHERE muter = ANY(%(muter)s::bigint[]) AND until <= now()
        ORDER BY muter, muted FOR UPDATE
    ) AS ended
    WHERE m.muter = ended.muter AND m.muted = ended.muted
"""

_UNSILENCE: Final = """
    DELETE FROM silence s USING (
        SELECT account FROM silence WHERE account = ANY(%(account)s::bigint[])
        ORDER BY account FOR UPDATE
    ) AS locked
    WHERE s.account = locked.account
"""

_FORGET_SILENCES: Final = """
    DELETE FROM silence s USING (
        SELECT account FROM silence WHERE until <= now() ORDER BY account FOR UPDATE
    ) AS ended
    WHERE s.account = ended.account
"""

_SILENCE: Final = """
    INSERT INTO silence (account, by, since, until, why)
    SELECT account, by, since, until, why
    FROM unnest(%(account)s::bigint[], %(by)s::bigint[], %(since)s::timestamptz[],
        %(until)s::timestamptz[], %(why)s::text[]) AS v (account, by, since, until, why)
    ORDER BY account
    ON CONFLICT (account) DO UPDATE
    SET by = excluded.by, since = excluded.since, until = excluded.until, why = excluded.why
"""

_UNSILENCE_CHANNEL: Final = """
    DELETE FROM channel_silence s USING (
        SELECT account, channel FROM channel_silence
        JOIN unnest(%(account)s::bigint[], %(channel)s::text[]) AS v (account, channel)
            USING (account, channel)
        ORDER BY account, channel FOR UPDATE OF channel_silence
    ) AS locked
    WHERE s.account = locked.account AND s.channel = locked.channel
"""

_FORGET_CHANNEL_SILENCES: Final = """
    DELETE FROM channel_silence s USING (
        SELECT account, channel FROM channel_silence WHERE until <= now()
        ORDER BY account, channel FOR UPDATE
    ) AS ended
    WHERE s.account = ended.account AND s.channel = ended.channel
"""

_SILENCE_CHANNEL: Final = """
    INSERT INTO channel_silence (account, channel, by, since, until, why)
    SELECT account, channel, by, since, until, why
    FROM unnest(%(account)s::bigint[], %(channel)s::text[], %(by)s::bigint[],
        %(since)s::timestamptz[], %(until)s::timestamptz[], %(why)s::text[])
        AS v (account, channel, by, since, until, why)
    ORDER BY account, channel
    ON CONFLICT (account, channel) DO UPDATE
    SET by = excluded.by, since = excluded.since, until = excluded.until, why = excluded.why
"""

_TURN_ON: Final = """
    DELETE FROM channel_off o USING (
        SELECT character, channel FROM channel_off
        JOIN unnest(%(character)s::bigint[], %(channel)s::text[]) AS v (character, channel)
            USING (character, channel)
        ORDER BY character, channel FOR UPDATE OF channel_off
    ) AS locked
    WHERE o.character = locked.character AND o.channel = locked.channel
"""

_TURN_OFF: Final = """
    INSERT INTO channel_off (character, channel)
    SELECT character, channel
    FROM unnest(%(character)s::bigint[], %(channel)s::text[]) AS v (character, channel)
    ORDER BY character, channel
    ON CONFLICT (character, channel) DO NOTHING
"""

_UNBAN: Final = """
    DELETE FROM ban b USING (
        SELECT kind, key FROM ban
        JOIN unnest(%(kind)s::text[], %(key)s::text[]) AS v (kind, key) USING (kind, key)
        ORDER BY kind, key FOR UPDATE OF ban
    ) AS locked
    WHERE b.kind = locked.kind AND b.key = locked.key
"""

_FORGET_BANS: Final = """
    DELETE FROM ban b USING (
        SELECT kind, key FROM ban WHERE until <= now() ORDER BY kind, key FOR UPDATE
    ) AS ended
    WHERE b.kind = ended.kind AND b.key = ended.key
"""

_BAN: Final = """
    INSERT INTO ban (kind, key, name, by, since, until, why)
    SELECT kind, key, name, by, since, until, why
    FROM unnest(%(kind)s::text[], %(key)s::text[], %(name)s::text[], %(by)s::bigint[],
        %(since)s::timestamptz[], %(until)s::timestamptz[], %(why)s::text[])
        AS v (kind, key, name, by, since, until, why)
    ORDER BY kind, key
    ON CONFLICT (kind, key) DO UPDATE
    SET name = excluded.name, by = excluded.by, since = excluded.since, until = excluded.until,
        why = excluded.why
"""

_INPUT: Final = """
    INSERT INTO session_input (session, character, number)
    SELECT session, character, number
    FROM unnest(%(session)s::text[], %(character)s::bigint[], %(number)s::bigint[])
        AS v (session, character, number)
    ORDER BY session
    ON CONFLICT (session) DO UPDATE
    SET character = excluded.character, number = excluded.number, at = excluded.at
"""

_ANSWER: Final = """
    INSERT INTO command_answer (session, command, ordinal, number, code, message)
    SELECT session, command, ordinal, number, code, message
    FROM unnest(%(session)s::text[], %(command)s::text[], %(ordinal)s::bigint[],
        %(number)s::bigint[], %(code)s::text[], %(message)s::text[])
        AS v (session, command, ordinal, number, code, message)
    ORDER BY session, command
    ON CONFLICT (session, command) DO UPDATE
    SET ordinal = excluded.ordinal, number = excluded.number, code = excluded.code,
        message = excluded.message, at = excluded.at
"""

_FORGET_ANSWERS: Final = f"""
    DELETE FROM command_answer a USING (
        SELECT session, max(ordinal) AS newest
        FROM unnest(%(session)s::text[], %(ordinal)s::bigint[]) AS v (session, ordinal)
        WHERE ordinal > {KEEP_ANSWERS} GROUP BY session
    ) AS v
    WHERE a.session = v.session AND a.ordinal <= v.newest - {KEEP_ANSWERS}
"""  # noqa: S608 - a constant of ours


_NOTE_DEED: Final = """
    INSERT INTO audit (key, at, via, actor, account, origin, action, target, details)
    SELECT key, at, via, actor, account, origin, action, target, details::jsonb
    FROM unnest(%(key)s::text[], %(at)s::timestamptz[], %(via)s::text[], %(actor)s::text[],
        %(account)s::bigint[], %(origin)s::text[], %(action)s::text[], %(target)s::text[],
        %(details)s::text[])
        WITH ORDINALITY
        AS v (key, at, via, actor, account, origin, action, target, details, place)
    ORDER BY place
    ON CONFLICT (key) DO NOTHING
"""


@frozen
class Kind:
    """
    How rows of one class are written.

    Attributes:
        row: The class.
        statements: What writes many of them, in this order.
        entity: What each row must find to change, for the message if it finds none; None for
            rows that are new, or may have gone.
    """

    row: type[JournalRow]
    statements: tuple[str, ...]
    entity: str | None = None


#: In this order they are written: each after those that it refers to.
KINDS: Final = (
    Kind(CharacterPlaced, (_PLACE,), "a character"),
    Kind(ItemPlaced, (_MOVE,), "an item"),
    Kind(LidMoved, (_SHUT,), "a container"),
    Kind(DoorMoved, (_SWING,), "a door"),
    Kind(NpcPlaced, (_WALK,), "an inhabitant"),
    Kind(FollowLifted, (_UNFOLLOW,)),
    Kind(FollowMade, (_FOLLOW,)),
    Kind(MembershipEnded, (_LEAVE_PARTY,)),
    Kind(MembershipMade, (_JOIN_PARTY,)),
    Kind(MuteLifted, (_UNMUTE,)),
    Kind(MuteMade, (_FORGET_MUTES, _MUTE)),
    Kind(SilenceLifted, (_UNSILENCE,)),
    Kind(SilenceMade, (_FORGET_SILENCES, _SILENCE)),
    Kind(ChannelSilenceLifted, (_UNSILENCE_CHANNEL,)),
    Kind(ChannelSilenceMade, (_FORGET_CHANNEL_SILENCES, _SILENCE_CHANNEL)),
    Kind(ChannelOn, (_TURN_ON,)),
    Kind(ChannelOff, (_TURN_OFF,)),
    Kind(BanLifted, (_UNBAN,)),
    Kind(Ban, (_FORGET_BANS, _BAN)),
    Kind(ChatLine, (ADD_CHAT_LINES,)),
    Kind(TellLine, (ADD_TELL_LINES,)),
    Kind(AuditRow, (_NOTE_DEED,)),
    Kind(InputRow, (_INPUT,)),
    Kind(AnswerRow, (_ANSWER, _FORGET_ANSWERS)),
)


def in_order(rows: Iterable[JournalRow]) -> list[JournalRow]:
    """Return rows so that each comes after those that it refers to."""
    by_class = by_class_of(rows)
    return [row for kind in KINDS for row in by_class.get(kind.row, ())]


async def write(cursor: Cursor, rows: Iterable[JournalRow]) -> None:
    """
    Write rows in a transaction.

    Raises:
        StorageRefused: One of them can't be: of the schema, or since its entity is unknown or named
            twice.
    """
    by_class = by_class_of(rows)
    for kind in KINDS:
        same = by_class.get(kind.row)
        if same:
            if kind.entity is not None:
                same.sort(key=lambda row: row.entity)
            parameters = columns(same)
            for statement in kind.statements:
                await cursor.execute(statement, parameters)
            if kind.entity is not None and cursor.rowcount != len(same):
                raise StorageRefused(f"flush: {kind.entity} is unknown or named twice")


def by_class_of(rows: Iterable[JournalRow]) -> dict[type[JournalRow], list[JournalRow]]:
    """Group rows by their classes."""
    by_class: dict[type[JournalRow], list[JournalRow]] = {}
    for row in rows:
        by_class.setdefault(type(row), []).append(row)
    return by_class


def columns(rows: Sequence[JournalRow]) -> Mapping[str, object]:
    """Return the attributes of rows of one class, as arrays by their names."""
    names = [field.name for field in attrs.fields(type(rows[0]))]
    return {name: array(list(map(attrgetter(name), rows))) for name in names}
