-- depends: 0006-channels
--
-- Who is kept out: accounts, names and networks.
--
-- Rolling upgrade: an older mudserver runs on, and lets in whom the newer one keeps out.

CREATE TABLE ban (
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('account', 'name', 'network')),
    key text COLLATE "C" NOT NULL,
    account bigint GENERATED ALWAYS AS (CASE WHEN kind = 'account' THEN key::bigint END) STORED
        REFERENCES account ON DELETE CASCADE,
    network cidr GENERATED ALWAYS AS (CASE WHEN kind = 'network' THEN key::cidr END) STORED,
    name text COLLATE "C" NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    by bigint REFERENCES account,
    why text NOT NULL CHECK (length(why) <= 200),
    since timestamptz NOT NULL,
    until timestamptz,
    PRIMARY KEY (kind, key),
    CONSTRAINT ban_lasts CHECK (until > since),
    CONSTRAINT ban_of_name CHECK (
        kind <> 'name' OR (length(key) BETWEEN 2 AND 20 AND key ~ '^[a-z]+([''-][a-z]+)*$'))
);

CREATE INDEX ban_account ON ban (account);
CREATE INDEX ban_by ON ban (by);
CREATE INDEX ban_until ON ban (until);

COMMENT ON TABLE ban IS 'Accounts, names and networks that are kept out.';
COMMENT ON COLUMN ban.kind IS 'What is banned.';
COMMENT ON COLUMN ban.key IS
    'Which one: the id of an account, a name without case that need not be in use, or a network.';
COMMENT ON COLUMN ban.account IS 'The account, where that is what is banned.';
COMMENT ON COLUMN ban.network IS 'The network, where that is what is banned.';
COMMENT ON COLUMN ban.name IS 'What people call it.';
COMMENT ON COLUMN ban.by IS 'Whoever of the staff ordered it; null for an operator.';
COMMENT ON COLUMN ban.why IS 'The reason, as the banned are told; may be empty.';
COMMENT ON COLUMN ban.since IS 'When it was ordered.';
COMMENT ON COLUMN ban.until IS 'From then on it is not in force; null for no end.';
