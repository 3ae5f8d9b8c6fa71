-- depends: 0005-failed-logins
--
-- Which channels a character has turned off, and who is silenced on one channel alone.
--
-- Rolling upgrade: the tables are new, and an older mudserver runs on without them; it has no
-- channels.

CREATE TABLE channel_off (
    character bigint NOT NULL REFERENCES character ON DELETE CASCADE,
    channel text COLLATE "C" NOT NULL CHECK (channel ~ '^[a-z]{2,12}$'),
    PRIMARY KEY (character, channel)
);

COMMENT ON TABLE channel_off IS
    'Channels that a character doesn''t want to hear. Which channels there are is in the config.';

CREATE TABLE channel_silence (
    account bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    channel text COLLATE "C" NOT NULL CHECK (channel ~ '^[a-z]{2,12}$'),
    by bigint NOT NULL REFERENCES account,
    why text NOT NULL CHECK (length(why) <= 200),
    since timestamptz NOT NULL,
    until timestamptz,
    PRIMARY KEY (account, channel),
    CONSTRAINT channel_silence_lasts CHECK (until > since)
);

CREATE INDEX channel_silence_by ON channel_silence (by);
CREATE INDEX channel_silence_until ON channel_silence (until);

COMMENT ON TABLE channel_silence IS
    'On these channels nobody but staff hears the characters of these accounts.';
COMMENT ON COLUMN channel_silence.by IS 'Whoever of the staff ordered it.';
COMMENT ON COLUMN channel_silence.why IS 'The reason, as the silenced are told; may be empty.';
COMMENT ON COLUMN channel_silence.since IS 'When it was ordered.';
COMMENT ON COLUMN channel_silence.until IS 'From then on it is not in force; null for no end.';
