-- depends: 0015-parties
--
-- What the bus could not deliver.
--
-- Rolling upgrade: the table is new, and an older mudserver runs on without it.

CREATE TABLE undelivered (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message text COLLATE "C" NOT NULL UNIQUE CHECK (message <> ''),
    subject text COLLATE "C" NOT NULL CHECK (subject <> ''),
    kind text COLLATE "C" NOT NULL,
    payload bytea NOT NULL,
    error text NOT NULL,
    attempts bigint NOT NULL CHECK (attempts >= 0),
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    CONSTRAINT undelivered_in_order CHECK (first_at <= last_at)
);

CREATE INDEX undelivered_last_at ON undelivered (last_at);

COMMENT ON TABLE undelivered IS
    'Messages that the bus could not deliver, for an operator to look at and to replay.';
COMMENT ON COLUMN undelivered.message IS 'Names the message among all of all processes.';
COMMENT ON COLUMN undelivered.subject IS 'Where it was to go.';
COMMENT ON COLUMN undelivered.kind IS 'Its type.';
COMMENT ON COLUMN undelivered.payload IS 'It, as it was encoded for the bus.';
COMMENT ON COLUMN undelivered.attempts IS 'How often it was sent.';
COMMENT ON SEQUENCE undelivered_id_seq IS 'Numbers them, for operators to name them.';
