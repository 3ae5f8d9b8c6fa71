-- depends: 0002-journal
--
-- Why, since when and until when somebody is muted, and whom staff has silenced.
--
-- Rolling upgrade: an older mudserver runs on; its mutes have no end and no reason, and it takes
-- no notice of an end, nor of silences. Mutes that are there already have no end.

ALTER TABLE mute
    ADD COLUMN why text NOT NULL DEFAULT '' CHECK (length(why) <= 200),
    ADD COLUMN since timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN until timestamptz,
    ADD CONSTRAINT mute_lasts CHECK (until > since);

COMMENT ON COLUMN mute.why IS 'The muter''s own note; may be empty.';
COMMENT ON COLUMN mute.since IS 'When it was made.';
COMMENT ON COLUMN mute.until IS 'From then on it is not in force; null for no end.';

CREATE TABLE silence (
    account bigint PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    by bigint NOT NULL REFERENCES account,
    why text NOT NULL CHECK (length(why) <= 200),
    since timestamptz NOT NULL,
    until timestamptz,
    CONSTRAINT silence_lasts CHECK (until > since)
);

CREATE INDEX silence_by ON silence (by);
CREATE INDEX silence_until ON silence (until);

COMMENT ON TABLE silence IS 'Nobody but staff hears the characters of these accounts.';
COMMENT ON COLUMN silence.by IS 'Whoever of the staff ordered it.';
COMMENT ON COLUMN silence.why IS 'The reason, as the silenced are told; may be empty.';
COMMENT ON COLUMN silence.since IS 'When it was ordered.';
COMMENT ON COLUMN silence.until IS 'From then on it is not in force; null for no end.';
