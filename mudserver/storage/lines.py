"""How what was said is written, with the flush that notes its input."""

from typing import Final

# An input that is committed is never carried out again: of one that is, nothing is written.
# The flush notes inputs after their lines.

#: Writes many rows of `mudserver.interfaces.history.ChatLine`.
ADD_CHAT_LINES: Final = """
    INSERT INTO chat_line
        (at, session, number, index, channel, room, speaker, name, text, hushed)
    SELECT v.at, v.session, v.number, v.index, v.channel, v.room, v.speaker, v.name, v.text,
        v.hushed
    FROM unnest(%(at)s::timestamptz[], %(session)s::text[], %(number)s::bigint[],
        %(index)s::integer[], %(channel)s::text[], %(room)s::bigint[], %(speaker)s::bigint[],
        %(name)s::text[], %(text)s::text[], %(hushed)s::boolean[])
        AS v (at, session, number, index, channel, room, speaker, name, text, hushed)
    WHERE NOT EXISTS (
        SELECT FROM session_input i WHERE i.session = v.session AND i.number >= v.number)
    ON CONFLICT (at, session, number, index) DO NOTHING
"""

#: Writes many rows of `mudserver.interfaces.history.TellLine`.
ADD_TELL_LINES: Final = """
    INSERT INTO tell_line (at, session, number, index, speaker, name, target, target_name, text)
    SELECT v.at, v.session, v.number, v.index, v.speaker, v.name, v.target, v.target_name, v.text
    FROM unnest(%(at)s::timestamptz[], %(session)s::text[], %(number)s::bigint[],
        %(index)s::integer[], %(speaker)s::bigint[], %(name)s::text[], %(target)s::bigint[],
        %(target_name)s::text[], %(text)s::text[])
        AS v (at, session, number, index, speaker, name, target, target_name, text)
    WHERE NOT EXISTS (
        SELECT FROM session_input i WHERE i.session = v.session AND i.number >= v.number)
    ON CONFLICT (at, session, number, index) DO NOTHING
"""
