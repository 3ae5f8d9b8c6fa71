-- depends: 0014-logins
--
-- Who is in which party, until it is ended.
--
-- Rolling upgrade: the table is new, and an older mudserver runs on without it.

CREATE TABLE party_member (
    character bigint PRIMARY KEY REFERENCES character ON DELETE CASCADE,
    party bigint NOT NULL,
    number bigint NOT NULL CHECK (number > 0),
    CONSTRAINT party_member_in_order UNIQUE (party, number)
);

COMMENT ON TABLE party_member IS
    'Who is in which party: each character in one at most, while it is away, too. A party is those '
    'who name it; the world sees to it that it is ten at most, and none that one is left of.';
COMMENT ON COLUMN party_member.party IS 'The number of the membership by which it began.';
COMMENT ON COLUMN party_member.number IS
    'Who joined later has a greater one; the leader is who has the least.';

COMMENT ON COLUMN chat_line.channel IS '"say", "emote", "party", or the name of a channel.';
