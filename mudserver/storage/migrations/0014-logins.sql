-- depends: 0013-looks
--
-- Who logged in, when, from where and how.
--
-- Rolling upgrade: an older mudserver runs on, and writes none down.

CREATE TABLE login (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    address text COLLATE "C" NOT NULL CHECK (length(address) <= 64),
    way text COLLATE "C" NOT NULL CHECK (way IN ('http', 'websocket', 'telnet')),
    outcome text COLLATE "C" NOT NULL CHECK (outcome IN ('accepted', 'refused', 'banned')),
    tries integer NOT NULL DEFAULT 1 CHECK (tries > 0),
    CONSTRAINT login_once UNIQUE (account, at, address, way, outcome),
    CONSTRAINT login_in_order CHECK (at <= last_at)
);

CREATE INDEX login_account ON login (account, id);
CREATE INDEX login_at ON login (last_at);
CREATE INDEX login_entered ON login (account, at) WHERE outcome = 'accepted' AND way <> 'http';

COMMENT ON TABLE login IS
    'Log-ins of the last months, the failed ones of accounts that there are among them. What fails '
    'again from the same address within ten minutes counts in one row.';
COMMENT ON COLUMN login.at IS 'When: of several, the first.';
COMMENT ON COLUMN login.last_at IS 'When: of several, the last.';
COMMENT ON COLUMN login.address IS 'From where.';
COMMENT ON COLUMN login.way IS 'How: by the HTTP API, or into the world by WebSocket or telnet.';
COMMENT ON COLUMN login.outcome IS 'Whether it was accepted, and why not.';
COMMENT ON COLUMN login.tries IS 'How many; more than one only of such as failed.';
COMMENT ON SEQUENCE login_id_seq IS 'Numbers log-ins, in the order of writing.';
