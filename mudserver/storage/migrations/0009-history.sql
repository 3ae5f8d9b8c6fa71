-- depends: 0008-containers
--
-- What was said, by the day.
--
-- Rolling upgrade: the tables are new, and an older mudserver runs on; it writes down nothing of
-- what is said.

CREATE TABLE chat_line (
    at timestamptz NOT NULL,
    session text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    index integer NOT NULL,
    channel text COLLATE "C" NOT NULL,
    room bigint,
    speaker bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    text text NOT NULL,
    hushed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (at, session, number, index)
) PARTITION BY RANGE (at);

CREATE INDEX chat_line_channel ON chat_line (channel, at);
CREATE INDEX chat_line_name ON chat_line (lower(name COLLATE "C"), at);

CREATE TABLE chat_line_rest PARTITION OF chat_line DEFAULT;

COMMENT ON TABLE chat_line IS
    'What players said to all who listened. One partition for each day (UTC), made ahead by the '
    'world; chat_line_rest has what was written for a day that was not prepared. It refers to no '
    'other table: names are as they were, and whoever is gone has still said it.';
COMMENT ON COLUMN chat_line.session IS 'By which session,';
COMMENT ON COLUMN chat_line.number IS 'which of its inputs,';
COMMENT ON COLUMN chat_line.index IS 'and which of that input''s events.';
COMMENT ON COLUMN chat_line.channel IS '"say", "emote", or the name of a channel.';
COMMENT ON COLUMN chat_line.room IS 'The id of the room where it was said; null on a channel.';
COMMENT ON COLUMN chat_line.speaker IS 'The id of the character.';
COMMENT ON COLUMN chat_line.hushed IS 'The speaker was silenced: only staff heard it.';

CREATE TABLE tell_line (
    at timestamptz NOT NULL,
    session text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    index integer NOT NULL,
    speaker bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    target bigint NOT NULL,
    target_name text COLLATE "C" NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (at, session, number, index)
) PARTITION BY RANGE (at);

CREATE INDEX tell_line_speaker ON tell_line (speaker, at);
CREATE INDEX tell_line_target ON tell_line (target, at);

CREATE TABLE tell_line_rest PARTITION OF tell_line DEFAULT;

COMMENT ON TABLE tell_line IS
    'What players told one another, as chat_line; it is kept for a shorter time.';
COMMENT ON COLUMN tell_line.speaker IS 'The id of the character that spoke.';
COMMENT ON COLUMN tell_line.target IS 'The id of the character that was told.';

COMMENT ON TABLE chat_line_rest IS 'What was said on a day for which chat_line had no partition.';
COMMENT ON TABLE tell_line_rest IS 'What was told on a day for which tell_line had no partition.';
