-- depends: 0004-notices
--
-- Failed log-ins of the last minutes, so that a restart forgives nobody who guesses passwords.
--
-- Rolling upgrade: an older mudserver runs on, and writes none down.

CREATE TABLE failed_login (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account text COLLATE "C" NOT NULL CHECK (account ~ '^[0-9a-f]{64}$'),
    network text COLLATE "C" NOT NULL CHECK (length(network) <= 64),
    at timestamptz NOT NULL,
    forgiven boolean NOT NULL
);

CREATE INDEX failed_login_at ON failed_login (at);
CREATE INDEX failed_login_attempt ON failed_login (account, network) WHERE NOT forgiven;

COMMENT ON TABLE failed_login IS
    'Log-ins whose password was wrong, of the last minutes: what they delay outlives a restart. '
    'A hundred rows a second at most are written, and those older than ten minutes go.';
COMMENT ON COLUMN failed_login.account IS
    'SHA-256 of the name as it is compared: what is typed in place of a name may be a password.';
COMMENT ON COLUMN failed_login.network IS 'From where: an address, or the /64 of one of IPv6.';
COMMENT ON COLUMN failed_login.forgiven IS
    'Whether the right password came from there since: it counts for the address only.';
COMMENT ON SEQUENCE failed_login_id_seq IS 'Numbers failed log-ins, in the order of writing.';
