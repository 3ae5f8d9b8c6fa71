-- depends: 0001-accounts-and-world
--
-- What the journal needs so that an acknowledged change is never lost, and none is applied twice.
--
-- Rolling upgrade: the tables are new, and an older mudserver runs on without them. But it holds no
-- lease, so nothing fences it: stop the old world before the new one starts.

CREATE TABLE lease (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch bigint NOT NULL CHECK (epoch > 0),
    flush bigint NOT NULL DEFAULT 0 CHECK (flush >= 0),
    holder text NOT NULL CHECK (holder <> ''),
    taken_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE lease IS
    'Which world may write: one row, once a world has run. Whoever takes over raises the epoch; '
    'each flush begins by counting itself here, and one of an older epoch finds no row to count in.';
COMMENT ON COLUMN lease.epoch IS 'How often the lease was taken.';
COMMENT ON COLUMN lease.flush IS 'The number of the last flush that was committed in this epoch.';
COMMENT ON COLUMN lease.holder IS 'Who has it: host and process, for operators.';


-- ---------------------------------------------------------------- inputs and their answers

CREATE TABLE session_input (
    session text COLLATE "C" PRIMARY KEY CHECK (length(session) BETWEEN 1 AND 200),
    character bigint NOT NULL REFERENCES character ON DELETE CASCADE,
    number bigint NOT NULL CHECK (number > 0),
    at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX session_input_character ON session_input (character);
CREATE INDEX session_input_at ON session_input (at);

COMMENT ON TABLE session_input IS
    'How far the inputs of each session are committed, with all that they changed.';
COMMENT ON COLUMN session_input.number IS
    'The highest number of an input that is committed; so are all below it.';
COMMENT ON COLUMN session_input.at IS 'When that was.';

CREATE TABLE command_answer (
    session text COLLATE "C" NOT NULL REFERENCES session_input ON DELETE CASCADE,
    command text COLLATE "C" NOT NULL CHECK (length(command) BETWEEN 1 AND 64),
    ordinal bigint NOT NULL CHECK (ordinal > 0),
    number bigint NOT NULL CHECK (number > 0),
    code text CHECK (code <> ''),
    message text,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (session, command),
    CONSTRAINT command_answer_whole CHECK ((code IS NULL) = (message IS NULL))
);

CREATE INDEX command_answer_ordinal ON command_answer (session, ordinal);
CREATE INDEX command_answer_at ON command_answer (at);

COMMENT ON TABLE command_answer IS
    'What commands with an id were answered, so that one that is sent again gets the same answer. '
    'The newest 1,000 of a session are kept, for 24 hours.';
COMMENT ON COLUMN command_answer.command IS 'The client''s own name for it.';
COMMENT ON COLUMN command_answer.ordinal IS 'Its place among the named commands of its session.';
COMMENT ON COLUMN command_answer.number IS 'The number of the input that it came by.';
COMMENT ON COLUMN command_answer.code IS 'Why it was refused, for programs; null if it was done.';
COMMENT ON COLUMN command_answer.message IS 'Why it was refused, for people.';


-- ---------------------------------------------------------------- what could not be saved

CREATE TABLE journal_dead_letter (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    what text COLLATE "C" NOT NULL CHECK (what <> ''),
    change jsonb NOT NULL CHECK (jsonb_typeof(change) = 'object'),
    digest text COLLATE "C" NOT NULL GENERATED ALWAYS AS (md5(change::text)) STORED,
    error text NOT NULL,
    sqlstate text COLLATE "C" NOT NULL,
    constraint_name text NOT NULL,
    attempts bigint NOT NULL DEFAULT 1 CHECK (attempts > 0),
    first_at timestamptz NOT NULL DEFAULT now(),
    last_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (what, digest),
    CONSTRAINT journal_dead_letter_in_order CHECK (first_at <= last_at)
);

CREATE INDEX journal_dead_letter_last_at ON journal_dead_letter (last_at);

COMMENT ON TABLE journal_dead_letter IS
    'Changes that the database refused for good, for an operator to mend. The world went back to '
    'what is stored. A change that is refused again counts its attempts.';
COMMENT ON COLUMN journal_dead_letter.what IS 'The kind of change.';
COMMENT ON COLUMN journal_dead_letter.change IS 'The row as it was to be written.';
COMMENT ON COLUMN journal_dead_letter.digest IS 'Finds the same change again, however long it is.';
COMMENT ON COLUMN journal_dead_letter.sqlstate IS
    'PostgreSQL''s code; empty if it was we who found the change impossible.';
COMMENT ON COLUMN journal_dead_letter.constraint_name IS 'What was violated; empty if nothing.';
COMMENT ON SEQUENCE journal_dead_letter_id_seq IS 'Numbers dead letters, for operators to name them.';
