-- depends: 0009-history
--
-- What staff and operators did.
--
-- Rolling upgrade: an older mudserver runs on, and notes nothing of what its staff does.

CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text COLLATE "C" NOT NULL UNIQUE CHECK (length(key) BETWEEN 1 AND 300),
    at timestamptz NOT NULL,
    via text COLLATE "C" NOT NULL CHECK (via IN ('game', 'mudctl')),
    actor text COLLATE "C" NOT NULL CHECK (actor <> ''),
    account bigint,
    origin text COLLATE "C" NOT NULL,
    action text COLLATE "C" NOT NULL CHECK (action <> ''),
    target text COLLATE "C" NOT NULL,
    details jsonb NOT NULL CHECK (jsonb_typeof(details) = 'object')
);

CREATE INDEX audit_actor ON audit (lower(actor), id);
CREATE INDEX audit_target ON audit (lower(target), id);
CREATE INDEX audit_action ON audit (lower(action), id);

CREATE FUNCTION audit_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the table audit is only added to' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER audit_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept();

COMMENT ON TABLE audit IS
    'What staff and operators did, written in the transaction that did it. A trigger refuses to '
    'change or delete any of it.';
COMMENT ON COLUMN audit.key IS 'Names the deed, so that it is noted once.';
COMMENT ON COLUMN audit.via IS 'In the game, or by mudctl.';
COMMENT ON COLUMN audit.actor IS 'The name of the account, or of the operator to the system.';
COMMENT ON COLUMN audit.account IS
    'The account of staff; null for operators. No foreign key: the log outlives accounts.';
COMMENT ON COLUMN audit.origin IS 'The address of staff, the process of an operator.';
COMMENT ON COLUMN audit.action IS 'What was done, in a word.';
COMMENT ON COLUMN audit.target IS 'To whom or what; may be empty.';
COMMENT ON COLUMN audit.details IS 'The arguments, without secrets.';
COMMENT ON SEQUENCE audit_id_seq IS 'Numbers what is noted, in the order of writing.';
